"""The lines: who is connected, who follows, what is lost, and what outages and crashes leave behind."""

from __future__ import annotations

import pytest

from coordinator.domain import commands as c
from coordinator.domain import events as e
from coordinator.domain.lines import speaking_though_lost
from tests.domain.scenes import (
    HOST,
    STAFF,
    SYSTEM,
    Story,
    at,
    live_briefing,
    open_briefing,
    refused,
)

# -- lines ---------------------------------------------------------------------------------------


def test_the_newest_device_of_a_site_wins_in_one_decision() -> None:
    story = open_briefing("alfa")
    story.join(1, "alfa")
    story.alive(6, "alfa")

    assert story.do(6, c.Join("alfa", "alfa-2", "Edge", "page-2")) == [
        e.ConnectionClosed("alfa", "alfa-1", "replaced"),
        e.ConnectionOpened("alfa", "alfa-2", "Edge", "page-2"),
    ]


def test_a_replaced_line_that_was_silent_ends_at_its_last_proof_of_life() -> None:
    story = open_briefing("alfa")
    story.join(1, "alfa")

    assert story.do(9, c.Join("alfa", "x", "Edge", "p"))[0] == e.ConnectionClosed(
        "alfa", "alfa-1", "replaced", at(1)
    )


def test_a_leave_closes_its_own_connection_only() -> None:
    story = open_briefing("alfa", "bravo")
    story.join(1, "alfa")
    story.join(2, "alfa")

    assert story.do(3, c.Leave("alfa", "alfa-1")) == []
    assert story.do(3, c.Leave("bravo", "alfa-2")) == []
    assert story.do(3, c.Leave("alfa", "nobody")) == []
    assert story.do(4, c.Leave("alfa", "alfa-2")) == [e.ConnectionClosed("alfa", "alfa-2", "closed")]


def test_a_socket_that_closes_after_10_s_of_silence_was_dead_before() -> None:
    story = open_briefing("alfa", "bravo")
    story.join(1, "alfa", "bravo")

    assert story.do(11, c.Leave("alfa", "alfa-1")) == [e.ConnectionClosed("alfa", "alfa-1", "closed")]
    assert story.do(12, c.Leave("bravo", "bravo-1")) == [
        e.ConnectionClosed("bravo", "bravo-1", "closed", at(1))
    ]


def test_several_connections_of_the_hub_live_side_by_side_but_one_a_page() -> None:
    story = open_briefing("alfa")
    story.do(1, c.Join("hub", "h1", "Chrome", "host"), HOST)
    story.do(1, c.Join("hub", "h2", "Chrome", "secretary"), STAFF)
    story.do(2, c.Join("hub", "h3", "Chrome", "host"), HOST)

    assert [line.connection for line in story.briefing.open_lines()] == ["h2", "h3"]


@pytest.mark.parametrize("phase", ["scheduled", "ended"])
def test_a_site_joins_only_what_is_open(phase: str) -> None:
    story = Story("alfa")
    if phase == "ended":
        for command in (c.Open(), c.Start(), c.End()):
            story.do(1, command, HOST)

    problem = refused(story, 2, c.Join("alfa", "c", "Chrome", "p"), SYSTEM)

    assert (problem.code, problem.details) == ("not_open", {"phase": phase})


def test_a_line_that_is_silent_for_20_s_is_lost_and_ends_at_its_last_proof_of_life() -> None:
    story = live_briefing("alfa")
    story.join(1, "alfa")
    story.alive(7, "alfa")

    assert e.ConnectionClosed("alfa", "alfa-1", "lost", at(7)) not in story.do(26, c.Tick())
    assert story.do(27, c.Tick())[0] == e.ConnectionClosed("alfa", "alfa-1", "lost", at(7))
    assert story.briefing.open_line("alfa") is None


def test_any_frame_is_proof_of_life_and_no_event() -> None:
    story = open_briefing("alfa")
    story.join(1, "alfa")

    assert story.alive(15, "alfa") == [e.FollowingChanged("alfa", "alfa-1", "following")]
    assert story.alive(30, "alfa") == []
    assert story.do(40, c.Tick()) == [
        e.AliveMarked((e.Mark("alfa-1", 10_000, "following"),)),
    ]


def test_late_heartbeats_that_cover_the_gap_heal_it() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.alive(5, "alfa", n=1)
    assert isinstance(story.do(25, c.Tick())[0], e.ConnectionClosed)

    late = [story.alive(26, "alfa", n=number, receiving=True) for number in (2, 3, 4, 5)]

    assert late == [[], [], [], [e.ConnectionHealed("alfa", "alfa-1", "following")]]
    assert story.briefing.open_line("alfa") is not None


def test_after_a_heal_a_crash_ends_the_line_no_earlier_than_the_heal() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.alive(5, "alfa", n=1)
    story.do(25, c.Tick())
    story.alive(26, "alfa", n=5)
    story.restart()

    assert story.do(60, c.Recover())[0] == e.ConnectionClosed("alfa", "alfa-1", "server_crash", at(26))


def test_a_page_that_stood_still_itself_heals_nothing() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.alive(5, "alfa", n=1)
    story.do(25, c.Tick())

    assert [story.alive(600 + 5 * k, "alfa", n=2 + k) for k in range(20)] == [[]] * 20
    assert story.alive(26, "alfa", n=None) == []


def test_a_replaced_page_heals_nothing() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.alive(5, "alfa", n=1)
    story.do(25, c.Tick())
    story.join(26, "alfa")

    assert story.alive(26, "alfa", n=5) == []


def test_a_mark_every_10_s_lists_every_open_line_while_live() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(0, "alfa", "bravo", "hub")
    story.pass_(1, 31, "alfa", "bravo", "hub")

    marks = [one for one in story.log if isinstance(one.event, e.AliveMarked)]

    assert [one.at for one in marks] == [at(1), at(11), at(21), at(31)]
    assert [mark.connection for mark in marks[-1].event.marks] == ["alfa-1", "bravo-1", "hub-1"]  # type: ignore[attr-defined]
    assert marks[-1].event.marks[0].ago_ms == 0  # type: ignore[attr-defined]


# -- following -----------------------------------------------------------------------------------


def test_the_first_media_received_is_an_event_and_so_is_every_change_of_following() -> None:
    story = live_briefing("alfa")
    story.do(0, c.HubMedia(audio=True, video=True, screen=False))
    story.join(0, "alfa")

    assert story.alive(1, "alfa", n=1, receiving=True) == [
        e.MediaUp("alfa", "alfa-1"),
        e.FollowingChanged("alfa", "alfa-1", "following"),
    ]
    assert story.alive(6, "alfa", n=2, receiving=True) == []
    assert story.alive(11, "alfa", n=3, receiving=False) == [
        e.FollowingChanged("alfa", "alfa-1", "signal_only")
    ]
    assert story.alive(16, "alfa", n=4) == [e.FollowingChanged("alfa", "alfa-1", "unknown")]


def test_a_stage_that_sends_nothing_is_followed_by_all_who_are_there() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")

    assert story.alive(1, "alfa", n=1, receiving=False) == [e.FollowingChanged("alfa", "alfa-1", "following")]


def test_who_has_the_floor_follows() -> None:
    story = live_briefing("alfa")
    story.do(0, c.HubMedia(True, True, False))
    story.join(0, "alfa")
    story.alive(1, "alfa", n=1, receiving=False)
    story.do(2, c.GiveFloor("alfa"), HOST)

    assert story.alive(3, "alfa", n=2, receiving=False) == [e.FollowingChanged("alfa", "alfa-1", "following")]


def test_in_slides_mode_following_is_the_page_acknowledged() -> None:
    story = live_briefing("alfa")
    story.do(0, c.HubMedia(True, False, True))
    story.do(0, c.ShowSlide(4), HOST)
    story.join(0, "alfa")

    behind = story.alive(1, "alfa", n=1, receiving=True, mode="slides", slide=3)[-1]
    there = story.alive(6, "alfa", n=2, receiving=False, mode="slides", slide=4)[-1]
    silent = story.alive(11, "alfa", n=3, receiving=True, mode="slides")[-1]

    assert [one.following for one in (behind, there, silent)] == ["signal_only", "following", "unknown"]  # type: ignore[attr-defined]


def test_frames_without_a_report_keep_the_last_one_for_75_s() -> None:
    story = live_briefing("alfa")
    story.do(0, c.HubMedia(True, True, False))
    story.join(0, "alfa")
    story.alive(0, "alfa", n=1, receiving=True)

    assert story.alive(75, "alfa") == []
    assert story.alive(76, "alfa") == [e.FollowingChanged("alfa", "alfa-1", "unknown")]


# -- outages and crashes -------------------------------------------------------------------------


def test_after_a_crash_lines_end_at_their_mark_and_the_briefing_is_still_live() -> None:
    story = live_briefing("alfa", "bravo")
    story.join(0, "alfa", "bravo")
    story.do(1, c.GiveFloor("alfa"), HOST)
    story.pass_(2, 34, "alfa", "bravo")  # marks at 2, 12, 22, 32; heartbeats at 2, 7, … 32
    story.restart()

    assert story.do(60, c.Recover()) == [
        e.ConnectionClosed("alfa", "alfa-1", "server_crash", at(32)),
        e.ConnectionClosed("bravo", "bravo-1", "server_crash", at(32)),
        e.FloorTaken("alfa", "lost"),
        e.OutageBegan("server", since=at(32)),
        e.OutageEnded("server"),
    ]
    assert story.briefing.phase == "live"


def test_after_a_crash_an_unmarked_line_ends_at_its_last_event() -> None:
    story = open_briefing("alfa")
    story.join(3, "alfa")
    story.alive(4, "alfa", n=1, receiving=True)
    story.restart()

    assert story.do(90, c.Recover()) == [e.ConnectionClosed("alfa", "alfa-1", "server_crash", at(4))]


def test_a_hub_whose_last_line_is_lost_and_sends_nothing_is_out_until_it_is_back() -> None:
    story = live_briefing("alfa")
    story.join(0, "hub")
    story.do(20, c.Tick())

    assert story.do(21, c.Tick()) == [e.OutageBegan("hub", since=at(0))]
    assert story.do(22, c.Tick()) == []
    assert story.do(40, c.Join("hub", "h2", "Chrome", "host"), HOST)[-1] == e.OutageEnded("hub")


def test_office_staff_who_follow_along_are_not_the_hub() -> None:
    story = live_briefing("alfa")
    staff = c.Actor("mai", "staff")
    story.join(0, "hub")
    story.do(1, c.Join("hub", "s1", "Chrome", "staff"), staff)
    story.do(19, c.Alive("hub", "s1", 1, None))
    story.do(20, c.Tick())

    assert story.do(21, c.Tick()) == [e.OutageBegan("hub", since=at(0))]
    joined = story.do(22, c.Join("hub", "s2", "Chrome", "other"), staff)
    assert [type(event) for event in joined] == [e.ConnectionOpened]
    story.do(23, c.Leave("hub", "s2"))
    assert "hub" in story.briefing.outages


def test_a_hub_that_closed_its_page_or_still_sends_is_not_out() -> None:
    story = live_briefing("alfa")
    story.join(0, "hub")
    story.do(5, c.Leave("hub", "hub-1"))
    assert not any(isinstance(event, e.OutageBegan) for event in story.do(60, c.Tick()))

    story.join(60, "hub")
    story.do(61, c.HubMedia(audio=True, video=False, screen=False))
    story.do(81, c.Tick())
    assert not any(isinstance(event, e.OutageBegan) for event in story.do(82, c.Tick()))


def test_an_outage_begins_and_ends_once() -> None:
    story = live_briefing("alfa")

    assert story.do(1, c.Outage("relay", True)) == [e.OutageBegan("relay")]
    assert story.do(2, c.Outage("relay", True)) == []
    assert story.do(3, c.Outage("relay", False)) == [e.OutageEnded("relay")]
    assert story.do(4, c.Outage("relay", False)) == []
    assert refused(story, 5, c.Outage("cellar", True), SYSTEM).code == "unknown_part"


def test_a_clock_step_over_2_s_is_an_event_of_its_own() -> None:
    story = live_briefing("alfa")

    assert story.do(1, c.StepClock(-2_001)) == [e.ClockStepped(-2_001)]
    assert story.do(1, c.StepClock(2_000)) == []


def test_the_machinery_is_ignored_out_of_season() -> None:
    story = Story("alfa")

    for command in (c.Tick(), c.Recover(), c.Outage("hub", True), c.Leave("alfa", "x"), c.Alive("alfa", "x")):
        assert story.do(1, command) == []


def test_a_line_held_back_from_its_first_heartbeat_on_heals_too() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.do(20, c.Tick())

    late = [story.alive(21, "alfa", n=number, receiving=True) for number in (1, 2, 3, 4)]

    assert late[-1] == [e.ConnectionHealed("alfa", "alfa-1", "following")]


def test_a_page_that_speaks_though_it_was_called_lost_is_sent_away_to_come_back() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.alive(5, "alfa", n=1)
    story.do(25, c.Tick())
    story.alive(60, "alfa", n=2)

    assert speaking_though_lost(story.briefing, at(66)) == []
    assert [line.connection for line in speaking_though_lost(story.briefing, at(67))] == ["alfa-1"]


def test_a_machine_that_starts_with_a_wrong_clock_ends_no_line_later_and_goes_on_marking() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 30, "alfa")
    story.restart()

    an_hour_back = at(60, "boot-2", stepped_ms=-3_600_000, mono_ms=4_000)
    assert story.do(an_hour_back, c.Recover())[0] == e.ConnectionClosed(
        "alfa", "alfa-1", "server_crash", at(30)
    )
    assert e.AliveMarked(()) in story.do(an_hour_back, c.Tick())
