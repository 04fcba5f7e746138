"""What staff takes away: attendance, logs and the chain itself.

Rule 1: a download reads the log in a worker thread and folds it there; it never touches the session.
Rule 2: a download is an event: it is written to the system chain before the bytes go out.
Rule 3: at most two are made at a time; the others wait, so that reports never take the cores from a briefing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote
from zoneinfo import ZoneInfo

from aiohttp import web

from coordinator import clock
from coordinator.domain.attendance import fold as fold_events
from coordinator.domain.attendance_types import Attendance
from coordinator.domain.events import Recorded
from coordinator.reports import (
    csv_file,
    docx_file,
    letterhead,
    naming,
    one_site,
    quick,
    strips,
    tables,
    timeline,
    xlsx_file,
)
from coordinator.web import answers, attendance_json
from coordinator.web.access import KEEP, WHO, Route, add_guarded
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES, Services

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SVG = "image/svg+xml"
ZIP = "application/zip"
JSON = "application/json; charset=utf-8"
JSONL = "application/x-ndjson; charset=utf-8"
PLACES: web.AppKey[asyncio.Semaphore] = web.AppKey("downloads at a time", asyncio.Semaphore)


@dataclass(frozen=True, slots=True)
class Made:
    """A finished file."""

    name: str
    kind: str
    content: bytes


def zone_of(services: Services) -> ZoneInfo:
    """The time zone of reports."""
    return services.config.server.zone


def recorded_of(services: Services, briefing: str) -> list[Recorded]:
    """What the attendance is folded from: of an ended briefing without its marks of life; blocks.

    Raises:
        BadRequest: unknown_briefing.
    """
    row = services.reader.briefing(briefing)
    if row is None:
        raise BadRequest("unknown_briefing", briefing=briefing)
    reader = services.reader
    return reader.settled(briefing) if row.phase == "ended" else reader.events(briefing)


def fold(services: Services, briefing: str) -> Attendance:
    """The attendance as the log has it now; blocks.

    Raises:
        BadRequest: unknown_briefing.
    """
    return fold_events(recorded_of(services, briefing), clock.now())


async def in_turn(request: web.Request, make: Callable[[], Made]) -> Made:
    """Runs `make` in a worker thread, two at a time."""
    async with request.app[PLACES]:
        return await request.app[SERVICES].read(make)


async def send(request: web.Request, made: Made, about: str | None) -> web.Response:
    """Notes the download, then sends the file."""
    services = request.app[SERVICES]
    await services.write(services.admin.note_download, made.name, about, request[WHO].name)
    return web.Response(
        body=made.content,
        headers={"Content-Type": made.kind, "Content-Disposition": disposition(made.name)},
    )


def disposition(name: str) -> str:
    """As an attachment, with the name in ASCII and in UTF-8 (RFC 6266 §4.3)."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_"
        for letter in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def separator(request: web.Request) -> str:
    """`?sep=`: comma or semicolon. Raises BadRequest (bad_query)."""
    chosen = request.query.get("sep", "comma")
    if chosen not in csv_file.SEPARATORS:
        raise BadRequest("bad_query", field="sep", problem="not_a_choice")
    return chosen


# one briefing


async def attendance(request: web.Request) -> web.Response:
    """GET …/attendance: JSON to read on the spot."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    async with request.app[PLACES]:
        folded = await services.read(fold, services, briefing)
    return web.json_response(attendance_json.of_attendance(folded))


async def attendance_file(request: web.Request) -> web.Response:
    """GET …/attendance.{json,csv,xlsx,docx}."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    extension = request.path.rpartition(".")[2]
    make = partial(_attendance_file, services, briefing, extension, separator(request))
    return await send(request, await in_turn(request, make), briefing)


def _attendance_file(services: Services, briefing: str, extension: str, sep: str) -> Made:
    folded = fold(services, briefing)
    name = naming.name(folded, "attendance", extension)
    if extension == "csv":
        return Made(name, CSV, csv_file.write(tables.summary(folded), zone_of(services), sep))
    if extension == "xlsx":
        return Made(name, XLSX, xlsx_file.write(folded, zone_of(services)))
    if extension == "docx":
        return Made(name, DOCX, minutes(services, folded))
    return Made(name, JSON, attendance_json.as_bytes(attendance_json.of_attendance(folded)))


def minutes(services: Services, folded: Attendance) -> bytes:
    """The minutes, in the office's own template where it has one; blocks."""
    config = services.config
    paper, now = letterhead.of(config), clock.now().utc_ms
    return docx_file.write(folded, paper, zone_of(services), now, config.attendance.template)


async def site_attendance(request: web.Request) -> web.Response:
    """GET …/sites/{code}/attendance.xlsx: all sheets, one site."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    make = partial(_site_file, services, briefing, request.match_info["code"])
    return await send(request, await in_turn(request, make), briefing)


def _site_file(services: Services, briefing: str, code: str) -> Made:
    try:
        folded = one_site.of(fold(services, briefing), code)
    except KeyError:
        raise BadRequest("unknown_site", site=code) from None
    name = naming.name(folded, "attendance", "xlsx", code)
    return Made(name, XLSX, xlsx_file.write(folded, zone_of(services)))


async def site_logs(request: web.Request) -> web.Response:
    """GET …/sites.zip: each site's log as CSV."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    make = partial(_logs_file, services, briefing, separator(request))
    return await send(request, await in_turn(request, make), briefing)


def _logs_file(services: Services, briefing: str, sep: str) -> Made:
    folded, zone = fold(services, briefing), zone_of(services)
    return Made(naming.name(folded, "sites", "zip"), ZIP, one_site.logs(folded, zone, sep))


async def quick_report(request: web.Request) -> web.Response:
    """GET …/quick-report: the text to paste."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    async with request.app[PLACES]:
        folded = await services.read(fold, services, briefing)
    text = quick.text(folded, letterhead.of(services.config), zone_of(services), clock.now().utc_ms)
    told = {
        "title": folded.title,
        "text": text,
        "provisional": folded.provisional,
        "head_seq": folded.head_seq,
        "head_hash": folded.head_hash,
    }
    return web.json_response(told)


async def presence(request: web.Request) -> web.Response:
    """GET …/timeline: each site's stretches as JSON; …/timeline.svg: all of them as a picture."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    async with request.app[PLACES]:
        found = await services.read(strips_of, services, briefing)
    if request.path.endswith(".svg"):
        return web.Response(text=timeline.whole(found, zone_of(services)), content_type=SVG)
    return web.json_response(attendance_json.of_strips(found))


def strips_of(services: Services, briefing: str) -> strips.Strips:
    """The timeline as the log has it now; blocks. Raises BadRequest (unknown_briefing)."""
    return strips.read(recorded_of(services, briefing), clock.now())


async def log(request: web.Request) -> web.Response:
    """GET …/log.csv: one row a connection, of all sites."""
    return await _log(request, None)


async def site_log(request: web.Request) -> web.Response:
    """GET …/sites/{code}/log.csv: one row a connection, of one site."""
    return await _log(request, request.match_info["code"])


async def _log(request: web.Request, code: str | None) -> web.Response:
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    make = partial(_log_file, services, briefing, code, separator(request))
    return await send(request, await in_turn(request, make), briefing)


def _log_file(services: Services, briefing: str, code: str | None, sep: str) -> Made:
    folded = fold(services, briefing)
    try:
        table = tables.connection_log(folded, code)
    except KeyError:
        raise BadRequest("unknown_site", site=code) from None
    return Made(naming.name(folded, "log", "csv", code), CSV, csv_file.write(table, zone_of(services), sep))


async def events(request: web.Request) -> web.Response:
    """GET …/events.jsonl: the chain, for somebody else to check."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    return await send(request, await in_turn(request, partial(_events_file, services, briefing)), briefing)


def _events_file(services: Services, briefing: str) -> Made:
    return Made(
        naming.name(fold(services, briefing), "events", "jsonl"), JSONL, services.reader.jsonl(briefing)
    )


_ONE = "/api/briefings/{id}"
ROUTES: tuple[Route, ...] = (
    Route("GET", f"{_ONE}/attendance", KEEP, attendance),
    Route("GET", f"{_ONE}/attendance.json", KEEP, attendance_file),
    Route("GET", f"{_ONE}/attendance.csv", KEEP, attendance_file),
    Route("GET", f"{_ONE}/attendance.xlsx", KEEP, attendance_file),
    Route("GET", f"{_ONE}/attendance.docx", KEEP, attendance_file),
    Route("GET", f"{_ONE}/quick-report", KEEP, quick_report),
    Route("GET", f"{_ONE}/timeline", KEEP, presence),
    Route("GET", f"{_ONE}/timeline.svg", KEEP, presence),
    Route("GET", f"{_ONE}/sites.zip", KEEP, site_logs),
    Route("GET", f"{_ONE}/sites/{{code}}/attendance.xlsx", KEEP, site_attendance),
    Route("GET", f"{_ONE}/log.csv", KEEP, log),
    Route("GET", f"{_ONE}/sites/{{code}}/log.csv", KEEP, site_log),
    Route("GET", f"{_ONE}/events.jsonl", KEEP, events),
)


async def _make_places(app: web.Application) -> None:
    app[PLACES] = asyncio.Semaphore(2)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    app.on_startup.append(_make_places)
    add_guarded(app, ROUTES)
