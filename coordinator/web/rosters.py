"""Rosters over HTTP: names in, ticks by the operator, and check-in by the code on the room's screen.

Rule 1: an operator sees its own site's people only; the check-in page shows no names but the one just typed.
Rule 2: what is ticked or accepted makes a number for the operator to send; nothing is declared by itself.
Rule 3: check-in is open while the briefing is on line, and limited for each code.
"""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

import segno
from aiohttp import web

from coordinator import clock
from coordinator.domain.state import ON_LINE
from coordinator.storage import rosters
from coordinator.web import access, answers, bodies, roster_file
from coordinator.web.access import EVERYONE, KEEP, OPERATOR, WHO, Route, add_guarded
from coordinator.web.errors import BadRequest
from coordinator.web.pages import PAGES
from coordinator.web.throttle import Bucket

CHECK_INS_A_SECOND, BURST = 2.0, 150.0  # a full room may come at once
BUCKETS: web.AppKey[dict[str, Bucket]] = web.AppKey("check-in limits", dict[str, Bucket])


def _own(request: web.Request) -> str:
    """The site in the path. Raises BadRequest: forbidden, unknown_site."""
    who, code = request[WHO], request.match_info["code"]
    if who.role == OPERATOR and who.site != code:
        raise BadRequest("forbidden")
    if answers.services_of(request).config.site(code) is None:
        raise BadRequest("unknown_site", site=code)
    return code


async def show(request: web.Request) -> web.Response:
    """GET /api/sites/{code}/roster."""
    services, code = answers.services_of(request), _own(request)
    people = await services.read(rosters.roster, services.reader, code)
    return web.json_response([asdict(person) for person in people])


async def preview(request: web.Request) -> web.Response:
    """POST /api/sites/{code}/roster: what PUT would take in, as it would be numbered; nothing is kept."""
    people = await _given(request)
    found = [rosters.Person(number, *person) for number, person in enumerate(people, start=1)]
    return web.json_response([asdict(person) for person in found])


async def _given(request: web.Request) -> list[tuple[str, str]]:
    """The people in the body. Raises BadRequest: too_large, roster_too_long and what roster_file tells."""
    services, _ = answers.services_of(request), _own(request)
    if (request.content_length or 0) > roster_file.MOST_BYTES:
        raise BadRequest("too_large", limit=roster_file.MOST_BYTES)
    people = await services.read(roster_file.read, await request.read())
    if len(people) > rosters.MOST_PEOPLE:
        raise BadRequest("roster_too_long", most=rosters.MOST_PEOPLE)
    return people


async def put(request: web.Request) -> web.Response:
    """PUT /api/sites/{code}/roster: the body is the file, or the pasted cells as text."""
    services, code = answers.services_of(request), _own(request)
    await services.write(rosters.replace, services.store, code, await _given(request))
    return await show(request)


async def attendees(request: web.Request) -> web.Response:
    """GET …/attendees: who is ticked or has checked in, and how many count."""
    services, code = answers.services_of(request), _own(request)
    briefing = request.match_info["id"]
    await answers.site_of(services, briefing, code)
    found = await services.read(rosters.attendees, services.reader, briefing, code)
    people = [_attendee(one) for one in found]
    return web.json_response({"present": sum(one.state == "present" for one in found), "attendees": people})


def _attendee(one: rosters.Attendee) -> dict[str, Any]:
    values = asdict(one)
    return values | {"at": answers.rfc3339(values.pop("at_ms"))}


async def tick(request: web.Request) -> web.Response:
    """PUT …/attendees {present: [numbers of the roster]}: exactly these are there."""
    services, code = answers.services_of(request), _own(request)
    body = await bodies.read_json(request)
    numbers = body.required("present")
    body.done()
    if not isinstance(numbers, list):
        raise bodies.bad("present", "not_a_list")
    chosen = [bodies.clean_number("present", number) for number in numbers]
    briefing = request.match_info["id"]
    await answers.site_of(services, briefing, code)
    await services.write(rosters.tick, services.store, briefing, code, chosen, clock.now().utc_ms)
    return await attendees(request)


async def decide(request: web.Request) -> web.Response:
    """POST …/attendees/{person} {accepted}: the operator lets a check-in count, or not."""
    services, code = answers.services_of(request), _own(request)
    body = await bodies.read_json(request)
    accepted = bodies.maybe_bool("accepted", body.required("accepted"))
    body.done()
    person, briefing = request.match_info["person"], request.match_info["id"]
    if not (person.isascii() and person.isdigit() and len(person) < 12):
        raise BadRequest("not_found")
    await services.write(rosters.answer, services.store, briefing, code, int(person), accepted is True)
    return await attendees(request)


async def check_in_code(request: web.Request) -> web.Response:
    """POST …/check-in: {url, svg}, for the room's screen."""
    services, code = answers.services_of(request), _own(request)
    briefing = request.match_info["id"]
    await answers.site_of(services, briefing, code)
    token = await services.write(rosters.code_for, services.store, briefing, code)
    url = f"{access.origin(request)}/checkin/{token}"
    drawn = io.BytesIO()
    segno.make(url, error="m").save(drawn, kind="svg", scale=8, border=3, xmldecl=False)
    return web.json_response({"url": url, "svg": drawn.getvalue().decode()}, status=201)


async def office_page(request: web.Request) -> web.Response:
    """GET /staff/rosters: the lists of all sites, and a new one from a file or pasted cells."""
    who = await access.require(request, *KEEP)
    services, pages = answers.services_of(request), request.app[PAGES]
    sites, read = services.config.sites, services.read
    counts = {site.code: len(await read(rosters.roster, services.reader, site.code)) for site in sites}
    values: dict[str, Any] = {"who": who, "section": "staff", "sites": sites, "counts": counts}
    values["page_data"] = pages.data(request, services.config, contacts=False)
    return pages.render(request, "rosters.html", **values)


async def check_in_page(request: web.Request) -> web.Response:
    """GET /checkin/{token}: the form for a telephone."""
    return await _page(request, "")


async def check_in(request: web.Request) -> web.Response:
    """POST /checkin/{token}: name and post of somebody in the room; the operator accepts."""
    token, services = request.match_info["token"], answers.services_of(request)
    briefing, site = await _place(request)
    bucket = request.app[BUCKETS].setdefault(token, Bucket(CHECK_INS_A_SECOND, BURST))
    if not bucket.take(clock.now().mono_ms / 1000):
        raise BadRequest("too_many_attempts", retry_after_s=5)
    form = await request.post()
    name = bodies.clean_text("name", form.get("name"), 100)
    post = str(form.get("post") or "").strip()
    post = bodies.clean_text("post", post, 100) if post else ""
    at_ms = clock.now().utc_ms
    await services.write(rosters.check_in, services.store, briefing, site, name, post, at_ms)
    return await _page(request, name)


async def _place(request: web.Request) -> tuple[str, str]:
    """Where the code leads. Raises BadRequest: not_found (no such code, or the briefing is not on line)."""
    services, token = answers.services_of(request), request.match_info["token"]
    place = await services.read(rosters.place_of, services.reader, token[:40])
    if place is None or (await services.sessions.snapshot(place[0]))["phase"] not in ON_LINE:
        raise BadRequest("not_found")
    return place


async def _page(request: web.Request, name: str) -> web.Response:
    services = answers.services_of(request)
    briefing, code = await _place(request)
    snapshot, site = await services.sessions.snapshot(briefing), services.config.site(code)
    values = {"title": snapshot["title"], "site_name": site.name if site else code, "name": name}
    return request.app[PAGES].render(request, "checkin.html", **values)


_SITE = "/api/briefings/{id}/sites/{code}"
ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/sites/{code}/roster", EVERYONE, show),
    Route("POST", "/api/sites/{code}/roster", KEEP, preview),
    Route("PUT", "/api/sites/{code}/roster", KEEP, put),
    Route("GET", f"{_SITE}/attendees", EVERYONE, attendees),
    Route("PUT", f"{_SITE}/attendees", EVERYONE, tick),
    Route("POST", f"{_SITE}/attendees/{{person}}", EVERYONE, decide),
    Route("POST", f"{_SITE}/check-in", EVERYONE, check_in_code),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES and the check-in page, which is for whoever sees the code."""
    app[BUCKETS] = {}
    add_guarded(app, ROUTES)
    app.router.add_get("/staff/rosters", office_page)
    app.router.add_get("/checkin/{token}", check_in_page)
    app.router.add_post("/checkin/{token}", check_in)
