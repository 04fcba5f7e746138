"""The timeline: whose time went where, and a picture that colour-blind eyes and copiers can read."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.domain import commands as c
from coordinator.domain.attendance import fold
from coordinator.reports import strips, timeline
from coordinator.reports.strips import Stretch, Strip, Strips
from tests.domain.scenes import HOST, Story, at, live_briefing
from tests.reports.samples import EIGHT, ZONE


def held() -> Story:
    """An hour: alfa drops for two minutes, bravo comes late, charlie never; a break of ten minutes."""
    story = live_briefing("alfa", "bravo", "charlie")
    story.join(0, "alfa")
    story.pass_(1, 600, "alfa", receiving=True)
    story.do(600, c.Leave("alfa", "alfa-1", "closed"))
    story.pass_(601, 719)
    story.join(720, "alfa")
    story.pass_(721, 899, "alfa", receiving=True)
    story.join(900, "bravo")
    story.pass_(901, 1800, "alfa", "bravo", receiving=True)
    story.do(1800, c.Break(), HOST)
    story.pass_(1801, 2400, "alfa", "bravo", receiving=True)
    story.do(2400, c.Resume(), HOST)
    story.pass_(2401, 3600, "alfa", "bravo", receiving=True)
    story.do(3600, c.End(), HOST)
    return story


def kinds(strip: Strip) -> list[tuple[str, int, int]]:
    return [(one.kind, one.start_ms // 1000, one.end_ms // 1000) for one in strip.stretches]


def test_absence_and_break_have_their_place() -> None:
    alfa, bravo, charlie = strips.read(held().log, at(4000)).sites

    assert ("absent", 600, 720) in kinds(alfa)
    assert kinds(bravo)[0] == ("absent", 0, 900)
    assert kinds(charlie) == [("absent", 0, 1800), ("break", 1800, 2400), ("absent", 2400, 3600)]
    assert all(("break", 1800, 2400) in kinds(one) for one in (alfa, bravo))
    assert charlie.words() == "2 lần không kết nối, tổng 50 phút"


def test_stretches_fill_the_time_and_agree_with_the_attendance() -> None:
    story = held()
    found, folded = strips.read(story.log, at(4000)), fold(story.log, at(4000))

    for strip, site in zip(found.sites, folded.sites, strict=True):
        ends = [0, *(one.end_ms for one in strip.stretches)]
        assert [one.start_ms for one in strip.stretches] == ends[:-1] and ends[-1] == found.length_ms
        followed = sum(
            one.end_ms - one.start_ms for one in strip.stretches if one.kind in ("following", "sound_only")
        )
        assert round(followed / 1000) == site.attended_seconds


ACTS = st.lists(
    st.tuples(st.sampled_from(("join", "leave", "deaf", "hears", "sound", "break", "resume", "silence")),
              st.integers(1, 90)),
    max_size=14,
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(ACTS)
def test_whatever_happens_the_stretches_fill_the_time_and_agree(acts: list[tuple[str, int]]) -> None:
    story, second = live_briefing("alfa", "bravo"), 0
    receiving, mode = True, "full"
    for act, lasts in acts:
        line = story.briefing.line("alfa")
        if act == "join":
            story.join(second, "alfa")
        elif act == "leave" and line is not None:
            story.do(second, c.Leave("alfa", line.connection, "closed"))
        elif act in ("break", "resume"):
            wanted = "live" if act == "break" else "break"
            if story.briefing.phase == wanted:
                story.do(second, c.Break() if act == "break" else c.Resume(), HOST)
        receiving = {"deaf": False, "hears": True}.get(act, receiving)
        mode = {"sound": "audio", "hears": "full"}.get(act, mode)
        for _ in range(lasts):
            second += 1
            line = story.briefing.line("alfa")
            if line is not None and act != "silence":
                story.do(second, c.Alive("alfa", line.connection, receiving=receiving, mode=mode))
            story.do(second, c.Tick())

    found, folded = strips.read(story.log, at(second)), fold(story.log, at(second))

    for strip, site in zip(found.sites, folded.sites, strict=True):
        ends = [0, *(one.end_ms for one in strip.stretches)]
        assert [one.start_ms for one in strip.stretches] == ends[:-1] and ends[-1] == found.length_ms
        spent = {
            kind: sum(one.end_ms - one.start_ms for one in strip.stretches if one.kind == kind)
            for kind in strips.KINDS
        }
        assert round((spent["following"] + spent["sound_only"]) / 1000) == site.attended_seconds
        assert round(sum(spent[kind] for kind in strips.KINDS[:4]) / 1000) == site.connected_seconds


def test_before_the_start_there_is_nothing_to_draw() -> None:
    found = strips.read(Story("alfa").log, at(10))

    assert (found.started_ms, found.length_ms, found.sites[0].stretches) == (None, 0, ())
    assert ElementTree.fromstring(timeline.whole(found, ZONE)) is not None


def test_the_kinds_differ_without_colour() -> None:
    fills = [timeline.strip(Strip("a", "A", (Stretch(kind, 0, 9),)), 9) for kind in strips.KINDS]

    assert len({part.split("fill=")[1] for part in fills}) == len(strips.KINDS)
    patterns = [part for part in fills if "url(#t-" in part]
    assert len(patterns) == 4 and all(
        name in timeline.PATTERNS for name in ("t-hatch", "t-bars", "t-cross", "t-dots")
    )
    assert set(timeline.LABELS) == set(strips.KINDS)


def test_no_style_or_script_and_every_name_escaped() -> None:
    evil = Strips(EIGHT, 1000, (Strip("a", "<script>&\"'", (Stretch("absent", 0, 1000),)),))

    text = timeline.whole(evil, ZONE)

    assert "<script" not in text and "style=" not in text
    names = [each.text for each in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}text")]
    assert "<script>&\"'" in names


def test_a_drop_of_seconds_in_a_day_can_still_be_seen() -> None:
    day = 86_400_000
    drawn = timeline.strip(
        Strip("a", "A", (Stretch("absent", 0, 1000), Stretch("following", 1000, day))), day
    )

    width = float(drawn.split('class="t-absent"')[1].split('width="')[1].split('"')[0])
    assert width >= 0.5


@settings(deadline=None)
@given(st.integers(1, 30 * 3_600_000), st.integers(0, 86_400_000))
def test_the_clock_is_readable_at_any_length(length_ms: int, offset_ms: int) -> None:
    drawn = ElementTree.fromstring(timeline.axis(Strips(EIGHT + offset_ms, length_ms, ()), ZONE))

    hours = list(drawn)
    places = [float(hour.attrib["x"]) for hour in hours]
    assert 1 <= len(hours) <= 8
    assert places == sorted(places) and places[0] == 0
