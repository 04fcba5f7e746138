"""Reading what comes from outside: whatever it is, it is read or refused; nothing else happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coordinator.domain.errors import ProtocolViolation
from coordinator.web import agents, bodies, messages
from coordinator.web.errors import BadRequest
from coordinator.web.throttle import Bucket

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
KINDS = (
    "hello", "alive", "media", "raise-hand", "lower-hand", "headcount", "line-check", "message",
    "document-received", "return-floor",
)  # fmt: skip
FIELDS = (
    "page", "briefing", "as", "device", "n", "t_ms", "media", "topic", "present", "members", "excused",
    "unexcused", "extra", "note", "roll_call", "sound", "picture", "rtt_ms", "loss", "rate_bps",
)  # fmt: skip
MEDIA = st.dictionaries(
    st.sampled_from(["receiving", "mode", "loss", "rtt_ms", "layer", "slide"]), JSON, max_size=4
)
SAID = st.builds(
    lambda kind, fields, media: {**fields, "type": kind} | ({} if media is None else {"media": media}),
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6),
    st.none() | MEDIA,
)


def _read(text: str) -> None:
    try:
        message = messages.parse(text)
    except (BadRequest, ProtocolViolation) as problem:
        assert problem.code == "bad_message"
        return
    assert messages.name_of(message) in KINDS
    if isinstance(message, messages.SiteCommand):
        assert getattr(message.make("xa-ban-thi"), "site", None) == "xa-ban-thi"


@given(st.text() | JSON.map(json.dumps))
@example('{"type": "alive", "media": ' + "[" * 100_000)
def test_any_text_is_read_or_refused(text: str) -> None:
    _read(text)


@given(SAID)
def test_any_fields_are_read_or_refused(said: dict[str, Any]) -> None:
    _read(json.dumps(said))


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_an_object_or_refused(raw: bytes) -> None:
    try:
        assert isinstance(bodies.parse_object(raw), dict)
    except BadRequest as problem:
        assert problem.code == "bad_body"


@given(st.text())
def test_text_that_passes_can_be_stored_and_shown(text: str) -> None:
    try:
        clean = bodies.clean_text("title", text, 50)
    except BadRequest:
        return
    assert 0 < len(clean) <= 50
    assert clean.encode().decode() == clean == clean.strip()
    assert "\n" not in clean


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-11-23T08:00:00+07:00", 1_795_395_600_000),
        ("2026-11-23T01:00:00Z", 1_795_395_600_000),
        ("2026-11-23t01:00:00.250z", 1_795_395_600_250),
        ("2026-11-23 01:00:00Z", 1_795_395_600_000),
    ],
)
def test_a_time_with_its_zone_is_a_moment(text: str, ms: int) -> None:
    assert bodies.clean_time("starts_at", text) == ms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23T08:00:00",
        "20261123T010000Z",
        "2026-W48-1T01:00:00Z",
        "2026-11-23T25:00:00Z",
        "1999-12-31T00:00:00Z",
    ],
)
def test_a_time_without_a_zone_or_out_of_reason_is_none(text: str) -> None:
    with pytest.raises(BadRequest):
        bodies.clean_time("starts_at", text)


def test_vietnamese_typed_in_pieces_is_put_together() -> None:
    assert bodies.clean_text("title", "  Qua\u0301n trie\u0323\u0302t ", 50) == "Quán triệt"


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = Bucket(rate=2.0, burst=3.0)

    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(at) for at in (10.4, 10.5, 10.6, 11.0)] == [False, True, False, True]
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize(
    ("agent", "told"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36 Edg/130.0",
            "Edge 130 · Windows",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128 · Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) coc_coc_browser/120.0 Chrome/114.0 Safari/537.36",
            "Cốc Cốc 120 · Windows",
        ),
        ("livekit-python/1.2", "livekit-python/1.2"),
        ("", "?"),
    ],
)
def test_browsers_are_named_in_words(agent: str, told: str) -> None:
    assert agents.short(agent) == told
