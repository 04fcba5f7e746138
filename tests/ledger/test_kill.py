"""A real process, really killed: what it said is written is written, and the day can go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coordinator.domain import attendance
from coordinator.domain.briefing import Briefing
from coordinator.domain.commands import Recover
from coordinator.domain.moments import Moment
from coordinator.storage import Store, verify
from tests.ledger.office import BRIEFING

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 4, 9, 17, 30])
def test_after_kill_9_every_acknowledged_event_is_there(after: int, tmp_path: Path) -> None:
    told = killed_after(after, tmp_path)

    store = Store.open(tmp_path / "life-1")  # the dead process holds no lock
    try:
        kept = {one.seq: one for one in store.events(BRIEFING)}
        assert {seq: digest for seq, digest in told if kept[seq].hash != digest} == {}
        assert verify(store) == []
        briefing = Briefing.replay(BRIEFING, kept.values())
        last = kept[len(kept)].at
        later = Moment(last.utc_ms + 60_000, 5_000, "boot-2")
        closing = [(event, later, "system") for event in briefing.handle(Recover(), later)]
        store.append(BRIEFING, closing)
        assert verify(store) == []
        whole = attendance.fold(store.events(BRIEFING), later)
        assert all(not site.still_connected for site in whole.sites)
    finally:
        store.close()


def killed_after(many: int, folder: Path) -> list[tuple[int, str]]:
    """Kills the process when it has acknowledged so many events; all that it said before it died."""
    command = [sys.executable, "-m", "tests.ledger.child", "12", str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [child.stdout.readline() for _ in range(many)]
    child.send_signal(signal.SIGKILL)
    said += child.stdout.readlines()
    child.wait(10)
    assert child.returncode == -signal.SIGKILL
    whole = [line.split() for line in said if line.endswith("\n")]
    return [(int(seq), digest) for seq, digest in whole]
