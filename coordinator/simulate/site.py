"""A simulated site: what a commune's browser does, without the browser.

Rule 1: it comes in by its link alone: link, cookie, control socket, hello; what it may do in the room it
learns from the `media` message and from what the relay grants.
Rule 2: it reports true figures only: bytes that arrived, round trips that were measured; unknown is left out.
Rule 3: it comes back for ever, with growing, jittered pauses, unless it is told that a newer page has taken
over (`replaced`), or its owner ends it: `leave` in good order, `kill` like a power cut.
"""

import asyncio
import json
import logging
import random
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from livekit.protocol.models import ParticipantInfo, TrackInfo, VideoQuality

from .client import LightClient
from .conversation import ClientError
from .recording import RecordedMedia
from .signalling import reset

ALIVE_EVERY_S = 5.0
OPEN_WITHIN_S = 10.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
LONGEST_MESSAGE = 1_000_000

Snapshot = dict[str, Any]
MakeClient = Callable[..., LightClient]
_log = logging.getLogger(__name__)


class Site:
    """One site, opened by its `link` (http…/join/<code>?k=…).

    `on_snapshot(site)` is called after every snapshot. `state` is new, joining, in, away, replaced or ended.
    """

    def __init__(
        self,
        link: str,
        media: RecordedMedia,
        *,
        on_snapshot: Callable[["Site"], None] | None = None,
        make_client: MakeClient = LightClient,
        seed: int | None = None,
        alive_every_s: float = ALIVE_EVERY_S,
    ) -> None:
        self.link = link
        self.code = urlsplit(link).path.rstrip("/").rpartition("/")[2]
        self.page = str(uuid.uuid4())
        self.state = "new"
        self.snapshot: Snapshot | None = None
        self.refusals: list[str] = []
        self.client: LightClient | None = None
        self.joins = 0
        self._media = media
        self.on_snapshot, self._make_client = on_snapshot, make_client
        self._dice = random.Random(seed)
        self._alive_every_s = alive_every_s
        self._loop = asyncio.get_running_loop()
        self._session: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._frozen = False
        self._goodbye_said = asyncio.Event()
        self._goodbye_said.set()
        self._task: asyncio.Task[None] | None = None
        self._joining_media: asyncio.Task[None] | None = None
        self._fresh_socket = True
        self._away_until = 0.0
        self._number = 0
        self._bytes_before = 0
        self._figures_before: Counter[str] = Counter()

    def start(self) -> None:
        """Come in, and stay."""
        self._task = self._loop.create_task(self._stay(), name=f"site {self.code}")

    @property
    def has_floor(self) -> bool:
        """Whether the newest snapshot gives this site the floor."""
        return self.snapshot is not None and self.snapshot.get("floor") == self.code

    @property
    def entry(self) -> Snapshot:
        """This site's own entry in the newest snapshot; empty before the first."""
        entries = self.snapshot.get("sites", []) if self.snapshot else []
        return next((entry for entry in entries if entry.get("code") == self.code), {})

    def totals(self) -> dict[str, int]:
        """Return `received_bytes`, `sent_packets` and `lost_packets` over all clients this site has had."""
        return dict(self._figures_before + _sums(self.client))

    async def declare(self, present: int, **figures: int | str) -> None:
        """Declare a headcount: `members`, `excused`, `unexcused`, `extra`, `note`, `roll_call` as known."""
        await self.say("headcount", present=present, **figures)

    async def raise_hand(self, topic: str | None = None) -> None:
        """Ask for the floor."""
        await self.say("raise-hand", **({"topic": topic} if topic else {}))

    async def lower_hand(self) -> None:
        """Ask no more."""
        await self.say("lower-hand")

    async def say(self, kind: str, **fields: Any) -> None:
        """Send one message on the control socket; without one it is lost, as in a browser."""
        if self._ws is not None and not self._ws.closed:
            try:
                await self._ws.send_str(json.dumps({"type": kind, **fields}))
            except (aiohttp.ClientError, OSError) as error:
                _log.debug("%s: %s was not sent: %s", self.code, kind, error)

    async def wait_for(self, true: Callable[["Site"], bool], timeout_s: float = 10.0) -> None:
        """Wait until `true(self)`, looking every 20 ms. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while not true(self):  # noqa: ASYNC110 (media figures change without notice)
                await asyncio.sleep(0.02)

    def drop(self, outage_s: float) -> None:
        """Lose the line for `outage_s` seconds, then come back."""
        self._away_until = self._loop.time() + outage_s
        self._cut()

    def kill(self) -> None:
        """Vanish without a word, as in a power cut that closes the sockets."""
        self.state = "ended"
        self._cut()
        self._cancel()

    def freeze(self) -> None:
        """Fall silent with open sockets, as when a line goes dead, until `leave` or `kill`."""
        self.state = "ended"
        self._frozen = True
        self._drop_client()
        self._cancel()

    async def leave(self) -> None:
        """Close the page in good order."""
        self.state = "ended"
        self._goodbye_said.clear()
        if self._ws is not None:
            await self._ws.close()
        self._goodbye_said.set()
        self._cancel()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        if self._session is not None:
            await self._session.close()  # still open only after `freeze`
        if self.client is not None:
            await self.client.close()

    # --- the control socket ---

    async def _stay(self) -> None:
        pause_s = FIRST_PAUSE_S
        while self.state not in ("ended", "replaced"):
            self.state = "joining"
            if await self._visit():
                pause_s = FIRST_PAUSE_S
            if self.state in ("ended", "replaced"):
                return
            self.state = "away"
            wait_s = max(pause_s * self._dice.uniform(0.5, 1.5), self._away_until - self._loop.time())
            await asyncio.sleep(wait_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _visit(self) -> bool:
        """Open the link and the socket once, and stay until it ends; return whether there was a snapshot."""
        joins = self.joins
        session = self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        try:
            await self._open(session)
            beats = self._loop.create_task(self._beat())
            try:
                await self._listen()
                await self._goodbye_said.wait()
            finally:
                beats.cancel()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            _log.debug("%s: %r", self.code, error)
        finally:
            if not self._frozen:
                await session.close()
        return self.joins > joins

    async def _open(self, session: aiohttp.ClientSession) -> None:
        async with asyncio.timeout(OPEN_WITHIN_S):
            async with session.get(self.link) as answer:
                answer.raise_for_status()
                at = urlsplit(str(answer.url))
            socket = f"{at.scheme}://{at.netloc}/ws"
            self._ws = await session.ws_connect(socket, compress=12, max_msg_size=LONGEST_MESSAGE)
        self._fresh_socket = True
        await self.say("hello", page=self.page, device="simulated")

    async def _listen(self) -> None:
        ws = self._ws
        while ws is not None:
            message = await ws.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                return
            said = json.loads(message.data)
            kind = said.get("type")
            if kind == "snapshot":
                self._take_snapshot(said)
            elif kind == "media":
                self._take_media(said["url"], said["token"])
            elif kind == "refused":
                self.refusals.append(said["code"])
                if said["code"] == "replaced":
                    self.state = "replaced"
                    self._drop_client()

    def _take_snapshot(self, snapshot: Snapshot) -> None:
        if self.state == "joining":
            self.joins += 1
            self.state = "in"
        self.snapshot = snapshot
        if self.client is not None:
            self._follow_floor(self.client)
            self.client.changed()
        if self.on_snapshot is not None:
            self.on_snapshot(self)

    async def _beat(self) -> None:
        await asyncio.sleep(self._dice.uniform(0, self._alive_every_s))
        while True:
            self._number += 1
            now_ms = int(self._loop.time() * 1000)
            await self.say("alive", n=self._number, t_ms=now_ms, media=self._figures())
            await asyncio.sleep(self._alive_every_s)

    def _figures(self) -> dict[str, Any]:
        """What arrived since the last heartbeat, in the words of the control socket."""
        client = self.client
        if client is None:
            return {"receiving": False, "mode": "none", "audio_bytes": 0, "video_bytes": 0}
        stats = client.stats()
        total = stats["audio_bytes"] + stats["video_bytes"]
        arrived, self._bytes_before = total - self._bytes_before, total
        figures = {
            "receiving": arrived > 0,
            "mode": "full" if client.state == "online" else "none",
            "audio_bytes": stats["audio_bytes"],
            "video_bytes": stats["video_bytes"],
        }
        numbered = sum(track["packets"] + track["lost"] for track in stats["tracks"].values())
        if numbered:
            figures["loss"] = round(sum(track["lost"] for track in stats["tracks"].values()) / numbered, 4)
        if stats["rtt_ms"] is not None:
            figures["rtt_ms"] = round(stats["rtt_ms"], 1)
        slide = self.snapshot.get("slide") if self.snapshot else None
        return figures | ({"slide": slide} if isinstance(slide, int) else {})

    # --- the room ---

    def _take_media(self, url: str, token: str) -> None:
        """Join the room; a second message on the same socket is only a fresher token, if we are still in."""
        client = self.client
        if (
            client is not None
            and not self._fresh_socket
            and client.state in ("joining", "online", "returning")
        ):
            client.hurry(token)
            return
        self._fresh_socket = False
        self._drop_client()
        self._bytes_before = 0
        self.client = client = self._make_client(
            url,
            token,
            self._media,
            choose=self._on_stage,
            quality=VideoQuality.LOW,
            seed=self._dice.randrange(2**31),
        )
        self._joining_media = self._loop.create_task(self._join_media(client))

    async def _join_media(self, client: LightClient) -> None:
        try:
            await client.connect()
        except ClientError as error:
            _log.info("%s: no media: %s", self.code, error)
            await asyncio.sleep(self._dice.uniform(1, 3))
            if self.client is client:
                await self.say("media")  # ask for a fresh address and token
            return
        client.want("camera")
        self._follow_floor(client)
        client.changed()

    def _follow_floor(self, client: LightClient) -> None:
        if self.has_floor:
            client.want("microphone")
        elif "microphone" in client.wanted:
            self._loop.create_task(client.unpublish("microphone"))

    def _on_stage(self, participant: ParticipantInfo, track: TrackInfo) -> bool:
        """The hub's tracks, and those of the site that has the floor, but never our own."""
        code = participant.identity.partition(":")[0]
        floor = self.snapshot.get("floor") if self.snapshot else None
        return code == "hub" or (code == floor and code != self.code)

    # --- endings ---

    def _cut(self) -> None:
        self._drop_client()
        if self._ws is not None:
            reset(self._ws)

    def _drop_client(self) -> None:
        if self._joining_media is not None:
            self._joining_media.cancel()
        client, self.client = self.client, None
        if client is not None:
            self._figures_before += _sums(client)
            client.kill()

    def _cancel(self) -> None:
        for task in (self._task, self._joining_media):
            if task is not None and task is not asyncio.current_task():
                task.cancel()


def _sums(client: LightClient | None) -> Counter[str]:
    if client is None:
        return Counter()
    stats = client.stats()
    return Counter(
        received_bytes=stats["audio_bytes"] + stats["video_bytes"],
        sent_packets=stats["sent_packets"],
        lost_packets=sum(track["lost"] for track in stats["tracks"].values()),
    )
