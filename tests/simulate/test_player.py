"""Recorded media and the players that loop it: what they send must look like one endless stream."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from aiortc.rtp import RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from coordinator.simulate import RecordedMedia, rtp
from coordinator.simulate.player import BURST, MAX_BEHIND, TICK_S, Pacer, Player, middle_of, ntp_of
from coordinator.simulate.recording import LOOP_S, PICTURES, Recording


def player_of(recording: Recording, **changes: object) -> Player:
    settings = {"payload_type": 96, "ssrc": 7, "names": {4: b"0"}, "always": {}, "now": 0.0} | changes
    return Player(recording, **settings)  # type: ignore[arg-type]


def play(player: Player, seconds: float, start: float = 0.0) -> list[RtpPacket]:
    ticks = (start + number * TICK_S for number in range(int(seconds / TICK_S)))
    return [RtpPacket.parse(packet) for now in ticks for packet in player.due(now)]


def test_recordings_are_made_once_and_read_afterwards(folder: Path) -> None:
    first = RecordedMedia.load(folder)
    made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    assert RecordedMedia.load(folder) == first
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == made
    assert set(made) == {"low.webm", "mid.webm", "high.webm", "screen.webm", "sound.ogg"}


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_a_video_has_one_keyframe_at_its_start_and_about_the_rate_it_should(
    recorded: RecordedMedia, name: str
) -> None:
    recording: Recording = getattr(recorded, name)
    keyframes = [number for number, frame in enumerate(recording.frames) if not frame[0] & 1]

    assert keyframes == [0]
    assert recording.seconds == pytest.approx(LOOP_S)
    assert recording.bitrate_bps == pytest.approx(PICTURES[name].bitrate_bps, rel=0.25)


def test_the_sound_is_opus_in_frames_of_20_ms(recorded: RecordedMedia) -> None:
    assert len(recorded.sound.frames) == 50 * LOOP_S
    assert recorded.sound.bitrate_bps == pytest.approx(32_000, rel=0.1)


def test_loops_join_without_a_seam(recorded: RecordedMedia) -> None:
    packets = play(player_of(recorded.low), 3 * LOOP_S)

    steps = {(b.sequence_number - a.sequence_number) & 0xFFFF for a, b in pairwise(packets)}
    frames = [packet for packet in packets if packet.marker]
    moves = {(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(frames)}
    assert steps == {1}
    assert moves == {6000}
    assert len(frames) == 3 * LOOP_S * 15


def test_every_packet_is_described_as_rfc_7741_wants_it(recorded: RecordedMedia) -> None:
    pictures: list[int] = []
    rebuilt: list[bytes] = []
    for packet in play(player_of(recorded.mid), LOOP_S):
        descriptor, payload = VpxPayloadDescriptor.parse(packet.payload)
        if descriptor.partition_start:
            pictures.append(descriptor.picture_id)
            rebuilt.append(b"")
        rebuilt[-1] += payload
        assert descriptor.partition_id == 0 and len(packet.payload) <= rtp.MAX_PAYLOAD + 4

    assert pictures == list(range(len(pictures)))
    assert tuple(rebuilt) == recorded.mid.frames[: len(rebuilt)]


def test_a_keyframe_request_restarts_the_recording_and_nothing_else_jumps(recorded: RecordedMedia) -> None:
    player = player_of(recorded.low)
    before = play(player, 1.0)
    player.restart()
    after = play(player, 1.0, start=1.0)

    assert rtp.starts_vp8_keyframe(after[0].payload)
    assert after[0].sequence_number == (before[-1].sequence_number + 1) & 0xFFFF
    assert after[0].timestamp - before[-1].timestamp == 6000
    assert player.keyframes == 2


def test_a_pause_shows_in_time_only_and_ends_with_a_keyframe(recorded: RecordedMedia) -> None:
    player = player_of(recorded.low)
    before = play(player, 1.0)
    player.pause(True)
    silence = play(player, 1.0, start=1.0)
    player.pause(False)
    after = play(player, 1.0, start=2.0)

    assert silence == []
    assert rtp.starts_vp8_keyframe(after[0].payload)
    assert after[0].sequence_number == (before[-1].sequence_number + 1) & 0xFFFF
    assert 85_000 < after[0].timestamp - before[-1].timestamp < 105_000


def test_after_a_stall_there_is_no_burst(recorded: RecordedMedia) -> None:
    player = player_of(recorded.sound, payload_type=111)
    player.due(0.0)

    assert len(player.due(10.0)) == MAX_BEHIND + 1


def test_a_large_keyframe_is_spread_over_ticks() -> None:
    player = player_of(Recording((b"\0" * 40_000,), 90_000, 90_000, PICTURES["high"]))

    sizes = [len(player.due(number * TICK_S)) for number in range(4)]

    assert sizes == [BURST, BURST, 5, 0]


def test_names_are_left_out_once_the_receiver_knows_the_stream(recorded: RecordedMedia) -> None:
    player = player_of(recorded.sound, names={4: b"3", 10: b"q"}, always={1: b"\x80"})
    named = player.due(0.0)[0]
    player.acknowledge()
    known = player.due(0.02)[0]

    assert rtp.read_extensions(named) == {4: b"3", 10: b"q", 1: b"\x80"}
    assert rtp.read_extensions(known) == {1: b"\x80"}


def test_lost_packets_are_sent_again_while_they_are_kept(recorded: RecordedMedia) -> None:
    player = player_of(recorded.sound)
    sent = [packet for number in range(100) for packet in player.due(number * 0.02)]
    wanted = RtpPacket.parse(sent[3]).sequence_number

    assert player.again([wanted, (wanted - 100) & 0xFFFF]) == [sent[3]]


def test_a_report_quotes_the_clock_of_the_stream(recorded: RecordedMedia) -> None:
    player = player_of(recorded.low)
    first = play(player, 2.0)[0]
    report = player.report(2.0, ntp_of(0))

    assert (report.rtp_timestamp - first.timestamp) & 0xFFFFFFFF == 2 * 90_000
    assert report.packet_count == player.packets
    assert middle_of(report.ntp_timestamp) == 2_208_988_800 % 65536 * 65536


@given(st.lists(st.tuples(st.integers(1, 14), st.binary(min_size=1, max_size=16)), max_size=8))
def test_extensions_are_read_back_as_written(elements: list[tuple[int, bytes]]) -> None:
    wanted = dict(elements)
    packet = rtp.packet((96, True, 1, 2, 3), rtp.extension_block(wanted), b"payload")

    assert rtp.read_extensions(packet) == wanted
    assert rtp.payload_of(packet) == b"payload"
    assert RtpPacket.parse(packet).payload == b"payload"


@given(st.binary(min_size=12, max_size=60))
def test_reading_junk_never_fails(junk: bytes) -> None:
    rtp.read_extensions(junk)
    rtp.starts_vp8_keyframe(rtp.payload_of(junk))
    rtp.Inbound("video").take(junk, 0.0)


def arrival(sequence: int, ssrc: int = 9) -> bytes:
    return rtp.packet((96, False, sequence, 0, ssrc), b"", b"\x00\x01")


def test_losses_are_counted_across_the_end_of_the_numbers() -> None:
    track = rtp.Inbound("video")
    for sequence in (65_533, 65_534, 65_534, 1, 0, 4):
        track.take(arrival(sequence), 1.0)

    assert (track.packets, track.expected, track.lost, track.recovered) == (5, 8, 3, 1)
    assert track.missing(1.0) == []
    assert track.missing(1.1) == [65_535, 2, 3]
    assert track.interval_loss() == 3 * 256 // 8
    assert track.interval_loss() == 0
    assert track.missing(9.0) == []


def test_another_stream_on_the_same_track_is_no_loss() -> None:
    track = rtp.Inbound("video")
    for sequence, ssrc in ((10, 1), (11, 1), (40_000, 2), (40_001, 2)):
        track.take(arrival(sequence, ssrc), 1.0)

    assert (track.packets, track.lost, track.ssrc) == (4, 0, 2)


async def test_the_pacer_drives_everybody_and_drops_who_fails(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[float] = []
    enough = asyncio.Event()

    def count(now: float) -> None:
        seen.append(now)
        if len(seen) == 5:
            enough.set()

    def fail(now: float) -> None:
        raise RuntimeError("broken")

    pacer = Pacer.here()
    pacer.add(fail)
    pacer.add(count)
    async with asyncio.timeout(2):
        await enough.wait()
    pacer.remove(count)
    pacer.remove(count)

    assert caplog.text.count("a simulated client failed") == 1
    assert seen == sorted(seen)
