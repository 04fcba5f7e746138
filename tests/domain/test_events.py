"""Events as the log writes them: every kind comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.domain import events as e
from tests.domain.scenes import at, summoned

SAMPLES: tuple[e.Event, ...] = (
    e.BriefingCreated("Nghị quyết", "resolution", None, 5, summoned("alfa", "bravo")),
    e.BriefingStarted("1", e.Thresholds(), summoned("alfa")),
    e.ConnectionClosed("alfa", "c1", "lost", at(7)),
    e.AliveMarked((e.Mark("c1", 0, "following"), e.Mark("c2", 4_999, "unknown"))),
    e.AliveMarked(()),
    e.OutageBegan("server", at(3)),
    e.RollCallStarted(2, "in_turn", "middle"),
    e.SiteCalled("alfa", 2),
    e.MadeUp("alfa", 3, "2026-11-25", "xem bản ghi"),
    e.NoteAdded(None, "mất điện toàn huyện"),
    e.SiteSigned("alfa", "wrong", "thiếu hai người"),
    e.ChainSealed("b1", "00"),
)


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_from_its_columns_as_it_was(event: e.Event) -> None:
    payload = json.loads(json.dumps(e.to_payload(event)))
    columns = getattr(event, "site", None), getattr(event, "connection", None)
    assert e.from_payload(type(event).__name__, *columns, payload) == event


def test_a_mark_of_25_lines_is_under_1_kB() -> None:
    marks = tuple(e.Mark(f"abcdefgh{number:02d}", 4_321, "following") for number in range(25))
    assert len(json.dumps(e.to_payload(e.AliveMarked(marks)))) < 1_000


@pytest.mark.parametrize(
    "marks",
    [
        [["c1", 5]],
        [["c1", 5, "following", 1]],
        [["c1", "5", "following"]],
        [["c1", True, "following"]],
        [["c1", 5.5, "following"]],
        [[None, 5, "following"]],
        ["c1f"],
        [{"connection": "c1", "ago_ms": 5, "following": "following"}],
        7,
    ],
)
def test_what_is_no_mark_is_refused(marks: Any) -> None:
    with pytest.raises(TypeError):
        e.from_payload("AliveMarked", None, None, {"marks": marks})


def test_fields_missing_or_too_many_and_unknown_kinds_are_refused() -> None:
    with pytest.raises(TypeError):
        e.from_payload("SiteCalled", "alfa", None, {})
    with pytest.raises(TypeError):
        e.from_payload("SiteCalled", "alfa", None, {"roll_call": 1, "odd": 2})
    with pytest.raises(KeyError):
        e.from_payload("Odd", None, None, {})


def test_a_log_of_before_a_field_came_is_still_read() -> None:
    assert e.from_payload("RollCallStarted", None, None, {"roll_call": 1}) == e.RollCallStarted(1)
