"""Status, sums and reports, by rules 8 to 11 of ATTENDANCE.md. Seconds count from the start."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.domain import attendance
from coordinator.domain import commands as c
from coordinator.domain import events as e
from tests.domain.scenes import (
    HOST,
    STAFF,
    Story,
    at,
    end,
    live_briefing,
    open_briefing,
    operator,
    utc,
    visit,
    visited,
)

SENDS = c.HubMedia(audio=True, video=True, screen=False)


# -- rule 8: status ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "status"),
    [
        (((0, 1000),), ("on_time",)),
        (((300, 1000),), ("on_time",)),
        (((301, 1000),), ("late",)),
        (((0, 940),), ("on_time",)),
        (((0, 939),), ("on_time", "left_early")),
        (((400, 500), (600, 700)), ("late", "interrupted", "left_early")),
        ((), ("not_connected",)),
    ],
)
def test_rule_8_a_site_has_all_codes_that_are_true(
    times: tuple[tuple[float, float], ...], status: tuple[str, ...]
) -> None:
    assert visited(*times).status == status


def test_rule_8_thresholds_are_those_of_the_start() -> None:
    story = live_briefing("alfa", thresholds=e.Thresholds(late_after_s=10, gap_s=5))
    visit(story, "alfa", 11, 500)
    visit(story, "alfa", 506, 1000)
    end(story, 1000)

    assert story.site("alfa").status == ("late", "interrupted")


def test_rule_8_signal_only_and_sound_only_are_over_a_fifth_of_the_time() -> None:
    story = live_briefing("alfa", "bravo")
    story.do(0, SENDS)
    story.join(0, "alfa", "bravo")
    for when in range(0, 101, 10):
        story.alive(when, "alfa", n=when, receiving=when < 70)
        story.alive(when, "bravo", n=when, receiving=True, mode="full" if when < 70 else "audio")
    end(story, 100)

    assert [site.status for site in story.attendance().sites] == [
        ("on_time", "signal_only"),
        ("on_time", "sound_only"),
    ]


def test_rule_8_a_confirmation_by_phone_stands_apart_with_name_and_reason() -> None:
    story = live_briefing("alfa")
    story.do(500, c.ConfirmByPhone("alfa", "Nông Văn A", "mất điện"), STAFF)
    end(story, 1000)

    told = story.attendance()
    site = told.sites[0]
    assert site.status == ("not_connected", "confirmed_by_phone")
    assert site.phone is not None
    assert (site.phone.name, site.phone.reason, site.phone.actor, site.phone.at_ms) == (
        "Nông Văn A", "mất điện", "binh", utc(500),
    )  # fmt: skip
    assert told.totals.sites_connected == 0


def test_rule_8_what_a_break_or_outage_took_makes_nobody_late() -> None:
    story = live_briefing("alfa")
    story.do(0, c.Outage("server", True))
    story.do(400, c.Outage("server", False))
    visit(story, "alfa", 600, 1000)
    end(story, 1000)

    assert story.site("alfa").status == ("on_time",)


# -- rule 9 is in test_roll_call.py; rules 10 and 11 ---------------------------------------------


def test_rule_10_two_rates_never_mixed_and_unknown_is_a_range() -> None:
    story = live_briefing("alfa", "bravo", "charlie", expected=40, members=10)
    story.join(0, "alfa", "bravo")
    story.do(5, c.DeclareHeadcount("alfa", 30, 8, 6, 4, 3), operator("alfa"))
    story.do(5, c.DeclareHeadcount("bravo", 36), operator("bravo"))
    for site in ("alfa", "bravo"):
        story.alive(6, site)
    end(story, 6)

    totals = story.attendance().totals
    assert (totals.sites_expected, totals.sites_connected, totals.sites_reported) == (3, 2, 2)
    assert totals.sites_rate == 2 / 3
    assert (totals.expected, totals.expected_reported, totals.present, totals.extra) == (120, 80, 66, 3)
    assert (totals.rate, totals.rate_low, totals.rate_high) == (66 / 80, 66 / 120, 106 / 120)
    assert totals.rate_excluding_excused == 30 / 34  # over the site that told how many are excused
    assert (totals.members_present, totals.members_expected, totals.members_rate) == (8, 10, 0.8)


def test_rule_11_nothing_declared_is_none_and_never_zero() -> None:
    story = live_briefing("alfa", members=9)
    end(story, 10)

    told = story.attendance()
    site, totals = told.sites[0], told.totals
    unknown = (site.present, site.members, site.excused, site.unexcused, site.extra, site.note, site.rate)
    assert unknown == (None,) * 7
    assert (site.headcount_state, site.headcount_roll_call, site.first_joined_ms) == (None, None, None)
    assert (totals.present, totals.rate, totals.extra, totals.members_rate) == (None, None, None, None)
    assert (totals.rate_low, totals.rate_high) == (0.0, 1.0)


def test_rule_11_a_declared_zero_is_zero() -> None:
    story = live_briefing("alfa")
    story.do(1, c.DeclareHeadcount("alfa", 0), operator("alfa"))
    end(story, 10)

    assert (story.site("alfa").present, story.attendance().totals.rate) == (0, 0.0)


# -- a running briefing, speeches, old reports ---------------------------------------------------


def test_a_running_briefing_is_provisional_and_open_lines_count_up_to_now() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 95, "alfa")

    told = story.attendance(97)
    site = told.sites[0]
    assert (told.provisional, told.window.seconds, told.window.ended_ms) == (True, 97, None)
    assert (site.connected_seconds, site.still_connected, site.last_left_ms) == (97, True, None)
    assert story.site("alfa", 500).connected_seconds == 110  # no proof since the mark at 90: 20 s at most


def test_before_the_start_there_is_no_window_and_no_status() -> None:
    told = open_briefing("alfa").attendance(50)
    assert (told.phase, told.window.seconds, told.window.started_ms, told.sites[0].status) == (
        "open",
        0,
        None,
        (),
    )


def test_speeches_are_listed_with_how_they_ended() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(0, "alfa", "bravo")
    story.do(10, c.GiveFloor("alfa"), HOST)
    story.do(15, c.GiveFloor("bravo"), HOST)

    alfa, bravo = story.attendance(18).sites
    assert [(one.start_ms, one.end_ms, one.reason) for one in alfa.speeches] == [
        (utc(10), utc(15), "given_on")
    ]
    assert [(one.start_ms, one.end_ms, one.reason) for one in bravo.speeches] == [(utc(15), None, None)]


def test_a_line_check_is_kept() -> None:
    story = Story("alfa")
    story.do(5, c.ReportLineCheck("alfa", True, False, 80, 0.02, 900_000), operator("alfa"))

    (check,) = story.site("alfa").line_checks
    assert (check.at_ms, check.sound, check.picture, check.rate_bps) == (utc(5), True, False, 900_000)
    assert (check.verdict, check.up_bps, check.speakers) == ("fair", None, None)


def test_a_line_check_keeps_devices_and_verdict() -> None:
    story = Story("alfa")
    told = c.ReportLineCheck(
        "alfa", True, True, 80, 0.0, 2_000_000, up_bps=600_000, speakers=True, camera="HD Webcam",
        microphone="Jabra", device="Chrome, Windows",
    )  # fmt: skip
    story.do(5, told, operator("alfa"))

    (check,) = story.site("alfa").line_checks
    assert (check.up_bps, check.speakers, check.verdict) == (600_000, True, "good")
    assert (check.camera, check.microphone, check.device) == ("HD Webcam", "Jabra", "Chrome, Windows")


def test_an_old_report_keeps_the_rules_and_numbers_of_its_start() -> None:
    story = live_briefing("alfa", expected=40)
    end(story, 10)
    older = [
        replace(one, event=replace(one.event, rules_version="0"))
        if isinstance(one.event, e.BriefingStarted)
        else one
        for one in story.log
    ]

    assert attendance.fold(older, at(20)).rules_version == "0"
    assert story.attendance().rules_version == attendance.RULES_VERSION == "1"
