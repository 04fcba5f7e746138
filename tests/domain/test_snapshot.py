"""The snapshot's contract: its keys, its states, and a site's in under 1 kB."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.domain import commands as c
from coordinator.domain import snapshot
from coordinator.domain.errors import Refusal
from coordinator.domain.events import Summoned
from tests.domain.scenes import HOST, STAFF, Story, at, live_briefing, open_briefing, operator

SENDS = c.HubMedia(audio=True, video=True, screen=False)


def state(story: Story, when: float, site: str = "alfa") -> str:
    return snapshot.state_of(story.briefing, site, at(when))


def full(story: Story, when: float) -> dict[str, Any]:
    return snapshot.full(story.briefing, at(when), "applied")


def receiving(story: Story, when: float, **media: Any) -> str:
    """The site's state after a heartbeat that says this."""
    story.alive(when, "alfa", n=1, **media)
    return state(story, when)


def test_a_full_snapshot_has_the_keys_of_the_contract() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(1, "alfa")
    shown = full(story, 2)

    contract = {"id", "title", "kind", "phase", "started_at", "ended_at", "floor", "stage", "media", "sites"}
    assert contract <= shown.keys()
    assert {"code", "name", "state", "connection", "expected", "headcount", "hand"} <= shown["sites"][
        0
    ].keys()
    assert [site["code"] for site in shown["sites"]] == ["alfa", "bravo"]
    assert shown["started_at"] == "2026-11-18T11:06:40.000Z" and shown["ended_at"] is None
    json.dumps(shown)


def test_the_stage_and_the_floor_name_who_is_seen() -> None:
    story = live_briefing("alfa")
    story.join(1, "alfa")
    assert (full(story, 1)["floor"], full(story, 1)["stage"]) == (None, {"left": "hub"})

    story.do(2, c.SetStage("hub", "slides"), HOST)
    story.do(3, c.GiveFloor("alfa"), HOST)

    shown = full(story, 4)
    assert (shown["floor"], shown["stage"]) == ("alfa", {"left": "alfa", "right": "slides"})
    assert shown["programme"] == {"left": "hub", "right": "slides"}


# -- states, first match -------------------------------------------------------------------------


def test_no_connection_yet_is_absent() -> None:
    assert state(live_briefing("alfa"), 1) == "absent"


def test_closed_or_silent_for_20_s_is_lost() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    assert state(story, 20) == "lost"
    story.do(1, c.Leave("alfa", "alfa-1"))
    assert state(story, 1) == "lost"


def test_silent_for_10_s_is_unstable_whatever_the_media() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    assert [state(story, when) for when in (9, 10, 19)] == ["waiting", "unstable", "unstable"]


def test_before_the_start_and_without_media_it_is_waiting() -> None:
    story = open_briefing("alfa")
    story.join(0, "alfa")
    assert receiving(story, 1, receiving=True) == "waiting"
    story.do(2, c.Start(), HOST)
    assert state(story, 2) == "online"
    story.join(3, "alfa")
    assert state(story, 3) == "waiting"  # the new page has received nothing yet


@pytest.mark.parametrize(
    ("media", "expected"),
    [
        ({"receiving": True, "mode": "full", "layer": "high"}, "online"),
        ({"receiving": True, "mode": "full", "layer": "mid"}, "online"),
        ({"receiving": True}, "online"),
        ({"receiving": True, "mode": "full", "layer": "low"}, "weak"),
        ({"receiving": True, "mode": "audio", "layer": "off"}, "weak"),
        ({"receiving": True, "mode": "slides"}, "weak"),
        ({"receiving": False, "mode": "none"}, "weak"),
    ],
)
def test_a_picture_reduced_or_off_is_weak(media: dict[str, Any], expected: str) -> None:
    story = live_briefing("alfa")
    story.do(0, SENDS)
    story.join(0, "alfa")
    receiving(story, 1, receiving=True)

    assert receiving(story, 2, **media) == expected


def test_a_hub_without_a_picture_makes_nobody_weak() -> None:
    story = live_briefing("alfa")
    story.do(0, c.HubMedia(audio=True, video=False, screen=False))
    story.join(0, "alfa")

    assert receiving(story, 1, receiving=True, mode="audio", layer="off") == "online"


# -- people, hands, totals -----------------------------------------------------------------------


def test_a_headcount_shows_whether_it_is_confirmed() -> None:
    story = live_briefing("alfa", "bravo")
    declared = c.DeclareHeadcount("alfa", 27, members=9, excused=3, unexcused=0, extra=2, note="mưa")
    story.do(1, declared, operator("alfa"))
    story.do(2, c.ConfirmHeadcount("alfa"), STAFF)

    alfa, bravo = full(story, 3)["sites"]
    assert bravo["headcount"] is None
    assert alfa["headcount"] == {
        "present": 27, "members": 9, "excused": 3, "unexcused": 0, "extra": 2, "confirmed": True,
        "roll_call": 1, "at": "2026-11-18T11:06:41.000Z", "note": "mưa", "reason": None,
    }  # fmt: skip


def test_totals_are_over_those_that_reported_and_say_so() -> None:
    story = live_briefing("alfa", "bravo", "charlie")
    story.join(1, "alfa", "bravo")
    assert full(story, 1)["totals"]["present"] is None
    story.do(2, c.DeclareHeadcount("alfa", 27), operator("alfa"))
    story.do(3, c.StartRollCall(), HOST)

    assert full(story, 3)["totals"] == {
        "sites": 3, "connected": 2, "reported": 1, "answered": 0, "expected": 90, "expected_reported": 30,
        "present": 27, "rate": 0.9,
    }  # fmt: skip


def test_hands_tell_their_place_in_the_queue() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(1, "alfa", "bravo")
    story.do(2, c.RaiseHand("bravo", "vốn"), operator("bravo"))
    story.do(3, c.RaiseHand("alfa"), operator("alfa"))

    assert [(site["hand"], site["topic"]) for site in full(story, 4)["sites"]] == [(2, None), (1, "vốn")]


# -- a site's own --------------------------------------------------------------------------------


def test_a_site_gets_its_own_entry_with_phase_floor_and_stage_in_under_1_kb() -> None:
    name = "Phòng Giáo dục và Đào tạo huyện Chợ Đồn, tỉnh Bắc Kạn"
    sites = (Summoned("cq-giao-duc-va-dao-tao", name, "agency", 44, 40, "Nông Thị B", "0209 000 000"),)
    story = Story("alfa")
    story.briefing.sites = {site.code: site for site in sites}
    story.briefing.title = "Hội nghị trực tuyến quán triệt, triển khai thực hiện Nghị quyết Đại hội Đảng " * 3
    code = sites[0].code
    story.do(1, c.Open(), HOST)
    story.do(1, c.Start(), HOST)
    story.join(2, code)
    story.do(3, c.DeclareHeadcount(code, 40, 40, 2, 2, 7, note="x" * 500), operator(code))
    story.do(3, c.SetStage("slides", "hub"), HOST)
    story.do(3, c.GiveFloor(code), HOST)

    shown = snapshot.for_site(story.briefing, code, at(4), "applied")

    assert [site["code"] for site in shown["sites"]] == [code]
    assert (shown["phase"], shown["floor"], shown["stage"]["right"]) == ("live", code, code)
    assert len(json.dumps({"type": "snapshot", "seq": 123_456, **shown}, ensure_ascii=False).encode()) < 1000


def test_a_site_that_was_not_summoned_gets_nothing() -> None:
    with pytest.raises(Refusal, match="unknown_site"):
        snapshot.for_site(live_briefing("alfa").briefing, "zulu", at(1), "applied")
