"""Offers read, answers written.

Rule 1: the client always offers; the relay answers every section, in order, and never offers.
Rule 2: `parse_offer` refuses what it cannot use with a `ProtocolViolation`; it never guesses.
Rule 3: every answered section accepts the same header extensions, or Chromium later refuses its own simulcast
offer; codecs keep the client's numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, field

from .errors import ProtocolViolation
from .forwarding import rtp

MAX_SDP_BYTES = 900_000
"""Chromium writes 6 kB a section, and a hub has sections for every site."""
MAX_SECTIONS = 256
MAX_FORMATS, MAX_FEEDBACK, MAX_EXTENSIONS, MAX_RIDS, MAX_SSRCS, MAX_FINGERPRINTS = 128, 32, 32, 8, 64, 8
"""Of one section, or one format of it: reading takes no longer than the offer is long."""
ACCEPTED_EXTENSIONS = (
    rtp.MID, rtp.RID, rtp.REPAIRED_RID, rtp.AUDIO_LEVEL, rtp.TRANSPORT_CC, rtp.ABS_SEND_TIME,
)  # fmt: skip
VIDEO_CODECS = ("vp8", "h264")
AUDIO_CODECS = ("opus",)
VIDEO_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")
AUDIO_FEEDBACK = ("transport-cc", "nack")
AUDIO_PACKET_MS = 60
"""So much sound clients put into one packet, where they do as asked (`a=ptime`, RFC 8866 §6.4): headers and
encryption take 80 bytes, which is 32 kbit/s at 50 packets a second and 11 at 17. A thin line has no more."""


@dataclass(eq=False)
class Codec:
    """One payload type: `name` in lower case; `feedback` as offered."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1
    parameters: str = ""
    feedback: list[str] = field(default_factory=list)

    def parameter(self, key: str) -> str | None:
        """Return one value of the format parameters, or None."""
        for item in self.parameters.split(";"):
            name, _, value = item.strip().partition("=")
            if name == key:
                return value
        return None

    def repeats(self) -> str | None:
        """Return the payload type, as text, that this format repeats (RFC 4588) or copies (RFC 2198)."""
        if self.name == "red" and self.clock_rate == 48000:
            return self.parameters.partition("/")[0]
        return self.parameter("apt") if self.name == "rtx" else None


@dataclass
class Section:
    """One m= section of an offer. `kind` is audio, video or application; `cid` is the client's track id."""

    kind: str
    mid: str
    protocol: str
    direction: str = "sendrecv"
    codecs: list[Codec] = field(default_factory=list)
    extensions: dict[str, int] = field(default_factory=dict)
    send_rids: list[str] = field(default_factory=list)
    cid: str = ""
    ssrcs: list[int] = field(default_factory=list)
    rtx_pairs: dict[int, int] = field(default_factory=dict)
    fragment: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    sctp_port: int = 5000
    stopped: bool = False
    by_number: dict[str, Codec] = field(default_factory=dict)
    preferred: str = ""
    """The codec that the answer names first: browsers send with the first one of the answer."""

    @property
    def sends(self) -> bool:
        """Whether the client wants to send on this section."""
        return self.direction in ("sendonly", "sendrecv")

    @property
    def receives(self) -> bool:
        """Whether the client is ready to receive on this section."""
        return self.direction in ("recvonly", "sendrecv")

    def usable(self) -> list[Codec]:
        """Return the codecs the relay forwards, with their retransmission formats.

        They keep the client's order, but for the preferred one, which comes first.
        """
        if self.stopped:
            return []
        names = VIDEO_CODECS if self.kind == "video" else AUDIO_CODECS
        media = [codec for codec in self.codecs if codec.name in names]
        numbers = {str(codec.payload_type) for codec in media}
        usable = [codec for codec in self.codecs if codec in media or codec.repeats() in numbers]
        return sorted(usable, key=lambda codec: codec.name != self.preferred) if self.preferred else usable

    def rtx_for(self, payload_type: int) -> int | None:
        """Return the payload type that repeats this one, or None."""
        for codec in self.codecs:
            if codec.name == "rtx" and codec.parameter("apt") == str(payload_type):
                return codec.payload_type
        return None


@dataclass
class Offer:
    """A whole offer; fingerprints and the username fragment are those of its transport."""

    sections: list[Section]
    fragment: str
    fingerprints: list[tuple[str, str]]

    @property
    def data_port(self) -> int | None:
        """The SCTP port of the data section, None without one."""
        return next((s.sctp_port for s in self.sections if s.kind == "application"), None)


def parse_offer(text: str) -> Offer:
    """Read an offer. Raises ProtocolViolation when it cannot be answered."""
    if len(text) > MAX_SDP_BYTES:
        raise ProtocolViolation("the offer is too long")
    try:
        return _parse(text)
    except (ValueError, IndexError, KeyError) as error:
        raise ProtocolViolation(f"the offer cannot be read: {error}") from error


def _parse(text: str) -> Offer:
    session = Section("session", "", "")
    sections: list[Section] = []
    for line in text.replace("\r\n", "\n").split("\n"):
        if line.startswith("m="):
            sections.append(_media_line(line[2:], session))
            if len(sections) > MAX_SECTIONS:
                raise ValueError("too many sections")
        elif line.startswith("a="):
            name, _, value = line[2:].partition(":")
            _attribute(sections[-1] if sections else session, name, value)
    if not sections:
        raise ValueError("no media section")
    mids = [section.mid for section in sections]
    if not all(mids) or len(set(mids)) != len(mids):
        raise ValueError("sections need one distinct mid each")
    fragment = next((s.fragment for s in sections if s.fragment), "")
    fingerprints = next((s.fingerprints for s in sections if s.fingerprints), [])
    if not fragment or not fingerprints:
        raise ValueError("no ice-ufrag or fingerprint")
    return Offer(sections, fragment, fingerprints)


def _media_line(value: str, session: Section) -> Section:
    kind, port, protocol, *formats = value.split()
    if kind not in ("audio", "video", "application"):
        raise ValueError(f"unknown media {kind}")
    section = Section(kind, "", protocol, direction=session.direction, stopped=int(port) == 0)
    section.fragment, section.fingerprints = session.fragment, list(session.fingerprints)
    section.extensions = dict(session.extensions)
    if kind != "application":
        _limit(formats, MAX_FORMATS)
        section.codecs = [Codec(_byte(number), "", 0) for number in formats]
        section.by_number = dict(zip(formats, section.codecs, strict=True))
    return section


def _limit(found: Sized, most: int) -> None:
    if len(found) > most:
        raise ValueError(f"more than {most} of one kind")


def _byte(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 255:
        raise ValueError(f"{number} is out of range")
    return number


def _attribute(section: Section, name: str, value: str) -> None:
    if name in ("sendonly", "recvonly", "sendrecv", "inactive"):
        section.direction = name
    elif name == "mid":
        section.mid = _token(value)
    elif name == "bundle-only":
        section.stopped = False
    elif name == "ice-ufrag":
        section.fragment = _token(value)
    elif name == "fingerprint":
        algorithm, digest = value.split()
        section.fingerprints = [*section.fingerprints, (algorithm.lower(), digest.upper())]
        _limit(section.fingerprints, MAX_FINGERPRINTS)
    elif name == "sctp-port":
        section.sctp_port = int(value)
    elif name in ("rtpmap", "fmtp", "rtcp-fb"):
        _codec_attribute(section, name, value)
    else:
        _stream_attribute(section, name, value)


def _token(value: str) -> str:
    text = value.strip()
    if not text or len(text) > 256 or not text.isprintable() or " " in text:
        raise ValueError("bad token")
    return text


def _codec_attribute(section: Section, name: str, value: str) -> None:
    number, _, rest = value.partition(" ")
    known = section.by_number.get(number)
    every = number == "*" and name == "rtcp-fb"
    for codec in section.codecs if every else [known] if known is not None else []:
        if name == "rtpmap":
            encoding, rate, *channels = rest.strip().split("/")
            codec.name, codec.clock_rate = encoding.lower(), int(rate)
            codec.channels = int(channels[0]) if channels else 1
        elif name == "fmtp":
            codec.parameters = rest.strip()
        else:
            codec.feedback.append(rest.strip())
            _limit(codec.feedback, MAX_FEEDBACK)


def _stream_attribute(section: Section, name: str, value: str) -> None:
    if name == "extmap":
        number, uri, *_ = value.split()
        section.extensions[uri] = _byte(number.partition("/")[0])
        _limit(section.extensions, MAX_EXTENSIONS)
    elif name == "rid":
        rid, direction, *_ = value.split()
        if direction == "send":
            section.send_rids.append(_token(rid))
            _limit(section.send_rids, MAX_RIDS)
    elif name == "msid":
        section.cid = value.rsplit(maxsplit=1)[-1]
    elif name == "ssrc":
        ssrc = int(value.split(maxsplit=1)[0])
        if ssrc not in section.ssrcs:
            section.ssrcs.append(ssrc)
            _limit(section.ssrcs, MAX_SSRCS)
    elif name == "ssrc-group" and value.startswith("FID "):
        first, second = value.split()[1:3]
        section.rtx_pairs[int(second)] = int(first)
        _limit(section.rtx_pairs, MAX_SSRCS)


@dataclass(frozen=True)
class Outgoing:
    """What the relay sends on one section of the answer."""

    participant_sid: str
    track_sid: str
    ssrc: int
    rtx_ssrc: int | None


@dataclass(frozen=True)
class Local:
    """The relay's side of every answer: addresses are IPv4."""

    fragment: str
    password: str
    fingerprint: str
    addresses: Sequence[str]
    port: int


def write_answer(
    offer: Offer, local: Local, outgoing: Mapping[str, Outgoing], no_dtx: Iterable[str] = ()
) -> str:
    """Return the answer. `outgoing` is by mid; `no_dtx` names the mids whose sender asked for no DTX."""
    accepted = [section.mid for section in offer.sections if _acceptable(section)]
    lines = [
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=ice-lite",
        f"a=group:BUNDLE {' '.join(accepted)}", "a=extmap-allow-mixed", "a=msid-semantic: WMS *",
    ]  # fmt: skip
    silent = set(no_dtx)
    for section in offer.sections:
        if not _acceptable(section):
            lines += [f"m={section.kind} 0 {section.protocol} 0", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}"]
            continue
        lines += _head(section, local)
        if section.kind == "application":
            lines += [f"a=sctp-port:{section.sctp_port}", "a=max-message-size:65536"]
        else:
            lines += _media(section, outgoing.get(section.mid), section.mid not in silent)
    return "\r\n".join(lines) + "\r\n"


def _acceptable(section: Section) -> bool:
    return section.kind == "application" or bool(section.usable())


def _head(section: Section, local: Local) -> list[str]:
    if section.kind == "application":
        formats = "webrtc-datachannel"
    else:
        formats = " ".join(str(codec.payload_type) for codec in section.usable())
    lines = [
        f"m={section.kind} 9 {section.protocol} {formats}", "c=IN IP4 0.0.0.0", f"a=mid:{section.mid}",
        f"a=ice-ufrag:{local.fragment}", f"a=ice-pwd:{local.password}",
        f"a=fingerprint:sha-256 {local.fingerprint}", "a=setup:passive",
    ]  # fmt: skip
    return lines + candidates(local)


def candidates(local: Local) -> list[str]:
    """Return the relay's candidates as lines, the best address first."""
    lines = [
        f"a=candidate:{index + 1} 1 udp {2130706431 - index * 256} {address} {local.port} typ host"
        for index, address in enumerate(local.addresses)
    ]
    return [*lines, "a=end-of-candidates"]


def _media(section: Section, outgoing: Outgoing | None, dtx: bool) -> list[str]:
    lines = ["a=rtcp:9 IN IP4 0.0.0.0", "a=rtcp-mux", "a=rtcp-rsize", f"a={_direction(section, outgoing)}"]
    for uri, number in section.extensions.items():
        if uri in ACCEPTED_EXTENSIONS:
            lines.append(f"a=extmap:{number} {uri}")
    for codec in section.usable():
        lines += _codec(section, codec, dtx)
    if section.sends and section.kind == "audio":
        lines.append(f"a=ptime:{AUDIO_PACKET_MS}")
    if section.sends and section.send_rids:
        lines += [f"a=rid:{rid} recv" for rid in section.send_rids]
        lines.append(f"a=simulcast:recv {';'.join(section.send_rids)}")
    if outgoing is not None:
        lines += outgoing_lines(outgoing)
    return lines


def _direction(section: Section, outgoing: Outgoing | None) -> str:
    if section.sends:
        return "sendrecv" if outgoing is not None else "recvonly"
    return "sendonly" if outgoing is not None else "inactive"


def _codec(section: Section, codec: Codec, dtx: bool) -> list[str]:
    number = codec.payload_type
    channels = f"/{codec.channels}" if codec.channels > 1 else ""
    lines = [f"a=rtpmap:{number} {_spelling(codec.name)}/{codec.clock_rate}{channels}"]
    parameters = codec.parameters
    if codec.name == "opus" and section.sends and dtx and codec.parameter("usedtx") is None:
        parameters = f"{parameters};usedtx=1" if parameters else "usedtx=1"
    if parameters:
        lines.append(f"a=fmtp:{number} {parameters}")
    if codec.name == "rtx":
        return lines
    wanted = VIDEO_FEEDBACK if section.kind == "video" else AUDIO_FEEDBACK
    always = ("nack",) if codec.name == "opus" else ()
    return lines + [f"a=rtcp-fb:{number} {f}" for f in wanted if f in codec.feedback or f in always]


def _spelling(name: str) -> str:
    return {"vp8": "VP8", "h264": "H264"}.get(name, name)


def outgoing_lines(outgoing: Outgoing) -> list[str]:
    """Return the lines that name a track and its streams."""
    stream = f"{outgoing.participant_sid}|{outgoing.track_sid}"
    lines = [f"a=msid:{stream} {outgoing.track_sid}"]
    if outgoing.rtx_ssrc is not None:
        lines.append(f"a=ssrc-group:FID {outgoing.ssrc} {outgoing.rtx_ssrc}")
    for ssrc in (outgoing.ssrc, outgoing.rtx_ssrc):
        if ssrc is not None:
            lines += [f"a=ssrc:{ssrc} cname:{stream}", f"a=ssrc:{ssrc} msid:{stream} {outgoing.track_sid}"]
    return lines
