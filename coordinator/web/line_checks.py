"""The line check over HTTP: a private room to hear oneself in, bytes to time, and the figures to keep.

Rule 1: a site checks in any phase, days before too; its room is its own and touches no briefing's.
Rule 2: the figures go to the briefing that the site's link leads to; where there is none they are judged, and
not kept.
"""

from __future__ import annotations

import os
from typing import Any

from aiohttp import web

from coordinator.domain import checking
from coordinator.domain.commands import ReportLineCheck
from coordinator.domain.errors import MediaError
from coordinator.domain.grants import Grants
from coordinator.hall import new_id
from coordinator.media import browser_url
from coordinator.web import access, bodies
from coordinator.web.access import OPERATOR, STEER, WHO, Route, add_guarded
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES

MOST_BYTES = 2 * 1024 * 1024
_ROOM = "check-"
_SENDS, _HEARS = Grants(frozenset({"microphone"}), False), Grants(frozenset(), True)
_NOISE = os.urandom(MOST_BYTES)  # does not shrink on the way
_MOST = 2**53


async def room(request: web.Request) -> web.Response:
    """POST /api/line-check/room: where and with which tokens to send and to hear oneself.

    Raises:
        MediaError: media_down, media_failed, media_timeout.
    """
    services, site = request.app[SERVICES], str(request[WHO].site)
    media, name = services.media, _ROOM + site
    if media.url is None:
        raise MediaError("media_down")
    await media.ensure_room(name)
    url = browser_url(media.outside_url, services.config.server.public_url, access.origin(request))
    tokens = {
        what: media.token(name, f"{site}:{new_id(10)}", grants)
        for what, grants in (("send", _SENDS), ("hear", _HEARS))
    }
    return web.json_response({"url": url, **tokens})


async def download(request: web.Request) -> web.Response:
    """GET /api/line-check/bytes?n=: that many bytes."""
    asked = request.query.get("n", "")
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked) <= MOST_BYTES:
        raise BadRequest("bad_query", field="n", problem="out_of_range")
    return web.Response(body=_NOISE[: int(asked)], content_type="application/octet-stream")


async def upload(request: web.Request) -> web.Response:
    """POST /api/line-check/bytes: takes bytes and forgets them."""
    taken = 0
    async for part in request.content.iter_any():
        taken += len(part)
        if taken > MOST_BYTES:
            raise BadRequest("too_large", limit=MOST_BYTES)
    return web.json_response({"bytes": taken})


async def report(request: web.Request) -> web.Response:
    """POST /api/line-checks: the figures; answers the verdict and the briefing that keeps them, or null."""
    services, who = request.app[SERVICES], request[WHO]
    command = _measured(await bodies.read_json(request), str(who.site), access.device(request))
    found = await services.sessions.live_for(command.site)
    if found:
        await services.sessions.run(found[0], command, who.actor)
    return web.json_response(
        {"verdict": checking.verdict(command), "briefing": found[0] if found else None}, status=201
    )


def _measured(body: bodies.Fields, site: str, device: str) -> ReportLineCheck:
    said: dict[str, Any] = {
        name: bodies.maybe_bool(name, body.take(name)) for name in ("sound", "picture", "speakers")
    }
    said |= {name: body.maybe_number(name, _MOST) for name in ("rtt_ms", "rate_bps", "up_bps", "jitter_ms")}
    said |= {name: body.maybe_text(name, 120) for name in ("camera", "microphone", "operator")}
    loss, route, echo = body.take("loss"), body.take("route"), body.take("echo")
    body.done()
    if loss is not None and (isinstance(loss, bool) or not isinstance(loss, int | float)):
        raise bodies.bad("loss", "not_a_number")
    if loss is not None and not 0 <= loss <= 1:
        raise bodies.bad("loss", "out_of_range")
    if route not in (None, *checking.ROUTES):
        raise bodies.bad("route", "not_a_choice")
    if echo not in (None, *checking.ECHOES):
        raise bodies.bad("echo", "not_a_choice")
    return ReportLineCheck(site, loss=loss, route=route, echo=echo, device=device, **said)


async def ask(request: web.Request) -> web.Response:
    """POST /api/briefings/{id}/line-checks/ask {site?}: the sites whose pages were asked to measure now."""
    body = await bodies.read_json(request)
    site = body.maybe_text("site", 60)
    body.done()
    asked = await request.app[SERVICES].sessions.ask_to_measure(request.match_info["id"], site)
    return web.json_response({"asked": asked})


_ONLY = (OPERATOR,)
ROUTES: tuple[Route, ...] = (
    Route("POST", "/api/line-check/room", _ONLY, room),
    Route("GET", "/api/line-check/bytes", _ONLY, download),
    Route("POST", "/api/line-check/bytes", _ONLY, upload),
    Route("POST", "/api/line-checks", _ONLY, report),
    Route("POST", "/api/briefings/{id}/line-checks/ask", STEER, ask),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
