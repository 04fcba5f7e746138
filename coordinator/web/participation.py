"""Participation over many briefings: GET /api/reports/participation, as JSON, CSV and XLSX.

Rule 1: a day in `from` or `to` is a day of the office's zone; `to` is included.
Rule 2: briefings that never started are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

from aiohttp import web

from coordinator.domain.attendance_types import Attendance
from coordinator.reports import csv_file, participation
from coordinator.storage import BriefingRow
from coordinator.web import attendance_json, bodies, downloads
from coordinator.web.access import KEEP, Route, add_guarded
from coordinator.web.api import KINDS
from coordinator.web.downloads import CSV, XLSX, Made
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES, Services


@dataclass(frozen=True, slots=True)
class Question:
    """Briefings started from `from_ms` up to but without `to_ms` (None: open), of `kind` (None: any)."""

    from_ms: int | None
    to_ms: int | None
    kind: str | None

    def means(self, row: BriefingRow) -> bool:
        """Whether this briefing is asked for."""
        at = row.started_ms
        return (
            at is not None
            and self.kind in (None, row.kind)
            and (self.from_ms is None or at >= self.from_ms)
            and (self.to_ms is None or at < self.to_ms)
        )


def question(request: web.Request) -> Question:
    """Reads `?from=&to=&kind=`; each a day or an RFC 3339 time.

    Raises:
        BadRequest: bad_query.
    """
    kind = request.query.get("kind") or None
    if kind is not None and kind not in KINDS:
        raise BadRequest("bad_query", field="kind", problem="not_a_choice")
    return Question(_time(request, "from", 0), _time(request, "to", 1), kind)


def _time(request: web.Request, field: str, days_later: int) -> int | None:
    text = request.query.get(field)
    if not text:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=days_later)
            zone = downloads.zone_of(request.app[SERVICES])
            return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)
        return bodies.clean_time(field, text)
    except (ValueError, OverflowError, BadRequest):
        raise BadRequest("bad_query", field=field, problem="not_rfc3339") from None


def chosen(services: Services, asked: Question) -> list[Attendance]:
    """The attendances in question, oldest first; blocks."""
    started = [(row.started_ms, row.id) for row in services.reader.briefings() if asked.means(row)]
    return [downloads.fold(services, briefing) for _, briefing in sorted(started)]


async def summary(request: web.Request) -> web.Response:
    """GET /api/reports/participation: JSON to read on the spot."""
    services, asked = request.app[SERVICES], question(request)
    async with request.app[downloads.PLACES]:
        found: Sequence[Attendance] = await services.read(chosen, services, asked)
    return web.json_response(attendance_json.of_participation(found))


async def file(request: web.Request) -> web.Response:
    """GET /api/reports/participation.{csv,xlsx}."""
    extension = request.path.rpartition(".")[2]
    sep = downloads.separator(request)
    make = partial(_file, request.app[SERVICES], question(request), extension, sep)
    return await downloads.send(request, await downloads.in_turn(request, make), None)


def _file(services: Services, asked: Question, extension: str, sep: str) -> Made:
    found, zone = chosen(services, asked), downloads.zone_of(services)
    name = f"participation.{extension}"
    if extension == "csv":
        return Made(name, CSV, csv_file.write(participation.by_site(found), zone, sep))
    return Made(name, XLSX, participation.workbook(found, zone))


_PATH = "/api/reports/participation"
ROUTES: tuple[Route, ...] = (
    Route("GET", _PATH, KEEP, summary),
    Route("GET", f"{_PATH}.csv", KEEP, file),
    Route("GET", f"{_PATH}.xlsx", KEEP, file),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
