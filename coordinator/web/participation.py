"""Participation over many briefings: GET /api/reports/participation, as JSON, CSV, XLSX and DOCX.

Rule 1: a day in `from` or `to` is a day of the office's zone; `to` is included.
Rule 2: briefings that never started are left out.
Rule 3: the figures of a briefing are kept in memory under its head: as long as nothing is added to its log
they cannot change.
Rule 4: the first reading of a long time takes seconds: `…/progress` does it and tells how far it is; what is
asked for afterwards is drawn from the kept figures and comes at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby
from typing import Any

from aiohttp import web

from coordinator import clock
from coordinator.reports import csv_file, docx_file, held, letterhead, participation
from coordinator.reports.held import Held, Share
from coordinator.storage import BriefingRow, history_import
from coordinator.web import attendance_json, bodies, downloads
from coordinator.web.access import KEEP, Route, add_guarded
from coordinator.web.api import KINDS
from coordinator.web.downloads import CSV, DOCX, JSONL, XLSX, Made
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES, Services

Kept = dict[str, tuple[tuple[int, str], Held]]  # briefing -> (its head, its figures)
KEPT: web.AppKey[Kept] = web.AppKey("figures of briefings that are over", dict)


@dataclass(frozen=True, slots=True)
class Question:
    """Briefings started from `from_ms` up to but without `to_ms` (None: open), of `kind` (None: any).

    `threshold` 0..1: sites under it are counted and listed.
    """

    from_ms: int | None
    to_ms: int | None
    kind: str | None
    threshold: float

    def means(self, at_ms: int | None, kind: str) -> bool:
        """Whether a briefing that started then is asked for."""
        return (
            at_ms is not None
            and self.kind in (None, kind)
            and (self.from_ms is None or at_ms >= self.from_ms)
            and (self.to_ms is None or at_ms < self.to_ms)
        )


def question(request: web.Request) -> Question:
    """Reads `?from=&to=&kind=&threshold=`; each time a day or an RFC 3339 time, the threshold a percentage.

    Raises:
        BadRequest: bad_query.
    """
    kind = request.query.get("kind") or None
    if kind is not None and kind not in KINDS:
        raise BadRequest("bad_query", field="kind", problem="not_a_choice")
    return Question(_time(request, "from", 0), _time(request, "to", 1), kind, _threshold(request))


def _threshold(request: web.Request) -> float:
    text = request.query.get("threshold")
    if not text:
        return request.app[SERVICES].config.attendance.warn_rate
    if not (text.isascii() and text.isdigit() and int(text[:4]) <= 100):
        raise BadRequest("bad_query", field="threshold", problem="not_a_number")
    return int(text) / 100


def _time(request: web.Request, field: str, days_later: int) -> int | None:
    text = request.query.get(field)
    if not text:
        return None
    try:
        if len(text) == 10:
            return _midnight(request.app[SERVICES], date.fromisoformat(text) + timedelta(days=days_later))
        return bodies.clean_time(field, text)
    except (ValueError, OverflowError, BadRequest):
        raise BadRequest("bad_query", field=field, problem="not_rfc3339") from None


def _midnight(services: Services, day: date) -> int:
    zone = downloads.zone_of(services)
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def chosen(services: Services, kept: Kept, asked: Question) -> list[Held]:
    """The briefings in question, oldest first, the imported before the recorded of a day; blocks."""
    rows = asked_for(services, asked)
    heads = services.reader.heads()
    found = [_figures(services, kept, row, heads[row.id]) for row in rows]
    found += [one for one in imported(services) if _means(services, asked, one)]
    return sorted(found, key=lambda one: (one.day, one.started_ms or 0, one.id))


def asked_for(services: Services, asked: Question) -> list[BriefingRow]:
    """The recorded ones of them; blocks."""
    return [row for row in services.reader.briefings() if asked.means(row.started_ms, row.kind)]


def _figures(services: Services, kept: Kept, row: BriefingRow, head: tuple[int, str]) -> Held:
    before = kept.get(row.id)
    if before is not None and before[0] == head:
        return before[1]
    figures = held.of_attendance(downloads.fold(services, row.id), downloads.zone_of(services))
    if not figures.provisional:
        kept[row.id] = ((figures.head_seq, figures.head_hash), figures)
    return figures


def _means(services: Services, asked: Question, one: Held) -> bool:
    return asked.means(_midnight(services, date.fromisoformat(one.day)), one.kind)


def imported(services: Services) -> list[Held]:
    """The briefings of earlier years that were taken in; blocks."""
    figures = history_import.figures(services.reader)
    return [
        held.of_import(
            day, title, kind,
            tuple(Share(one.site, one.site_name, one.expected, one.present, None) for one in group),
        )
        for (day, title, kind), group in groupby(figures, lambda one: (one.held_on, one.title, one.kind))
    ]  # fmt: skip


async def summary(request: web.Request) -> web.Response:
    """GET /api/reports/participation: JSON to read on the spot."""
    services, asked = request.app[SERVICES], question(request)
    async with request.app[downloads.PLACES]:
        found = await services.read(chosen, services, request.app[KEPT], asked)
        told = await services.read(attendance_json.of_participation, found, asked.threshold)
    return web.json_response(told)


async def totals(request: web.Request) -> web.Response:
    """GET /api/reports/totals: by briefing that has started, what it came to; for the list of briefings."""
    services, everything = request.app[SERVICES], Question(None, None, None, 0.0)

    def read() -> dict[str, Any]:
        rows, heads = asked_for(services, everything), services.reader.heads()
        return {row.id: _figures(services, request.app[KEPT], row, heads[row.id]).totals for row in rows}

    async with request.app[downloads.PLACES]:
        return web.json_response(await services.read(read))


async def progress(request: web.Request) -> web.StreamResponse:
    """GET …/progress: lines of `{done, whole}` while the briefings are read; the last has done = whole."""
    services, asked = request.app[SERVICES], question(request)
    rows = await services.read(asked_for, services, asked)
    response = web.StreamResponse(headers={"Content-Type": JSONL, "X-Accel-Buffering": "no"})
    await response.prepare(request)
    await _tell(response, 0, len(rows))
    for done, row in enumerate(rows, 1):
        async with request.app[downloads.PLACES]:
            await services.read(_keep, services, request.app[KEPT], row)
        await _tell(response, done, len(rows))
    await response.write_eof()
    return response


async def _tell(response: web.StreamResponse, done: int, whole: int) -> None:
    await response.write(json.dumps({"done": done, "whole": whole}).encode() + b"\n")


def _keep(services: Services, kept: Kept, row: BriefingRow) -> None:
    _figures(services, kept, row, services.reader.head(row.id))


async def file(request: web.Request) -> web.Response:
    """GET /api/reports/participation.{csv,xlsx,docx}."""
    extension = request.path.rpartition(".")[2]
    asked, sep = question(request), downloads.separator(request)
    make = partial(_file, request.app[SERVICES], request.app[KEPT], asked, extension, sep)
    return await downloads.send(request, await downloads.in_turn(request, make), None)


def _file(services: Services, kept: Kept, asked: Question, extension: str, sep: str) -> Made:
    found, zone = chosen(services, kept, asked), downloads.zone_of(services)
    name = f"participation.{extension}"
    if extension == "csv":
        return Made(name, CSV, csv_file.write(participation.by_site(found, asked.threshold), zone, sep))
    if extension == "docx":
        paper, template = letterhead.of(services.config), services.config.attendance.summary_template
        now = clock.now().utc_ms
        return Made(name, DOCX, docx_file.write_many(found, paper, zone, now, asked.threshold, template))
    return Made(name, XLSX, participation.workbook(found, zone, asked.threshold))


_PATH = "/api/reports/participation"
ROUTES: tuple[Route, ...] = (
    Route("GET", _PATH, KEEP, summary),
    Route("GET", "/api/reports/totals", KEEP, totals),
    Route("GET", f"{_PATH}.csv", KEEP, file),
    Route("GET", f"{_PATH}.xlsx", KEEP, file),
    Route("GET", f"{_PATH}.docx", KEEP, file),
    Route("GET", f"{_PATH}/progress", KEEP, progress),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    app[KEPT] = {}
    add_guarded(app, ROUTES)
