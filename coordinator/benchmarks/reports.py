"""`coordinator bench reports`: how long reports take, for one briefing and over a year of them.

Rule 1: what is timed is what the server does for a download: read the log, fold it, write the file.
Rule 2: wall time and processor time beside each other: on a busy machine only the second can be compared.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from coordinator.benchmarks import a_year
from coordinator.benchmarks.a_year import Size
from coordinator.config import zone_of
from coordinator.domain.attendance import fold
from coordinator.domain.attendance_types import Attendance
from coordinator.domain.moments import Moment
from coordinator.reports import (
    csv_file,
    docx_file,
    held,
    participation,
    quick,
    strips,
    tables,
    timeline,
    xlsx_file,
)
from coordinator.reports.held import Held
from coordinator.reports.letterhead import Letterhead
from coordinator.storage import Reader, Store
from coordinator.web import attendance_json

T = TypeVar("T")
_LATER = Moment(1_900_000_000_000, 1, "later")
_PAPER = Letterhead("party", "Đảng bộ tỉnh", "Huyện ủy", "Chợ Đồn")


def main(words: list[str]) -> int:
    """Makes the year in a folder of its own, measures, prints a table, removes the folder."""
    parser = argparse.ArgumentParser(prog="coordinator bench reports", description="How long reports take.")
    parser.add_argument("--briefings", type=int, default=200, help="in the year (200)")
    parser.add_argument("--sites", type=int, default=25, help="a briefing (25)")
    parser.add_argument("--hours", type=float, default=3.0, help="how long a briefing lasts (3)")
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        _make(data, Size(args.briefings, args.sites, args.hours))
        _about(data, args)
        for what, (wall, processor) in measure(data).items():
            print(f"| {what} | {wall:.2f} s | {processor:.2f} s |")
    return 0


def _make(data: Path, size: Size) -> None:
    store = Store.open(data)
    try:
        a_year.write(store, size, lambda done: _progress(done, size.briefings))
    finally:
        store.close()


def _progress(done: int, whole: int) -> None:
    if sys.stderr.isatty():
        print(f"{done}/{whole}", end="\n" if done == whole else "\r", file=sys.stderr, flush=True)


def _about(data: Path, args: argparse.Namespace) -> None:
    megabytes = (data / "coordinator.db").stat().st_size / 1e6
    day = datetime.now(UTC).date()
    print(
        f"{day}, {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; load",
        end="",
    )
    print(
        f" {os.getloadavg()[0]:.1f}; {args.briefings} briefings, {args.sites} sites, {args.hours:g} h each,"
    )
    print(f"database {megabytes:.0f} MB\n\n| report | wall | processor |\n| --- | --- | --- |")


def measure(data: Path) -> dict[str, tuple[float, float]]:
    """{report: (wall, processor) in seconds}; `data` holds ended briefings only."""
    zone = zone_of("Asia/Ho_Chi_Minh")
    reader, found = Reader(data), {}
    names = sorted(row.id for row in reader.briefings())

    def one() -> Attendance:
        return fold(reader.settled(names[0]), _LATER)

    def year() -> list[Held]:
        return [held.of_attendance(fold(reader.settled(name), _LATER), zone) for name in names]

    try:
        for what, make in _single(reader, names[0], one, zone).items():
            found[f"one briefing, {what}"] = _timed(make)[1]
        found["the year, figures of all briefings, first time"] = (cold := _timed(year))[1]
        found["the year, JSON from kept figures"] = _timed(
            lambda: attendance_json.of_participation(cold[0], 0.9)
        )[1]
        found["the year, XLSX from kept figures"] = _timed(lambda: participation.workbook(cold[0], zone))[1]
        found["the year, DOCX from kept figures"] = _timed(
            lambda: docx_file.write_many(cold[0], _PAPER, zone, _LATER.utc_ms, 0.9)
        )[1]
    finally:
        reader.close()
    return found


def _single(
    reader: Reader, name: str, one: Callable[[], Attendance], zone: ZoneInfo
) -> dict[str, Callable[[], object]]:
    return {
        "JSON": lambda: attendance_json.as_bytes(attendance_json.of_attendance(one())),
        "CSV": lambda: csv_file.write(tables.summary(one()), zone),
        "XLSX": lambda: xlsx_file.write(one(), zone),
        "DOCX": lambda: docx_file.write(one(), _PAPER, zone, _LATER.utc_ms),
        "quick report": lambda: quick.text(one(), _PAPER, zone, _LATER.utc_ms),
        "timeline SVG": lambda: timeline.whole(strips.read(reader.settled(name), _LATER), zone),
        "events JSONL": lambda: reader.jsonl(name),
    }


def _timed(make: Callable[[], T]) -> tuple[T, tuple[float, float]]:
    wall, processor = time.perf_counter(), time.process_time()
    made = make()
    return made, (time.perf_counter() - wall, time.process_time() - processor)
