"""Older databases are brought up to date whole, newer ones are left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from coordinator.domain.errors import StorageError
from coordinator.domain.events import BriefingCreated, BriefingOpened
from coordinator.storage import Reader, Store, schema, verify
from tests.storage.conftest import Clock


def test_an_empty_file_is_version_nought_and_becomes_current(data: Path) -> None:
    data.mkdir()
    (data / "coordinator.db").touch()

    Store.open(data).close()

    found = sqlite3.connect(data / "coordinator.db")
    assert found.execute("PRAGMA user_version").fetchone() == (schema.VERSION,)
    assert found.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    found.close()
    assert not list(data.glob("before-*"))


def make_version_one(data: Path, clock: Clock) -> list[str]:
    """A database as the first migration left it, with a chain; returns the hashes."""
    store = Store.open(data)
    written = store.append(
        "b1",
        [
            (BriefingCreated("Một", "class", None, None, ()), clock(), "host"),
            (BriefingOpened(), clock(), "host"),
        ],
    )
    store.close()
    old = sqlite3.connect(data / "coordinator.db")
    for table in (
        "heads",
        "briefings",
        "accounts",
        "tokens",
        "cookies",
        "links",
        "imported_figures",
        "imports",
        "roster",
        "attendees",
        "checkins",
    ):
        old.execute(f"DROP TABLE {table}")
    old.execute("DROP INDEX events_but_marks")
    old.execute("PRAGMA user_version = 1")
    old.close()
    return [record.hash for record in written]


def test_an_older_database_keeps_its_events_and_gets_its_projections(data: Path, clock: Clock) -> None:
    hashes = make_version_one(data, clock)

    store = Store.open(data)

    assert [record.hash for record in store.events("b1")] == hashes
    assert [(row.id, row.title, row.phase) for row in store.briefings()] == [("b1", "Một", "open")]
    assert store.heads() == {"b1": (2, hashes[-1])}
    assert verify(store) == []
    store.close()


def test_a_copy_is_kept_before_an_older_database_is_changed(data: Path, clock: Clock) -> None:
    make_version_one(data, clock)

    Store.open(data).close()

    copy = data / f"before-v{schema.VERSION}.db"
    assert copy.stat().st_mode & 0o777 == 0o600
    kept = sqlite3.connect(copy)
    assert kept.execute("PRAGMA user_version").fetchone() == (1,)
    assert kept.execute("SELECT count(*) FROM events").fetchone() == (2,)
    kept.close()


def test_a_migration_that_fails_leaves_the_older_version(
    data: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_version_one(data, clock)
    broken = (*schema.MIGRATIONS[:2], ("CREATE TABLE accounts (x)", "CREATE TABLE events (twice)"))
    with monkeypatch.context() as patched:
        patched.setattr(schema, "MIGRATIONS", broken)
        with pytest.raises(StorageError):
            Store.open(data)

    found = sqlite3.connect(data / "coordinator.db")
    assert found.execute("PRAGMA user_version").fetchone() == (2,)
    assert not found.execute("SELECT 1 FROM sqlite_master WHERE name = 'accounts'").fetchall()
    found.close()
    store = Store.open(data)  # the lock was given back, and the real migration works
    assert verify(store) == []
    store.close()


def test_a_newer_database_is_refused_untouched(data: Path) -> None:
    Store.open(data).close()
    future = sqlite3.connect(data / "coordinator.db")
    future.execute("PRAGMA user_version = 99")
    future.close()

    for attempt in (lambda: Store.open(data), lambda: Reader(data).briefings()):
        with pytest.raises(StorageError) as refused:
            attempt()
        assert refused.value.code == "data_too_new"


def test_a_reader_tells_that_the_tables_are_old(data: Path, clock: Clock) -> None:
    make_version_one(data, clock)
    with pytest.raises(StorageError) as refused:
        Reader(data).briefings()
    assert refused.value.code == "data_too_old"
