"""The agenda over HTTP: written whole, and gone through item by item."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from coordinator.domain.agenda import LONGEST_ITEM, MOST_ITEMS, MOST_MINUTES
from coordinator.domain.commands import Command, MoveAgenda, SetAgenda
from coordinator.domain.events import AgendaItem
from coordinator.web import answers, bodies
from coordinator.web.access import STEER, WHO, Route, add_guarded


async def write(request: web.Request) -> web.Response:
    """PUT …/agenda {items: [{title, minutes?, site?}]}."""
    body = await bodies.read_json(request)
    items = body.required("items")
    body.done()
    if not isinstance(items, list):
        raise bodies.bad("items", "not_a_list")
    if len(items) > MOST_ITEMS:
        raise bodies.bad("items", "too_long")
    return await _run(request, SetAgenda(tuple(_item(item) for item in items)))


def _item(value: Any) -> AgendaItem:
    if not isinstance(value, dict):
        raise bodies.bad("items", "not_an_object")
    said = bodies.Fields(value)
    item = AgendaItem(
        said.text("title", LONGEST_ITEM),
        said.maybe_number("minutes", MOST_MINUTES),
        said.maybe_text("site", 60),
    )
    said.done()
    return item


async def move(request: web.Request) -> web.Response:
    """POST …/agenda/step {item: number from 1, or null}: the briefing is there now."""
    body = await bodies.read_json(request)
    if not body.given("item"):
        raise bodies.bad("item", "missing")
    command = MoveAgenda(body.maybe_number("item", MOST_ITEMS))
    body.done()
    return await _run(request, command)


async def _run(request: web.Request, command: Command) -> web.Response:
    services, briefing = answers.services_of(request), request.match_info["id"]
    await services.sessions.run(briefing, command, request[WHO].actor)
    return web.json_response(await answers.whole(services, briefing))


_ONE = "/api/briefings/{id}/agenda"
ROUTES: tuple[Route, ...] = (
    Route("PUT", _ONE, STEER, write),
    Route("POST", f"{_ONE}/step", STEER, move),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
