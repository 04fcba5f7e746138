"""Hostile input: whatever comes, it is read or refused with the error of its kind, and nothing else happens.

ProtocolViolation for signalling, ValueError for a media packet, RelayError for a service call, silence for a
datagram of a stranger. Random bytes rarely get far, so most of it is damaged from something valid.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import socket
import time
from typing import Any

import pylibsrtp
import pytest
from aioice import stun
from google.protobuf.message import DecodeError, Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from livekit.protocol import models, rtc
from livekit.protocol import room as proto_room

from coordinator.relay import service
from coordinator.relay.door import Behind, Door, PureDoor, pointer
from coordinator.relay.errors import ProtocolViolation, RelayError
from coordinator.relay.forwarding import rtcp, rtp, twcc
from coordinator.relay.forwarding.downlink import MIN_BPS, Downlink
from coordinator.relay.media_track import MediaTrack
from coordinator.relay.participant import Participant
from coordinator.relay.room import Context, Room
from coordinator.relay.sdp import MAX_SDP_BYTES, Local, parse_offer, write_answer
from coordinator.relay.signalling import read_join_request, read_query
from coordinator.relay.tokens import Grants, TokenError, verify
from coordinator.relay.transport import CONTROLS, PACKETS, UNPROTECT, UNPROTECT_RTCP, make_certificate
from coordinator.relay.udp_mux import UdpMux
from coordinator.relay.uplink import Uplink, bind
from tests.relay.harness import KEY, SECRET, token
from tests.relay.peer import EXTENSIONS, offer, section

CERTIFICATE = make_certificate()
SIMULCAST = ("a=msid:s cam", "a=rid:q send", "a=rid:h send", "a=rid:f send", "a=simulcast:send q;h;f")
WHOLE = offer(
    "peer0", section("0", "audio", "sendonly", "a=msid:s mic"), section("1", "video", "sendonly", *SIMULCAST),
    section("2", "video", "recvonly"), section("3", "audio", "recvonly"),
)  # fmt: skip
NUMBER = st.one_of(st.integers(0, 4), st.just(2**31 - 1))
WORD = st.one_of(st.sampled_from(["", "mic", "cam", "TR_x", "q", "h", "f"]), st.text(max_size=300))


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Something valid with a few bytes changed, cut off, or put in."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        how = draw(st.sampled_from(["change", "cut", "insert", "drop"]))
        if how == "change" and data:
            data[at] = draw(st.integers(0, 255))
        elif how == "cut":
            del data[at:]
        elif how == "insert":
            data[at:at] = draw(st.binary(max_size=12))
        else:
            del data[at : at + draw(st.integers(1, 8))]
    return bytes(data)


@st.composite
def damaged_sdp(draw: st.DrawFn) -> str:
    """An offer with lines left out, doubled, moved or spoilt."""
    lines = WHOLE.split("\r\n")
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(lines) - 1))
        how = draw(st.sampled_from(["drop", "double", "swap", "spoil", "mix"]))
        if how == "drop":
            lines[at] = ""
        elif how == "double":
            lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
        elif how == "swap":
            other = draw(st.integers(0, len(lines) - 1))
            lines[at], lines[other] = lines[other], lines[at]
        elif how == "spoil":
            lines[at] = lines[at][: draw(st.integers(0, 20))] + draw(st.text(max_size=12))
        else:
            head = lines[at].partition(":")[0]
            lines[at] = (
                f"{head}:{draw(st.sampled_from(['-1', '99999999999', '1 2 3', ' ', '*', '0/0', '%']))}"
            )
    return "\r\n".join(lines)


# signalling


def read_or_violation(read: Any, *arguments: Any) -> Any:
    with contextlib.suppress(ProtocolViolation):
        return read(*arguments)
    return None


@given(st.text(max_size=300))
def test_any_text_is_a_join_request_or_a_violation(text: str) -> None:
    read_or_violation(read_join_request, text)


JOIN = rtc.JoinRequest(
    metadata="m", participant_sid="PA_x", publisher_offer=rtc.SessionDescription(sdp="v=0")
)
PACKED = rtc.WrappedJoinRequest(
    compression=rtc.WrappedJoinRequest.Compression.GZIP,
    join_request=gzip.compress(JOIN.SerializeToString(), mtime=0),
).SerializeToString()


@given(damaged(PACKED))
def test_a_damaged_join_request_is_read_or_a_violation(data: bytes) -> None:
    read_or_violation(read_join_request, base64.urlsafe_b64encode(data).decode())


@given(
    st.dictionaries(st.sampled_from(["reconnect", "sid", "auto_subscribe", "version"]), st.text(max_size=80))
)
def test_any_parameters_of_v0_are_read(query: dict[str, str]) -> None:
    assert isinstance(read_query(query), rtc.JoinRequest)


@given(damaged_sdp())
def test_a_damaged_offer_is_read_or_a_violation(text: str) -> None:
    read_or_violation(parse_offer, text)


LAYER = st.builds(
    models.VideoLayer, quality=st.integers(0, 3), width=NUMBER, height=NUMBER, bitrate=NUMBER, rid=WORD
)
TRACKS = st.builds(models.ParticipantTracks, participant_sid=WORD, track_sids=st.lists(WORD, max_size=2))
HEAD = "v=0\r\na=ice-ufrag:a\r\na=fingerprint:sha-256 AA\r\nm=video 9 UDP/TLS/RTP/SAVPF "
WIDE = HEAD + " ".join(map(str, range(128))) + "\r\na=mid:0\r\n"


@pytest.mark.parametrize(
    "line",
    ["a=rtpmap:* VP8/90000", "a=rtcp-fb:* nack", "a=fmtp:96 x=1", "a=rid:q{} send", "a=ssrc:{} cname:x",
     "a=extmap:1 urn:{}", "a=fingerprint:sha-256 {}", "a=ssrc-group:FID {} 2", "m=audio 9 x 96", "a=mid:{}"],
)  # fmt: skip
def test_the_longest_offers_are_read_or_refused_in_a_moment(line: str) -> None:
    lines = [line.format(number) for number in range(MAX_SDP_BYTES // (len(line) + 6))]
    began = time.process_time()
    offer = read_or_violation(parse_offer, WIDE + "\r\n".join(lines)[: MAX_SDP_BYTES - len(WIDE)])
    if offer is not None:
        write_answer(offer, Local("f", "p", "AA", ["192.0.2.1"], 1), {})
    assert time.process_time() - began < 1.5


ADD_TRACK = st.builds(
    rtc.AddTrackRequest, cid=WORD, name=WORD, type=st.integers(0, 2), source=st.integers(0, 4),
    muted=st.booleans(), width=NUMBER, height=NUMBER, layers=st.lists(LAYER, max_size=4),
    simulcast_codecs=st.lists(st.builds(rtc.SimulcastCodec, codec=WORD, cid=WORD), max_size=5),
)  # fmt: skip
SETTING = st.builds(
    rtc.UpdateTrackSettings, track_sids=st.lists(WORD, max_size=3), disabled=st.booleans(),
    quality=st.integers(0, 3), width=NUMBER, height=NUMBER, fps=NUMBER, priority=NUMBER,
)  # fmt: skip
DESCRIPTION = st.builds(rtc.SessionDescription, type=WORD, sdp=damaged_sdp(), id=NUMBER)
SUBSCRIPTION = st.builds(
    rtc.UpdateSubscription, track_sids=st.lists(WORD, max_size=3), subscribe=st.booleans(),
    participant_tracks=st.lists(TRACKS, max_size=2),
)  # fmt: skip
METADATA = st.builds(
    rtc.UpdateParticipantMetadata, metadata=WORD, name=WORD, request_id=NUMBER,
    attributes=st.dictionaries(WORD, WORD, max_size=3),
)  # fmt: skip
REQUEST = st.one_of(
    st.builds(rtc.SignalRequest, offer=DESCRIPTION),
    st.builds(rtc.SignalRequest, answer=DESCRIPTION),
    st.builds(rtc.SignalRequest, add_track=ADD_TRACK),
    st.builds(rtc.SignalRequest, mute=st.builds(rtc.MuteTrackRequest, sid=WORD, muted=st.booleans())),
    st.builds(rtc.SignalRequest, subscription=SUBSCRIPTION),
    st.builds(rtc.SignalRequest, track_setting=SETTING),
    st.builds(rtc.SignalRequest, update_metadata=METADATA),
    st.builds(rtc.SignalRequest, ping=st.integers(-(2**63), 2**63 - 1)),
    st.builds(rtc.SignalRequest, trickle=st.builds(rtc.TrickleRequest, candidateInit=WORD)),
    st.builds(rtc.SignalRequest, simulate=st.builds(rtc.SimulateScenario, node_failure=st.booleans())),
    st.builds(rtc.SignalRequest, leave=st.just(rtc.LeaveRequest())),
)


class Tape:
    """A signalling socket that keeps what is said."""

    last_heard = 0.0
    open = True

    def __init__(self) -> None:
        self.said: list[rtc.SignalResponse] = []

    def send(self, response: rtc.SignalResponse | bytes) -> None:
        self.said.append(rtc.SignalResponse.FromString(response) if isinstance(response, bytes) else response)

    def close(self, code: int = 1000) -> None:
        self.open = False


def a_room() -> Room:
    context = Context(UdpMux(), CERTIFICATE, {KEY: SECRET}, ["192.0.2.1"], lambda work: work.close())
    return Room(proto_room.CreateRoomRequest(name="hall"), context, lambda *event: None)


def enter(room: Room, identity: str, *, two_lines: bool = False) -> Participant:
    join = rtc.JoinRequest(connection_settings=rtc.ConnectionSettings(auto_subscribe=True))
    grants = Grants(identity=identity, room="hall", room_join=True, api_key=KEY, can_update_own_metadata=True)
    person = room.admit(grants, join, two_lines=two_lines)
    person.attach(Tape())  # type: ignore[arg-type]
    person.on_connected()
    return person


@pytest.mark.parametrize("two_lines", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(REQUEST, min_size=1, max_size=12))
def test_any_requests_in_any_order_are_served_or_violations(
    two_lines: bool, requests: list[rtc.SignalRequest]
) -> None:
    asyncio.run(_serve(two_lines, requests))


async def _serve(two_lines: bool, requests: list[rtc.SignalRequest]) -> None:
    room = a_room()
    other = enter(room, "other")
    other.handle(rtc.SignalRequest(add_track=rtc.AddTrackRequest(cid="cam", type=models.TrackType.VIDEO)))
    other.handle(rtc.SignalRequest(offer=rtc.SessionDescription(type="offer", sdp=WHOLE)))
    person = enter(room, "site", two_lines=two_lines)
    for request in requests:
        with contextlib.suppress(ProtocolViolation):
            person.handle(request)
        if person.removed:
            break
    room.tick(1e9)
    sender = room.participants["other"]
    assert [p.sid for p in sender.publications.values() if p.announced], (
        "somebody else's track is still there"
    )
    room.clear(models.DisconnectReason.ROOM_DELETED)
    assert room.participants == {}
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()  # DTLS handshakes of offers that were good


@given(st.binary(max_size=80))
def test_any_message_is_a_request_or_unreadable(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        rtc.SignalRequest.FromString(data)


# data and service calls


PACKET = models.DataPacket(
    kind=models.DataPacket.Kind.RELIABLE, destination_identities=["other"],
    user=models.UserPacket(payload=b"x", topic="t", destination_identities=["other"]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["_reliable", "_lossy", "other", ""]), damaged(PACKET.SerializeToString()))
def test_a_damaged_data_packet_is_passed_on_or_dropped(label: str, data: bytes) -> None:
    async def send() -> None:
        room = a_room()
        enter(room, "other")
        room.relay_data(enter(room, "site"), label, data)

    asyncio.run(send())


@given(
    st.sampled_from(sorted(service.METHODS)), st.booleans(),
    st.one_of(st.binary(max_size=60), damaged(b'{"room": "hall", "identity": "alfa", "permission": {}}')),
)  # fmt: skip
def test_a_service_call_is_read_or_malformed(method: str, as_json: bool, body: bytes) -> None:
    try:
        read = service._parse(service.METHODS[method].request, body, as_json)
    except RelayError as error:
        assert error.code == "malformed"
    else:
        assert isinstance(read, Message)


@given(damaged(token("alfa").encode()))
def test_a_damaged_token_grants_nothing(data: bytes) -> None:
    text = data.decode("latin-1")
    if text != token("alfa"):
        with contextlib.suppress(TokenError):
            verify({KEY: SECRET}, text)


# media


def packet(mid: str, ssrc: int, sequence: int, rid: str, payload: bytes) -> bytes:
    """An RTP packet as a browser writes it: VP8 with a rid, or Opus without."""
    block = b"".join(
        bytes([EXTENSIONS[uri] << 4 | len(text) - 1]) + text.encode()
        for uri, text in ((rtp.MID, mid), (rtp.RID, rid), (rtp.TRANSPORT_CC, "\0\7")) if text
    )  # fmt: skip
    block += bytes(-len(block) % 4)
    extensions = b"\xbe\xde" + (len(block) // 4).to_bytes(2, "big") + block
    return rtp.build(96 if rid else 111, True, sequence, sequence * 3000, ssrc, extensions, payload)


KEYFRAME = bytes([0x90, 0xC0, 0x80, 1, 1, 0x00]) + b"key"
MEDIA = [
    packet("1", 500, 1, "f", KEYFRAME),
    packet("1", 500, 2, "q", bytes([0x90, 0xE0, 0x80, 2, 2, 0x40, 0x01]) + b"delta"),
    packet("0", 77, 9, "", b"sound"),
    rtp.build(97, False, 5, 3000, 600, b"", rtp.wrap_rtx(1, KEYFRAME)),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(MEDIA).flatmap(damaged), max_size=20))
def test_damaged_media_costs_that_packet_and_the_next_good_one_is_taken(packets: list[bytes]) -> None:
    sent: list[bytes] = []
    uplink = Uplink(sent.append)
    sections = {s.mid: s for s in parse_offer(WHOLE).sections}
    tracks = {mid: MediaTrack(mid, mid == "1", sent.append) for mid in ("0", "1")}
    bindings = {mid: bind(sections[mid], tracks[mid], {"q": 0, "h": 1, "f": 2}) for mid in tracks}
    uplink.configure(dict(EXTENSIONS), bindings)
    for data in packets:
        with contextlib.suppress(ValueError):
            uplink.on_rtp(data)
    for number in range(3):
        uplink.on_rtp(packet("1", 12345, number, "h", KEYFRAME))
    uplink.tick(1e9)
    assert tracks["1"].streams[1].ssrc == 12345
    assert all(len(data) < 20_000 for data in sent)


CONTROL = [
    rtcp.sender_report(500, 1, 2, 3, 4, "name"),
    rtcp.receiver_report([rtcp.Block(500, 0.1, 5, 7, 1, 0, 0.0)]),
    rtcp.nack(500, [1, 2, 30]),
    rtcp.pli(500),
    rtcp.transport_feedback(500, b"\0\1\0\3\0\0\1\0\x20\3\1\2\3"),
    b"\x8f\xce\0\5" + bytes(8) + b"REMB\1\3\0\1" + bytes(4),
]


@settings(deadline=None)
@given(st.lists(st.sampled_from(CONTROL).flatmap(damaged), max_size=20))
def test_damaged_control_packets_cost_no_more_than_themselves(packets: list[bytes]) -> None:
    async def take() -> None:
        person = enter(a_room(), "site")
        for data in packets:
            with contextlib.suppress(ValueError):
                person.on_rtcp(data)
        person.on_rtcp(b"".join(CONTROL))

    asyncio.run(take())


@given(st.lists(st.binary(max_size=60), max_size=5), st.integers(1, 40))
def test_any_feedback_leaves_an_estimate_that_can_be_used(bodies: list[bytes], sent: int) -> None:
    line = Downlink()
    for number in range(sent):
        line.flight.sent(1200, number / 100)
    for index, body in enumerate([*bodies, b"\0\1\0\3\0\0\1\0\x20\3\1\2\3"]):
        with contextlib.suppress(ValueError):
            line.read(body, 1 + index / 10)
    assert MIN_BPS <= line.budget_bps < 1e9 and 0 <= line.loss <= 1


def test_feedback_that_claims_to_be_about_everything_is_refused() -> None:
    claim = b"\0\0\xff\xff\0\0\0\0" + b"\x1f\xff" * 9
    with pytest.raises(ValueError, match="too many"):
        twcc.read(claim)


def test_control_packets_have_an_allowance_of_their_own() -> None:
    theirs, ours = (
        pylibsrtp.Session(pylibsrtp.Policy(key=bytes(range(30)), ssrc_type=direction))
        for direction in (pylibsrtp.Policy.SSRC_ANY_OUTBOUND, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    )
    asked: list[bytes] = []
    behind = Behind(asked.append, asked.append, asked.append, lambda fault: None)
    for kind in {PureDoor, Door}:
        asked.clear()
        door = kind(behind, PACKETS, CONTROLS)
        door.open(pointer(ours._srtp[0]), UNPROTECT, UNPROTECT_RTCP, ours)
        for _ in range(int(CONTROLS[0]) + 500):
            door.take(theirs.protect_rtcp(rtcp.pli(500)))
        assert CONTROLS[0] <= len(asked) < CONTROLS[0] + 400


# strangers


def check() -> bytes:
    request = stun.Message(stun.Method.BINDING, stun.Class.REQUEST)
    request.attributes["USERNAME"] = "abcd:efgh"
    request.attributes["ICE-CONTROLLING"] = 1
    request.add_message_integrity(b"a password")
    return bytes(request)


class Nobody:
    """An endpoint for which no check is ever right."""

    def check(self, request: object, address: object) -> None:
        return None


@settings(max_examples=200)
@given(st.one_of(st.binary(max_size=80), damaged(check()), damaged(b"\x16\xfe\xff" + bytes(40))))
def test_a_stranger_s_datagram_is_dropped_without_a_word(data: bytes) -> None:
    mux = UdpMux()
    mux.claim("abcd", Nobody())
    with socket.socket(type=socket.SOCK_DGRAM) as ours, socket.socket(type=socket.SOCK_DGRAM) as stranger:
        for each in (ours, stranger):
            each.bind(("127.0.0.1", 0))
            each.setblocking(False)
        stranger.sendto(data, ours.getsockname())
        mux.doors.drain(ours)
        with pytest.raises(BlockingIOError):
            stranger.recv(100)
    assert mux.received == 1
    assert (mux.wire.sent, mux.wire.refused) == (0, 0)
