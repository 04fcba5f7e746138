"""Sessions of SRTP for both ends of a line."""

from __future__ import annotations

import pylibsrtp

KEY = bytes(range(30))


def session(direction: int) -> pylibsrtp.Session:
    """One direction, as in `pylibsrtp.Policy.SSRC_ANY_*`."""
    return pylibsrtp.Session(
        pylibsrtp.Policy(
            key=KEY, ssrc_type=direction, srtp_profile=pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80
        )
    )
