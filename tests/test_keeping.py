"""`restore`, `purge` and `import-history`: years of records, without a surprise."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from datetime import date
from pathlib import Path

import openpyxl
import pytest

from coordinator import clock
from coordinator.cli import main
from coordinator.domain.errors import Refusal
from coordinator.domain.events import (
    SYSTEM_CHAIN,
    BriefingCreated,
    BriefingEnded,
    BriefingOpened,
    BriefingStarted,
    ChainPurged,
    HistoryImported,
    Summoned,
    Thresholds,
)
from coordinator.domain.moments import Moment
from coordinator.storage import Reader, Store, history_import, purging, verify
from coordinator.storage.admin import Administration
from tests.test_cli import served

__all__ = ["served"]

CONFIG = """hub: {name: Hội trường, level: Huyện}
sites:
  - {code: alfa, name: Xã Á, kind: commune, expected: 30}
  - {code: bravo, name: Xã Bê, kind: commune, expected: 12}
"""
HEADINGS = ["Ngày", "Hội nghị", "Loại", "Mã", "Điểm cầu", "Triệu tập", "Có mặt"]
OLD, NEW = 1_500_000_000_000, 1_790_000_000_000  # 2017, 2026
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.fixture
def run(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Runs a command in English; (exit code, standard output, standard error)."""
    (tmp_path / "sites.yaml").write_text(CONFIG, "utf-8")
    for name in list(os.environ):
        if name.startswith("COORDINATOR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COORDINATOR_LANG", "en")
    monkeypatch.setenv("COORDINATOR_CONFIG", str(tmp_path / "sites.yaml"))
    monkeypatch.setenv("COORDINATOR_DATA", str(data))

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def hold(data: Path, briefing: str, began_ms: int, *, ends: bool = True) -> None:
    """A sealed briefing of one hour that began then."""
    store, sites = Store.open(data), (Summoned("alfa", "Xã Á", "commune", 30),)
    happened = [BriefingCreated("Nghị quyết", "resolution", None, began_ms, sites), BriefingOpened(),
                BriefingStarted("1", Thresholds(), sites), *([BriefingEnded()] if ends else [])]  # fmt: skip
    for hour, event in enumerate(happened):
        at = Moment(began_ms + hour * 3_600_000, hour * 3_600_000, "boot")
        store.append(briefing, [(event, at, "host")])
    if ends:
        store.seal(briefing, at)
    store.close()


def sound(data: Path) -> bool:
    reader = Reader(data)
    faults = verify(reader)
    reader.close()
    return faults == []


def chain(data: Path) -> list[object]:
    reader = Reader(data)
    found: list[object] = [one.event for one in reader.events(SYSTEM_CHAIN)]
    reader.close()
    return found


# restore


def test_a_backup_comes_back_whole(run: Run, data: Path, tmp_path: Path) -> None:
    hold(data, "b1", NEW)
    assert run("backup", tmp_path / "copy.db")[0] == 0

    code, _, told = run("restore", tmp_path / "copy.db", "--data", tmp_path / "new")

    assert (code, "link.key" in told) == (0, True)
    before, after = Reader(data), Reader(tmp_path / "new")
    assert after.heads() == before.heads() and after.jsonl("b1") == before.jsonl("b1")
    assert (tmp_path / "new" / "coordinator.db").stat().st_mode & 0o777 == 0o600
    assert not list((tmp_path / "new").glob(".restore-*"))
    before.close()
    after.close()


def test_nothing_is_overwritten(run: Run, data: Path, tmp_path: Path) -> None:
    hold(data, "b1", NEW)
    run("backup", tmp_path / "copy.db")
    hold(data, "b2", NEW)

    code, _, told = run("restore", tmp_path / "copy.db")

    assert (code, "overwrites nothing" in told) == (2, True)
    reader = Reader(data)
    assert [row.id for row in reader.briefings()] == ["b1", "b2"]
    reader.close()


def test_a_spoilt_backup_is_named_and_not_restored(run: Run, data: Path, tmp_path: Path) -> None:
    hold(data, "b1", NEW)
    run("backup", tmp_path / "copy.db")
    spoilt = sqlite3.connect(tmp_path / "copy.db")
    spoilt.execute("DROP TRIGGER events_no_update")
    spoilt.execute("UPDATE events SET actor = 'nobody' WHERE briefing = 'b1' AND seq = 2")
    spoilt.commit()
    spoilt.close()

    code, told, _ = run("restore", tmp_path / "copy.db", "--data", tmp_path / "new")

    assert (code, "b1" in told, "2" in told) == (1, True, True)
    assert not (tmp_path / "new" / "coordinator.db").exists()


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_what_is_no_backup_is_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "copy.db").write_bytes(content)

    assert run("restore", tmp_path / "copy.db")[0] in (1, 2)
    assert run("restore", tmp_path / "missing.db")[0] == 2
    assert not (tmp_path / "var" / "coordinator.db").exists()


# purge


def test_purge_lists_and_removes_nothing_by_itself(run: Run, data: Path) -> None:
    hold(data, "bold", OLD)
    hold(data, "bnew", NEW)

    code, out, told = run("purge", "--before", "2020-01-01")

    assert (code, out.split()[:2]) == (0, ["bold", "2017-07-14"])
    assert "bnew" not in out and "nothing was" in told
    reader = Reader(data)
    assert len(reader.briefings()) == 2
    reader.close()


def test_purge_exports_removes_and_leaves_a_word(run: Run, data: Path, tmp_path: Path) -> None:
    hold(data, "bold", OLD)
    hold(data, "bnew", NEW)
    reader = Reader(data)
    seq, digest = reader.head("bold")
    kept = reader.jsonl("bold")
    papers = [data / "documents" / briefing / "d1" for briefing in ("bold", "bnew")]
    for paper in papers:
        paper.mkdir(parents=True)

    code, _, _ = run("purge", "--before", "2020-01-01", "--export", tmp_path / "out", "--yes")

    assert code == 0
    assert [row.id for row in reader.briefings()] == ["bnew"]
    assert [paper.exists() for paper in papers] == [False, True], "documents go with their briefing"
    assert reader.events("bold") == [] and "bold" not in reader.heads()
    name = f"bold-{seq}-{digest[:12]}.jsonl"
    assert (tmp_path / "out" / name).read_bytes() == kept
    assert ChainPurged("bold", "Nghị quyết", digest, seq, name) in chain(data)
    assert sound(data)
    reader.close()
    store = Store.open(data)
    with pytest.raises(Exception, match="append-only"), store.transaction() as connection:
        connection.execute("DELETE FROM events WHERE briefing = 'bnew'")
    store.close()


def test_a_chain_that_is_gone_without_a_word_is_missed(data: Path) -> None:
    hold(data, "b1", NEW)
    store = Store.open(data)
    with store.transaction() as connection:
        connection.execute("DROP TRIGGER events_no_delete")
        for table, key in (("events", "briefing"), ("heads", "briefing"), ("briefings", "id")):
            connection.execute(f"DELETE FROM {table} WHERE {key} = 'b1'")
    store.close()

    reader = Reader(data)
    assert [(fault.briefing, fault.seq, fault.what) for fault in verify(reader)] == [("b1", 1, "missing")]
    reader.close()


def test_what_is_not_over_is_never_purged(data: Path) -> None:
    hold(data, "b1", OLD, ends=False)
    store = Store.open(data)

    assert purging.due(store, NEW) == []
    with pytest.raises(Refusal) as refused:
        purging.purge(store, "b1", clock.now(), "mai")

    assert refused.value.code == "not_over"
    store.close()


def test_the_limit_comes_from_the_settings(run: Run, data: Path, tmp_path: Path) -> None:
    hold(data, "bold", OLD)
    assert run("purge")[0] == 2
    assert run("purge", "--before", "yesterday")[0] == 2
    assert run("purge", "--before", "2020-01-01", "--yes")[0] == 2

    (tmp_path / "sites.yaml").write_text(CONFIG + "records: {keep_years: 5}\n", "utf-8")

    assert run("purge")[1].startswith("bold")


# import-history


def book(path: Path, *rows: list[object], headings: list[str] = HEADINGS) -> Path:
    made = openpyxl.Workbook()
    for row in (headings, *rows):
        made.active.append(row)
    made.save(path)
    return path


def imported(data: Path) -> list[history_import.Figure]:
    reader = Reader(data)
    found = history_import.figures(reader)
    reader.close()
    return found


def test_a_workbook_is_taken_in_and_stands_in_the_chain(run: Run, data: Path, tmp_path: Path) -> None:
    path = book(
        tmp_path / "cũ.xlsx",
        [date(2019, 5, 14), "Nghị quyết 10", "Quán triệt nghị quyết", None, "xã á", 30, 26],
        ["14/5/2019", "Nghị quyết 10", "resolution", "bravo", None, "12", None],
        ["2019-06-01", "Lớp Đảng viên mới", "lớp bồi dưỡng", "xa-cu", "Xã Cũ", 40.0, 38],
    )

    code, _, told = run("import-history", path)

    assert (code, "3 rows of 2 briefings" in told) == (0, True)
    assert [
        (one.held_on, one.kind, one.site, one.site_name, one.expected, one.present) for one in imported(data)
    ] == [
        ("2019-05-14", "resolution", "alfa", "Xã Á", 30, 26),
        ("2019-05-14", "resolution", "bravo", "Xã Bê", 12, None),
        ("2019-06-01", "class", "xa-cu", "Xã Cũ", 40, 38),
    ]
    noted = chain(data)[-1]
    assert isinstance(noted, HistoryImported) and (noted.file, noted.rows) == ("cũ.xlsx", 3)
    assert not list(data.glob("import-*"))
    assert run("verify")[0] == 0


def test_every_mistake_is_told_with_its_row_and_column(run: Run, data: Path, tmp_path: Path) -> None:
    path = book(
        tmp_path / "old.xlsx",
        ["hôm qua", "A", "class", "alfa", None, 30, 20],
        ["2019-05-14", "", "party", "alfa", None, "ba mươi", -1],
        ["2019-05-14", "B", "class", None, "Xã Lạ", 30, 20],
        ["2019-05-15", "C", "class", "alfa", None, 30, 2000],
        ["2019-05-16", "D", "class", "alfa", None, 30, 20],
        ["2019-05-16", "D", "class", None, "Xã Á", 30, 20],
    )

    code, _, told = run("import-history", path)

    lines = told.splitlines()
    assert code == 2
    assert [line.split("old.xlsx:")[1].split(":")[0:2] for line in lines] == [
        ["2", " A (Ngày)"], ["3", " B (Hội nghị)"], ["3", " C (Loại)"], ["3", " F (Triệu tập)"],
        ["3", " G (Có mặt)"], ["4", " E (Điểm cầu)"], ["5", " G (Có mặt)"],
        ["7", " Xã Á has two rows for one briefing, the first is 6."],
    ]  # fmt: skip
    assert not (data / "coordinator.db").exists() or imported(data) == []


def test_a_column_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    path = book(tmp_path / "old.xlsx", ["2019-05-14", "A"], headings=["Ngày", "Hội nghị"])

    code, _, told = run("import-history", path)

    assert code == 2
    assert "triệu tập" in told and "có mặt" in told and "loại" in told


def test_the_same_figures_come_in_once(run: Run, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("Ngày;Hội nghị;Loại;Mã;Triệu tập;Có mặt\n14/5/2019;A;class;alfa;30;20\n", "utf-8-sig")

    assert run("import-history", path, "--check")[0] == 0
    assert not data.exists()
    assert run("import-history", path)[0] == 0
    code, _, told = run("import-history", path)

    assert (code, "Row 2" in told) == (2, True)
    assert len(imported(data)) == 1


def test_a_running_server_takes_the_figures_in(
    run: Run, data: Path, tmp_path: Path, served: Administration
) -> None:
    path = book(tmp_path / "old.xlsx", [date(2019, 5, 14), "A", "class", "alfa", None, 30, 20])

    assert run("import-history", path)[0] == 0
    assert [one.site for one in imported(data)] == ["alfa"]
    assert run("purge", "--before", "2020-01-01", "--export", tmp_path, "--yes")[0] == 1


def test_altered_figures_are_found(run: Run, data: Path, tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    path.write_text("Ngày,Hội nghị,Loại,Mã,Triệu tập,Có mặt\n14/5/2019,A,class,alfa,30,20\n", "utf-8")
    run("import-history", path)
    spoilt = sqlite3.connect(data / "coordinator.db")
    spoilt.execute("UPDATE imported_figures SET present = 30")
    spoilt.commit()
    spoilt.close()

    code, told, _ = run("verify")

    assert (code, "old.csv" in told) == (1, True)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no workbook", b"\xff\xfe\x00", b"a,b\n"])
def test_a_file_that_is_no_spreadsheet_is_refused(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "old.xlsx").write_bytes(content)

    assert run("import-history", tmp_path / "old.xlsx")[0] == 2


def test_only_a_staged_file_of_the_folder_is_read(data: Path) -> None:
    data.mkdir()
    (data.parent / "secret.json").write_text(json.dumps([]))

    for name in ("../secret.json", "import-../secret.json", "coordinator.db", "import-none.json"):
        with pytest.raises(Refusal) as refused:
            history_import.staged(data, name)
        assert refused.value.code == "bad_request"
