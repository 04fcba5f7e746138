"""Headcounts: what adds up, who may say it, and which count is the one (ATTENDANCE.md rule 9)."""

from __future__ import annotations

from typing import Any

import pytest

from coordinator.domain import commands as c
from coordinator.domain import events as e
from coordinator.domain.errors import Refusal
from tests.domain.scenes import HOST, STAFF, Story, at, live_briefing, open_briefing, operator, utc


def declare(story: Story, when: float, present: int, **more: Any) -> list[e.Event]:
    return story.do(when, c.DeclareHeadcount("alfa", present, **more), operator("alfa"))


def correct(story: Story, when: float, present: int, **more: Any) -> list[e.Event]:
    return story.do(when, c.DeclareHeadcount("alfa", present, reason="counted again", **more), HOST)


def confirm(story: Story, when: float) -> list[e.Event]:
    return story.do(when, c.ConfirmHeadcount("alfa"), STAFF)


def refusal(story: Story, command: c.Command, actor: c.Actor) -> Refusal:
    with pytest.raises(Refusal) as told:
        story.do(50, command, actor)
    assert story.briefing.roll_calls.declared == {}
    return told.value


# -- what adds up --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "figures",
    [
        {"present": 30},
        {"present": 0},
        {"present": 28, "excused": 2},
        {"present": 27, "excused": 2, "unexcused": 1},
        {"present": 30, "extra": 4, "members": 30},
        {"present": 20, "unexcused": 3},
    ],
)
def test_what_adds_up_or_leaves_the_rest_unknown_is_taken(figures: dict[str, int]) -> None:
    story = live_briefing("alfa")

    (declared,) = declare(story, 1, **figures)

    assert isinstance(declared, e.HeadcountDeclared)
    known = {name for name in ("members", "excused", "unexcused", "extra") if name in figures}
    assert {
        name for name in ("members", "excused", "unexcused", "extra") if getattr(declared, name) is not None
    } == known


@pytest.mark.parametrize(
    ("figures", "code", "details"),
    [
        ({"present": 31}, "headcount_over", {"present": 31, "expected": 30, "extra": 1}),
        ({"present": 27, "excused": 1, "unexcused": 1}, "headcount_sum", {"expected": 30, "sum": 29}),
        ({"present": 29, "excused": 2}, "headcount_sum", {"expected": 30, "sum": 31}),
        ({"present": 5, "members": 6}, "members_over_present", {"members": 6, "present": 5}),
        ({"present": -1}, "bad_number", {"field": "present", "value": -1}),
        ({"present": 3, "extra": -2}, "bad_number", {"field": "extra", "value": -2}),
    ],
)
def test_what_does_not_add_up_is_refused_with_the_numbers(
    figures: dict[str, int], code: str, details: dict[str, object]
) -> None:
    problem = refusal(live_briefing("alfa"), c.DeclareHeadcount("alfa", **figures), operator("alfa"))

    assert (problem.code, problem.details) == (code, details)


def test_host_and_staff_say_why() -> None:
    story = live_briefing("alfa")
    for actor in (HOST, STAFF):
        for reason in (None, "  "):
            command = c.DeclareHeadcount("alfa", 3, reason=reason)
            assert refusal(story, command, actor).code == "reason_required"


def test_a_declaration_belongs_to_the_newest_roll_call_unless_it_says_which() -> None:
    story = live_briefing("alfa")
    story.do(10, c.StartRollCall(), HOST)

    assert [event.roll_call for event in (*declare(story, 11, 20), *declare(story, 12, 21, roll_call=1))] == [
        2,
        1,
    ]  # type: ignore[attr-defined]
    with pytest.raises(Refusal, match="unknown_roll_call"):
        declare(story, 13, 21, roll_call=3)


def test_an_early_answer_in_the_waiting_room_belongs_to_roll_call_one() -> None:
    (declared,) = declare(open_briefing("alfa"), 1, 20)
    assert isinstance(declared, e.HeadcountDeclared) and declared.roll_call == 1


def test_confirming_needs_a_declaration_and_happens_once() -> None:
    story = live_briefing("alfa")
    assert refusal(story, c.ConfirmHeadcount("alfa"), HOST).code == "no_headcount"
    declare(story, 1, 20)

    assert confirm(story, 2) == [e.HeadcountConfirmed("alfa", 1, 1)]
    assert confirm(story, 3) == []


def test_after_the_end_host_and_staff_correct_and_operators_do_not() -> None:
    story = live_briefing("alfa")
    declare(story, 1, 20)
    story.do(10, c.End(), HOST)

    with pytest.raises(Refusal, match="wrong_phase"):
        declare(story, 11, 21)
    assert correct(story, 12, 22) != [] and confirm(story, 13) != []
    assert story.do(14, c.ConfirmByPhone("alfa", "Nông Văn A", "no line"), STAFF) == [
        e.ConfirmedByPhone("alfa", "Nông Văn A", "no line")
    ]


@pytest.mark.parametrize(
    ("name", "reason", "code"), [(" ", "r", "name_required"), ("N", "", "reason_required")]
)
def test_a_confirmation_by_phone_names_a_person_and_a_reason(name: str, reason: str, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        live_briefing("alfa").do(1, c.ConfirmByPhone("alfa", name, reason), STAFF)


def test_the_expected_number_changes_with_a_reason_and_not_below_what_is_declared() -> None:
    story = live_briefing("alfa")
    declare(story, 1, 25)
    with pytest.raises(Refusal, match="reason_required"):
        story.do(2, c.ChangeExpected("alfa", 28, None, ""), HOST)
    with pytest.raises(Refusal, match="headcount_over"):
        story.do(2, c.ChangeExpected("alfa", 24, None, "moved"), HOST)

    story.do(3, c.ChangeExpected("alfa", 28, 10, "two were moved"), STAFF)

    site = story.site("alfa")
    assert (site.expected, site.expected_members, site.rate) == (28, 10, 25 / 28)
    assert site.expected_changes[0].reason == "two were moved"


def test_the_expected_number_never_falls_below_present_and_absent_together() -> None:
    """Else the rate without the excused would pass 100 %."""
    story = live_briefing("alfa")
    declare(story, 1, 20, excused=10, unexcused=0)
    with pytest.raises(Refusal, match="absent_over"):
        story.do(2, c.ChangeExpected("alfa", 29, None, "moved"), HOST)

    declare(story, 3, 20, excused=9)
    story.do(4, c.ChangeExpected("alfa", 29, None, "moved"), HOST)

    assert story.site("alfa").expected == 29


# -- which count is the one ----------------------------------------------------------------------


def counted(story: Story) -> tuple[int | None, str | None]:
    site = story.site("alfa")
    assert [row.counted for row in site.headcounts].count(True) == (site.present is not None)
    return site.present, site.headcount_state


def test_nothing_declared_is_unknown() -> None:
    assert counted(live_briefing("alfa")) == (None, None)


def test_without_a_confirmation_the_latest_declared_counts() -> None:
    story = live_briefing("alfa")
    declare(story, 10, 20)
    declare(story, 20, 22)
    story.do(100, c.End(), HOST)

    assert counted(story) == (22, "declared")


def test_a_confirmed_count_goes_before_a_later_declared_one() -> None:
    story = live_briefing("alfa")
    declare(story, 70, 20)
    confirm(story, 71)
    declare(story, 80, 22)
    story.do(100, c.End(), HOST)

    assert counted(story) == (20, "confirmed")


def test_the_latest_confirmed_by_the_midpoint_goes_before_all_later_ones() -> None:
    story = live_briefing("alfa")
    for when, present in ((10, 20), (40, 21), (60, 22)):
        declare(story, when, present)
        confirm(story, when + 1)
    story.do(100, c.End(), HOST)

    assert counted(story) == (21, "confirmed")


def test_without_one_by_the_midpoint_the_latest_confirmed_counts() -> None:
    story = live_briefing("alfa")
    for when, present in ((60, 20), (80, 21)):
        declare(story, when, present)
        confirm(story, when + 1)
    declare(story, 90, 25)
    story.do(100, c.End(), HOST)

    assert counted(story) == (21, "confirmed")


def test_the_midpoint_is_half_of_the_clock_with_breaks_in_it() -> None:
    story = live_briefing("alfa")
    story.do(5, c.Break(), HOST)
    story.do(85, c.Resume(), HOST)
    declare(story, 45, 20)
    confirm(story, 50)
    declare(story, 90, 22)
    confirm(story, 91)
    story.do(100, c.End(), HOST)

    assert counted(story) == (20, "confirmed")


def test_a_correction_takes_the_place_of_what_it_corrects_even_after_the_end() -> None:
    story = live_briefing("alfa")
    declare(story, 10, 20)
    confirm(story, 11)
    story.do(100, c.End(), HOST)
    correct(story, 200, 18)

    assert counted(story) == (18, "confirmed")
    assert [row.present for row in story.site("alfa").headcounts] == [20, 18]  # nothing is overwritten


def test_a_late_answer_to_an_older_roll_call_does_not_outrank_the_newer_one() -> None:
    story = live_briefing("alfa")
    declare(story, 10, 20)
    story.do(20, c.StartRollCall(), HOST)
    declare(story, 21, 25)
    declare(story, 30, 19, roll_call=1)

    assert counted(story) == (25, "declared")
    assert confirm(story, 31) == [e.HeadcountConfirmed("alfa", 2, 2)]


def test_every_declaration_is_listed_with_who_when_and_why() -> None:
    story = live_briefing("alfa")
    declare(story, 10, 20, members=7, note="mưa to")
    confirm(story, 11)
    correct(story, 20, 21)

    first, second = story.site("alfa").headcounts
    assert (first.actor, first.at_ms, first.members, first.note) == ("site:alfa", utc(10), 7, "mưa to")
    assert (first.confirmed, first.confirmed_by, first.confirmed_ms) == (True, "binh", at(11).utc_ms)
    assert (second.actor, second.reason, second.declaration, second.confirmed) == (
        "host",
        "counted again",
        2,
        True,
    )
