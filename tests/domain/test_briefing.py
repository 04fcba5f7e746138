"""The briefing's rules: phases, who may do what, the floor, the grants."""

from __future__ import annotations

import pytest

from coordinator.domain import commands as c
from coordinator.domain import events as e
from coordinator.domain.briefing import Briefing
from coordinator.domain.errors import Refusal
from coordinator.domain.grants import NOTHING, grants_for
from coordinator.domain.moments import Moment
from tests.domain.scenes import (
    HOST,
    STAFF,
    SYSTEM,
    Story,
    at,
    live_briefing,
    open_briefing,
    operator,
    refused,
    summoned,
)

# -- phases --------------------------------------------------------------------------------------


def test_a_briefing_goes_from_scheduled_over_open_and_live_to_ended() -> None:
    story = Story("alfa")
    phases = [story.briefing.phase]
    for second, command in enumerate((c.Open(), c.Start(), c.Break(), c.Resume(), c.End())):
        story.do(second, command, HOST)
        phases.append(story.briefing.phase)

    assert phases == ["scheduled", "open", "live", "break", "live", "ended"]


def test_the_start_freezes_sites_and_thresholds_and_starts_roll_call_one() -> None:
    story = open_briefing("alfa")
    limits = e.Thresholds(late_after_s=60)

    assert story.do(1, c.Start(limits), HOST) == [
        e.BriefingStarted("1", limits, summoned("alfa")),
        e.RollCallStarted(1, label="start"),
    ]


@pytest.mark.parametrize("command", [c.Start(), c.Break(), c.Resume(), c.End(), c.GiveFloor("alfa")])
def test_a_command_in_the_wrong_phase_is_refused_and_says_where_it_is_allowed(command: c.Command) -> None:
    story = Story("alfa")

    problem = refused(story, 1, command)

    assert problem.code == "wrong_phase"
    assert problem.details["phase"] == "scheduled"
    assert "scheduled" not in problem.details["allowed"]  # type: ignore[operator]
    assert story.briefing.phase == "scheduled"


def test_nothing_can_be_asked_of_a_briefing_that_was_not_made_and_none_is_made_twice() -> None:
    with pytest.raises(Refusal, match="unknown_briefing"):
        Briefing("b1").decide(c.Open(), at(0), HOST)
    assert refused(Story("alfa"), 1, c.Create("Again", "class", summoned("alfa"))).code == "already_created"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (c.Create(" ", "class", summoned("alfa")), "title_required"),
        (c.Create("Lớp", "party", summoned("alfa")), "unknown_kind"),
        (c.Create("Lớp", "class", ()), "no_sites"),
        (c.Create("Lớp", "class", summoned("alfa", "alfa")), "duplicate_site"),
        (c.Create("Lớp", "class", summoned("hub")), "reserved_code"),
        (c.Create("Lớp", "class", summoned("alfa", expected=-1)), "bad_number"),
        (c.Create("Lớp", "class", summoned("alfa", expected=3, members=4)), "members_over_expected"),
    ],
)
def test_a_briefing_that_makes_no_sense_is_not_made(command: c.Create, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        Briefing("b1").decide(command, at(0), HOST)


def test_the_end_takes_the_floor_back_and_closes_every_line() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(1, "alfa", "bravo", "hub")
    story.do(2, c.GiveFloor("alfa"), HOST)
    for site in ("alfa", "bravo", "hub"):
        story.alive(4, site)

    assert story.do(5, c.End(), HOST) == [
        e.FloorTaken("alfa", "ended"),
        e.BriefingEnded(),
        e.ConnectionClosed("alfa", "alfa-1", "ended"),
        e.ConnectionClosed("bravo", "bravo-1", "ended"),
        e.ConnectionClosed("hub", "hub-1", "ended"),
    ]


@pytest.mark.parametrize(("heard", "ends"), [(11.0, None), (10.999, at(10.999)), (8, at(8))])
def test_at_the_end_a_line_that_gave_no_sign_of_life_within_a_second_ends_at_its_last_one(
    heard: float, ends: Moment | None
) -> None:
    story = live_briefing("alfa")
    story.join(1, "alfa")
    story.alive(heard, "alfa")

    closed = story.do(12, c.End(), HOST)[-1]

    assert closed == e.ConnectionClosed("alfa", "alfa-1", "ended", ends)


def test_a_cancelled_briefing_lets_everybody_go() -> None:
    story = open_briefing("alfa")
    story.join(1, "alfa")

    assert story.do(2, c.Cancel(), HOST)[-1] == e.ConnectionClosed("alfa", "alfa-1", "cancelled")
    assert story.briefing.phase == "cancelled" and story.briefing.open_lines() == []


# -- who may ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("actor", "command"),
    [
        (operator("alfa"), c.GiveFloor("alfa")),
        (operator("alfa"), c.RaiseHand("bravo")),
        (operator("alfa"), c.DeclareHeadcount("bravo", 3)),
        (operator("alfa"), c.ConfirmHeadcount("alfa")),
        (operator("alfa"), c.End()),
        (STAFF, c.End()),
        (STAFF, c.GiveFloor("alfa")),
        (SYSTEM, c.End()),
        (SYSTEM, c.DeclareHeadcount("alfa", 3)),
        (c.Actor("x", "visitor"), c.RaiseHand("alfa")),
    ],
)
def test_who_has_no_right_is_refused(actor: c.Actor, command: c.Command) -> None:
    story = live_briefing("alfa", "bravo")
    story.join(1, "alfa", "bravo")

    problem = refused(story, 2, command, actor)

    assert (problem.code, problem.details["role"]) == ("forbidden", actor.role)


def test_an_unknown_site_is_refused_by_name() -> None:
    story = live_briefing("alfa")
    for command in (c.GiveFloor("zulu"), c.DeclareHeadcount("zulu", 1, reason="r"), c.RaiseHand("zulu")):
        assert refused(story, 1, command).details == {"site": "zulu"}


# -- the floor -----------------------------------------------------------------------------------


def test_the_floor_is_given_to_a_site_on_line_and_one_press_takes_it_back() -> None:
    story = live_briefing("alfa")
    assert refused(story, 1, c.GiveFloor("alfa")).code == "site_not_online"
    story.join(2, "alfa")

    assert story.do(3, c.GiveFloor("alfa"), HOST) == [e.FloorGiven("alfa")]
    assert story.do(4, c.GiveFloor("alfa"), HOST) == []
    assert story.do(5, c.TakeFloor(), HOST) == [e.FloorTaken("alfa", "host")]
    assert story.do(6, c.TakeFloor(), HOST) == []


def test_the_speaker_gives_the_floor_back_by_itself_and_nobody_elses() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(1, "alfa", "bravo")
    story.do(2, c.GiveFloor("alfa"), HOST)

    assert story.do(3, c.ReturnFloor("bravo"), operator("bravo")) == []
    assert refused(story, 3, c.ReturnFloor("alfa"), operator("bravo")).code == "forbidden"
    assert story.do(4, c.ReturnFloor("alfa"), operator("alfa")) == [e.FloorTaken("alfa", "returned")]
    assert story.do(5, c.ReturnFloor("alfa"), operator("alfa")) == []


def test_giving_the_floor_to_another_takes_it_from_the_former_first() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(1, "alfa", "bravo")
    story.do(2, c.GiveFloor("alfa"), HOST)

    assert story.do(3, c.GiveFloor("bravo"), HOST) == [
        e.FloorTaken("alfa", "given_on"),
        e.FloorGiven("bravo"),
    ]


def test_a_break_takes_the_floor_back() -> None:
    story = live_briefing("alfa")
    story.join(1, "alfa")
    story.do(2, c.GiveFloor("alfa"), HOST)

    assert story.do(3, c.Break(), HOST) == [e.FloorTaken("alfa", "break"), e.BreakStarted()]


def test_a_floor_holder_silent_on_control_and_media_hands_the_floor_back_to_the_hub() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.do(0, c.GiveFloor("alfa"), HOST)
    story.do(1, c.SiteMedia("alfa", "alfa-1", joined=True, audio=True))

    story.do(20, c.Tick())
    assert story.briefing.floor == "alfa"  # lost on control, but still heard
    story.do(30, c.SiteMedia("alfa", "alfa-1", joined=False))
    story.pass_(21, 49)
    assert story.briefing.floor == "alfa"
    assert e.FloorTaken("alfa", "lost") in story.do(50, c.Tick())


def test_a_floor_holder_whose_media_nobody_knows_of_loses_it_after_20_s_of_silence() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.do(0, c.GiveFloor("alfa"), HOST)
    story.alive(5, "alfa")
    story.do(6, c.Leave("alfa", "alfa-1"))

    assert e.FloorTaken("alfa", "lost") not in story.do(25, c.Tick())
    assert e.FloorTaken("alfa", "lost") in story.do(26, c.Tick())


def test_a_revoked_link_loses_the_floor_at_once() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.do(0, c.GiveFloor("alfa"), HOST)

    assert story.do(1, c.Leave("alfa", "alfa-1", "revoked")) == [
        e.ConnectionClosed("alfa", "alfa-1", "revoked"),
        e.FloorTaken("alfa", "lost"),
    ]


def test_hands_queue_in_the_order_of_raising_and_the_floor_answers_them() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(0, "alfa", "bravo")
    story.do(1, c.RaiseHand("bravo", "vốn"), operator("bravo"))
    story.do(2, c.RaiseHand("alfa"), operator("alfa"))
    assert story.do(3, c.RaiseHand("alfa"), operator("alfa")) == []
    assert list(story.briefing.hands) == ["bravo", "alfa"]

    story.do(4, c.GiveFloor("bravo"), HOST)
    assert list(story.briefing.hands) == ["alfa"]
    assert story.do(5, c.LowerHand("alfa"), operator("alfa")) == [e.HandLowered("alfa")]
    assert story.do(6, c.LowerHand("alfa"), operator("alfa")) == []


def test_the_stage_shows_the_programme_and_on_it_who_has_the_floor() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.do(1, c.SetStage("slides", "hub"), HOST)
    assert (story.briefing.stage.left, story.briefing.stage.right) == ("slides", "hub")

    story.do(2, c.GiveFloor("alfa"), HOST)
    assert (story.briefing.stage.left, story.briefing.stage.right) == ("slides", "alfa")
    story.do(3, c.SetStage("hub"), HOST)
    assert (story.briefing.stage.left, story.briefing.stage.right) == ("alfa", None)
    assert refused(story, 4, c.SetStage("zulu")).code == "unknown_site"
    assert refused(story, 4, c.SetStage("hub", "hub")).code == "same_twice"


# -- grants --------------------------------------------------------------------------------------


def test_the_microphone_comes_and_goes_with_the_floor() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(0, "alfa", "bravo")
    story.do(1, c.GiveFloor("alfa"), HOST)

    assert grants_for(story.briefing, "alfa", "operator").sources == {"camera", "microphone"}
    assert grants_for(story.briefing, "bravo", "operator").sources == {"camera"}
    assert "screen_share" in grants_for(story.briefing, "hub", "host").sources
    follows = grants_for(story.briefing, "hub", "staff")
    assert follows.subscribe and not follows.sources
    assert grants_for(story.briefing, "zulu", "operator") == NOTHING
    story.do(2, c.End(), HOST)
    assert (
        grants_for(story.briefing, "hub", "host") == grants_for(story.briefing, "alfa", "operator") == NOTHING
    )
