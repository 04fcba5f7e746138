"""What the browser and programs talk to: pages, the JSON API, the control socket, downloads, the relay's
front.

Handlers are thin: they find out who asks (`access`), read what is asked (`bodies`, `messages`), let the
sessions or the log answer, and leave every error to `middleware`.
"""

from __future__ import annotations

from aiohttp import web

from coordinator.services import Services
from coordinator.web import (
    agenda,
    api,
    diary,
    documents,
    downloads,
    health,
    join_pages,
    keeping,
    line_checks,
    login,
    middleware,
    pages,
    participation,
    print_pages,
    proxy,
    rosters,
    socket,
    thread,
    webhooks,
)
from coordinator.web.keys import SERVICES
from coordinator.web.middleware import AccessLogger

MOST_BYTES = 1024 * 1024  # the relay's requests; everything else has a smaller limit of its own


def build_app(services: Services) -> web.Application:
    """The web application around the running server's parts; to be served with `AccessLogger`."""
    app = web.Application(middlewares=[middleware.answer_errors], client_max_size=MOST_BYTES)
    app[SERVICES] = services
    app.on_response_prepare.append(middleware.add_headers)
    for part in (api, agenda, diary, keeping, rosters, documents, thread, downloads, participation, health):
        part.add_routes(app)
    for part in (line_checks, login, socket, webhooks, proxy):
        part.add_routes(app)
    for pages_part in (pages, print_pages, join_pages):
        pages_part.add_routes(app)
    return app


__all__ = ["MOST_BYTES", "SERVICES", "AccessLogger", "build_app"]
