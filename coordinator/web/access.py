"""Who is asking, and may they: accounts by cookie or API token, sites by their link's cookie.

Rule 1: every route names the roles it is for; who holds none of them gets 401 (holds nothing) or 403.
Rule 2: cookies are HttpOnly and SameSite=Lax, Secure on https; a changing request that is let in by a cookie
must come from our own origin. An Authorization header is never mixed with cookies.
Rule 3: nothing is remembered here: each request and each ping looks again, so that a rotated link or a
removed account ends at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from urllib.parse import urlsplit

from aiohttp import web

from coordinator.domain.commands import Actor
from coordinator.web import agents
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES, Services

SESSION_COOKIE = "coordinator_session"
SITE_COOKIE = "coordinator_site"
OPERATOR, HOST, STAFF, ADMIN = "operator", "host", "staff", "admin"
STEER = (HOST, ADMIN)  # runs the briefing
KEEP = (HOST, STAFF, ADMIN)  # reads it, and keeps its figures
EVERYONE = (OPERATOR, HOST, STAFF, ADMIN)
PUBLIC: tuple[str, ...] = ()
_SAFE = ("GET", "HEAD", "OPTIONS")
_COOKIE_DAYS = {SESSION_COOKIE: 1, SITE_COOKIE: 30}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks. `role`: operator | host | staff | admin; `site` for operators only; `secret`: what it was
    proved by.

    `by`: session | site | token.
    """

    role: str
    name: str
    site: str | None
    by: str
    secret: str

    @property
    def actor(self) -> Actor:
        """As the domain and the log know it; the name is an account's, or "site:<code>"."""
        return Actor(self.name, self.role, self.site)

    def __repr__(self) -> str:
        return f"Identity({self.role}, {self.name})"


@dataclass(frozen=True, slots=True)
class Route:
    """One call: `roles` PUBLIC for everybody."""

    method: str
    path: str
    roles: tuple[str, ...]
    handler: Handler


WHO: web.RequestKey[Identity] = web.RequestKey("identity", Identity)


def add_guarded(app: web.Application, routes: tuple[Route, ...]) -> None:
    """Adds routes, each behind the check of its roles."""
    for route in routes:
        app.router.add_route(route.method, route.path, guarded(route))


def guarded(route: Route) -> Handler:
    """The handler, behind the check of its roles."""

    @wraps(route.handler)
    async def checked(request: web.Request) -> web.StreamResponse:
        if route.roles:
            request[WHO] = await require(request, *route.roles)
        return await route.handler(request)

    return checked


async def identities(request: web.Request) -> list[Identity]:
    """All that the request proves: an API token alone, else the account and the site its cookies stand for.

    Raises:
        BadRequest: login_needed, where an Authorization header is no token of ours.
    """
    services = request.app[SERVICES]
    header = request.headers.get("Authorization")
    if header is not None:
        scheme, _, secret = header.partition(" ")
        found = await _proved(services, "token", secret.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            raise BadRequest("login_needed")
        return [found]
    tried = [
        await _proved(services, by, request.cookies[cookie])
        for by, cookie in (("session", SESSION_COOKIE), ("site", SITE_COOKIE))
        if request.cookies.get(cookie)
    ]
    return [identity for identity in tried if identity is not None]


async def require(request: web.Request, *roles: str) -> Identity:
    """The identity that may do this.

    Raises:
        BadRequest: login_needed, wrong_link (a site's link that holds no more), forbidden, foreign_origin.
    """
    found = await identities(request)
    allowed = [one for one in found if one.role in roles]
    if not allowed:
        raise BadRequest("forbidden" if found else stale_code(request) or "login_needed")
    if allowed[0].by != "token" and request.method not in _SAFE:
        check_origin(request)
    return allowed[0]


def stale_code(request: web.Request) -> str | None:
    """Why cookies that prove nothing are there: wrong_link, login_needed; None where there are none."""
    if request.cookies.get(SESSION_COOKIE):
        return "login_needed"
    return "wrong_link" if request.cookies.get(SITE_COOKIE) else None


async def still_holds(services: Services, who: Identity) -> bool:
    """Whether what proved the identity still proves it."""
    return await _proved(services, who.by, who.secret) == who


async def _proved(services: Services, by: str, secret: str) -> Identity | None:
    """The identity behind a session cookie, a site's cookie or an API token; None where it proves nothing."""
    if not secret or len(secret) > 200:
        return None
    if by == "token":
        actor = await services.read(services.accounts.by_token, secret)
    else:
        actor = await services.read(services.cookies.find, secret)
    if actor is None or (actor.site is None) == (by == "site"):
        return None
    if actor.site is not None and services.config.site(actor.site) is None:
        return None
    return Identity(actor.role, actor.name, actor.site, by, secret)


# origins


def own_host(request: web.BaseRequest) -> str:
    """Host and port that the client called."""
    return request.host.lower()


def origin(request: web.BaseRequest) -> str:
    """Scheme and host that the client called, "https://hop.example.vn"; behind a TLS proxy by
    `public_url`."""
    public = request_public_url(request)
    if public and urlsplit(public).netloc.lower() == own_host(request):
        return public
    return f"{'https' if request.secure else 'http'}://{own_host(request)}"


def request_public_url(request: web.BaseRequest) -> str | None:
    """The configured address of this server, or None."""
    assert isinstance(request, web.Request)
    url: str | None = request.app[SERVICES].config.server.public_url
    return url


def check_origin(request: web.Request) -> None:
    """Refuses what another site's page makes a browser send (CSRF, cross-site WebSocket hijacking).

    Browsers name the origin of every WebSocket and of every request that changes something; a client that
    names none is no browser, and nobody's cookies are borrowed by it.

    Raises:
        BadRequest: foreign_origin.
    """
    named = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if site not in ("same-origin", "none"):
        raise BadRequest("foreign_origin")
    if named is not None and named.lower() not in _own_origins(request):
        raise BadRequest("foreign_origin")


def _own_origins(request: web.Request) -> set[str]:
    """Our own origins. Both schemes of the host called: what ends TLS in front of us we cannot see."""
    host = own_host(request)
    public = request_public_url(request)
    return {f"http://{host}", f"https://{host}", *([public.lower()] if public else [])}


# cookies


def set_cookie(request: web.Request, response: web.StreamResponse, name: str, value: str) -> None:
    """Sets SESSION_COOKIE or SITE_COOKIE as they have to be set."""
    secure = request.app[SERVICES].secure_cookies or origin(request).startswith("https:")
    response.set_cookie(
        name,
        value,
        max_age=_COOKIE_DAYS[name] * 86_400,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=secure,
    )


def device(request: web.Request) -> str:
    """Browser and system in a few words, from the User-Agent."""
    return agents.short(request.headers.get("User-Agent", ""))
