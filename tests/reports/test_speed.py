"""Reports are ready before somebody grows impatient: bounds in processor time, the same on a busy machine.

`coordinator bench reports` measures the whole year; docs/benchmarks.md has its figures.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.bench import main
from coordinator.benchmarks import a_year, reports
from coordinator.storage import Store, verify

pytestmark = pytest.mark.slow


def test_twenty_five_sites_over_three_hours_in_every_format(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "var")
    a_year.write(store, a_year.Size(briefings=10, sites=25, hours=3.0), lambda _: None)
    assert verify(store) == []
    store.close()

    took = {what: processor for what, (_, processor) in reports.measure(tmp_path / "var").items()}

    assert len([what for what in took if what.startswith("one briefing")]) == 7
    assert {what: seconds for what, seconds in took.items() if seconds >= 1} == {}


def test_the_benchmark_is_offered_and_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reports", "--briefings", "1", "--sites", "2", "--hours", "0.1"]) == 0
    assert "| one briefing, XLSX |" in capsys.readouterr().out
    assert main(["nonsense"]) == 2
    assert main(["--help"]) == 0
    assert "reports" in capsys.readouterr().err
