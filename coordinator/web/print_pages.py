"""Pages for paper: the report with its timeline, the roll-call sheet, the quick report, one site's sheet.

Rule 1: the document is Vietnamese whatever the page's language, as all reports are; only its buttons follow.
Rule 2: like a download, a page is drawn from the log in a worker thread and never touches the session; what
is printed of it carries the last event's number and hash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aiohttp import web
from markupsafe import Markup

from coordinator import clock
from coordinator.domain.attendance import fold as fold_events
from coordinator.domain.attendance_types import Attendance
from coordinator.reports import (
    document,
    letterhead,
    one_call,
    one_site,
    quick,
    strips,
    tables,
    timeline,
    words,
)
from coordinator.reports.cells import local_time, span_text
from coordinator.reports.phrases import plain
from coordinator.reports.strips import Strips
from coordinator.web import answers, downloads
from coordinator.web.access import KEEP, Route, add_guarded
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES, Services
from coordinator.web.pages import PAGES


@dataclass(frozen=True, slots=True)
class Drawn:
    """What a sheet is filled with."""

    folded: Attendance
    strips: Strips
    said: document.Words


def draw(services: Services, briefing: str, site: str | None = None) -> Drawn:
    """Reads the log once for figures and timeline; `site`: that one alone; blocks.

    Raises:
        BadRequest: unknown_briefing, unknown_site.
    """
    recorded, now = downloads.recorded_of(services, briefing), clock.now()
    folded = fold_events(recorded, now)
    if site is not None:
        try:
            folded = one_site.of(folded, site)
        except KeyError:
            raise BadRequest("unknown_site", site=site) from None
    zone = downloads.zone_of(services)
    said = document.of(folded, letterhead.of(services.config), zone, now.utc_ms)
    return Drawn(folded, strips.read(recorded, now), said)


async def report(request: web.Request) -> web.Response:
    """GET /staff/briefings/{id}/print."""
    return await _sheet(request, "print_report.html", _report_values)


async def site_report(request: web.Request) -> web.Response:
    """GET /staff/briefings/{id}/sites/{code}/print."""
    return await _sheet(request, "print_report.html", _report_values, request.match_info["code"])


async def roll_call(request: web.Request) -> web.Response:
    """GET /staff/briefings/{id}/roll-call: the counts of the rate, or with `?call=` of one roll call."""
    text = request.query.get("call")
    if text is None:
        return await _sheet(request, "print_roll_call.html", lambda services, drawn: {"call": None})
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise BadRequest("bad_query", field="call", problem="not_a_number")

    def one(services: Services, drawn: Drawn) -> dict[str, Any]:
        try:
            folded, call = one_call.of(drawn.folded, int(text))
        except KeyError:
            raise BadRequest("unknown_roll_call", roll_call=text) from None
        paper, zone = letterhead.of(services.config), downloads.zone_of(services)
        said = document.of(folded, paper, zone, clock.now().utc_ms)
        return {"said": said, "call": words.roll_call(call.number, call.label)}

    return await _sheet(request, "print_roll_call.html", one)


async def quick_page(request: web.Request) -> web.Response:
    """GET /staff/briefings/{id}/quick."""
    return await _sheet(request, "print_quick.html", _quick_values)


_CHECK_HEADINGS = ("Lúc", "Tiếng", "Hình", "Loa", "Kết quả", "Vọng tiếng", "Đường đi", "Người kiểm tra")
Values = Callable[[Services, Drawn], dict[str, Any]]


async def _sheet(
    request: web.Request, template: str, values: Values, site: str | None = None
) -> web.Response:
    services, briefing = request.app[SERVICES], request.match_info["id"]
    await answers.row_of(services, briefing)
    async with request.app[downloads.PLACES]:
        drawn = await services.read(partial(draw, services, briefing, site))
    more: dict[str, Any] = {"said": drawn.said, "only": site} | values(services, drawn)
    return request.app[PAGES].render(request, template, **more)


def _report_values(services: Services, drawn: Drawn) -> dict[str, Any]:
    zone = downloads.zone_of(services)
    rows = {strip.code: Markup(timeline.strip(strip, drawn.strips.length_ms)) for strip in drawn.strips.sites}
    return {
        "patterns": Markup(timeline.patterns()),
        "axis": Markup(timeline.axis(drawn.strips, zone)),
        "strips": rows,
        "legend": [(Markup(sample), word) for sample, word in timeline.legend()],
        "on_time": words.STATUS["on_time"],  # goes without saying
        "connections": _connections(services, drawn.folded),
        "checks": _checks(services, drawn.folded),
    }


def _connections(services: Services, folded: Attendance) -> list[dict[str, str]]:
    zone = downloads.zone_of(services)

    def at(utc_ms: int | None) -> str:
        return "" if utc_ms is None else f"{local_time(utc_ms, zone):%H:%M:%S %d/%m/%Y}"

    return [
        {
            "vao": at(row.joined_ms),
            "roi": at(row.left_ms),
            "ket_noi": span_text(row.connected_seconds),
            "ly_do": words.leave(row.reason),
            "thiet_bi": plain(row.device),
        }
        for site in folded.sites
        for row in site.connections
    ]


def _checks(services: Services, folded: Attendance) -> list[dict[str, str]]:
    """The line checks as the workbook's sheet tells them."""
    zone = downloads.zone_of(services)
    names = ("luc", "tieng", "hinh", "loa", "ket_qua", "vong", "duong", "nguoi")
    table = tables.line_checks(replace(folded, provisional=False))
    places = [[column.heading for column in table.columns].index(head) for head in _CHECK_HEADINGS]
    rows = ([row[place] for place in places] for row in table.rows)
    return [
        dict(zip(names, (f"{local_time(int(at), zone):%H:%M %d/%m/%Y}", *map(str, rest)), strict=True))
        for at, *rest in rows
    ]


def _quick_values(services: Services, drawn: Drawn) -> dict[str, Any]:
    paper, zone = letterhead.of(services.config), downloads.zone_of(services)
    return {"text": quick.text(drawn.folded, paper, zone, clock.now().utc_ms)}


_ONE = "/staff/briefings/{id}"
ROUTES: tuple[Route, ...] = (
    Route("GET", f"{_ONE}/print", KEEP, report),
    Route("GET", f"{_ONE}/roll-call", KEEP, roll_call),
    Route("GET", f"{_ONE}/quick", KEEP, quick_page),
    Route("GET", f"{_ONE}/sites/{{code}}/print", KEEP, site_report),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
