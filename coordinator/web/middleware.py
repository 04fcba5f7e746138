"""What surrounds every request: errors told in one shape, security headers, size limits, a log without
secrets.

Rule 1: an error under /api is `{code, message}`, anywhere else a page; the status is the error's own.
Rule 2: an unforeseen exception is a 500 without a word about its inside; the inside goes to the server's log.
Rule 3: link secrets, media tokens and one-time parameters never reach a log (`redacted`).
Rule 4: the headers hold for every answer, errors, files and sockets included; what a page is made of takes
those that concern it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from coordinator.domain.errors import CoordinatorError
from coordinator.web import error_page, errors, pages
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_JSON_PATHS = ("/api/", "/rtc", "/twirp/", "/webhooks/", "/ws", "/healthz", "/metrics")
_SECRET = re.compile(r"(?i)([?&;](?:k|access_token|join_request|token|password|secret|key)=)[^&;#\s]*")
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
_CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
    " media-src 'self' blob:; worker-src 'self' blob:; connect-src {connect};"
    " object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self),"
    " autoplay=(self), geolocation=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_log = logging.getLogger(__name__)


def redacted(target: str) -> str:
    """A path and query fit for a log: without secret parameters and what looks like a token."""
    return _JWT.sub("…", _SECRET.sub(r"\1…", target))


class AccessLogger(AbstractAccessLogger):
    """One line a request: who from, what, how it went, how long; no headers, no cookies, no secrets."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        self.logger.info(
            '%s "%s %s" %d %.0f ms',
            request.remote,
            request.method,
            redacted(request.path_qs),
            response.status,
            time * 1000,
        )


def wants_json(request: web.BaseRequest) -> bool:
    """Whether a machine asked: by the path, or because a script says that it takes JSON only."""
    return request.path.startswith(_JSON_PATHS) or request.headers.get("Accept") == "application/json"


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every error into the answer that its reader understands."""
    try:
        return await handler(request)
    except web.HTTPException as problem:
        if problem.status < 400:
            raise
        headers = {"Allow": problem.headers["Allow"]} if "Allow" in problem.headers else {}
        return _answer(request, errors.of_http(problem), headers)
    except CoordinatorError as problem:
        return _answer(request, problem)
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception:
        number = secrets.token_hex(4)
        _log.exception("%s %s failed (%s)", request.method, redacted(request.path_qs), number)
        return _answer(request, BadRequest("internal", number=number))


def _answer(
    request: web.Request, problem: CoordinatorError, headers: dict[str, str] | None = None
) -> web.StreamResponse:
    status = errors.status_of(problem)
    is_json = wants_json(request)
    words = errors.catalogue_of(request) if is_json else pages.language_of(request)
    message = errors.sentence(problem, words)
    headers = dict(headers or {})
    if status == 401 and "Authorization" in request.headers:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after_s" in problem.details:
        headers["Retry-After"] = str(problem.details["retry_after_s"])
    if is_json:
        body = {"code": problem.code, "message": message}
        return web.json_response(body, status=status, headers=headers)
    if problem.code == "login_needed" and request.method == "GET":
        return web.Response(status=303, headers={"Location": "/"})
    response = error_page.render(request, status, problem.code, message)
    response.headers.update(headers)
    return response


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler for every answer: the security headers, where the handler set none of its own."""
    response.headers["Server"] = "coordinator"
    if request.path.startswith("/static/"):  # the rest concerns pages, and weighs as much as a script
        for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy"):
            response.headers.setdefault(name, _HEADERS[name])
        return
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Content-Security-Policy", _CSP.format(connect=_connect(request)))
    # same-origin, not no-referrer: with the latter browsers send forms with "Origin: null", which the check
    # of # the origin has to refuse. The one address with a secret in it, /join, sets no-referrer itself.
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cache-Control", "no-store")
    if request.secure:
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000")


def _connect(request: web.Request) -> str:
    """Where scripts may connect: here (sockets named for older browsers), and to an outside LiveKit."""
    services = request.app[SERVICES]
    host = request.host if re.fullmatch(r"[\w.:\[\]-]+", request.host) else ""
    sources = ["'self'", *([f"ws://{host}", f"wss://{host}"] if host else [])]
    if services.media.outside_url:
        outside = urlsplit(services.media.outside_url).netloc
        sources += [f"wss://{outside}", f"ws://{outside}", f"https://{outside}", f"http://{outside}"]
    return " ".join(sources)
