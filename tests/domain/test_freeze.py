"""The server itself stands still (stopped, swapped out, its machine asleep) and goes on."""

from __future__ import annotations

from coordinator.domain import commands as c
from coordinator.domain import events as e
from coordinator.domain.attendance_types import Outage
from tests.domain.scenes import HOST, at, end, live_briefing, open_briefing, utc


def test_a_freeze_of_more_than_20_s_is_an_outage_of_the_server_since_the_last_tick() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 100, "alfa")

    story.alive(160, "alfa", n=21)
    happened = story.do(160, c.Tick())
    story.pass_(161, 200, "alfa")
    story.alive(200, "alfa")
    end(story, 200)

    assert happened[:2] == [e.OutageBegan("server", at(100)), e.OutageEnded("server")]
    told = story.attendance()
    assert told.window.outages == (Outage("server", utc(100), utc(160)),)
    assert (told.window.seconds, told.sites[0].connected_seconds) == (140, 140)
    assert (len(told.sites[0].connections), told.sites[0].status) == (1, ("on_time",))


def test_after_a_freeze_nobody_is_lost_before_the_waiting_frames_are_read() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 100, "alfa")

    assert not any(isinstance(event, e.ConnectionClosed) for event in story.do(160, c.Tick()))
    story.pass_(161, 178)
    assert story.briefing.open_line("alfa") is not None
    assert e.ConnectionClosed("alfa", "alfa-1", "lost", at(100)) in [
        event for second in (179, 180) for event in story.do(second, c.Tick())
    ]


def test_frames_that_waited_in_a_freeze_prove_no_life_after_it() -> None:
    """The page sent them, gave up and went; when, nobody can tell any more."""
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 100, "alfa")

    story.alive(160, "alfa", n=21)
    story.do(160, c.Leave("alfa", "alfa-1"))
    story.do(160, c.Tick())
    end(story, 200)

    assert story.site("alfa").last_left_ms == utc(100)


def test_a_page_that_came_back_during_a_freeze_is_one_attendance() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 100, "alfa")

    story.do(160, c.Join("alfa", "alfa-2", "Chrome", "page-alfa"))
    story.do(160, c.Tick())
    story.pass_(161, 200, "alfa")
    story.alive(200, "alfa", 2)
    end(story, 200)

    site = story.site("alfa")
    assert [(row.reason, row.left_ms) for row in site.connections] == [
        ("replaced", utc(100)),
        ("ended", utc(200)),
    ]
    assert (site.interruptions, site.connected_seconds) == (0, 140)


def test_an_end_that_waited_in_a_freeze_makes_nobody_leave_early() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 100, "alfa")

    end(story, 400)

    told = story.attendance()
    assert (told.window.seconds, told.sites[0].status) == (100, ("on_time",))


def test_the_floor_stays_with_a_speaker_through_a_freeze() -> None:
    story = live_briefing("alfa")
    story.join(0, "alfa")
    story.pass_(0, 10, "alfa")
    story.do(10, c.GiveFloor("alfa"), HOST)

    assert e.FloorTaken("alfa", "lost") not in story.do(60, c.Tick())
    story.pass_(61, 90, "alfa")
    assert story.briefing.floor == "alfa"


def test_an_outage_that_could_not_be_written_is_told_again() -> None:
    story = live_briefing("alfa")
    story.pass_(0, 100)
    story.briefing.decide(c.Tick(), at(160))  # the disk is full: nothing is applied

    assert story.do(161, c.Tick())[:2] == [e.OutageBegan("server", at(100)), e.OutageEnded("server")]
    assert story.do(162, c.Tick()) == []


def test_a_hitch_of_seconds_and_a_freeze_before_the_start_are_no_outage() -> None:
    story = live_briefing("alfa")
    story.pass_(0, 100)
    assert not any(isinstance(event, e.OutageBegan) for event in story.do(119, c.Tick()))

    waiting = open_briefing("alfa")
    waiting.pass_(0, 10)
    waiting.do(60, c.Tick())
    waiting.do(61, c.Start(), HOST)
    assert not any(isinstance(event, e.OutageBegan) for event in waiting.do(62, c.Tick()))
