"""Coming in and going out: people by name and password, sites by their link.

Rule 1: the link's secret is in one address only, /join; from there on a cookie stands for it.
Rule 2: where a log-in leads is a path of our own, never somebody else's page.
Rule 3: passwords are checked two at a time: each takes 19 MB and a core for 30 ms.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from aiohttp import web

from coordinator.domain.commands import Actor
from coordinator.domain.errors import Refusal
from coordinator.web import access, errors, pages
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES

LIMIT_BYTES = 8 * 1024
READ_WITHIN_S = 20.0
_PLACES: web.AppKey[asyncio.Semaphore] = web.AppKey("log-ins at a time", asyncio.Semaphore)
_HOME = {"host": "/host", "admin": "/host", "staff": "/staff"}


async def log_in(request: web.Request) -> web.StreamResponse:
    """POST /login: the form's name, password and (maybe) next."""
    access.check_origin(request)
    if (request.content_length or 0) > LIMIT_BYTES:
        raise BadRequest("too_large", limit=LIMIT_BYTES)
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            form = await request.post()
    except TimeoutError:
        raise BadRequest("not_understood", status=408) from None
    services = request.app[SERVICES]
    name, password, wanted = (_text(form.get(field)) for field in ("name", "password", "next"))
    try:
        async with request.app[_PLACES]:
            actor: Actor = await services.read(
                services.accounts.log_in, name, password, request.remote or "?"
            )
    except Refusal as problem:
        return _refused(request, problem)
    old = request.cookies.get(access.SESSION_COOKIE)
    if old:
        await services.write(services.cookies.close, old)
    secret = await services.write(services.cookies.open, actor)
    response = web.Response(status=303, headers={"Location": _own_path(wanted) or _HOME[actor.role]})
    access.set_cookie(request, response, access.SESSION_COOKIE, secret)
    return response


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _own_path(wanted: str) -> str | None:
    """`wanted` if it is a path on this server, else None."""
    parts = urlsplit(wanted)
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if safe and not parts.scheme and not parts.netloc and "\\" not in wanted else None


def _refused(request: web.Request, problem: Refusal) -> web.StreamResponse:
    status = errors.status_of(problem)
    message = errors.sentence(problem, pages.language_of(request))
    response = pages.render_login(request, status, problem.code, message)
    if "retry_after_s" in problem.details:
        response.headers["Retry-After"] = str(problem.details["retry_after_s"])
    return response


async def log_out(request: web.Request) -> web.StreamResponse:
    """POST /logout."""
    access.check_origin(request)
    secret = request.cookies.get(access.SESSION_COOKIE)
    if secret:
        services = request.app[SERVICES]
        await services.write(services.cookies.close, secret)
    response = web.Response(status=303, headers={"Location": "/"})
    response.del_cookie(access.SESSION_COOKIE, path="/")
    return response


async def join(request: web.Request) -> web.StreamResponse:
    """GET /join/{code}?k=<secret>: the site's link; sets the cookie and leads to /site."""
    services, code = request.app[SERVICES], request.match_info["code"]
    secret = request.query.get("k", "")
    right = bool(secret) and await services.read(services.links.check, code, secret)
    if not right or services.config.site(code) is None:
        raise BadRequest("wrong_link")
    response = web.Response(status=303, headers={"Location": "/site", "Referrer-Policy": "no-referrer"})
    known = [one for one in await access.identities(request) if one.site == code]
    if not known:
        cookie = await services.write(services.cookies.open, Actor(f"site:{code}", access.OPERATOR, code))
        access.set_cookie(request, response, access.SITE_COOKIE, cookie)
    return response


async def _make_places(app: web.Application) -> None:
    app[_PLACES] = asyncio.Semaphore(2)


def add_routes(app: web.Application) -> None:
    """Adds /login, /logout and /join."""
    app.on_startup.append(_make_places)
    app.router.add_post("/login", log_in)
    app.router.add_post("/logout", log_out)
    app.router.add_get("/join/{code}", join)
