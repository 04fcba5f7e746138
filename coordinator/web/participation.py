"""Participation over many briefings: GET /api/reports/participation, as JSON, CSV and XLSX.

Rule 1: a day in `from` or `to` is a day of the office's zone; `to` is included.
Rule 2: briefings that never started are left out.
Rule 3: what an ended briefing gives to the rates is kept by the hash of its log's head: it is folded once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial

from aiohttp import web

from coordinator.domain.attendance_types import Attendance, SiteAttendance
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


class Settled:
    """Ended briefings as far as rates need them, by the head hash they were folded from; from any thread."""

    def __init__(self, most: int = 1000) -> None:
        self._most = most
        self._kept: OrderedDict[str, Attendance] = OrderedDict()
        self._guard = threading.Lock()

    def of(self, services: Services, briefing: str, head_hash: str) -> Attendance:
        """The attendance without its rows; blocks where it is not known yet."""
        with self._guard:
            known = self._kept.get(head_hash)
        if known is not None:
            return known
        folded = downloads.fold(services, briefing)
        slim = replace(folded, sites=tuple(_without_rows(site) for site in folded.sites))
        if not folded.provisional:
            with self._guard:
                self._kept[folded.head_hash] = slim
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return slim


def _without_rows(site: SiteAttendance) -> SiteAttendance:
    return replace(site, connections=(), headcounts=(), speeches=(), line_checks=(), expected_changes=())


SETTLED: web.AppKey[Settled] = web.AppKey("settled attendances", Settled)


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


def chosen(services: Services, settled: Settled, asked: Question) -> list[Attendance]:
    """The attendances in question, oldest first; blocks."""
    started = [(row.started_ms, row.id) for row in services.reader.briefings() if asked.means(row)]
    heads = services.reader.heads()
    return [settled.of(services, briefing, heads[briefing][1]) for _, briefing in sorted(started)]


async def summary(request: web.Request) -> web.Response:
    """GET /api/reports/participation: JSON to read on the spot."""
    services, asked = request.app[SERVICES], question(request)
    async with request.app[downloads.PLACES]:
        found: Sequence[Attendance] = await services.read(chosen, services, request.app[SETTLED], asked)
    return web.json_response(attendance_json.of_participation(found))


async def file(request: web.Request) -> web.Response:
    """GET /api/reports/participation.{csv,xlsx}."""
    extension = request.path.rpartition(".")[2]
    sep = downloads.separator(request)
    app = request.app
    make = partial(_file, app[SERVICES], app[SETTLED], question(request), extension, sep)
    return await downloads.send(request, await downloads.in_turn(request, make), None)


def _file(services: Services, settled: Settled, asked: Question, extension: str, sep: str) -> Made:
    found, zone = chosen(services, settled, asked), downloads.zone_of(services)
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
    app[SETTLED] = Settled()
    add_guarded(app, ROUTES)
