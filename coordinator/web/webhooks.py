"""News of the media server: LiveKit's webhooks, signed with our keys.

Rule 1: a webhook is believed only with our key's signature over this very body; anything else is a 401.
Rule 2: it is a hint to look again, never a fact of the attendance: the room is reconciled with the server's
own list.
"""

from __future__ import annotations

import logging

from aiohttp import web
from livekit import api

from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES

LIMIT_BYTES = 256 * 1024

_log = logging.getLogger(__name__)


async def livekit_webhook(request: web.Request) -> web.Response:
    """POST /webhooks/livekit."""
    services = request.app[SERVICES]
    raw = await request.content.read(LIMIT_BYTES + 1)
    while len(raw) <= LIMIT_BYTES and not request.content.at_eof():
        raw += await request.content.read(LIMIT_BYTES + 1 - len(raw))
    if len(raw) > LIMIT_BYTES:
        raise BadRequest("too_large", limit=LIMIT_BYTES)
    receiver = api.WebhookReceiver(api.TokenVerifier(*services.media_keys))
    token = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    try:
        event = receiver.receive(raw.decode(), token)
    except Exception as problem:  # the receiver raises bare Exception, jwt's and protobuf's errors alike
        _log.warning(
            "a webhook from %s was not signed with our key: %s", request.remote, type(problem).__name__
        )
        raise BadRequest("bad_signature") from None
    room = event.room.name or event.ingress_info.room_name
    if room:
        services.sessions.media_event(room, event.event)
    return web.Response(status=200)


def add_routes(app: web.Application) -> None:
    """Adds /webhooks/livekit."""
    app.router.add_post("/webhooks/livekit", livekit_webhook)
