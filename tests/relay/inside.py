"""Sessions of SRTP for both ends of a line."""

from __future__ import annotations

from typing import Any

import pylibsrtp

from coordinator.relay.door import pointer

KEY = bytes(range(30))


def session(direction: int) -> pylibsrtp.Session:
    """One direction, as in `pylibsrtp.Policy.SSRC_ANY_*`."""
    return pylibsrtp.Session(
        pylibsrtp.Policy(
            key=KEY, ssrc_type=direction, srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        )
    )


def outbound() -> pylibsrtp.Session:
    """What a peer encrypts with."""
    return session(pylibsrtp.Policy.SSRC_ANY_OUTBOUND)


def open_door(door: Any) -> None:
    """Let a door take what `outbound` has encrypted."""
    inbound = session(pylibsrtp.Policy.SSRC_ANY_INBOUND)
    door.open(pointer(inbound._srtp[0]), pointer("srtp_unprotect"), pointer("srtp_unprotect_rtcp"), inbound)
