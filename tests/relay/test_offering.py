"""Clients of v0: the relay's own offers on their second connection, and how they are brought back."""

from __future__ import annotations

import asyncio
import time

import pytest
from livekit.protocol import models, rtc

from coordinator.relay.errors import ProtocolViolation
from coordinator.relay.liveness import SILENT_S, tick_participant
from coordinator.relay.participant import Participant
from coordinator.relay.room import Room
from coordinator.relay.sdp import parse_offer
from tests.relay.peer import offer, section
from tests.relay.test_hostile import Tape, a_room, enter


def publish(person: Participant, *cids: str, beside: tuple[str, ...] = ()) -> list[str]:
    """Publish these cameras `beside` others; returns the sids of all."""
    for cid in cids:
        wish = rtc.AddTrackRequest(cid=cid, type=models.TrackType.VIDEO, source=models.TrackSource.CAMERA)
        person.handle(rtc.SignalRequest(add_track=wish))
    sections = [section(cid, "video", "sendonly", f"a=msid:s {cid}") for cid in (*beside, *cids)]
    sdp = rtc.SessionDescription(type="offer", sdp=offer("peer0", *sections))
    person.handle(rtc.SignalRequest(offer=sdp))
    return list(person.publications)


def hall() -> tuple[Room, Participant, Participant, Tape]:
    """A room with a hub of v1 and a site of v0; and what the site is told."""
    room = a_room()
    hub, site = enter(room, "hub"), enter(room, "site", two_lines=True)
    assert isinstance(site.socket, Tape)
    return room, hub, site, site.socket


def offers(tape: Tape) -> list[rtc.SessionDescription]:
    return [said.offer for said in tape.said if said.HasField("offer")]


def answer(site: Participant, said: rtc.SessionDescription) -> None:
    """Answer as a browser does."""
    text = said.sdp.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:active")
    site.handle(rtc.SignalRequest(answer=rtc.SessionDescription(type="answer", sdp=text, id=said.id)))


def directions(said: rtc.SessionDescription) -> list[tuple[str, str]]:
    return [(part.mid, part.direction) for part in parse_offer(said.sdp).sections]


async def test_one_offer_is_out_at_a_time_and_the_next_has_what_came_meanwhile() -> None:
    _, hub, site, tape = hall()
    publish(hub, "a", "b", "c")

    assert [directions(said) for said in offers(tape)] == [[("0", "sendonly")]]
    answer(site, offers(tape)[-1])

    assert directions(offers(tape)[-1]) == [("0", "sendonly"), ("1", "sendonly"), ("2", "sendonly")]
    answer(site, offers(tape)[-1])
    assert len(offers(tape)) == 2
    assert all(subscription.feed is not None for subscription in site.subscriptions.values())


async def test_a_released_section_is_inactive_once_and_then_carries_another_track() -> None:
    _, hub, site, tape = hall()
    (first,) = publish(hub, "a")
    answer(site, offers(tape)[-1])
    site.update_subscriptions([first], False)
    publish(hub, "b", beside=("a",))

    assert directions(offers(tape)[-1]) == [("0", "inactive")]
    answer(site, offers(tape)[-1])
    assert directions(offers(tape)[-1]) == [("0", "sendonly")]
    second = next(sid for sid in hub.publications if sid != first)
    assert f"|{second}" in offers(tape)[-1].sdp and first not in offers(tape)[-1].sdp


async def test_nothing_flows_before_the_answer_and_only_in_the_formats_it_accepts() -> None:
    _, hub, site, tape = hall()
    (sid,) = publish(hub, "a")
    assert site.subscriptions[sid].feed is None

    said = offers(tape)[-1]
    kept = "\r\n".join(line for line in said.sdp.split("\r\n") if "H264" not in line)
    answer(site, rtc.SessionDescription(sdp=kept, id=said.id))

    feed = site.subscriptions[sid].feed
    assert feed is not None and feed.route.formats == {"vp8": (96, 97)}


async def test_after_a_resume_the_offer_comes_again_with_new_credentials() -> None:
    _, hub, site, tape = hall()
    publish(hub, "a")
    before = parse_offer(offers(tape)[-1].sdp)
    again = Tape()
    site.attach(again)  # type: ignore[arg-type]
    site.greet_again()

    after = parse_offer(offers(again)[-1].sdp)
    assert after.fragment != before.fragment
    answer(site, offers(again)[-1])
    assert site.subscriptions and len(offers(again)) == 1


async def test_an_answer_that_nobody_asked_for_is_a_violation_and_v1_takes_none() -> None:
    _, hub, site, _ = hall()
    stray = rtc.SignalRequest(answer=rtc.SessionDescription(type="answer", sdp="v=0"))
    with pytest.raises(ProtocolViolation):
        site.handle(stray)
    hub.handle(stray)


async def test_a_dead_path_is_told_by_leave_to_v1_and_by_a_cut_to_v0() -> None:
    _, hub, site, tape = hall()
    late = time.monotonic() + SILENT_S + 1
    for person in (hub, site):
        assert person.socket is not None
        person.socket.last_heard = late
        person.transport.connected = person.line.connected = True
        tick_participant(person, late)

    assert isinstance(hub.socket, Tape)
    leaves = [said.leave.action for said in hub.socket.said if said.HasField("leave")]
    assert leaves == [rtc.LeaveRequest.Action.RESUME]
    assert not tape.open and not any(said.HasField("leave") for said in tape.said)


async def test_a_second_connection_that_ended_means_to_start_over() -> None:
    _, _, site, tape = hall()
    late = time.monotonic() + 3
    site.line.closed = True
    assert site.socket is not None
    site.socket.last_heard = late
    tick_participant(site, late)

    assert [said.leave.can_reconnect for said in tape.said if said.HasField("leave")] == [True]


@pytest.fixture(autouse=True)
async def _no_handshake_is_left() -> None:
    yield  # type: ignore[misc]
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        if "MediaTransport._run" in repr(task):
            task.cancel()
