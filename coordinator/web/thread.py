"""Messages over HTTP: the hub's whole thread, or what concerns one site. A site writes on its control socket.

Rule 1: snapshots only count the messages; a page that sees a new count fetches them here.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from coordinator.domain.commands import SendMessage
from coordinator.domain.showing import LONGEST_MESSAGE
from coordinator.domain.state import Message
from coordinator.web import answers, bodies
from coordinator.web.access import EVERYONE, STEER, WHO, Route, add_guarded
from coordinator.web.documents import state_for
from coordinator.web.keys import SERVICES

MOST_TOLD = 200  # the newest; the log has them all


async def listing(request: web.Request) -> web.Response:
    """GET …/messages: oldest first."""
    return web.json_response(await _thread(request))


async def write(request: web.Request) -> web.Response:
    """POST …/messages: to one site, or to all with null."""
    body = await bodies.read_json(request)
    site = body.maybe_text("site", 60)
    command = SendMessage(site, body.text("text", LONGEST_MESSAGE))
    body.done()
    await request.app[SERVICES].sessions.run(request.match_info["id"], command, request[WHO].actor)
    return web.json_response(await _thread(request), status=201)


async def _thread(request: web.Request) -> list[dict[str, Any]]:
    state, site = await state_for(request), request[WHO].site
    found = state.messages if site is None else state.thread(site)
    return [_line(one) for one in found[-MOST_TOLD:]]


def _line(message: Message) -> dict[str, Any]:
    return {
        "number": message.number,
        "at": answers.rfc3339(message.at.utc_ms),
        "site": message.site,
        "text": message.text,
        "to_hub": message.to_hub,
    }


_ALL = "/api/briefings/{id}/messages"
ROUTES: tuple[Route, ...] = (
    Route("GET", _ALL, EVERYONE, listing),
    Route("POST", _ALL, STEER, write),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
