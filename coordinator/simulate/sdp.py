"""Offers and answers of a light client, and what it reads in those of others (RFC 8829, RFC 8853, RFC 9143).

Rule 1: every section keeps its place and its mid for the whole session; one that is no longer needed becomes
inactive and may be used again for the same kind.
Rule 2: only what is needed is offered: Opus and VP8, one bundle, rtcp-mux, header extensions for names and
audio level; transport-cc where wanted. No data channel, no FEC, no RTX.
"""

import re
from dataclasses import dataclass, field

from . import rtp
from .link import LocalEnd, RemoteEnd

OPUS, VP8 = 111, 96
EXTENSIONS = {
    rtp.LEVEL_ID: "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    rtp.MID_ID: "urn:ietf:params:rtp-hdrext:sdes:mid",
    rtp.RID_ID: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    rtp.REPAIRED_RID_ID: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    rtp.TRANSPORT_CC_ID: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
}
CODECS = {
    "audio": (
        f"a=rtpmap:{OPUS} opus/48000/2",
        f"a=rtcp-fb:{OPUS} nack",
        f"a=fmtp:{OPUS} minptime=10;useinbandfec=1",
    ),
    "video": (
        f"a=rtpmap:{VP8} VP8/90000",
        f"a=rtcp-fb:{VP8} ccm fir",
        f"a=rtcp-fb:{VP8} nack",
        f"a=rtcp-fb:{VP8} nack pli",
    ),
}


class SdpError(ValueError):
    """An answer that a client cannot use."""


@dataclass
class Section:
    """One m= section. `rids` are its simulcast layers; without them `ssrc` is announced."""

    mid: str
    kind: str
    direction: str
    cid: str = ""
    ssrc: int = 0
    rids: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnsweredSection:
    """The relay's side of a section."""

    mid: str
    kind: str
    direction: str
    ssrcs: tuple[int, ...]
    payload_type: int = 0
    mid_id: int = 0
    """The number of the extension with the mid, 0 without one."""


@dataclass(frozen=True)
class Answer:
    """An answer: the relay's end of the path, and its sections by mid."""

    remote: RemoteEnd
    sections: dict[str, AnsweredSection] = field(default_factory=dict)


def write_offer(
    local: LocalEnd, sections: list[Section], session_id: int, version: int, *, transport_cc: bool = False
) -> str:
    """Return the offer for `sections`, in their order, with transport-cc feedback if wanted."""
    lines = [
        "v=0",
        f"o=- {session_id} {version} IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(section.mid for section in sections),
        "a=extmap-allow-mixed",
        "a=msid-semantic: WMS *",
    ]
    for number, section in enumerate(sections):
        lines += _section_lines(local, section, with_candidates=number == 0, transport_cc=transport_cc)
    return "\r\n".join(lines) + "\r\n"


def _section_lines(local: LocalEnd, section: Section, with_candidates: bool, transport_cc: bool) -> list[str]:
    audio = section.kind == "audio"
    lines = [
        f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {OPUS if audio else VP8}",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        "a=ice-options:trickle",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        "a=setup:actpass",
        f"a=mid:{section.mid}",
    ]
    numbers = (rtp.LEVEL_ID, rtp.MID_ID) if audio else (rtp.MID_ID, rtp.RID_ID, rtp.REPAIRED_RID_ID)
    if transport_cc:
        numbers = (*numbers, rtp.TRANSPORT_CC_ID)
    lines += [f"a=extmap:{number} {EXTENSIONS[number]}" for number in numbers]
    lines += [f"a={section.direction}", "a=rtcp-mux", "a=rtcp-rsize", *CODECS[section.kind]]
    if transport_cc:
        lines.append(f"a=rtcp-fb:{OPUS if audio else VP8} transport-cc")
    if section.direction == "sendonly":
        lines += _sender_lines(section)
    if with_candidates:
        lines += [f"a=candidate:{candidate}" for candidate in local.candidates]
    return lines


def _sender_lines(section: Section) -> list[str]:
    if section.rids:
        rids = [f"a=rid:{rid} send" for rid in section.rids]
        return [f"a=msid:- {section.cid}", *rids, "a=simulcast:send " + ";".join(section.rids)]
    return [
        f"a=msid:- {section.cid}",
        f"a=ssrc:{section.ssrc} cname:simulated",
        f"a=ssrc:{section.ssrc} msid:- {section.cid}",
    ]


def write_answer(local: LocalEnd, offered: Answer, session_id: int) -> str:
    """Return the answer that takes everything `offered`; its writer begins the DTLS handshake."""
    mids = " ".join(offered.sections)
    lines = ["v=0", f"o=- {session_id} 1 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
    for number, section in enumerate(offered.sections.values()):
        kind = section.payload_type
        lines += [
            f"m={section.kind} 9 UDP/TLS/RTP/SAVPF {kind}",
            "c=IN IP4 0.0.0.0",
            f"a=ice-ufrag:{local.ufrag}",
            f"a=ice-pwd:{local.password}",
            f"a=fingerprint:sha-256 {local.fingerprint}",
            "a=setup:active",
            f"a=mid:{section.mid}",
            "a=recvonly",
            "a=rtcp-mux",
        ]
        lines += [
            line.replace(f":{OPUS} ", f":{kind} ").replace(f":{VP8} ", f":{kind} ")
            for line in CODECS[section.kind]
        ]
        if section.mid_id:
            lines.append(f"a=extmap:{section.mid_id} {EXTENSIONS[rtp.MID_ID]}")
        if number == 0:
            lines += [f"a=candidate:{candidate}" for candidate in local.candidates]
    return "\r\n".join(lines) + "\r\n"


def read_answer(text: str) -> Answer:
    """Read an answer, or an offer of somebody who sends.

    Raises:
        SdpError: no ICE credentials, no SHA-256 fingerprint, or no accepted section.
    """
    head, *parts = re.split(r"^(?=m=)", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    sections = {}
    for part in parts:
        section = _read_section(part)
        if not re.match(r"m=\w+ 0 ", part):
            sections[section.mid] = section
    accepted = next(
        (part for part in parts if not re.match(r"m=\w+ 0 ", part) or "bundle-only" in part), None
    )
    if accepted is None:
        raise SdpError("the answer accepts nothing")
    return Answer(_read_remote(accepted + head, text), sections)


def _read_section(part: str) -> AnsweredSection:
    direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)$", part, re.MULTILINE)
    ssrcs = re.findall(r"^a=ssrc:(\d+) ", part, re.MULTILINE)
    repairs = re.findall(r"^a=ssrc-group:FID \d+ (\d+)", part, re.MULTILINE)
    return AnsweredSection(
        mid=_value(part, "mid"),
        kind=part[2:].split(" ", 1)[0],
        direction=direction[1] if direction else "sendrecv",
        payload_type=int(re.split(r"\s+", part)[3]),
        mid_id=_extension(part, EXTENSIONS[rtp.MID_ID]),
        ssrcs=tuple(int(ssrc) for ssrc in dict.fromkeys(ssrcs) if ssrc not in repairs),
    )


def _read_remote(part: str, text: str) -> RemoteEnd:
    fingerprint = re.search(r"^a=fingerprint:sha-256 (\S+)", part, re.MULTILINE | re.IGNORECASE)
    ufrag, password = _value(part, "ice-ufrag"), _value(part, "ice-pwd")
    if not fingerprint or not ufrag or not password:
        raise SdpError("the answer lacks ICE credentials or a SHA-256 fingerprint")
    return RemoteEnd(
        ufrag=ufrag,
        password=password,
        fingerprint=fingerprint[1].upper(),
        candidates=tuple(dict.fromkeys(re.findall(r"^a=candidate:(.+?)\r?$", text, re.MULTILINE))),
        active=_value(part, "setup") == "active",
        lite="a=ice-lite" in text,
    )


def _extension(part: str, uri: str) -> int:
    found = re.search(rf"^a=extmap:(\d+)(?:/\w+)? {re.escape(uri)}", part, re.MULTILINE)
    return int(found[1]) if found else 0


def _value(part: str, name: str) -> str:
    found = re.search(rf"^a={name}:(\S+)", part, re.MULTILINE)
    return found[1] if found else ""
