"""Roll calls and what is written down after a briefing: make-up attendance, notes, sign-offs.

Rule 1: as in api.py: a handler reads, asks the sessions, and answers what is true afterwards.
Rule 2: an operator sees and signs its own site's line only.
"""

from __future__ import annotations

from aiohttp import web

from coordinator.domain import commands
from coordinator.domain.events import RollCallStarted, SiteCalled
from coordinator.domain.roll_call import LABELS, MODES
from coordinator.web import answers, attendance_json, bodies, downloads
from coordinator.web.access import EVERYONE, KEEP, OPERATOR, STEER, WHO, Route, add_guarded
from coordinator.web.errors import BadRequest

LONGEST_NOTE = 1_000


async def roll_call(request: web.Request) -> web.Response:
    """POST …/roll-calls {mode?, label?}: starts one."""
    body = await bodies.read_json(request)
    mode = body.choice("mode", MODES) if body.given("mode") else MODES[0]
    label = body.choice("label", LABELS) if body.given("label") else None
    body.done()
    services = answers.services_of(request)
    command = commands.StartRollCall(mode, label)
    recorded = await services.sessions.run(request.match_info["id"], command, request[WHO].actor)
    numbers = [one.event.roll_call for one in recorded if isinstance(one.event, RollCallStarted)]
    return web.json_response({"roll_call": numbers[-1]}, status=201)


async def call_next(request: web.Request) -> web.Response:
    """POST …/roll-calls/next {site?}: calls the next site that has not answered, or that one."""
    body = await bodies.read_json(request)
    site = body.maybe_text("site", 60)
    body.done()
    services, briefing = answers.services_of(request), request.match_info["id"]
    recorded = await services.sessions.run(briefing, commands.CallSite(site), request[WHO].actor)
    called = [one.event.site for one in recorded if isinstance(one.event, SiteCalled)]
    return web.json_response({"called": called[-1] if called else site})


async def make_up(request: web.Request) -> web.Response:
    """POST …/sites/{code}/made-up {persons, on, reason}."""
    body = await bodies.read_json(request)
    code = request.match_info["code"]
    command = commands.MakeUp(code, body.number("persons"), body.text("on", 10), body.text("reason", 300))
    body.done()
    return await _run_for_site(request, command, code)


async def note(request: web.Request) -> web.Response:
    """POST …/notes {site?, text, reason?}."""
    body = await bodies.read_json(request)
    command = commands.AddNote(
        body.maybe_text("site", 60),
        body.text("text", LONGEST_NOTE, lines=True),
        body.maybe_text("reason", 300),
    )
    body.done()
    services = answers.services_of(request)
    await services.sessions.run(request.match_info["id"], command, request[WHO].actor)
    return web.json_response({"noted": True}, status=201)


async def sign_off(request: web.Request) -> web.Response:
    """POST …/sites/{code}/sign-off {answer: right|wrong, remark?}: the operator answers for its own line."""
    code = _own(request)
    body = await bodies.read_json(request)
    command = commands.SignOff(code, body.text("answer", 20), body.maybe_text("remark", 500, lines=True))
    body.done()
    return await _run_for_site(request, command, code)


async def own_line(request: web.Request) -> web.Response:
    """GET …/sites/{code}/attendance: one site's line, for its own operator too."""
    services, code = answers.services_of(request), _own(request)
    told = await services.read(downloads.fold, services, request.match_info["id"])
    for site in attendance_json.of_attendance(told)["sites"]:
        if site["code"] == code:
            return web.json_response({"provisional": told.provisional, "head_hash": told.head_hash} | site)
    raise BadRequest("unknown_site", site=code)


async def _run_for_site(request: web.Request, command: commands.Command, code: str) -> web.Response:
    services, briefing = answers.services_of(request), request.match_info["id"]
    await answers.site_of(services, briefing, code)
    await services.sessions.run(briefing, command, request[WHO].actor)
    return web.json_response(await answers.site_of(services, briefing, code))


def _own(request: web.Request) -> str:
    """The site in the path. Raises BadRequest (forbidden): another site's operator asks."""
    who, code = request[WHO], request.match_info["code"]
    if who.role == OPERATOR and who.site != code:
        raise BadRequest("forbidden")
    return code


_ONE = "/api/briefings/{id}"
_SITE = f"{_ONE}/sites/{{code}}"
ROUTES: tuple[Route, ...] = (
    Route("POST", f"{_ONE}/roll-calls", STEER, roll_call),
    Route("POST", f"{_ONE}/roll-calls/next", STEER, call_next),
    Route("POST", f"{_ONE}/notes", KEEP, note),
    Route("POST", f"{_SITE}/made-up", KEEP, make_up),
    Route("POST", f"{_SITE}/sign-off", (OPERATOR,), sign_off),
    Route("GET", f"{_SITE}/attendance", EVERYONE, own_line),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
