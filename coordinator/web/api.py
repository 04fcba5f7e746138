"""The JSON API: briefings, their phases, the floor, the stage, roll calls and headcounts.

Rule 1: a handler reads, asks the sessions, and answers what is true afterwards; it decides nothing itself.
Rule 2: everything in a body is checked before anything is asked (`bodies`); nothing is half done.
Rule 3: every route stands in ROUTES with the roles it is for, and in openapi.py with what it takes and gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from aiohttp import web

from coordinator.config import Config
from coordinator.domain import commands
from coordinator.domain.commands import Command
from coordinator.domain.events import Summoned
from coordinator.web import answers, bodies, openapi
from coordinator.web.access import EVERYONE, KEEP, OPERATOR, PUBLIC, STEER, WHO, Route, add_guarded
from coordinator.web.errors import BadRequest
from coordinator.web.messages import headcount_values

KINDS = ("resolution", "class", "meeting")
LONGEST_TITLE = 300
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


async def create(request: web.Request) -> web.Response:
    """POST /api/briefings."""
    services = answers.services_of(request)
    body = await bodies.read_json(request)
    command = commands.Create(
        title=body.text("title", LONGEST_TITLE),
        kind=body.choice("kind", KINDS),
        sites=_summoned(body, services.config),
        document_number=body.maybe_text("document_number", 100),
        starts_at_ms=body.maybe_time("starts_at"),
    )
    body.done()
    made = await services.sessions.create(command, request[WHO].actor)
    return web.json_response(
        await answers.whole(services, made), status=201, headers={"Location": f"/api/briefings/{made}"}
    )


def _summoned(body: bodies.Fields, config: Config) -> tuple[Summoned, ...]:
    """The sites called, in the configuration's order, with the numbers expected this time."""
    codes, expected = _codes(body.take("sites"), config), body.take("expected")
    if expected is None:
        expected = {}
    if not isinstance(expected, dict):
        raise bodies.bad("expected", "not_an_object")
    for code in expected:
        if code not in codes:
            raise BadRequest("unknown_site", status=400, site=str(code)[:60])
    numbers = {code: bodies.clean_number(f"expected.{code}", number) for code, number in expected.items()}
    return tuple(_called(site.summoned(), numbers) for site in config.sites if site.code in codes)


def _codes(value: Any, config: Config) -> list[str]:
    known = [site.code for site in config.sites]
    if value is None:
        return known
    if not isinstance(value, list):
        raise bodies.bad("sites", "not_a_list")
    if not value:
        raise BadRequest("empty_sites")
    for number, code in enumerate(value):
        if code not in known:
            raise BadRequest("unknown_site", status=400, site=str(code)[:60])
        if code in value[:number]:
            raise BadRequest("duplicate_site", site=code)
    return value


def _called(site: Summoned, numbers: dict[str, int]) -> Summoned:
    expected = numbers.get(site.code, site.expected)
    members = site.expected_members
    if members is not None and members > expected:
        members = None  # the configured number cannot hold for fewer people: unknown, not wrong
    return Summoned(site.code, site.name, site.kind, expected, members, site.contact_name, site.contact_phone)


async def listing(request: web.Request) -> web.Response:
    """GET /api/briefings: the newest first."""
    services = answers.services_of(request)
    rows = await services.read(services.reader.briefings)
    return web.json_response([answers.line(row) for row in rows])


async def one(request: web.Request) -> web.Response:
    """GET /api/briefings/{id}."""
    return web.json_response(await answers.whole(answers.services_of(request), request.match_info["id"]))


async def _empty_body(request: web.Request) -> None:
    (await bodies.read_json(request)).done()


def phase_change(make: Callable[[Config], Command]) -> Callable[[web.Request], Any]:
    """The handler of one phase change; `make` builds its command."""

    async def change(request: web.Request) -> web.Response:
        await _empty_body(request)
        return await _run(request, make(answers.services_of(request).config))

    return change


async def _run(request: web.Request, command: Command) -> web.Response:
    """Runs a command and answers the briefing as it is then."""
    services, briefing = answers.services_of(request), request.match_info["id"]
    await services.sessions.run(briefing, command, request[WHO].actor)
    return web.json_response(await answers.whole(services, briefing))


async def _run_for_site(request: web.Request, command: Command) -> web.Response:
    """Runs a command about the site in the path and answers its entry as it is then."""
    services, briefing, code = answers.services_of(request), request.match_info["id"], _site(request)
    await answers.site_of(services, briefing, code)
    await services.sessions.run(briefing, command, request[WHO].actor)
    return web.json_response(await answers.site_of(services, briefing, code))


def _site(request: web.Request) -> str:
    return request.match_info["code"]


async def floor(request: web.Request) -> web.Response:
    """POST /api/briefings/{id}/floor: gives the floor to a site, or takes it back with null."""
    body = await bodies.read_json(request)
    if not body.given("site"):
        raise bodies.bad("site", "missing")
    code = body.take("site")
    body.done()
    command = commands.TakeFloor() if code is None else commands.GiveFloor(_code("site", code))
    return await _run(request, command)


async def stage(request: web.Request) -> web.Response:
    """POST /api/briefings/{id}/stage."""
    body = await bodies.read_json(request)
    left, right = _code("left", body.required("left")), body.take("right")
    body.done()
    return await _run(request, commands.SetStage(left, None if right is None else _code("right", right)))


async def slide(request: web.Request) -> web.Response:
    """POST /api/briefings/{id}/slide: the hub turned to this page; null shows none any more."""
    body = await bodies.read_json(request)
    if not body.given("slide"):
        raise bodies.bad("slide", "missing")
    number, document = body.maybe_number("slide", 10_000), body.maybe_text("document", 64)
    body.done()
    hide = number is None and document is None
    return await _run(request, commands.HideSlides() if hide else commands.ShowSlide(number or 1, document))


def _code(field: str, value: Any) -> str:
    text = bodies.clean_text(field, value, 60)
    if not _CODE.fullmatch(text):
        raise BadRequest("unknown_site", site=text)
    return text


async def headcount(request: web.Request) -> web.Response:
    """PUT …/headcount: by the site's own operator; by host or staff with a reason."""
    who, code = request[WHO], _site(request)
    if who.role == OPERATOR and who.site != code:
        raise BadRequest("forbidden")
    body = await bodies.read_json(request)
    values = headcount_values(body)
    values["reason"] = body.maybe_text("reason", 300)
    if who.role != OPERATOR and values["reason"] is None:
        raise bodies.bad("reason", "missing")
    body.done()
    return await _run_for_site(request, commands.DeclareHeadcount(code, **values))


async def confirm(request: web.Request) -> web.Response:
    """POST …/headcount/confirm."""
    await _empty_body(request)
    return await _run_for_site(request, commands.ConfirmHeadcount(_site(request)))


async def expected(request: web.Request) -> web.Response:
    """PUT …/expected: host or staff change the number called, with a reason."""
    body = await bodies.read_json(request)
    command = commands.ChangeExpected(
        _site(request),
        body.number("expected"),
        body.maybe_number("expected_members"),
        body.text("reason", 300),
    )
    body.done()
    return await _run_for_site(request, command)


async def phone(request: web.Request) -> web.Response:
    """POST …/phone: the site's presence was confirmed by telephone."""
    body = await bodies.read_json(request)
    command = commands.ConfirmByPhone(_site(request), body.text("name", 100), body.text("reason", 300))
    body.done()
    return await _run_for_site(request, command)


async def lower_hand(request: web.Request) -> web.Response:
    """POST …/hand/lower: the host lowers a site's hand."""
    await _empty_body(request)
    return await _run_for_site(request, commands.LowerHand(_site(request)))


async def description(request: web.Request) -> web.Response:
    """GET /api/openapi.json."""
    return web.json_response(openapi.document(answers.services_of(request).version))


_ONE = "/api/briefings/{id}"
_SITE = f"{_ONE}/sites/{{code}}"
ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/openapi.json", PUBLIC, description),
    Route("POST", "/api/briefings", STEER, create),
    Route("GET", "/api/briefings", KEEP, listing),
    Route("GET", _ONE, KEEP, one),
    Route("POST", f"{_ONE}/open", STEER, phase_change(lambda config: commands.Open())),
    Route(
        "POST",
        f"{_ONE}/start",
        STEER,
        phase_change(lambda config: commands.Start(config.attendance.thresholds)),
    ),
    Route("POST", f"{_ONE}/break", STEER, phase_change(lambda config: commands.Break())),
    Route("POST", f"{_ONE}/resume", STEER, phase_change(lambda config: commands.Resume())),
    Route("POST", f"{_ONE}/end", STEER, phase_change(lambda config: commands.End())),
    Route("POST", f"{_ONE}/cancel", STEER, phase_change(lambda config: commands.Cancel())),
    Route("POST", f"{_ONE}/floor", STEER, floor),
    Route("POST", f"{_ONE}/stage", STEER, stage),
    Route("POST", f"{_ONE}/slide", STEER, slide),
    Route("PUT", f"{_SITE}/headcount", EVERYONE, headcount),
    Route("POST", f"{_SITE}/headcount/confirm", KEEP, confirm),
    Route("PUT", f"{_SITE}/expected", KEEP, expected),
    Route("POST", f"{_SITE}/phone", KEEP, phone),
    Route("POST", f"{_SITE}/hand/lower", STEER, lower_hand),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
