"""Webhooks: order, patience and signature, checked by the official receiver."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit import api
from livekit.protocol import models
from livekit.protocol.webhook import WebhookEvent

from coordinator.relay.webhooks import EVENTS, Webhooks

KEY, SECRET = "key", "a secret of at least thirty-two bytes"
HALL = models.Room(sid="RM_1", name="hall")
ALFA = models.ParticipantInfo(sid="PA_1", identity="alfa:1")
CAMERA = models.TrackInfo(sid="TR_1", source=models.TrackSource.CAMERA)


class Receiver:
    """A receiver that answers with the statuses in `answers` (then 200) and keeps what it accepted."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.accepted: list[WebhookEvent] = []
        self.tries = 0
        self.content_types: set[str] = set()
        self.changed = asyncio.Condition()
        self.hold = asyncio.Event()
        self.hold.set()
        self._official = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))

    async def handle(self, request: web.Request) -> web.Response:
        await self.hold.wait()
        self.tries += 1
        self.content_types.add(request.content_type)
        event = self._official.receive(await request.text(), request.headers["Authorization"])
        status = self.answers.pop(0) if self.answers else 200
        async with self.changed:
            if status == 200:
                self.accepted.append(event)
            self.changed.notify_all()
        return web.Response(status=status, headers={"Location": "/elsewhere"} if status == 302 else {})

    async def accepts(self, count: int) -> list[WebhookEvent]:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.accepted) >= count)
        return self.accepted


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hook", receiver.handle)
    async with TestServer(app) as server:
        yield receiver, str(server.make_url("/hook"))
        receiver.hold.set()


async def test_every_event_arrives_once_in_order_and_signed(receiver: tuple[Receiver, str]) -> None:
    got, url = receiver
    hooks = Webhooks(url, KEY, SECRET, now=lambda: 1_700_000_000.9)
    await hooks.start()
    for name in EVENTS:
        hooks.on_event(name, HALL, ALFA, CAMERA)
    await hooks.close()

    assert [event.event for event in got.accepted] == list(EVENTS)
    assert len({event.id for event in got.accepted}) == len(EVENTS)
    assert {event.created_at for event in got.accepted} == {1_700_000_000}
    assert (got.accepted[0].room, got.accepted[0].participant, got.accepted[0].track) == (HALL, ALFA, CAMERA)
    assert got.content_types == {"application/webhook+json"}


async def test_an_event_tells_how_things_were_when_it_happened(receiver: tuple[Receiver, str]) -> None:
    got, url = receiver
    hooks = Webhooks(url, KEY, SECRET)
    alfa = models.ParticipantInfo(identity="alfa:1", name="before")
    hooks.on_event("participant_joined", HALL, alfa, None)
    alfa.name = "after"
    await hooks.start()
    await hooks.close()

    assert got.accepted[0].participant.name == "before"
    assert not got.accepted[0].HasField("track")


async def test_a_receiver_that_is_down_is_tried_again_before_the_next_event(
    receiver: tuple[Receiver, str],
) -> None:
    got, url = receiver
    got.answers = [503, 500, 429]
    hooks = Webhooks(url, KEY, SECRET, pauses_s=[0.001] * 5)
    await hooks.start()
    hooks.on_event("participant_joined", HALL, ALFA)
    hooks.on_event("participant_left", HALL, ALFA)
    events = await got.accepts(2)
    await hooks.close()

    assert [event.event for event in events] == ["participant_joined", "participant_left"]
    assert got.tries == 5


@pytest.mark.parametrize("status", [302, 400, 401, 410])
async def test_a_refused_event_is_not_tried_again_and_the_next_says_so(
    receiver: tuple[Receiver, str], status: int
) -> None:
    got, url = receiver
    got.answers = [status]
    hooks = Webhooks(url, KEY, SECRET, pauses_s=[0.001])
    await hooks.start()
    for name in EVENTS[:3]:
        hooks.on_event(name, HALL)
    await hooks.close()

    assert [(event.event, event.num_dropped) for event in got.accepted] == [(EVENTS[1], 1), (EVENTS[2], 0)]
    assert got.tries == 3


async def test_losses_add_up_until_they_could_be_told(receiver: tuple[Receiver, str]) -> None:
    got, url = receiver
    got.answers = [500] * 4
    hooks = Webhooks(url, KEY, SECRET, pauses_s=[0.001])
    await hooks.start()
    for name in EVENTS[:3]:
        hooks.on_event(name, HALL)
    await hooks.close()

    assert [(event.event, event.num_dropped) for event in got.accepted] == [(EVENTS[2], 2)]


async def test_a_full_queue_loses_its_oldest_event(receiver: tuple[Receiver, str]) -> None:
    got, url = receiver
    hooks = Webhooks(url, KEY, SECRET, max_queued=2)
    for name in EVENTS:
        hooks.on_event(name, HALL)
    await hooks.start()
    await hooks.close()

    assert [(event.event, event.num_dropped) for event in got.accepted] == [(EVENTS[4], 4), (EVENTS[5], 0)]


async def test_closing_does_not_wait_for_a_receiver_that_hangs(
    receiver: tuple[Receiver, str], caplog: pytest.LogCaptureFixture
) -> None:
    got, url = receiver
    got.hold.clear()
    hooks = Webhooks(url, KEY, SECRET)
    await hooks.start()
    hooks.on_event("room_finished", HALL)
    with caplog.at_level(logging.WARNING):
        async with asyncio.timeout(2):
            await hooks.close(within_s=0.05)

    assert "1 events were not delivered" in caplog.text


async def test_nobody_at_the_address_is_no_reason_to_fail() -> None:
    hooks = Webhooks("http://127.0.0.1:9/hook", KEY, SECRET, pauses_s=[0.001])
    await hooks.start()
    hooks.on_event("room_started", HALL)
    hooks.on_event("room_finished", HALL)
    await hooks.close()
    await hooks.close()
