"""Webhooks: telling one outside server what happens in the rooms.

Rule 1: `on_event` only puts the event in a bounded queue; one task delivers, one event at a time, so events
arrive in the order in which they happened.
Rule 2: an event that the receiver cannot take now is tried again, with growing pauses, before the next one.
One that it refuses (4xx) or never takes is given up; the next says how many were lost (`num_dropped`).
Rule 3: every request is signed as LiveKit signs it: Authorization is a JWT of the API key whose `sha256`
claim is the base64 SHA-256 of the body, so `livekit-api`'s WebhookReceiver accepts it.
"""

import asyncio
import base64
import hashlib
import logging
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta

import aiohttp
from google.protobuf import json_format
from livekit.api import AccessToken
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

EVENTS = (
    "room_started",
    "room_finished",
    "participant_joined",
    "participant_left",
    "track_published",
    "track_unpublished",
)
MAX_QUEUED = 1000
ATTEMPT_S = 5.0
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
TOKEN_TTL_S = 300
RETRIED_REFUSALS = frozenset({408, 425, 429})

_log = logging.getLogger(__name__)


class Webhooks:
    """Delivers events to `url`, signed with `key` and `secret`.

    `pauses_s` are the pauses between the tries of one event; `now` gives Unix seconds.
    Use: `await start()`, `on_event(…)` at will, `await close()`.
    """

    def __init__(
        self,
        url: str,
        key: str,
        secret: str,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        max_queued: int = MAX_QUEUED,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._key, self._secret = url, key, secret
        self._pauses_s = tuple(pauses_s)
        self._max_queued = max_queued
        self._now = now
        self._queue: deque[WebhookEvent] = deque()
        self._waiting = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._dropped = 0
        self._task: asyncio.Task[None] | None = None

    def on_event(
        self,
        name: str,
        room: models.Room,
        participant: models.ParticipantInfo | None = None,
        track: models.TrackInfo | None = None,
    ) -> None:
        """Queue the event `name` (one of `EVENTS`) with copies of what it tells about.

        Never blocks and never raises; a full queue loses its oldest event.
        """
        event = WebhookEvent(event=name, room=room, participant=participant, track=track)
        event.id = f"EV_{uuid.uuid4().hex}"
        event.created_at = int(self._now())
        if len(self._queue) >= self._max_queued:
            self._give_up(self._queue.popleft(), "the queue is full")
        self._queue.append(event)
        self._idle.clear()
        self._waiting.set()

    async def start(self) -> None:
        """Begin to deliver."""
        self._task = asyncio.create_task(self._deliver_for_ever(), name="webhooks")

    async def close(self, within_s: float = 2.0) -> None:
        """Deliver what is queued as far as `within_s` allows, then stop."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("webhooks: %d events were not delivered before the end", len(self._queue) + 1)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None

    async def _deliver_for_ever(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ATTEMPT_S)
        async with aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session:
            while True:
                await self._waiting.wait()
                while self._queue:
                    await self._deliver(session, self._queue.popleft())
                self._waiting.clear()
                self._idle.set()

    async def _deliver(self, session: aiohttp.ClientSession, event: WebhookEvent) -> None:
        event.num_dropped, self._dropped = self._dropped, 0
        body = json_format.MessageToJson(event, indent=None).encode()
        problem = ""
        for pause_s in (*self._pauses_s, None):
            problem, again = await self._attempt(session, body)
            if not problem:
                return
            if not again or pause_s is None:
                break
            await asyncio.sleep(pause_s)
        self._dropped += event.num_dropped
        self._give_up(event, problem)

    async def _attempt(self, session: aiohttp.ClientSession, body: bytes) -> tuple[str, bool]:
        """Send once; return what went wrong ("" = nothing) and whether another try makes sense."""
        headers = {"Authorization": self._sign(body), "Content-Type": "application/webhook+json"}
        try:
            async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                if answer.ok and answer.status < 300:
                    return "", False
                again = answer.status >= 500 or answer.status in RETRIED_REFUSALS
                return f"the receiver answered {answer.status}", again
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__}: {error}", True

    def _sign(self, body: bytes) -> str:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        token = AccessToken(self._key, self._secret).with_ttl(timedelta(seconds=TOKEN_TTL_S))
        return token.with_sha256(digest).to_jwt()

    def _give_up(self, event: WebhookEvent, problem: str) -> None:
        self._dropped += 1
        _log.warning("webhooks: %s (%s) is lost: %s", event.event, event.id, problem)
