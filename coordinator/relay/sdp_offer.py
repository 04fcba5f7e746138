"""Offers that the relay writes, to clients that speak v0: one section for each track they get.

Rule: payload types and extension numbers are the same in every offer, so that a section may change its track.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .forwarding import rtp
from .sdp import AUDIO_FEEDBACK, VIDEO_FEEDBACK, Local, Outgoing, candidates, outgoing_lines

EXTENSIONS = {rtp.MID: 1, rtp.TRANSPORT_CC: 2, rtp.ABS_SEND_TIME: 3}
H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
VIDEO_FORMATS = (
    "a=rtpmap:96 VP8/90000", "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96",
    "a=rtpmap:98 H264/90000", f"a=fmtp:98 {H264}", "a=rtpmap:99 rtx/90000", "a=fmtp:99 apt=98",
    *(f"a=rtcp-fb:{number} {name}" for number in (96, 98) for name in VIDEO_FEEDBACK),
)  # fmt: skip
AUDIO_FORMATS = (
    "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111",
    *(f"a=rtcp-fb:111 {name}" for name in AUDIO_FEEDBACK),
)  # fmt: skip
NUMBERS = {"video": "96 97 98 99", "audio": "111 63"}
FORMATS = {"video": VIDEO_FORMATS, "audio": AUDIO_FORMATS}


@dataclass(frozen=True)
class Offered:
    """One section; `outgoing` None = it carries nothing now."""

    mid: str
    kind: str
    outgoing: Outgoing | None


def write_offer(local: Local, sections: Sequence[Offered], version: int) -> str:
    """Return an offer of these sections; `version` counts the offers of one connection."""
    lines = [
        "v=0", f"o=- 1 {version + 1} IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite",
        f"a=group:BUNDLE {' '.join(section.mid for section in sections)}",
        "a=extmap-allow-mixed", "a=msid-semantic: WMS *",
    ]  # fmt: skip
    for section in sections:
        lines += _section(local, section)
    return "\r\n".join(lines) + "\r\n"


def _section(local: Local, section: Offered) -> list[str]:
    lines = [
        f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {NUMBERS[section.kind]}", "c=IN IP4 0.0.0.0",
        f"a=mid:{section.mid}", f"a=ice-ufrag:{local.fragment}", f"a=ice-pwd:{local.password}",
        f"a=fingerprint:sha-256 {local.fingerprint}", "a=setup:actpass", *candidates(local),
        "a=rtcp:9 IN IP4 0.0.0.0", "a=rtcp-mux", "a=rtcp-rsize",
        "a=inactive" if section.outgoing is None else "a=sendonly",
        *(f"a=extmap:{number} {uri}" for uri, number in EXTENSIONS.items()), *FORMATS[section.kind],
    ]  # fmt: skip
    return lines if section.outgoing is None else lines + outgoing_lines(section.outgoing)
