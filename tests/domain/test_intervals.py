"""Intervals: unions, holes and gaps, checked second by second, and the timeline across boots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coordinator.domain.intervals import Span, Spans, Timeline, gaps, total, union, within, without
from tests.domain.scenes import at

SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=8)


def points(spans: Spans) -> set[int]:
    return {second for start, end in spans for second in range(start, end)}


def apart(spans: Spans) -> bool:
    edges = [edge for span in spans for edge in span]
    return edges == sorted(set(edges))


@given(SPANS, SPANS)
def test_they_agree_with_sets_of_seconds(one: list[Span], other: list[Span]) -> None:
    for made, meant in (
        (union(one), points(one)),
        (within(one, other), points(one) & points(other)),
        (without(one, other), points(one) - points(other)),
    ):
        assert points(made) == meant
        assert apart(made)
    assert total(one) == len(points(one))


def test_a_span_inside_another_adds_nothing() -> None:
    assert union([(0, 10), (2, 5), (10, 12), (7, 3)]) == [(0, 12)]


def test_gaps_lie_between_the_first_start_and_the_last_end() -> None:
    assert gaps([(20, 30), (5, 10), (8, 12)]) == [(12, 20)]


def test_a_boot_is_joined_on_by_utc_and_never_goes_back() -> None:
    time = Timeline()
    places = [
        time.note(at(0)),
        time.note(at(10)),
        time.note(at(30, "boot-2", mono_ms=500)),
        time.note(at(5, "boot-3", mono_ms=900)),  # the wall clock was put back while the machine was off
        time.place(at(20)),
    ]

    assert places == [0, 10_000, 30_000, 30_000, 20_000]
