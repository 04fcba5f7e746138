"""Simulated sites against a server that keeps to the contract, and the room of the real relay."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from livekit import api
from livekit.protocol.models import ParticipantPermission, TrackSource

from coordinator.simulate import LightClient, RecordedMedia
from coordinator.simulate.run import Behaviour, at, main, simulate
from coordinator.simulate.site import Site
from tests.simulate.hall import Hall
from tests.simulate.relay_process import KEY, ROOM, SECRET, RelayProcess, token

CODE = "xa-ban-thi"


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    hall = Hall()
    await hall.server.start_server()
    yield hall
    await hall.server.close()


@pytest.fixture
async def site(hall: Hall, recorded: RecordedMedia) -> AsyncIterator[Site]:
    site = Site(hall.link(CODE), recorded, seed=1, alive_every_s=0.1)
    site.start()
    yield site
    site.kill()


@pytest.fixture
async def relay(hall: Hall) -> AsyncIterator[RelayProcess]:
    relay = RelayProcess()
    await relay.start()
    hall.media = lambda code, number: (
        relay.url,
        token(f"{code}:{number}", can_publish_sources=["camera"]),
    )
    yield relay
    await relay.stop()


@pytest.fixture
async def hub(relay: RelayProcess, recorded: RecordedMedia) -> AsyncIterator[LightClient]:
    hub = LightClient(relay.url, token("hub:1"), recorded)
    await hub.connect()
    await hub.publish_camera(simulcast=True)
    await hub.publish_microphone()
    yield hub
    await hub.close()


async def test_a_site_comes_in_by_its_link_and_says_hello(hall: Hall, site: Site) -> None:
    await site.wait_for(lambda s: s.state == "in")

    hello = hall.said[CODE][0]
    assert hello == {"type": "hello", "page": site.page, "device": "simulated"}
    assert site.code == CODE and site.entry["expected"] == 10


async def test_heartbeats_are_numbered_and_tell_what_is_true(hall: Hall, site: Site) -> None:
    await hall.until(lambda: len(hall.heard(CODE, "alive")) >= 3)

    beats = hall.heard(CODE, "alive")
    assert [beat["n"] for beat in beats] == list(range(1, len(beats) + 1))
    assert sorted(beat["t_ms"] for beat in beats) == [beat["t_ms"] for beat in beats]
    assert beats[0]["media"] == {"receiving": False, "mode": "none", "audio_bytes": 0, "video_bytes": 0}


async def test_the_operator_declares_and_raises_the_hand(hall: Hall, site: Site) -> None:
    await site.wait_for(lambda s: s.state == "in")
    await site.declare(8, excused=1, unexcused=1)
    await site.raise_hand("topic")
    await site.lower_hand()
    await hall.until(lambda: hall.heard(CODE, "lower-hand"))

    assert hall.heard(CODE, "headcount") == [
        {"type": "headcount", "present": 8, "excused": 1, "unexcused": 1}
    ]
    assert hall.heard(CODE, "raise-hand") == [{"type": "raise-hand", "topic": "topic"}]


async def test_a_dropped_line_comes_back_after_the_outage_with_the_same_page(hall: Hall, site: Site) -> None:
    await site.wait_for(lambda s: s.state == "in")
    site.drop(0.8)
    await hall.until(lambda: hall.endings)
    assert hall.endings == [(CODE, None)]  # no closing frame
    dropped = asyncio.get_running_loop().time()
    await site.wait_for(lambda s: s.joins == 2)

    assert asyncio.get_running_loop().time() - dropped > 0.6
    assert [hello["page"] for hello in hall.heard(CODE, "hello")] == [site.page] * 2


async def test_a_replaced_page_does_not_fight_back(hall: Hall, site: Site) -> None:
    await site.wait_for(lambda s: s.state == "in")
    await hall.refuse(CODE, "replaced")
    await site.wait_for(lambda s: s.state == "replaced" and s._task is not None and s._task.done())

    assert site.refusals == ["replaced"]
    assert len(hall.heard(CODE, "hello")) == 1


async def test_a_wrong_link_is_tried_again_and_harms_nobody(hall: Hall, recorded: RecordedMedia) -> None:
    stranger = Site(hall.link(CODE, "wrong"), recorded, seed=1)
    stranger.start()
    await stranger.wait_for(lambda s: s.state == "away")
    await stranger.leave()

    assert not hall.said


async def test_leaving_closes_in_good_order_and_killing_does_not(hall: Hall, recorded: RecordedMedia) -> None:
    polite, cut = Site(hall.link("a"), recorded), Site(hall.link("b"), recorded)
    for site in (polite, cut):
        site.start()
        await site.wait_for(lambda s: s.state == "in")
    await polite.leave()
    cut.kill()
    await hall.until(lambda: len(hall.endings) == 2)

    assert hall.endings == [("a", 1000), ("b", None)]


async def test_a_frozen_line_keeps_its_socket_and_says_nothing(hall: Hall, site: Site) -> None:
    await hall.until(lambda: hall.heard(CODE, "alive"))
    site.freeze()
    await hall.show()  # whatever was under way has arrived when this is through
    said = len(hall.said[CODE])
    with pytest.raises(TimeoutError):
        await hall.until(lambda: hall.endings or len(hall.said[CODE]) > said + 1, timeout_s=0.5)
    await site.leave()


async def test_a_site_sends_its_camera_and_receives_the_hub(
    hall: Hall, relay: RelayProcess, hub: LightClient, site: Site
) -> None:
    await site.wait_for(lambda s: s.client is not None and s.client.stats()["audio_bytes"] > 2000)
    await hub.wait_for(lambda c: c.stats()["video_bytes"] > 5000)
    await hall.until(lambda: any(beat["media"].get("receiving") for beat in hall.heard(CODE, "alive")))

    before = site.totals()["received_bytes"]
    site.drop(60)
    assert site.client is None and site.totals()["received_bytes"] >= before > 2000
    media = [beat["media"] for beat in hall.heard(CODE, "alive")][-1]
    assert media["mode"] == "full" and media["audio_bytes"] > 0 and media["loss"] == 0


async def test_with_the_floor_comes_the_microphone_and_with_its_end_it_goes(
    hall: Hall, relay: RelayProcess, hub: LightClient, site: Site
) -> None:
    await hub.wait_for(lambda c: f"{CODE}:1" in c.participants)
    sources = [TrackSource.CAMERA, TrackSource.MICROPHONE]
    permission = ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_sources=sources)
    async with api.LiveKitAPI(relay.url, KEY, SECRET) as service:
        await service.room.update_participant(
            api.UpdateParticipantRequest(room=ROOM, identity=f"{CODE}:1", permission=permission)
        )
    await hall.show(floor=CODE)
    await hub.wait_for(lambda c: c.stats()["audio_bytes"] > 2000)

    await hall.show(floor=None)
    await hub.wait_for(
        lambda c: [t.source for t in c.participants[f"{CODE}:1"].tracks] == [TrackSource.CAMERA]
    )


async def test_only_the_stage_is_received(hall: Hall, relay: RelayProcess, recorded: RecordedMedia) -> None:
    speaker, other = Site(hall.link("a"), recorded), Site(hall.link("b"), recorded)
    for one in (speaker, other):
        one.start()
    await other.wait_for(lambda s: s.client is not None and len(s.client.participants) == 1)
    await speaker.wait_for(lambda s: s.client is not None and s.client.publications() != [])
    assert other.client is not None and other.client.stats()["video_bytes"] == 0

    await hall.show(floor="a")
    await other.wait_for(lambda s: s.client is not None and s.client.stats()["video_bytes"] > 5000)
    for one in (speaker, other):
        await one.leave()


async def test_after_a_drop_the_room_is_joined_anew(hall: Hall, relay: RelayProcess, site: Site) -> None:
    await site.wait_for(lambda s: s.client is not None and s.client.identity == f"{CODE}:1")
    site.drop(0.1)
    await site.wait_for(lambda s: s.client is not None and s.client.identity == f"{CODE}:2")


async def test_many_sites_come_in_and_answer_the_roll_call(hall: Hall, recorded: RecordedMedia) -> None:
    hall.snapshot |= {"phase": "live", "roll_call": 1}
    links = [{"code": f"site-{n}", "url": f"https://elsewhere/join/site-{n}?k=the-secret"} for n in range(6)]
    behaviour = Behaviour(join_spread_s=0.2, headcount_within_s=0.3, raise_hand_share=0.0)
    stop = asyncio.Event()
    running = asyncio.create_task(
        simulate(hall.base, links, media=recorded, sites=5, behaviour=behaviour, stop=stop)
    )
    await hall.until(lambda: sum(len(hall.heard(f"site-{n}", "headcount")) for n in range(5)) == 5)
    stop.set()
    outcome = await running

    assert (outcome.sites, outcome.joined, outcome.declared, outcome.rejoins) == (5, 5, 5, 0)
    for n in range(5):
        count = hall.heard(f"site-{n}", "headcount")[0]
        assert count["present"] + count["excused"] + count["unexcused"] == 10
    assert "site-5" not in hall.said
    await hall.until(lambda: len(hall.endings) == 5)
    assert {ending for _, ending in hall.endings} == {1000}


async def test_lines_that_drop_come_back(hall: Hall, recorded: RecordedMedia) -> None:
    links = [{"url": hall.link("a")}]
    behaviour = Behaviour(join_spread_s=0, drop_every_s=0.3, longest_outage_s=1.1)
    stop = asyncio.Event()
    running = asyncio.create_task(simulate(hall.base, links, media=recorded, behaviour=behaviour, stop=stop))
    await hall.until(lambda: len(hall.heard("a", "hello")) >= 3, timeout_s=20)
    stop.set()

    assert (await running).rejoins >= 1


def test_links_are_followed_to_the_server_that_is_meant() -> None:
    assert at("http://127.0.0.1:8080", "https://hop.example/join/a?k=b") == "http://127.0.0.1:8080/join/a?k=b"


@pytest.mark.parametrize("text", ["", "{}", "[]", '[{"code": "a"}]', "[1]"])
def test_links_that_cannot_be_read_are_wrong_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "links.json"
    file.write_text(text)

    assert main(["--links", str(file), "--media", str(tmp_path)]) == 2
    assert "links" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--data", "a", "--links", "b"],
        ["--data", "a", "--sites", "0"],
        ["--data", "a", "--sites", "x"],
        ["--data", "a", "--seconds", "-1"],
        ["--data", "a", "--drop-every", "nan"],
        ["--data", "a", "--spread", "soon"],
    ],
)
def test_wrong_use_is_told_and_ends_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)

    assert end.value.code == 2
    assert "coordinator simulate: error:" in capsys.readouterr().err


def test_a_run_without_a_server_ends_with_1(
    tmp_path: Path, recorded_folder: Path, recorded: RecordedMedia, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "links.json"
    file.write_text(json.dumps([{"code": "a", "url": "http://127.0.0.1:9/join/a?k=b"}]))
    words: list[Any] = [
        "--links",
        file,
        "--media",
        recorded_folder,
        "--url",
        "http://127.0.0.1:9",
        "--spread",
        0,
    ]

    assert main([str(word) for word in [*words, "--seconds", 0.5, "--quiet"]]) == 1
    assert json.loads(capsys.readouterr().out)["joined"] == 0
