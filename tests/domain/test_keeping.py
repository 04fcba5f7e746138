"""Make-up attendance, notes and sign-offs: what is written beside and after the briefing."""

from __future__ import annotations

import pytest

from coordinator.domain import commands as c
from coordinator.domain import events as e
from coordinator.domain import snapshot
from coordinator.domain.attendance_types import NoteRow
from coordinator.domain.commands import Actor
from tests.domain.scenes import HOST, STAFF, Story, at, end, live_briefing, operator, refused, utc

ALFA = operator("alfa")


def ended() -> Story:
    """Two sites of 30; alfa confirmed 24 present."""
    story = live_briefing("alfa", "bravo")
    story.do(10, c.DeclareHeadcount("alfa", 24, excused=4, unexcused=2), ALFA)
    story.do(20, c.ConfirmHeadcount("alfa"), HOST)
    end(story, 100)
    return story


# -- rule 12 -------------------------------------------------------------------------------------


def test_rule_12_make_up_attendance_has_a_column_of_its_own_and_changes_no_rate() -> None:
    story = ended()
    before = story.attendance()
    story.do(200, c.MakeUp("alfa", 3, "2026-11-25", "xem bản ghi"), STAFF)
    story.do(300, c.MakeUp("alfa", 2, "2026-11-26", "xem bản ghi"), STAFF)

    told, site = story.attendance(), story.site("alfa")
    assert (site.made_up, site.present, site.rate) == (5, 24, 24 / 30)
    assert told.totals.made_up == 5
    assert (told.totals.rate, told.totals.present) == (before.totals.rate, before.totals.present)
    assert story.site("bravo").made_up is None


def test_a_second_entry_of_the_same_day_corrects_the_first_and_both_stay() -> None:
    story = ended()
    story.do(200, c.MakeUp("alfa", 3, "2026-11-25", "xem bản ghi"), STAFF)
    story.do(300, c.MakeUp("alfa", 4, "2026-11-25", "đếm lại"), STAFF)

    site = story.site("alfa")
    assert site.made_up == 4
    assert [(row.persons, row.corrected, row.actor) for row in site.made_up_rows] == [
        (3, True, "binh"),
        (4, False, "binh"),
    ]


def test_no_more_can_make_it_up_than_were_absent() -> None:
    story = ended()
    story.do(200, c.MakeUp("alfa", 4, "2026-11-25", "xem bản ghi"), STAFF)

    told = refused(story, 300, c.MakeUp("alfa", 3, "2026-11-26", "xem bản ghi"), STAFF)
    assert (told.code, told.details) == ("make_up_over", {"persons": 7, "absent": 6})
    assert story.do(300, c.MakeUp("alfa", 6, "2026-11-25", "đếm lại"), STAFF)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (c.MakeUp("alfa", -1, "2026-11-25", "x"), "bad_number"),
        (c.MakeUp("alfa", 1, "25/11/2026", "x"), "bad_day"),
        (c.MakeUp("alfa", 1, "2026-11-25", " "), "reason_required"),
        (c.MakeUp("zulu", 1, "2026-11-25", "x"), "unknown_site"),
        (c.AddNote("alfa", " ", "x"), "text_required"),
        (c.AddNote("alfa", "x"), "reason_required"),
        (c.AddNote("zulu", "x", "x"), "unknown_site"),
    ],
)
def test_what_is_refused_after_the_end(command: c.Command, code: str) -> None:
    assert refused(ended(), 200, command, STAFF).code == code


def test_make_up_and_sign_off_come_after_the_end_only() -> None:
    story = live_briefing("alfa")
    assert refused(story, 5, c.MakeUp("alfa", 1, "2026-11-25", "x"), STAFF).code == "wrong_phase"
    assert refused(story, 5, c.SignOff("alfa", "right"), ALFA).code == "wrong_phase"


# -- notes ---------------------------------------------------------------------------------------


def test_notes_append_about_a_site_or_the_whole() -> None:
    story = live_briefing("alfa")
    story.do(5, c.AddNote("alfa", " mất điện "), HOST)
    end(story, 10)
    story.do(20, c.AddNote(None, "Bản ghi ở phòng 3", "bổ sung"), STAFF)

    assert story.site("alfa").notes == (NoteRow(utc(5), "host", "mất điện", None),)
    assert story.attendance().notes == (NoteRow(utc(20), "binh", "Bản ghi ở phòng 3", "bổ sung"),)


# -- sign-off ------------------------------------------------------------------------------------


def test_the_operator_signs_its_own_line_and_the_latest_answer_stands() -> None:
    story = ended()
    story.do(200, c.SignOff("alfa", "wrong", "có mặt 25"), ALFA)
    assert story.do(210, c.SignOff("alfa", "wrong", "có mặt 25"), ALFA) == []
    story.do(220, c.SignOff("alfa", "right"), ALFA)

    site = story.site("alfa")
    assert site.signed is not None
    assert (site.signed.answer, site.signed.actor, site.signed.at_ms) == ("right", "site:alfa", utc(220))
    assert [row.answer for row in site.signed_rows] == ["wrong", "right"]
    assert story.site("bravo").signed is None


def test_a_correction_after_the_signature_shows_and_asks_for_a_new_one() -> None:
    story = ended()
    story.do(200, c.SignOff("alfa", "right"), ALFA)
    story.do(210, c.DeclareHeadcount("alfa", 25, reason="đếm sót"), STAFF)

    signed = story.site("alfa").signed
    assert signed is not None and signed.changed_since
    assert drawn(story, "alfa")["signed"] == {"answer": "right", "changed": True}
    story.do(220, c.SignOff("alfa", "right"), ALFA)
    signed = story.site("alfa").signed
    assert signed is not None and not signed.changed_since
    assert drawn(story, "alfa")["signed"] == {"answer": "right", "changed": False}


@pytest.mark.parametrize("actor", [HOST, STAFF, Actor("quan", "admin"), operator("bravo")])
def test_nobody_signs_for_somebody_else(actor: Actor) -> None:
    assert refused(ended(), 200, c.SignOff("alfa", "right"), actor).code == "forbidden"


def test_wrong_needs_a_word_of_what_is_wrong() -> None:
    assert refused(ended(), 200, c.SignOff("alfa", "wrong"), ALFA).code == "remark_required"
    assert refused(ended(), 200, c.SignOff("alfa", "maybe"), ALFA).code == "bad_answer"


def drawn(story: Story, code: str) -> dict[str, object]:
    shown = snapshot.full(story.briefing, at(1000), "applied")
    return next(site for site in shown["sites"] if site["code"] == code)


# -- roll calls: all at once or in turn; start, middle and end -----------------------------------


def test_in_turn_the_host_calls_those_who_have_not_answered_in_order_and_round_again() -> None:
    story = live_briefing("alfa", "bravo", "charlie")
    story.do(1, c.StartRollCall("in_turn", "middle"), HOST)
    story.do(2, c.DeclareHeadcount("bravo", 20), operator("bravo"))

    assert story.do(3, c.CallSite(), HOST) == [e.SiteCalled("alfa", 2)]
    assert story.do(4, c.CallSite(), HOST) == [e.SiteCalled("charlie", 2)]
    story.do(5, c.DeclareHeadcount("charlie", 20), operator("charlie"))
    assert story.do(6, c.CallSite(), HOST) == [e.SiteCalled("alfa", 2)]
    assert story.do(7, c.CallSite("alfa"), HOST) == []
    assert story.do(8, c.CallSite("charlie"), HOST) == [e.SiteCalled("charlie", 2)]
    story.do(9, c.DeclareHeadcount("alfa", 20), ALFA)
    assert refused(story, 10, c.CallSite()).code == "all_answered"


def test_calling_in_turn_shows_on_every_screen() -> None:
    story = live_briefing("alfa", "bravo")
    assert snapshot.full(story.briefing, at(1), "applied")["calling"] == {
        "number": 1, "mode": "all", "label": "start", "called": None,
    }  # fmt: skip
    story.do(1, c.StartRollCall("in_turn", "end"), HOST)
    story.do(2, c.CallSite(), HOST)

    wanted = {"number": 2, "mode": "in_turn", "label": "end", "called": "alfa"}
    assert snapshot.for_site(story.briefing, "bravo", at(3), "applied")["calling"] == wanted
    full = snapshot.full(story.briefing, at(3), "applied")
    assert (full["roll_call"], full["calling"]) == (2, wanted)
    assert [site["answered"] for site in full["sites"]] == [False, False]


def test_a_roll_call_of_all_at_once_calls_nobody_by_name() -> None:
    story = live_briefing("alfa")
    assert refused(story, 1, c.CallSite()).code == "not_in_turn"
    assert refused(story, 1, c.StartRollCall("loud")).code == "bad_mode"
    assert refused(story, 1, c.StartRollCall("all", "noon")).code == "bad_label"
    assert refused(story, 1, c.CallSite(), STAFF).code == "forbidden"


def test_start_middle_and_end_counts_are_kept_apart() -> None:
    story = live_briefing("alfa")
    story.do(1, c.DeclareHeadcount("alfa", 20), ALFA)
    story.do(2, c.StartRollCall("all", "middle"), HOST)
    story.do(3, c.DeclareHeadcount("alfa", 22), ALFA)
    story.do(4, c.StartRollCall("all", "end"), HOST)
    story.do(5, c.DeclareHeadcount("alfa", 18), ALFA)
    story.do(6, c.ConfirmHeadcount("alfa"), HOST)
    story.do(7, c.DeclareHeadcount("alfa", 19), ALFA)
    end(story, 10)

    told = story.attendance()
    assert [(count.label, count.present, count.confirmed) for count in told.sites[0].roll_call_counts] == [
        ("start", 20, False),
        ("middle", 22, False),
        ("end", 18, True),
    ]
    assert [(row.number, row.mode, row.label, row.at_ms) for row in told.roll_call_rows] == [
        (1, "all", "start", utc(0)),
        (2, "all", "middle", utc(2)),
        (3, "all", "end", utc(4)),
    ]
