"""Sound with copies: what goes into a packet comes out, is repeated as it was, and is not counted twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.relay.forwarding import red, rtp
from coordinator.relay.forwarding.engine import Flight, Sender
from coordinator.relay.forwarding.history import Packet
from coordinator.relay.forwarding.protection import CALM_S, Protection
from coordinator.relay.forwarding.route import Route
from coordinator.relay.forwarding.track import Stream
from coordinator.relay.media_track import MediaTrack
from coordinator.relay.uplink import Binding, Uplink

OPUS, RED = 111, 63
FRAME = 960

frames = st.binary(min_size=1, max_size=200)


@given(st.lists(st.tuples(st.integers(1, red.MAX_OFFSET), frames), max_size=4), frames)
def test_a_packet_gives_back_the_frames_put_into_it(earlier: list[red.Block], frame: bytes) -> None:
    assert red.unwrap(red.wrap(OPUS, earlier, frame)) == (OPUS, frame, earlier)


@given(st.binary(max_size=60))
def test_any_bytes_are_redundant_audio_or_a_value_error(payload: bytes) -> None:
    try:
        _, frame, earlier = red.unwrap(payload)
    except ValueError:
        return
    assert len(frame) + sum(len(block) for _, block in earlier) < len(payload)


def test_a_frame_too_old_or_too_long_for_its_header_is_left_out() -> None:
    earlier = [(red.MAX_OFFSET + 1, b"old"), (FRAME, bytes(red.MAX_BLOCK_BYTES + 1)), (FRAME, b"fits")]
    assert red.unwrap(red.wrap(OPUS, earlier, b"now")) == (OPUS, b"now", [(FRAME, b"fits")])


def test_more_earlier_frames_than_anybody_sends_are_refused() -> None:
    def with_earlier(count: int) -> bytes:
        return red.wrap(OPUS, [(FRAME * (count - n), b"x") for n in range(count)], b"now")

    assert len(red.unwrap(with_earlier(red.MAX_BLOCKS))[2]) == red.MAX_BLOCKS
    with pytest.raises(ValueError, match="truncated"):
        red.unwrap(with_earlier(red.MAX_BLOCKS + 1))


def opus(stream: Stream, number: int) -> Packet:
    """Take packet `number` of a voice in."""
    header = rtp.parse(rtp.build(OPUS, False, 1000 + number, FRAME * number, stream.ssrc, b"", b"x"))
    packet = stream.receive(header, b"frame %d" % number, 1.0 + number * 0.02)
    assert packet is not None
    return packet


def hearing(*, red_too: bool) -> tuple[Stream, Route]:
    formats: dict[str, tuple[int, int | None]] = {"opus": (OPUS, None)}
    route = Route(7, None, 48000, formats | ({"red": (RED, None)} if red_too else {}))
    stream = Stream(5, "opus", 48000, 2)
    route.aim(stream)
    return stream, route


def sent(route: Route, stream: Stream, number: int) -> tuple[int, bytes]:
    """Forward packet `number`; returns its payload type and payload."""
    mapped = route.forward(stream, opus(stream, number), 1.0 + number * 0.02)
    assert mapped is not None
    return route.cursor.payload_type, mapped[2]


def test_a_lossy_line_gets_each_frame_again_in_the_next_packets_and_a_good_one_plain_opus() -> None:
    stream, route = hearing(red_too=True)
    assert sent(route, stream, 0) == (OPUS, b"frame 0")
    route.copies = 2
    assert sent(route, stream, 1)[0] == RED
    kind, payload = sent(route, stream, 2)
    assert (kind, red.unwrap(payload)) == (
        RED,
        (OPUS, b"frame 2", [(2 * FRAME, b"frame 0"), (FRAME, b"frame 1")]),
    )
    route.copies = 0
    assert sent(route, stream, 3) == (OPUS, b"frame 3")


def test_what_was_sent_with_copies_is_repeated_byte_for_byte_also_after_they_ended() -> None:
    stream, route = hearing(red_too=True)
    payloads: dict[int, tuple[int, bytes]] = {}
    for number in range(40):
        route.copies = 1 if 10 <= number < 25 else 0
        payloads[number] = sent(route, stream, number)
    first = route.cursor.sequence - 39
    for number, (kind, payload) in payloads.items():
        sequence = first + number & 0xFFFF
        found = route.resend(sequence, 9.0)
        assert found is not None and found[3] == payload and route.repeat_type(sequence) == kind


def test_sound_too_old_to_know_how_it_was_sent_is_not_repeated() -> None:
    stream, route = hearing(red_too=True)
    route.copies = 1
    for number in range(100):
        sent(route, stream, number)
    assert route.resend(route.cursor.sequence - 80 & 0xFFFF, 9.0) is None


def test_copies_come_with_loss_at_once_and_go_when_it_has_been_calm() -> None:
    protection = Protection()
    for loss, at_s, copies in (
        (0.0, 0.0, 0), (0.03, 1.0, 1), (0.1, 2.0, 2), (0.0, 3.0, 2), (0.0, 2.0 + CALM_S + 0.5, 0),
    ):  # fmt: skip
        protection.note(loss, 0.0, 1_000_000, 50_000, at_s)
        assert protection.copies == copies, at_s


@pytest.mark.parametrize(("budget_bps", "queue_s"), [(100_000, 0.0), (1_000_000, 0.3)])
def test_a_line_that_is_full_gets_no_copies(budget_bps: float, queue_s: float) -> None:
    protection = Protection()
    protection.note(0.2, queue_s, budget_bps, 50_000, 1.0)
    assert protection.copies == 0


class Heard:
    """An outlet that notes what a route gives it."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, bytes]] = []
        self.sender = Sender(self._sent, Flight())

    def _sent(self, data: bytes) -> None:
        header = rtp.parse(data)
        self.frames.append((header.timestamp, data[header.payload_at : header.payload_end]))

    def deliver(self, route: Route, packet: Packet, mapped: tuple[int, int, bytes], now: float) -> None:
        self.frames.append((mapped[1], mapped[2]))

    def report(self, route: Route, ntp: int, timestamp: int) -> None: ...


def test_a_frame_lost_on_the_way_up_is_taken_from_the_next_packet_and_still_counts_as_lost() -> None:
    track = MediaTrack("TR_voice", video=False, send_rtcp=lambda data: None)
    uplink = Uplink(lambda data: None)
    binding = Binding(track, {OPUS: "opus", RED: "red"}, {}, {}, [5])
    uplink.configure({}, {"0": binding})
    route, heard = Route(7, None, 48000, {"opus": (OPUS, None)}), Heard()

    def appeared() -> None:
        route.aim(track.streams[2])

    track.changed = appeared
    track.attach(route, heard)

    for number in (0, 1, 3, 4, 7):  # 2 is lost; of 5 and 6 only 6 is in the next packet
        earlier = [(FRAME, b"frame %d" % (number - 1))] if number else []
        payload = red.wrap(OPUS, earlier, b"frame %d" % number)
        uplink.on_rtp(rtp.build(RED, False, 65533 + number & 0xFFFF, FRAME * number, 5, b"", payload))

    assert heard.frames == [(FRAME * n, b"frame %d" % n) for n in (0, 1, 2, 3, 4, 6, 7)]
    assert uplink.copied == 2
    (block,) = track.reports(track.streams[2].last_arrival)
    assert block.total_lost == 3
