"""A backup is one file with the documents in it, also where one is withdrawn while it is made."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest

from coordinator.domain.events import DocumentAdded, DocumentWithdrawn
from coordinator.domain.moments import Moment
from coordinator.storage import Store, backups, papers
from tests.test_keeping import NEW, Run, data, hold, run, sound

__all__ = ["data", "run"]


def hand_in(data: Path, briefing: str, document: str, content: bytes = b"a page") -> Path:
    """A document of one page on the shelf and in the log; its folder."""
    place = data / "documents" / briefing / document
    place.mkdir(parents=True)
    for name in ("source", "large-1.webp", "small-1.webp"):
        (place / name).write_bytes(content)
    store = Store.open(data)
    added = DocumentAdded(document, "Nghị quyết.pdf", hashlib.sha256(content).hexdigest(), 1, len(content))
    store.append(briefing, [(added, Moment(NEW, 0, "boot"), "host")])
    store.close()
    return place


def files_of(data: Path) -> dict[str, bytes]:
    found = (data / "documents").rglob("*")
    return {str(path.relative_to(data)): path.read_bytes() for path in found if path.is_file()}


def test_documents_come_back_with_the_backup(run: Run, data: Path, tmp_path: Path) -> None:
    hold(data, "b1", NEW, ends=False)
    hand_in(data, "b1", "d1")
    withdrawn = hand_in(data, "b1", "d2", b"withdrawn")
    store = Store.open(data)
    store.append("b1", [(DocumentWithdrawn("d2"), Moment(NEW, 0, "boot"), "host")])
    store.close()
    (data / "documents" / "incoming-1").mkdir()
    assert "are gone" not in run("backup", tmp_path / "copy.db")[2]

    assert run("restore", tmp_path / "copy.db", "--data", tmp_path / "new")[0] == 0

    kept = {name: content for name, content in files_of(data).items() if "/d1/" in name}
    assert withdrawn.exists() and files_of(tmp_path / "new") == kept and len(kept) == 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "new").rglob("*"))
    assert sound(tmp_path / "new")
    database = sqlite3.connect(tmp_path / "new" / "coordinator.db")
    assert database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlar'").fetchone() is None
    database.close()


def test_a_document_withdrawn_while_the_copy_is_made_is_in_neither_half(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(data, "b1", NEW, ends=False)
    place = hand_in(data, "b1", "d1")
    whole, asked = papers.pack, []

    def withdrawn_first(database: sqlite3.Connection, folder: Path) -> list[papers.Paper]:
        if not asked:
            store = Store.open(data)
            store.append("b1", [(DocumentWithdrawn("d1"), Moment(NEW, 0, "boot"), "host")])
            store.close()
            (place / "small-1.webp").unlink()
        asked.append(whole(database, folder))
        return asked[-1]

    monkeypatch.setattr(papers, "pack", withdrawn_first)

    assert backups.copy(data, tmp_path / "copy.db") == []
    assert [len(missing) for missing in asked] == [1, 0]
    copied = sqlite3.connect(tmp_path / "copy.db")
    assert papers.named(copied) == [] and copied.execute("SELECT count(*) FROM sqlar").fetchone() == (0,)
    copied.close()


def test_a_document_whose_files_are_gone_is_named_and_the_rest_is_kept(
    run: Run, data: Path, tmp_path: Path
) -> None:
    hold(data, "b1", NEW, ends=False)
    hand_in(data, "b1", "d1")
    (hand_in(data, "b1", "d2") / "source").unlink()

    code, _, told = run("backup", tmp_path / "copy.db")

    assert code == 0 and "b1: the files of document d2 (event 5) are gone" in told
    assert run("restore", tmp_path / "copy.db", "--data", tmp_path / "new")[0] == 0
    assert sorted(files_of(tmp_path / "new")) == [
        f"documents/b1/d1/{name}" for name in ("large-1.webp", "small-1.webp", "source")
    ]


def test_an_altered_document_is_named_and_nothing_is_restored(run: Run, data: Path, tmp_path: Path) -> None:
    hold(data, "b1", NEW, ends=False)
    hand_in(data, "b1", "d1")
    run("backup", tmp_path / "copy.db")
    spoilt = sqlite3.connect(tmp_path / "copy.db")
    spoilt.execute("UPDATE sqlar SET data = x'00' WHERE name LIKE '%source'")
    spoilt.commit()
    spoilt.close()

    code, told, _ = run("restore", tmp_path / "copy.db", "--data", tmp_path / "new")

    assert (code, told.startswith("WRONG b1: the document of event 4")) == (1, True)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lock"]


@pytest.mark.parametrize("name", ["documents/../../x/d1/source", "/etc/x", "documents/b1/d1/other", ""])
def test_a_name_that_leads_elsewhere_is_refused(run: Run, data: Path, tmp_path: Path, name: str) -> None:
    hold(data, "b1", NEW)
    run("backup", tmp_path / "copy.db")
    spoilt = sqlite3.connect(tmp_path / "copy.db")
    spoilt.execute("INSERT INTO sqlar VALUES (?, 0, 0, 1, x'00')", (name,))
    spoilt.commit()
    spoilt.close()

    assert run("restore", tmp_path / "copy.db", "--data", tmp_path / "new")[0] == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lock"]
