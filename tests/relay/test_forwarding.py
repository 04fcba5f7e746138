"""The pure parts of forwarding: numbers that run on, losses that are asked for, layers that fit."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.relay.forwarding import rtcp, rtp, twcc
from coordinator.relay.forwarding.codecs import parse_vp8, starts_h264_keyframe
from coordinator.relay.forwarding.history import History, Packet
from coordinator.relay.forwarding.keyframes import INTERVAL_S, RETRY_S, KeyframeRequests
from coordinator.relay.forwarding.layers import Wish, allocate
from coordinator.relay.forwarding.nack import MAX_MISSING, TRIES, NackTracker
from coordinator.relay.forwarding.route import Route
from coordinator.relay.forwarding.track import Stream

LOW, MEDIUM, HIGH = 0, 1, 2


def vp8(picture: int, tl0: int, *, key: bool = False, starts: bool = True) -> bytes:
    """A VP8 payload with a 15-bit PictureID and a TL0PICIDX."""
    head = bytes(
        [0x80 | (0x10 if starts else 0), 0xC0, 0x80 | picture >> 8 & 0x7F, picture & 0xFF, tl0 & 0xFF]
    )
    return head + bytes([0x00 if key else 0x01]) + b"picture"


class Sender:
    """A publisher's stream: writes packets as they would be on the wire."""

    def __init__(self, ssrc: int, sequence: int = 1000, timestamp: int = 5000, picture: int = 10) -> None:
        self.ssrc, self.sequence, self.timestamp, self.picture, self.tl0 = (
            ssrc,
            sequence,
            timestamp,
            picture,
            0,
        )

    def frame(self, *, key: bool = False, packets: int = 2) -> list[bytes]:
        written = []
        for index in range(packets):
            payload = vp8(self.picture, self.tl0, key=key and index == 0, starts=index == 0)
            written.append(
                rtp.build(96, index == packets - 1, self.sequence, self.timestamp, self.ssrc, b"", payload)
            )
            self.sequence = self.sequence + 1 & 0xFFFF
        self.timestamp = self.timestamp + 3000 & 0xFFFFFFFF
        self.picture = self.picture + 1 & 0x7FFF
        self.tl0 = self.tl0 + 1 & 0xFF
        return written

    def padding(self) -> bytes:
        written = rtp.build(96, False, self.sequence, self.timestamp, self.ssrc, b"", b"")
        self.sequence = self.sequence + 1 & 0xFFFF
        return written


def take(stream: Stream, data: bytes, now: float = 1.0) -> Packet | None:
    header = rtp.parse(data)
    return stream.receive(header, data[header.payload_at : header.payload_end], now)


def video_route() -> Route:
    return Route(0x1234, 0x5678, 90000, {"vp8": (96, 97)})


class Viewer:
    """Keeps what came out of a route, in order."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.got: list[tuple[int, int, int]] = []  # sequence, timestamp, picture

    def see(self, stream: Stream, packets: list[bytes], now: float = 1.0) -> None:
        for data in packets:
            packet = take(stream, data, now)
            mapped = self.route.forward(stream, packet, now) if packet else None
            if mapped:
                described = parse_vp8(mapped[2])
                assert described is not None
                self.got.append((mapped[0] & 0xFFFF, mapped[1], described.picture_id))


# RTP


def test_a_packet_reads_back_as_it_was_built() -> None:
    data = rtp.build(
        111, True, 65535, 0xFFFFFFFF, 42, rtp.Sealer(3, 5).extensions(1.5, 0x10000 + 700), b"sound"
    )
    header = rtp.parse(data)
    assert (header.payload_type, header.marker, header.sequence, header.ssrc) == (111, True, 65535, 42)
    assert data[header.payload_at : header.payload_end] == b"sound"
    assert header.extensions[5] == struct.pack("!H", 700)
    timed = rtp.parse(rtp.build(111, True, 1, 1, 42, rtp.Sealer(3, 0).extensions(1.5, 700), b""))
    assert int.from_bytes(timed.extensions[3], "big") == int(1.5 * 2**18)


@given(st.binary(max_size=64))
def test_any_bytes_are_a_packet_or_a_value_error(data: bytes) -> None:
    try:
        header = rtp.parse(data)
    except ValueError:
        return
    assert 0 <= header.payload_at <= header.payload_end <= len(data)


@given(st.binary(max_size=64))
def test_any_payload_has_a_vp8_descriptor_inside_it_or_none(payload: bytes) -> None:
    found = parse_vp8(payload)
    assert found is None or max(found.picture_at, found.tl0_at) < len(payload)
    starts_h264_keyframe(payload)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_rtcp_without_an_error(data: bytes) -> None:
    assert isinstance(rtcp.parse(data), list)


def test_padding_is_not_payload_and_an_h264_parameter_set_begins_a_keyframe() -> None:
    data = bytearray(rtp.build(96, False, 1, 1, 1, b"", b"ab\0\0\0\4"))
    data[0] |= 0x20
    header = rtp.parse(bytes(data))
    assert data[header.payload_at : header.payload_end] == b"ab"
    assert starts_h264_keyframe(b"\x67abc") and starts_h264_keyframe(b"\x78\0\1\x67\0\1\x68")
    assert not starts_h264_keyframe(b"\x41abc")


# RTCP


def test_a_nack_names_the_same_numbers_after_the_wire() -> None:
    asked = [65530, 65535, 3, 40, 41]
    (part,) = rtcp.parse(rtcp.nack(7, asked))
    assert part == rtcp.Nack(7, tuple(asked))


def test_reports_and_requests_read_back() -> None:
    block = rtcp.Block(9, 0.25, 12, 70000, 33, 0xABCD, 0.5)
    assert rtcp.parse(rtcp.receiver_report([block])) == [rtcp.Reports((block,))]
    parts = rtcp.parse(rtcp.sender_report(5, 1 << 40, 90000, 3, 300, "name") + rtcp.pli(5))
    assert parts == [rtcp.SenderReport(5, 1 << 40, 90000), rtcp.Reports(()), rtcp.KeyframeRequest(5)]


def test_a_receivers_own_estimate_is_read() -> None:
    body = struct.pack("!II", 1, 0) + b"REMB" + bytes([1, 3 << 2 | 1, 0x86, 0xA0]) + struct.pack("!I", 7)
    (part,) = rtcp.parse(struct.pack("!BBH", 0x80 | 15, 206, len(body) // 4) + body)
    assert part == rtcp.Remb(100_000 << 3)


# transport-cc


def test_feedback_reports_every_number_once_with_its_arrival() -> None:
    recorder = twcc.Recorder()
    arrivals = {65534: 10.0, 65535: 10.001, 1: 10.2, 2: 10.15, 5: 10.3}
    for number, when in arrivals.items():
        recorder.arrived(number, when)
    body = recorder.feedback()
    assert body is not None
    read = dict(twcc.read(body))
    assert [number for number, when in read.items() if when is None] == [0, 3, 4]
    assert all(abs((read[n] or 0) - (read[65534] or 0) - (t - 10.0)) < 0.001 for n, t in arrivals.items())
    assert recorder.feedback() is None


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 200)), min_size=1, max_size=80))
def test_feedback_survives_any_pattern_of_loss(steps: list[tuple[int, int]]) -> None:
    recorder, number, now, sent = twcc.Recorder(), 65000, 5.0, {}
    for step, wait in steps:
        number, now = number + step, now + wait / 1000
        recorder.arrived(number & 0xFFFF, now)
        sent[number & 0xFFFF] = now
    first = next(iter(sent))
    reported: dict[int, float | None] = {}
    while (body := recorder.feedback()) is not None:
        reported.update(twcc.read(body))
        (part,) = rtcp.parse(rtcp.transport_feedback(9, body))
        assert part == rtcp.TransportFeedback(body)
    base = reported[first]
    assert base is not None and {n for n, when in reported.items() if when is not None} <= set(sent)


@given(st.binary(max_size=60))
def test_any_bytes_are_feedback_or_a_value_error(body: bytes) -> None:
    try:
        twcc.read(body[:2] + b"\0\x30" + body[4:])
    except ValueError:
        return


# reception


def test_a_gap_is_missed_until_the_late_packet_comes_and_a_duplicate_is_dropped() -> None:
    stream, sender = Stream(1, "vp8", 90000, HIGH), Sender(1)
    first, second, third = sender.frame(packets=3)
    assert take(stream, first) and take(stream, third)
    assert len(stream.missing) == 1
    late = take(stream, second)
    assert late is not None and len(stream.missing) == 0
    assert take(stream, second) is None


def test_padding_leaves_no_hole_in_what_goes_out() -> None:
    stream, sender, viewer = Stream(1, "vp8", 90000, HIGH), Sender(1), Viewer(video_route())
    viewer.route.aim(stream)
    viewer.see(stream, sender.frame(key=True))
    for _ in range(5):
        viewer.see(stream, [sender.padding(), sender.padding(), *sender.frame()])
    numbers = [sequence for sequence, _, _ in viewer.got]
    assert numbers == list(range(numbers[0], numbers[0] + 12))


@given(st.permutations(range(12)))
def test_packets_in_any_order_keep_their_places(order: list[int]) -> None:
    stream, sender = Stream(1, "vp8", 90000, HIGH), Sender(1, sequence=65530)
    packets = [sender.frame(packets=1)[0] for _ in range(13)]
    first = take(stream, packets[0])
    assert first is not None
    got = {index: take(stream, packets[index + 1]) for index in order}
    assert all(packet and packet.seq == first.seq + index + 1 for index, packet in got.items())


def test_a_report_tells_the_share_lost_since_the_last_one() -> None:
    stream, sender = Stream(1, "opus", 48000, HIGH), Sender(1)
    packets = [sender.frame(packets=1)[0] for _ in range(20)]
    for index, data in enumerate(packets[:10]):
        if index % 2 == 0 or index == 9:
            take(stream, data)
    block = stream.report(1.0)
    assert block is not None and block.total_lost == 4 and block.lost == pytest.approx(0.4)
    for data in packets[10:]:
        take(stream, data)
    block = stream.report(2.0)
    assert block is not None and block.lost == 0 and block.total_lost == 4


def test_a_sender_that_begins_anew_counts_as_no_loss() -> None:
    stream, sender = Stream(1, "opus", 48000, HIGH), Sender(1)
    take(stream, sender.frame(packets=1)[0])
    sender.sequence = 30000
    assert take(stream, sender.frame(packets=1)[0]) is not None
    block = stream.report(1.0)
    assert block is not None and block.lost == 0


# NACK


def test_a_missing_packet_is_asked_for_every_round_trip_then_given_up() -> None:
    tracker = NackTracker(max_age_s=10.0)
    tracker.gap(5, 6, 0.0)
    asked = [tracker.due(step * 0.05, 0.1) for step in range(60)]
    assert asked[0] == [5, 6] and asked[1] == [] and asked[2] == [5, 6]
    assert sum(1 for numbers in asked if numbers) == TRIES
    assert tracker.take_lost() and not tracker.take_lost() and len(tracker) == 0


def test_too_great_a_gap_is_given_up_at_once() -> None:
    tracker = NackTracker(1.0)
    tracker.gap(1, MAX_MISSING + 1, 0.0)
    assert tracker.due(0.0, 0.1) == [] and tracker.take_lost()


def test_a_history_gives_back_only_what_is_still_there() -> None:
    history = History(8)
    for seq in range(20):
        packet = Packet()
        packet.seq = seq
        history.put(packet)
    assert history.get(11) is None and history.get(20) is None
    kept = history.get(12)
    assert kept is not None and kept.seq == 12


# routes


def test_nothing_goes_out_before_a_keyframe() -> None:
    stream, sender, viewer = Stream(1, "vp8", 90000, HIGH), Sender(1), Viewer(video_route())
    assert viewer.route.aim(stream), "a keyframe is needed"
    viewer.see(stream, sender.frame())
    assert viewer.got == []
    viewer.see(stream, sender.frame(key=True))
    assert len(viewer.got) == 2 and not viewer.route.waiting


def test_a_change_of_layer_runs_on_without_a_seam() -> None:
    low, high = Stream(1, "vp8", 90000, LOW), Stream(2, "vp8", 90000, HIGH)
    small, big = Sender(1, 100, 1000, 20), Sender(2, 60000, 4_000_000_000, 32760)
    viewer = Viewer(video_route())
    viewer.route.aim(low)
    viewer.see(low, small.frame(key=True), 1.0)
    viewer.see(low, small.frame(), 1.033)
    viewer.route.aim(high)
    viewer.see(high, big.frame(), 1.05)
    viewer.see(low, small.frame(), 1.066)
    viewer.see(high, big.frame(key=True), 1.1)
    viewer.see(low, small.frame(), 1.1)
    viewer.see(high, big.frame(), 1.133)

    sequences = [sequence for sequence, _, _ in viewer.got]
    assert sequences == list(range(sequences[0], sequences[0] + 10))
    pictures = [picture for _, _, picture in viewer.got]
    assert [after - before for before, after in zip(pictures[::2], pictures[2::2], strict=False)] == [
        1,
        1,
        1,
        1,
    ]
    times = [timestamp for _, timestamp, _ in viewer.got]
    steps = [(after - before) & 0xFFFFFFFF for before, after in zip(times[::2], times[2::2], strict=False)]
    assert all(0 < step < 9000 for step in steps)


def test_sender_reports_put_the_new_layer_on_the_old_clock() -> None:
    low, high = Stream(1, "vp8", 90000, LOW), Stream(2, "vp8", 90000, HIGH)
    small, big = Sender(1, timestamp=90_000), Sender(2, timestamp=900_000)
    viewer = Viewer(video_route())
    low.last_report = (10 << 32, 90_000, 1.0)
    high.last_report = (11 << 32, 900_000, 1.0)
    viewer.route.aim(low)
    viewer.see(low, small.frame(key=True), 1.0)
    viewer.route.aim(high)
    viewer.see(high, big.frame(key=True), 1.9)
    assert viewer.got[-1][1] == 90_000 + 90_000, "one second later by the publisher's clock"
    assert viewer.route.report_timestamp(high, 903_000) == 183_000
    assert viewer.route.report_timestamp(low, 93_000) is None


def test_a_later_aim_replaces_one_not_reached() -> None:
    low, high = Stream(1, "vp8", 90000, LOW), Stream(2, "vp8", 90000, HIGH)
    small, big, viewer = Sender(1), Sender(2), Viewer(video_route())
    viewer.route.aim(low)
    viewer.see(low, small.frame(key=True))
    viewer.route.aim(high)
    assert not viewer.route.aim(low), "already there"
    viewer.see(high, big.frame(key=True))
    assert len(viewer.got) == 2


def test_a_repeat_is_the_packet_that_went_out_even_across_a_change_of_layer() -> None:
    low, high = Stream(1, "vp8", 90000, LOW), Stream(2, "vp8", 90000, HIGH)
    small, big, viewer = Sender(1), Sender(2), Viewer(video_route())
    viewer.route.aim(low)
    viewer.see(low, small.frame(key=True), 1.0)
    viewer.route.aim(high)
    viewer.see(high, big.frame(key=True), 1.1)
    for sequence, timestamp, picture in list(viewer.got):
        found = viewer.route.resend(sequence, 2.0)
        assert found is not None
        described = parse_vp8(found[3])
        assert described is not None
        assert (found[1] & 0xFFFF, found[2], described.picture_id) == (sequence, timestamp, picture)
    assert viewer.route.resend(viewer.got[0][0], 2.001) is None, "repeated a moment ago"


def test_what_fell_out_of_the_history_is_known_to_be_gone() -> None:
    stream, sender, viewer = Stream(1, "vp8", 90000, HIGH), Sender(1), Viewer(video_route())
    viewer.route.aim(stream)
    viewer.see(stream, sender.frame(key=True))
    for _ in range(600):
        viewer.see(stream, sender.frame())
    assert viewer.route.resend(viewer.got[0][0], 5.0) is None
    assert not viewer.route.knows(viewer.got[0][0]) and viewer.route.knows(viewer.got[-1][0])


@given(
    st.lists(
        st.tuples(
            st.sampled_from([LOW, MEDIUM, HIGH]), st.sampled_from(["frame", "key", "padding", "lose", "aim"])
        ),
        max_size=80,
    )
)
def test_whatever_happens_an_outgoing_number_is_used_for_one_packet_only(
    steps: list[tuple[int, str]],
) -> None:
    streams = {quality: Stream(quality + 1, "vp8", 90000, quality) for quality in (LOW, MEDIUM, HIGH)}
    senders = {quality: Sender(quality + 1, 65500 + quality, 7000 * quality) for quality in streams}
    viewer = Viewer(video_route())
    now = 1.0
    for quality, event in steps:
        now += 0.01
        if event == "aim":
            viewer.route.aim(streams[quality])
        elif event == "padding":
            viewer.see(streams[quality], [senders[quality].padding()], now)
        else:
            packets = senders[quality].frame(key=event == "key")
            viewer.see(streams[quality], packets[1:] if event == "lose" else packets, now)
    numbers = [sequence for sequence, _, _ in viewer.got]
    assert len(set(numbers)) == len(numbers)


# keyframes


def test_many_requests_cost_one_and_none_is_forgotten() -> None:
    requests = KeyframeRequests()
    assert requests.want(1, 0.0)
    assert not requests.want(1, 0.1) and not requests.want(1, 0.2)
    requests.arrived(1)
    assert not requests.want(1, 0.3)
    assert requests.due(0.4) == []
    assert requests.due(INTERVAL_S) == [1]
    assert requests.due(INTERVAL_S + RETRY_S) == [1], "asked again while none comes"
    requests.arrived(1)
    assert requests.due(100.0) == []


# what a line carries


def test_lowest_layers_of_all_come_before_the_second_of_any() -> None:
    ladder = ((LOW, 150_000.0), (MEDIUM, 500_000.0), (HIGH, 1_500_000.0))
    wishes = [Wish("screen", ladder, priority=1), Wish("camera", ladder)]
    assert allocate(wishes, 10_000_000) == {"screen": HIGH, "camera": HIGH}
    assert allocate(wishes, 700_000) == {"screen": MEDIUM, "camera": LOW}
    assert allocate(wishes, 310_000) == {"screen": LOW, "camera": LOW}
    assert allocate(wishes, 200_000) == {"screen": LOW, "camera": None}
    assert allocate(wishes, 50_000) == {"screen": None, "camera": None}


def test_a_layer_in_use_is_not_given_up_for_a_small_excess() -> None:
    ladder = ((LOW, 150_000.0), (HIGH, 1_000_000.0))
    assert allocate([Wish("a", ladder)], 980_000) == {"a": LOW}
    assert allocate([Wish("a", ladder, held=HIGH)], 980_000) == {"a": HIGH}
    assert allocate([Wish("a", ladder, held=HIGH)], 700_000) == {"a": LOW}


def test_a_layer_that_stops_while_another_goes_on_is_noticed_within_a_few_frames() -> None:
    low, high = Stream(1, "vp8", 90000, LOW), Stream(2, "vp8", 90000, HIGH)
    small, big = Sender(1), Sender(2)
    now = 1.0
    for frame in range(16):
        now += 0.04
        for data in small.frame():
            take(low, data, now)
        if frame < 8:
            for data in big.frame():
                take(high, data, now)
    assert high.outrun_by(low) and not low.outrun_by(high)


@given(st.binary(max_size=60), st.integers(0, 3), st.booleans())
def test_a_packet_that_is_feedback_alone_is_read_as_by_the_parser(
    body: bytes, padding: int, rest: bool
) -> None:
    whole = rtcp.transport_feedback(9, body + bytes(-len(body) % 4))
    if padding:
        whole = bytes((whole[0] | 0x20,)) + whole[1:-1] + bytes((padding,))
    data = whole + (rtcp.pli(9) if rest else b"")
    found = rtcp.only_feedback(data)
    assert found is None or rtcp.parse(data) == [rtcp.TransportFeedback(found)]
    assert rest or len(body) < 12 or found is not None
    assert rtcp.only_feedback(data[:-1]) is None and rtcp.only_feedback(rtcp.pli(9)) is None
