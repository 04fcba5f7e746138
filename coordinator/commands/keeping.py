"""`restore`, `purge` and `import-history`: what is on record for years, before and after this machine.

Rule 1: `restore` never overwrites and never puts back a chain that does not fit.
Rule 2: `purge` shows what it would remove; only `--yes` removes, after each briefing's export is on the disk.
Both want the server stopped: they take the data folder's lock.
"""

from __future__ import annotations

import argparse
import json
import secrets
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

from coordinator import clock
from coordinator.catalogue import Catalogue
from coordinator.commands import records, shared
from coordinator.config import Config
from coordinator.documents.shelf import Shelf
from coordinator.domain.errors import Refusal
from coordinator.storage import BriefingRow, Reader, Store, purging, restoring
from coordinator.storage.folder import create_private


def add(subcommands: Any, common: argparse.ArgumentParser, catalogue: Catalogue) -> None:
    """Adds the parsers."""
    told = catalogue.text

    def command(name: str, sentence: str, run: shared.Run) -> argparse.ArgumentParser:
        text = told(sentence)
        parser: argparse.ArgumentParser = subcommands.add_parser(
            name, parents=[common], help=text, description=text
        )
        parser.set_defaults(run=run)
        return parser

    restoring_ = command("restore", "put a backup into an empty data folder, after checking it", restore)
    restoring_.add_argument("file", metavar="FILE", type=Path, help=told("a file made by backup"))
    taking = command("import-history", "take in figures of earlier years from XLSX or CSV", import_history)
    taking.add_argument("file", metavar="FILE", type=Path, help=told("columns: see docs/reports.md"))
    taking.add_argument("--check", action="store_true", help=told("only check the file"))
    purging_ = command("purge", "list briefings whose time of keeping is over, or remove them", purge)
    purging_.add_argument("--before", metavar="DATE", help=told("over before that day, YYYY-MM-DD"))
    purging_.add_argument("--export", metavar="DIR", type=Path, help=told("folder for what is removed"))
    purging_.add_argument("--yes", action="store_true", help=told("remove them, after their export"))


def restore(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Puts the backup back, or names what does not fit."""
    if not args.file.is_file():
        raise Refusal("no_file", file=str(args.file))
    faults = restoring.restore(args.file, args.data)
    for fault in faults:
        print(catalogue.error(f"fault_{fault.what}", {"briefing": fault.briefing, "seq": fault.seq}))
    if faults:
        shared.tell(catalogue.text("Nothing was restored."))
        return 1
    shared.tell(
        catalogue.text(
            "Restored into {data}. Without the old link.key every site needs a new link.", data=args.data
        )
    )
    return 0


def import_history(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Takes in a spreadsheet, whole or not at all."""
    from coordinator.commands import history_file  # noqa: PLC0415 - only this command needs the spreadsheet

    figures = history_file.read(args.file, shared.read_config(args))
    if not args.check:
        staged = args.data / f"import-{secrets.token_hex(8)}.json"
        _prepare(args.data)
        create_private(staged, json.dumps([asdict(figure) for figure in figures]).encode())
        try:
            shared.administer(
                args, None, do="import_history", what=args.file.name, staged=staged.name,
                actor=f"command:{records.person()}",
            )  # fmt: skip
        finally:
            staged.unlink(missing_ok=True)
    days = {(figure.held_on, figure.title) for figure in figures}
    done = (
        "{rows} rows of {briefings} briefings fit."
        if args.check
        else "{rows} rows of {briefings} briefings imported."
    )
    shared.tell(catalogue.text(done, rows=len(figures), briefings=len(days)))
    return 0


def _prepare(data: Path) -> None:
    """A data folder, where there is none yet."""
    if not data.is_dir():
        Store.open(data).close()


def purge(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Lists, or with --yes exports and removes."""
    settings = shared.read_config(args)
    before_ms = _before(args, settings)
    if not args.yes:
        return _list(args, settings, before_ms, catalogue)
    if args.export is None:
        raise Refusal("export_needed")
    store = Store.open(args.data)
    try:
        rows = purging.due(store, before_ms)
        for place, row in enumerate(rows, 1):
            file = _export(store, row, args.export, settings)
            purging.purge(store, row.id, clock.now(), f"command:{records.person()}", file)
            Shelf(args.data).remove(row.id)
            records.progress(catalogue, place, len(rows))
    finally:
        store.close()
    shared.tell(
        catalogue.text("{n} briefings exported to {folder} and removed.", n=len(rows), folder=args.export)
    )
    return 0


def _before(args: argparse.Namespace, settings: Config) -> int:
    """The UTC time before which a briefing must be over.

    Raises:
        Refusal: bad_date, no_limit.
    """
    zone = settings.server.zone
    if args.before is not None:
        try:
            day = date.fromisoformat(args.before)
        except ValueError as problem:
            raise Refusal("bad_date", value=args.before) from problem
    elif settings.records.keep_years is None:
        raise Refusal("no_limit")
    else:
        today = datetime.fromtimestamp(clock.now().utc_ms / 1000, zone).date()
        year = today.year - settings.records.keep_years
        day = today.replace(year=year, day=min(today.day, 28) if today.month == 2 else today.day)
    return int(datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() * 1000)


def _list(args: argparse.Namespace, settings: Config, before_ms: int, catalogue: Catalogue) -> int:
    reader = Reader(args.data)
    try:
        rows = purging.due(reader, before_ms)
    finally:
        reader.close()
    for row in rows:
        over = datetime.fromtimestamp(purging.over_ms(row) / 1000, settings.server.zone)
        print(f"{row.id}  {over:%Y-%m-%d}  {row.phase:<9}  {row.title}")
    shared.tell(catalogue.text("{n} briefings could be removed; nothing was.", n=len(rows)))
    return 0


def _export(store: Store, row: BriefingRow, folder: Path, settings: Config) -> str:
    """Writes events and workbook of one briefing, synced, before it goes; returns the events' file name."""
    folder.mkdir(parents=True, exist_ok=True)
    seq, digest = store.head(row.id)
    name = f"{row.id}-{seq}-{digest[:12]}"
    records.write_file(folder / f"{name}.jsonl", store.jsonl(row.id))
    records.write_file(folder / f"{name}.xlsx", records.content(store, row.id, "xlsx", settings))
    return f"{name}.jsonl"
