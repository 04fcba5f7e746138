"""Attendance, rule by rule of ATTENDANCE.md (1 to 7). Seconds count from the host's start unless said."""

from __future__ import annotations

import random

import pytest

from coordinator.domain import attendance
from coordinator.domain import commands as c
from coordinator.domain import events as e
from coordinator.domain.attendance_types import Outage
from tests.domain.scenes import (
    HOST,
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


# -- rule 1: raw events are the truth ------------------------------------------------------------


def test_rule_1_events_in_any_order_and_twice_give_the_same_attendance() -> None:
    story = live_briefing("alfa", "bravo")
    visit(story, "alfa", 5, 300)
    visit(story, "alfa", 400, 700)
    visit(story, "bravo", 100, 900)
    story.do(600, c.DeclareHeadcount("alfa", 20), operator("alfa"))
    end(story, 1000)
    told = story.attendance()

    mixed = [*story.log, *story.log]
    random.Random(7).shuffle(mixed)

    assert attendance.fold(mixed, at(100_000)) == told
    assert (told.head_seq, told.head_hash) == (len(story.log), f"h{len(story.log)}")


def test_rule_1_every_event_survives_the_log() -> None:
    story = live_briefing("alfa")
    story.do(1, SENDS)
    visit(story, "alfa", 5, 300)
    story.do(310, c.Tick())
    story.do(320, c.Recover())
    for one in story.log:
        site, connection = getattr(one.event, "site", None), getattr(one.event, "connection", None)
        again = e.from_payload(type(one.event).__name__, site, connection, e.to_payload(one.event))
        assert again == one.event


# -- rule 2: connection-scoped -------------------------------------------------------------------


def test_rule_2_a_late_leave_of_a_replaced_page_costs_the_new_one_nothing() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.join(5, "alfa")
    late = e.ConnectionClosed("alfa", "alfa-1", "closed")
    story.record(at(9), [late])
    story.alive(100, "alfa", 2)
    end(story, 100)

    rows = story.site("alfa").connections
    assert [(row.connection, row.reason, row.left_ms) for row in rows] == [
        ("alfa-1", "replaced", utc(0)),
        ("alfa-2", "ended", utc(100)),
    ]


def test_rule_2_many_rejoins_are_one_attendance() -> None:
    site = visited(*((start, start + 9) for start in range(0, 1000, 10)))

    assert len(site.connections) == 100
    assert (site.connected_seconds, site.interruptions, site.status) == (900, 0, ("on_time",))


# -- rule 3: following ---------------------------------------------------------------------------


def test_rule_3_control_alone_while_the_stage_sends_is_kept_and_not_counted_as_attended() -> None:
    story = live_briefing("alfa")
    story.do(0, SENDS)
    story.join(0, "alfa")
    for when, receiving in ((0, True), (100, True), (100, False), (160, False), (160, None), (180, None)):
        story.alive(when, "alfa", n=when, receiving=receiving)
    end(story, 180)

    site = story.site("alfa")
    assert (site.connected_seconds, site.attended_seconds) == (180, 100)
    assert (site.signal_only_seconds, site.unknown_seconds) == (60, 20)
    assert site.attended_share == 100 / 180
    assert site.connections[0].following_seconds == 100


def test_rule_3_a_muted_hall_is_no_absence() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.alive(0, "alfa", n=1, receiving=False)
    story.alive(100, "alfa", n=2, receiving=False)
    end(story, 100)

    assert story.site("alfa").attended_seconds == 100


# -- rule 4: proof of life and clocks ------------------------------------------------------------


def test_rule_4_a_closed_socket_ends_the_interval_at_once() -> None:
    assert visited((10, 50)).connections[0].left_ms == utc(50)


def test_rule_4_a_silent_drop_ends_the_interval_at_the_last_proof_of_life() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 33, "alfa")  # heartbeats at 0, 5, … 30
    for second in range(34, 60):
        story.do(second, c.Tick())
    end(story, 100)

    row = story.site("alfa").connections[0]
    assert (row.reason, row.left_ms, row.connected_seconds) == ("lost", utc(30), 30)


def test_rule_4_a_healed_gap_goes_on_unbroken() -> None:
    story = live_briefing("alfa")
    story.do(0, SENDS)
    story.join(0, "alfa")
    story.alive(5, "alfa", n=1, receiving=True)
    story.do(25, c.Tick())
    for number in (2, 3, 4, 5):
        story.alive(26, "alfa", n=number, receiving=number != 3)
    story.pass_(27, 100, "alfa", receiving=True)
    story.alive(100, "alfa")
    end(story, 100)

    site = story.site("alfa")
    assert (len(site.connections), site.connected_seconds) == (1, 100)
    assert site.signal_only_seconds == 21  # one of the late heartbeats said so of the gap
    assert site.attended_seconds == 74


def test_rule_4_a_step_of_the_wall_clock_changes_no_duration() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.do(at(100, stepped_ms=-3_600_000), c.Alive("alfa", "alfa-1"))
    story.do(at(100, stepped_ms=-3_600_000), c.StepClock(-3_600_000))
    story.do(at(200, stepped_ms=-3_600_000), c.Alive("alfa", "alfa-1"))
    story.do(at(200, stepped_ms=-3_600_000), c.End(), HOST)

    told = story.attendance(at(300, stepped_ms=-3_600_000))
    assert (told.window.seconds, told.sites[0].connected_seconds) == (200, 200)


def test_rule_4_across_boots_durations_are_utc_and_flagged() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.alive(50, "alfa")
    story.record(at(300, "boot-2", mono_ms=4_000), [e.ConnectionClosed("alfa", "alfa-1", "closed")])
    story.record(at(400, "boot-2", mono_ms=104_000), [e.BriefingEnded()])

    told = story.attendance(at(500, "boot-2", mono_ms=204_000))
    row = told.sites[0].connections[0]
    assert (told.window.seconds, row.connected_seconds, row.across_boots) == (400, 300, True)


# -- rule 5: the window --------------------------------------------------------------------------


def test_rule_5_the_window_runs_from_start_to_end_with_breaks_taken_out() -> None:
    story = live_briefing("alfa", start=100)
    story.do(300, c.Break(), HOST)
    story.do(400, c.Resume(), HOST)
    end(story, 1100)

    window = story.attendance().window
    assert (window.seconds, window.breaks) == (900, ((utc(300), utc(400)),))
    assert (window.started_ms, window.ended_ms) == (utc(100), utc(1100))


def test_rule_5_outages_leave_the_window_and_overlaps_count_once() -> None:
    story = live_briefing("alfa")
    story.do(100, c.Outage("relay", True))
    story.do(150, c.Outage("hub", True))
    story.do(200, c.Outage("relay", False))
    story.do(250, c.Outage("hub", False))
    end(story, 1000)

    window = story.attendance().window
    assert window.seconds == 850
    assert window.outages == (Outage("relay", utc(100), utc(200)), Outage("hub", utc(150), utc(250)))


def test_rule_5_an_outage_is_nobodys_interruption() -> None:
    story = live_briefing("alfa")
    visit(story, "alfa", 0, 300)
    story.do(300, c.Outage("relay", True))
    story.do(600, c.Outage("relay", False))
    visit(story, "alfa", 620, 1000)
    end(story, 1000)

    site = story.site("alfa")
    assert (site.interruptions, site.connected_seconds, site.attended_share) == (0, 680, 680 / 700)


def test_rule_5_early_arrival_is_shown_and_not_counted() -> None:
    story = open_briefing("alfa")
    story.join(10, "alfa")
    story.alive(100, "alfa")
    story.do(100, c.Start(), HOST)
    story.alive(200, "alfa")
    end(story, 200)

    site = story.site("alfa")
    assert (site.first_joined_ms, site.connected_seconds) == (utc(10), 100)
    assert site.connections[0].connected_seconds == 190


# -- rule 6: connected, attended, interruptions --------------------------------------------------


@pytest.mark.parametrize(
    ("times", "interruptions", "seconds"),
    [
        (((0, 100), (160, 1000)), 0, 0),  # 60 s are not over 60 s
        (((0, 100), (161, 1000)), 1, 61),
        (((0, 100), (200, 300), (400, 1000)), 2, 200),
        (((200, 1000),), 0, 0),  # late is not interrupted
        (((0, 800),), 0, 0),  # and leaving early is not either
    ],
)
def test_rule_6_gaps_of_more_than_60_s_are_interruptions(
    times: tuple[tuple[float, float], ...], interruptions: int, seconds: int
) -> None:
    site = visited(*times)
    assert (site.interruptions, site.interrupted_seconds) == (interruptions, seconds)


def test_rule_6_a_gap_in_a_break_is_no_interruption() -> None:
    story = live_briefing("alfa")
    visit(story, "alfa", 0, 290)
    story.do(300, c.Break(), HOST)
    story.do(900, c.Resume(), HOST)
    visit(story, "alfa", 920, 1000)
    end(story, 1000)

    assert story.site("alfa").interruptions == 0


def test_rule_6_rows_are_raw_connections_and_first_and_last_are_unclipped() -> None:
    story = open_briefing("alfa")
    visit(story, "alfa", 1, 5)
    visit(story, "alfa", 5, 9)
    story.do(10, c.Start(), HOST)
    visit(story, "alfa", 20, 50)
    end(story, 60)

    site = story.site("alfa")
    assert [row.connected_seconds for row in site.connections] == [4, 4, 30]
    assert (site.first_joined_ms, site.last_left_ms, site.connected_seconds) == (utc(1), utc(50), 30)


# -- rule 7: a crash -----------------------------------------------------------------------------


def test_rule_7_after_a_crash_sites_go_on_in_the_same_attendance() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 104, "alfa")  # marks every 10 s, the last at 100
    story.restart()
    story.do(200, c.Recover())
    story.join(205, "alfa")
    story.alive(300, "alfa", 2)
    end(story, 300)

    told = story.attendance()
    site = told.sites[0]
    assert told.window.outages == (Outage("server", utc(100), utc(200)),)
    assert [(row.left_ms, row.reason) for row in site.connections] == [
        (utc(100), "server_crash"),
        (utc(300), "ended"),
    ]
    assert (told.window.seconds, site.connected_seconds, site.interruptions) == (200, 195, 0)
