"""Figures of the years before this system, taken in from a spreadsheet: a table of their own.

Rule 1: imported figures are never mixed with what was recorded here: they have no events, no connections and
no hash chain, and every report marks them.
Rule 2: an import is whole or it is not there; the same day, title and site comes in once only.
Rule 3: each import is an event of the system chain with the SHA-256 of its rows' canonical JSON; `altered`
compares the two.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from coordinator.domain.errors import Refusal
from coordinator.domain.events import SYSTEM_CHAIN, HistoryImported
from coordinator.domain.moments import Moment
from coordinator.storage import chain
from coordinator.storage.log import Reader, Store

_COLUMNS = "line, held_on, title, kind, site, site_name, expected, present"


@dataclass(frozen=True, slots=True)
class Figure:
    """One site at one briefing of earlier years.

    `line`: its row in the spreadsheet; `held_on`: YYYY-MM-DD; `kind`: resolution | class | meeting;
    `site`: a code; `present` None: not known.
    """

    line: int
    held_on: str
    title: str
    kind: str
    site: str
    site_name: str
    expected: int
    present: int | None


def digest(figures: Sequence[Figure]) -> str:
    """SHA-256 of the rows' canonical JSON (RFC 8785), in hexadecimal."""
    rows = chain.composed([asdict(figure) for figure in figures])
    return hashlib.sha256(chain.canonical(rows)).hexdigest()


def add(store: Store, file: str, figures: Sequence[Figure], at: Moment, actor: str) -> None:
    """Takes in all rows of one file.

    Raises:
        Refusal: nothing_to_import, imported_already (details: line, held_on, title, site).
        StorageError: nothing was written.
    """
    if not figures:
        raise Refusal("nothing_to_import", file=file)
    ordered = sorted(figures, key=lambda figure: figure.line)
    whole = digest(ordered)
    event = HistoryImported(file, whole, len(ordered))
    with store.transaction() as connection:
        for figure in ordered:
            _refuse_second(connection, figure)
        number = connection.execute(
            "INSERT INTO imports (file, sha256, rows, imported_ms, actor) VALUES (?, ?, ?, ?, ?)",
            (file, whole, len(ordered), at.utc_ms, actor),
        ).lastrowid
        connection.executemany(
            f"INSERT INTO imported_figures (import, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(number, *astuple(figure)) for figure in ordered],
        )
        store.append(SYSTEM_CHAIN, [(event, at, actor)])


def staged(data: Path, name: str) -> list[Figure]:
    """The figures that a command has left as JSON in the data folder.

    Raises:
        Refusal: bad_request.
    """
    if not (name.startswith("import-") and name.removesuffix(".json").replace("-", "").isalnum()):
        raise Refusal("bad_request", field="staged")
    try:
        return [Figure(**row) for row in json.loads((data / name).read_bytes())]
    except (OSError, ValueError, TypeError) as problem:
        raise Refusal("bad_request", field="staged") from problem


def _refuse_second(connection: sqlite3.Connection, figure: Figure) -> None:
    key = (figure.held_on, figure.title, figure.site)
    query = "SELECT 1 FROM imported_figures WHERE held_on = ? AND title = ? AND site = ?"
    if connection.execute(query, key).fetchone():
        raise Refusal("imported_already", line=figure.line, held_on=key[0], title=key[1], site=key[2])


def figures(reader: Reader) -> list[Figure]:
    """All imported figures, by day, title and row."""
    query = f"SELECT {_COLUMNS} FROM imported_figures ORDER BY held_on, title, line"
    with reader.connected() as connection:
        return [Figure(*row) for row in connection.execute(query)]


def altered(reader: Reader) -> list[str]:
    """The names of the imported files whose rows no longer fit what the system chain says of them."""
    with reader.connected() as connection:
        imports = connection.execute("SELECT id, file, sha256 FROM imports ORDER BY id").fetchall()
        stored = {
            number: [Figure(*row) for row in connection.execute(
                f"SELECT {_COLUMNS} FROM imported_figures WHERE import = ? ORDER BY line", (number,)
            )]
            for number, _, _ in imports
        }  # fmt: skip
    said = {
        recorded.event.sha256: recorded.event.file
        for recorded in reader.events(SYSTEM_CHAIN)
        if isinstance(recorded.event, HistoryImported)
    }
    kept = {sha256 for number, _, sha256 in imports if digest(stored[number]) == sha256}
    return sorted({file for sha256, file in said.items() if sha256 not in kept}
                  | {file for _, file, sha256 in imports if sha256 not in said})  # fmt: skip
