"""Load clients for a Janus VideoRoom: the same media as in `load`, over Janus' WebSocket API.

Rule 1: as Janus' own page does it: one peer connection for what is published, another for all that is heard.
Rule 2: a client that hears subscribes once, when everything it waits for is announced.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import aiohttp

from coordinator.benchmarks.load import Ear, Guest, counts_of, media, run, stamped
from coordinator.simulate.conversation import ClientError
from coordinator.simulate.media import Media
from coordinator.simulate.player import Pacer

ROOM = 1
ANSWER_WITHIN_S = 20.0
KEEP_ALIVE_S = 20.0


class JanusClient:
    """One participant of room `ROOM` of the Janus at `url`."""

    def __init__(self, url: str, guest: Guest) -> None:
        self.guest = guest
        self.delays_us: list[int] = []
        self._url = url
        self._loop = asyncio.get_running_loop()
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._session = 0
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._feeds: dict[int, int] = {}
        self._out, self._in = self._media(), self._media()
        self._ears: list[Ear] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._heard = False

    def _media(self) -> Media:
        return stamped(Media(media(self.guest.camera), self._loop.time, lambda: None))

    async def join(self) -> None:
        """Enter the room, publish what is to be published, and begin to poll. Raises ClientError."""
        self._http = aiohttp.ClientSession()  # open as long as the process lives
        self._ws = await self._http.ws_connect(self._url, protocols=("janus-protocol",))
        self._tasks = [self._loop.create_task(work) for work in (self._read(), self._keep_alive())]
        self._session = (await self._ask(janus="create"))["data"]["id"]
        handle = await self._attach()
        await self._message(
            handle, {"request": "join", "ptype": "publisher", "room": ROOM, "display": self.guest.identity}
        )
        if self.guest.publishes:
            await self._publish(handle)

    async def publish(self, source: str) -> None:
        """Nothing: Janus takes all sources of a guest at once, in `join`."""

    async def _publish(self, handle: int) -> None:
        for source in self.guest.publishes:
            self._out.publish(source)
        offer = {"type": "offer", "sdp": await self._out.offer()}
        answer = await self._message(handle, {"request": "publish"}, offer)
        await self._connect(self._out, self._out.take_answer(answer["jsep"]["sdp"], {}))

    async def _subscribe(self) -> None:
        handle = await self._attach()
        streams = [{"feed": feed} for feed in self._feeds]
        offered = await self._message(
            handle, {"request": "join", "ptype": "subscriber", "room": ROOM, "streams": streams}
        )
        text, remote = await self._in.answer(offered["jsep"]["sdp"])
        await self._message(handle, {"request": "start"}, {"type": "answer", "sdp": text})
        await self._connect(self._in, remote)

    async def _connect(self, made: Media, remote: Any) -> None:
        await made.link.connect(remote)
        self._ears.append(Ear(made, self.delays_us))
        Pacer.here().add(made.tick)

    def poll(self) -> None:
        """Take everything that has arrived."""
        for ear in self._ears:
            ear.poll()
        failed = next((t.exception() for t in self._tasks if t.done() and not t.cancelled()), None)
        if failed is not None:
            raise ClientError("no_media", f"{self.guest.identity}: {failed!r}")

    def flowing(self) -> bool:
        """Whether media comes on every track."""
        return sum(1 for track in self._in.tracks.values() if track.packets) >= self.guest.tracks

    def counts(self) -> tuple[int, int, int]:
        """Packets (received, missing, recovered by asking) so far."""
        return counts_of(self._in.tracks.values())

    # Janus' API

    async def _attach(self) -> int:
        answer = await self._ask(janus="attach", plugin="janus.plugin.videoroom")
        return int(answer["data"]["id"])

    async def _message(
        self, handle: int, body: dict[str, Any], jsep: dict[str, str] | None = None
    ) -> dict[str, Any]:
        extra = {"jsep": jsep} if jsep else {}
        event = await self._ask(janus="message", handle_id=handle, body=body, **extra)
        data = event.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise ClientError("refused", f"Janus: {data['error']}")
        self._note(data)
        return event

    async def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._ws is not None
        name = secrets.token_hex(8)
        waiting = self._waiting[name] = self._loop.create_future()
        if self._session:
            request["session_id"] = self._session
        await self._ws.send_json({**request, "transaction": name})
        async with asyncio.timeout(ANSWER_WITHIN_S):
            answer: dict[str, Any] = await waiting
        if answer["janus"] == "error":
            raise ClientError("refused", f"Janus: {answer['error']['reason']}")
        return answer

    async def _read(self) -> None:
        assert self._ws is not None
        async for message in self._ws:
            said = message.json()
            waiting = self._waiting.get(said.get("transaction", ""))
            if said["janus"] == "ack":
                continue
            if waiting is not None and not waiting.done():
                waiting.set_result(said)
            elif said["janus"] == "event":
                self._note(said.get("plugindata", {}).get("data", {}))

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            await self._ask(janus="keepalive")

    def _note(self, data: dict[str, Any]) -> None:
        """Note who publishes; subscribe once everything that is wanted is there."""
        hears = self.guest.hears
        for publisher in data.get("publishers", ()):
            if hears and publisher.get("display", "").startswith(hears):
                self._feeds[publisher["id"]] = len(publisher.get("streams", ()))
        if self.guest.tracks and not self._heard and sum(self._feeds.values()) >= self.guest.tracks:
            self._heard = True
            self._tasks.append(self._loop.create_task(self._subscribe()))


if __name__ == "__main__":
    run(JanusClient)
