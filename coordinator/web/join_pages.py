"""The join sheets, one A4 page a site with its link as a QR code, and the help for operators.

Rule 1: a sheet carries the site's secret: only host and administrator see sheets, and no log names them.
Rule 2: a sheet is Vietnamese whatever the page's language, as all papers are; the help is in both languages.
Rule 3: the help needs no log-in: who is in trouble reads it first.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from coordinator import clock
from coordinator.domain.events import Summoned
from coordinator.reports import letterhead
from coordinator.reports.cells import local_time
from coordinator.reports.phrases import long_day
from coordinator.web.access import PUBLIC, STEER, Route, add_guarded
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES, Services
from coordinator.web.pages import PAGES
from coordinator.web.qr import qr_code

_DAYS = ("thứ Hai", "thứ Ba", "thứ Tư", "thứ Năm", "thứ Sáu", "thứ Bảy", "Chủ nhật")


async def sheets(request: web.Request) -> web.Response:
    """GET /host/join-sheets?site=: for any briefing."""
    services = request.app[SERVICES]
    sites = tuple(site.summoned() for site in services.config.sites)
    return await _render(request, sites, None, "/host")


async def briefing_sheets(request: web.Request) -> web.Response:
    """GET /host/briefings/{id}/join-sheets?site=: with its time and the numbers called."""
    briefing = request.match_info["id"]
    state = await request.app[SERVICES].sessions.state(briefing)
    about = {
        "title": state.title,
        "document_number": state.document_number,
        "starts": None if state.starts_at_ms is None else _moment(request.app[SERVICES], state.starts_at_ms),
    }
    return await _render(request, tuple(state.sites.values()), about, f"/host/briefings/{briefing}")


async def _render(
    request: web.Request, sites: tuple[Summoned, ...], about: dict[str, Any] | None, back: str
) -> web.Response:
    services, only = request.app[SERVICES], request.query.get("site")
    wanted = [site for site in sites if only in (None, site.code)]
    if not wanted:
        raise BadRequest("unknown_site", site=only)
    printed = await services.read(_printed, services, wanted)
    paper, today = letterhead.of(services.config), local_time(clock.now().utc_ms, services.config.server.zone)
    return request.app[PAGES].render(
        request, "join_sheets.html", sheets=printed, about=about, paper=paper, back=back,
        today=long_day(today), hub=services.config.hub,
    )  # fmt: skip


def _printed(services: Services, sites: list[Summoned]) -> list[dict[str, Any]]:
    """What stands on each sheet; blocks (links are read from the store)."""
    found = []
    for site in sites:
        url = services.links.url_for(site.code)
        found.append({"site": site, "url": url, "qr": qr_code(url)})
    return found


def _moment(services: Services, utc_ms: int) -> str:
    at = local_time(utc_ms, services.config.server.zone)
    return f"{at:%H} giờ {at:%M}, {_DAYS[at.weekday()]}, {at.day}/{at.month}/{at.year}"


async def help_page(request: web.Request) -> web.Response:
    """GET /help."""
    return request.app[PAGES].render(request, "help.html", hub_phone=request.app[SERVICES].config.hub.phone)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/host/join-sheets", STEER, sheets),
    Route("GET", "/host/briefings/{id}/join-sheets", STEER, briefing_sheets),
    Route("GET", "/help", PUBLIC, help_page),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
