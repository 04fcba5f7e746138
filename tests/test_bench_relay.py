"""`coordinator bench relay` and `bench joins`: the cases, and a short run of the real thing."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from coordinator import bench
from coordinator.benchmarks import janus, joins, relay
from coordinator.benchmarks.load import LoadClient, transport_number
from coordinator.relay.forwarding import rtp as forwarding_rtp
from coordinator.relay.main import relay as serving
from coordinator.relay.options import RelayOptions
from coordinator.simulate import rtp


def test_a_case_says_who_sends_what_to_whom() -> None:
    (hall,), sites = relay.guests_of("1x25")
    assert hall.publishes == ("camera", "microphone") and hall.hears == ""
    assert [site.tracks for site in sites] == [2] * 25 and not any(site.publishes for site in sites)

    sites, (hall,) = relay.guests_of("25x1")
    assert hall.tracks == 25 and all(site.camera == "low" and not site.hears for site in sites)

    (hall,), sites = relay.guests_of("conference")
    assert (hall.tracks, len(sites)) == (25, 25) and {site.tracks for site in sites} == {3}


@pytest.mark.parametrize("case", ["2x2", "0x1", "x", "1x", "lecture", ""])
def test_an_unknown_case_is_wrong_use(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["relay", "--cases", case]) == 2
    assert "1x25" in capsys.readouterr().err


def test_processor_time_is_that_of_the_process() -> None:
    before = relay.cpu_seconds(os.getpid())
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    assert 0.15 < relay.cpu_seconds(os.getpid()) - before < 5


@pytest.mark.slow
def test_a_short_run_forwards_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["relay", "--seconds", "1", "--cases", "1x2"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("| 1x2 |"))
    _, _, packets, cpu_us, cores, p50_ms, p99_ms, lost, *_ = (part.strip() for part in row.split("|"))
    assert float(packets) > 300 and float(cpu_us) > 0 and float(cores) > 0
    assert 0 < float(p50_ms) <= float(p99_ms)
    assert lost.startswith("0 ")


def test_a_number_is_read_where_the_relay_writes_it() -> None:
    block = forwarding_rtp.Sealer(3, rtp.TRANSPORT_CC_ID).extensions(1.0, 0x1ABCD)
    assert transport_number(forwarding_rtp.build(96, True, 1, 1, 1, block, b"x")) == 0xABCD
    assert transport_number(forwarding_rtp.build(96, True, 1, 1, 1, b"", bytes(20))) is None


async def test_packets_are_numbered_and_acknowledged_both_ways() -> None:
    reported: list[int] = []
    options = RelayOptions("127.0.0.1", 0, 0, keys={relay.KEY: relay.SECRET})
    async with serving(options) as running:
        (hall,), (site,) = relay.guests_of("1x1")
        url = f"ws://127.0.0.1:{running.port}"
        sender, receiver = LoadClient(url, hall), LoadClient(url, site)
        try:
            await sender.join()
            await sender.publish("camera")
            await receiver.join()
            people = {person.identity: person for person in running.rooms.everybody()}

            def acknowledged(_: object) -> bool:
                sender.poll()
                receiver.poll()
                reported.append(people[hall.identity].uplink._recorder.reported)
                return any(reported) and people[site.identity].plane.line.arrived_bps() > 0

            await receiver.wait_for(acknowledged)
        finally:
            await sender.close()
            await receiver.close()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("janus") is None, reason="Janus is not installed")
def test_janus_forwards_the_same_media_and_is_compared(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["relay", "--against", "janus", "--seconds", "1", "--cases", "1x2"]
    assert bench.main(words) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if line.startswith("| 1x2")]
    measured, ratios = rows[:3], rows[3:]
    assert len(ratios) == 2 and all(float(row[4]) > 0 for row in ratios)
    assert all(float(row[2]) > 300 and row[7].startswith(" 0 ") for row in measured)


def test_where_janus_is_missing_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(janus, "USUAL", Path("/nowhere/janus"))
    assert bench.main(["relay", "--against", "janus"]) == 1
    assert "apt-get install" in capsys.readouterr().err


def test_a_ratio_is_of_medians() -> None:
    def figures(cpu_s: float) -> relay.Figures:
        return relay.Figures(1, cpu_s, 1000, 0, 0, 1.0, 2.0)

    case = {"relay": [figures(c) for c in (1, 2, 9)], "Janus": [figures(4)]}
    assert relay._ratios({"1x2": case})[-1] == "| 1x2 | relay | Janus | 0.50 | 1.00 | 1.00 | 0 | 0 |"


def test_without_enough_joins_there_is_nothing_to_compare() -> None:
    with pytest.raises(SystemExit) as wrong:
        bench.main(["joins", "--joins", "10"])
    assert wrong.value.code == 2


def test_a_leak_is_what_goes_on_growing() -> None:
    filling = {200: 100_000, 400: 120_000, 600: 130_000, 800: 131_000, 1000: 130_500, 1200: 130_800}
    leaking = {at: 100_000 + 20 * at for at in filling}
    assert joins.grown_bytes(filling) < joins.BYTES_A_JOIN / 4
    assert joins.grown_bytes(leaking) == pytest.approx(20 * 1024)
