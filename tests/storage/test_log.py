"""The log keeps what was acknowledged, in order, and lets nobody change it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import rfc8785

from coordinator.domain.errors import StorageError
from coordinator.domain.events import (
    AliveMarked,
    BreakEnded,
    BreakStarted,
    BriefingCreated,
    BriefingEnded,
    BriefingOpened,
    BriefingStarted,
    ConnectionOpened,
    Mark,
    Summoned,
    Thresholds,
)
from coordinator.domain.moments import Moment
from coordinator.storage import BriefingRow, Reader, Store, verify
from tests.storage.conftest import Clock

CREATED = BriefingCreated(
    "Nghị quyết 18", "resolution", "18-NQ/TW", 1_795_000_600_000, (Summoned("alfa", "A", "x", 3),)
)


def test_events_come_back_as_they_were_written(store: Store, clock: Clock) -> None:
    happened = [
        CREATED,
        ConnectionOpened("alfa", "c1", "Firefox", "p"),
        AliveMarked((Mark("c1", 1_250, "unknown"),)),
    ]

    written = store.append("b1", [(event, clock(), "host") for event in happened])

    assert [record.event for record in written] == happened
    assert store.events("b1") == written
    assert [record.seq for record in written] == [1, 2, 3]
    assert store.head("b1") == (3, written[-1].hash)
    assert store.events("b1", after=1, without=("AliveMarked",)) == written[1:2]


def test_the_chain_is_what_the_rule_says(store: Store, clock: Clock) -> None:
    store.append("b1", [(CREATED, clock(), "host"), (BriefingOpened(), clock(), "host")])

    previous = hashlib.sha256(b"b1").digest()
    lines = store.jsonl("b1").splitlines()
    for line in lines:
        fields = json.loads(line)
        digest = fields.pop("hash")
        previous = hashlib.sha256(previous + rfc8785.dumps(fields)).digest()
        assert previous.hex() == digest
    assert len(lines) == 2


def test_an_empty_chain_ends_at_its_genesis(store: Store) -> None:
    assert store.head("b1") == (0, hashlib.sha256(b"b1").hexdigest())
    assert store.events("b1") == []
    assert store.append("b1", []) == []


def test_text_is_composed_before_it_is_hashed(store: Store, clock: Clock) -> None:
    decomposed = ConnectionOpened("alfa", "c1", "Xa\u0303", "p")

    (written,) = store.append("b1", [(decomposed, clock(), "host")])

    assert written.event == ConnectionOpened("alfa", "c1", "Xã", "p")
    assert verify(store) == []


def test_what_json_cannot_carry_is_refused_and_nothing_is_written(store: Store, clock: Clock) -> None:
    bad = ConnectionOpened("alfa", "c1", "\ud800", "p")
    with pytest.raises(StorageError) as refused:
        store.append("b1", [(CREATED, clock(), "host"), (bad, clock(), "host")])

    assert refused.value.code == "unwritable_event"
    assert store.head("b1")[0] == 0
    assert store.briefings() == []


def test_the_list_of_briefings_follows_the_log(store: Store, clock: Clock) -> None:
    phases = []
    for event in (
        CREATED,
        BriefingOpened(),
        BriefingStarted("1", Thresholds(), ()),
        BreakStarted(),
        BreakEnded(),
        BriefingEnded(),
    ):
        store.append("b1", [(event, clock(), "host")])
        row = store.briefing("b1")
        assert row is not None
        phases.append(row.phase)
        clock.forward(60)

    assert phases == ["scheduled", "open", "live", "break", "live", "ended"]
    began = clock.utc_ms - 6 * 60_000
    planned, started, ended = 1_795_000_600_000, began + 120_000, began + 300_000
    expected = BriefingRow(
        "b1", "Nghị quyết 18", "resolution", "18-NQ/TW", "ended", began, planned, started, ended
    )
    assert store.briefings() == [expected]
    store.rebuild()
    assert store.briefings() == [expected]
    assert verify(store) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET actor = 'x' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 1",
        "INSERT OR REPLACE INTO events SELECT * FROM events WHERE seq = 1",
        "INSERT INTO events SELECT briefing, 5, 'other', site, connection, type, utc_ms, mono_ms, boot,"
        " actor, payload, hash FROM events WHERE seq = 1",
    ],
)
def test_nobody_changes_an_event(store: Store, data: Path, clock: Clock, statement: str) -> None:
    store.append("b1", [(CREATED, clock(), "host")])
    stranger = sqlite3.connect(data / "coordinator.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        stranger.execute(statement)
    stranger.close()


def test_a_second_writer_is_refused_and_told_who_holds_the_folder(store: Store, data: Path) -> None:
    with pytest.raises(StorageError) as refused:
        Store.open(data)

    assert refused.value.code == "data_in_use"
    assert refused.value.details == {"data": str(data), "pid": str(os.getpid())}


def test_the_folder_can_be_opened_again_after_close(data: Path, clock: Clock) -> None:
    first = Store.open(data)
    first.append("b1", [(CREATED, clock(), "host")])
    first.close()
    first.close()

    second = Store.open(data)
    assert second.head("b1")[0] == 1
    second.close()


def test_files_are_closed_to_others(store: Store, data: Path, clock: Clock) -> None:
    store.append("b1", [(CREATED, clock(), "host")])

    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in data.iterdir()} == dict.fromkeys(
        ("coordinator.db", "coordinator.db-wal", "coordinator.db-shm", "lock"), 0o600
    )


def test_readers_in_other_threads_see_what_is_committed(store: Store, data: Path, clock: Clock) -> None:
    reader = Reader(data)
    seen: list[int] = []
    store.append("b1", [(CREATED, clock(), "host")])

    def look() -> None:
        seen.append(len(reader.events("b1")))

    with store.transaction():
        store.append("b1", [(BriefingOpened(), clock(), "host")])
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(10)
    look()
    reader.close()

    assert seen == [1, 2]


def test_a_reader_needs_a_database(data: Path) -> None:
    with pytest.raises(StorageError) as refused:
        Reader(data).briefings()
    assert refused.value.code == "no_data"


def test_a_full_disk_refuses_the_event_and_the_log_goes_on_afterwards(store: Store, clock: Clock) -> None:
    store.append("b1", [(CREATED, clock(), "host")])
    with store.transaction() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    store._writer.execute(f"PRAGMA max_page_count = {pages}")
    big = ConnectionOpened("alfa", "c1", "x" * 200_000, "p")

    with pytest.raises(StorageError) as refused:
        store.append("b1", [(big, clock(), "host")])

    assert refused.value.code == "disk_full"
    store._writer.execute("PRAGMA max_page_count = 1000000")
    assert [record.seq for record in store.append("b1", [(big, clock(), "host")])] == [2]
    assert verify(store) == []


def test_a_write_that_is_not_allowed_is_told_as_such(store: Store, clock: Clock) -> None:
    store._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(StorageError) as refused:
        store.append("b1", [(CREATED, clock(), "host")])
    assert refused.value.code == "data_read_only"


def test_a_file_that_is_no_database_is_told_as_such(data: Path) -> None:
    data.mkdir()
    (data / "coordinator.db").write_bytes(b"nothing that SQLite would know" * 100)
    with pytest.raises(StorageError) as refused:
        Store.open(data)
    assert refused.value.code == "data_corrupt"


def test_a_backup_is_whole_private_and_never_overwrites(
    store: Store, data: Path, tmp_path: Path, clock: Clock
) -> None:
    written = store.append("b1", [(CREATED, clock(), "host")])
    target = tmp_path / "copy" / "coordinator.db"
    target.parent.mkdir()

    store.backup(target)

    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = Store.open(target.parent)
    assert copy.events("b1") == written
    assert verify(copy) == []
    copy.close()
    with pytest.raises(StorageError) as refused:
        store.backup(target)
    assert refused.value.code == "backup_exists"


def test_a_backup_into_a_missing_folder_fails_with_a_code(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StorageError) as refused:
        store.backup(tmp_path / "nowhere" / "x.db")
    assert refused.value.code == "backup_failed"


_WRITER = """
import sys
from pathlib import Path
from coordinator.clock import now
from coordinator.domain.events import HandRaised
from coordinator.storage import Store
store = Store.open(Path(sys.argv[1]))
while True:
    written = store.append("b1", [(HandRaised("alfa", "x" * 100), now(), "host")] * 3)
    print(written[-1].seq, written[-1].hash, flush=True)
"""


def test_kill_nine_loses_nothing_that_was_acknowledged(data: Path) -> None:
    for least in (3, 30, 300, 5, 50):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(data)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [writer.stdout.readline().split() for _ in range(least)]
            writer.send_signal(signal.SIGKILL)
            acknowledged += [
                line.split()
                for line in writer.stdout.read().split("\n")
                if line.count(" ") == 1 and len(line.split()[1]) == 64
            ]
        store = Store.open(data)
        kept = {record.seq: record.hash for record in store.events("b1")}
        assert {int(seq): digest for seq, digest in acknowledged}.items() <= kept.items()
        assert len(kept) % 3 == 0
        assert verify(store) == []
        store.close()


def test_moments_are_kept_to_the_millisecond(store: Store) -> None:
    at = Moment(1_795_000_000_123, 456, "boot-2")
    store.append("b1", [(CREATED, at, "host")])
    assert store.events("b1")[0].at == at


_FILLER = """
import os, resource, sys
from pathlib import Path
from coordinator.clock import now
from coordinator.domain.errors import StorageError
from coordinator.domain.events import HandRaised
from coordinator.storage import Store, verify
store = Store.open(Path(sys.argv[1]))
store.append("b1", [(HandRaised("alfa", "one"), now(), "host")])
used = os.path.getsize(Path(sys.argv[1]) / "coordinator.db-wal")
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (used + 5000, hard))
for _ in range(3):
    try:
        store.append("b1", [(HandRaised("alfa", "x" * 9000), now(), "host")])
    except StorageError as problem:
        print(problem.code, store.head("b1")[0])
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(store.append("b1", [(HandRaised("alfa", "two"), now(), "host")])[0].seq, verify(store))
"""


def test_a_file_that_may_not_grow_refuses_events_and_takes_them_again_later(data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FILLER, str(data)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["data_io 1", "data_io 1", "data_io 1", "2 []"]


def test_every_commit_is_synced(store: Store) -> None:
    with store.transaction() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
