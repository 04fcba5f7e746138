"""Whatever is changed behind the log's back, verify names the first event that does not fit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.domain.errors import StorageError
from coordinator.domain.events import SYSTEM_CHAIN, BriefingCreated, BriefingOpened, HandRaised, Sealed
from coordinator.storage import Fault, Reader, Store, verify
from coordinator.storage.schema import MIGRATIONS
from tests.storage.conftest import Clock

TRIGGERS = ("events_no_update", "events_no_delete", "events_next_only")


@pytest.fixture
def spoil(data: Path, clock: Clock) -> Callable[..., list[Fault]]:
    """Writes two briefings, changes the database without its triggers, and verifies."""
    store = Store.open(data)
    store.append("b1", [(BriefingCreated("Một", "class", None, None, ()), clock(), "host")])
    store.append(
        "b1", [(HandRaised("alfa", topic), clock(), "site:alfa") for topic in ("một", "hai", None, "bốn")]
    )
    store.append("b2", [(BriefingCreated("Hai", "class", None, None, ()), clock(), "host")])
    store.seal("b1", clock())
    store.close()

    def spoilt(*statements: str) -> list[Fault]:
        stranger = sqlite3.connect(data / "coordinator.db")
        for trigger in TRIGGERS:
            stranger.execute(f"DROP TRIGGER IF EXISTS {trigger}")
        for statement in statements:
            stranger.execute(statement)
        stranger.commit()
        stranger.close()
        reader = Reader(data)
        found = verify(reader)
        reader.close()
        return found

    return spoilt


def test_an_untouched_log_fits(spoil: Callable[..., list[Fault]]) -> None:
    assert spoil() == []


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE events SET id = 'x' WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET site = 'bravo' WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET site = NULL WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET connection = 'c' WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET type = 'HandLowered' WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET utc_ms = utc_ms + 1 WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET mono_ms = mono_ms + 1 WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET boot = 'boot-2' WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET actor = 'host' WHERE seq = 3 AND briefing = 'b1'", "hash"),
        (
            "UPDATE events SET payload = replace(payload, 'hai', 'ba') WHERE seq = 3 AND briefing = 'b1'",
            "hash",
        ),
        ("UPDATE events SET payload = payload || ' ' WHERE seq = 3 AND briefing = 'b1'", "payload"),
        ("UPDATE events SET payload = '{' WHERE seq = 3 AND briefing = 'b1'", "payload"),
        ("UPDATE events SET payload = '[]' WHERE seq = 3 AND briefing = 'b1'", "payload"),
        ("UPDATE events SET hash = replace(hash, 'a', 'b') WHERE seq = 3 AND briefing = 'b1'", "hash"),
        ("UPDATE events SET payload = CAST(x'ff' AS TEXT) WHERE seq = 3 AND briefing = 'b1'", "unreadable"),
        ("DELETE FROM events WHERE seq = 3 AND briefing = 'b1'", "missing"),
        ("UPDATE events SET seq = 99 WHERE seq = 3 AND briefing = 'b1'", "missing"),
    ],
)
def test_the_changed_event_is_named(spoil: Callable[..., list[Fault]], statement: str, what: str) -> None:
    assert spoil(statement) == [Fault("b1", 3, what)]


def test_two_events_swapped_are_found_at_the_first(spoil: Callable[..., list[Fault]]) -> None:
    swap = [
        f"UPDATE events SET seq = {new} WHERE seq = {old} AND briefing = 'b1'"
        for old, new in ((2, 99), (3, 2), (99, 3))
    ]
    assert spoil(*swap) == [Fault("b1", 2, "hash")]


def test_events_cut_off_the_end_are_found(spoil: Callable[..., list[Fault]]) -> None:
    assert spoil("DELETE FROM events WHERE briefing = 'b1' AND seq > 4") == [Fault("b1", 5, "missing")]


def test_a_whole_briefing_gone_is_found(spoil: Callable[..., list[Fault]]) -> None:
    assert spoil("DELETE FROM events WHERE briefing = 'b2'") == [Fault("b2", 1, "missing")]


def test_events_cut_off_with_their_noted_head_are_found_by_the_seal_on_the_system_chain(
    spoil: Callable[..., list[Fault]],
) -> None:
    cut = "DELETE FROM events WHERE briefing = 'b1' AND seq > 4"
    fourth = "SELECT hash FROM events WHERE briefing = 'b1' AND seq = 4"
    noted = f"UPDATE heads SET seq = 4, hash = ({fourth}) WHERE briefing = 'b1'"
    assert spoil(cut, noted) == [Fault("b1", 4, "seal")]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE briefings SET title = 'x' WHERE id = 'b2'",
        "UPDATE briefings SET phase = 'ended' WHERE id = 'b2'",
        "DELETE FROM briefings WHERE id = 'b2'",
    ],
)
def test_a_changed_list_of_briefings_is_found(spoil: Callable[..., list[Fault]], statement: str) -> None:
    assert spoil(statement) == [Fault("b2", 1, "projection")]


def test_every_spoilt_chain_is_named_once(spoil: Callable[..., list[Fault]]) -> None:
    assert spoil("UPDATE events SET actor = 'x'") == [
        Fault("b1", 1, "hash"), Fault("b2", 1, "hash"), Fault(SYSTEM_CHAIN, 1, "hash"),
    ]  # fmt: skip


def test_a_false_seal_is_named(store: Store, clock: Clock) -> None:
    store.append("b1", [(BriefingOpened(), clock(), "host"), (Sealed("00" * 32, 1), clock(), "system")])
    assert verify(store) == [Fault("b1", 2, "seal")]


def test_one_briefing_can_be_verified_alone(store: Store, clock: Clock) -> None:
    store.append("b1", [(Sealed("00" * 32, 1), clock(), "system")])
    store.append("b2", [(BriefingCreated("Hai", "class", None, None, ()), clock(), "host")])

    assert verify(store, "b2") == []
    assert verify(store, "b1") == [Fault("b1", 1, "seal")]
    with pytest.raises(StorageError) as refused:
        verify(store, "b3")
    assert refused.value.code == "unknown_briefing"


def test_one_byte_changed_in_the_file_is_found(data: Path, clock: Clock) -> None:
    store = Store.open(data)
    store.append("b1", [(BriefingCreated("Một", "class", None, None, ()), clock(), "host")])
    store.append("b1", [(HandRaised("alfa", "xin hoi ve muc hai"), clock(), "site:alfa")])
    store.close()
    file = data / "coordinator.db"
    content = file.read_bytes()
    assert content.count(b"xin hoi ve muc hai") == 1

    file.write_bytes(content.replace(b"xin hoi ve muc hai", b"xin hoi ve muc bai"))

    assert verify(Reader(data)) == [Fault("b1", 2, "hash")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(100, 200_000), value=st.integers(0, 255))
def test_a_damaged_file_never_raises_anything_but_storage_errors(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    data = tmp_path_factory.mktemp("spoilt")
    store = Store.open(data)
    for number in range(20):
        store.append("b1", [(HandRaised("alfa", f"câu hỏi {number}"), Clock()(), "site:alfa")])
    store.close()
    content = bytearray((data / "coordinator.db").read_bytes())
    content[place % len(content)] = value
    (data / "coordinator.db").write_bytes(content)

    try:
        faults = verify(Reader(data))
    except StorageError as problem:
        assert problem.code
    else:
        assert all(isinstance(fault, Fault) for fault in faults)


def test_versions_are_as_many_as_migrations(store: Store) -> None:
    with store.connected() as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
