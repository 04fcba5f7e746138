"""`check-config`, `export`, `verify` and `backup`: what is on record, and whether it still fits.

They only read, beside a running server too; an export is noted in the system chain before it is handed out.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path
from typing import Any

from coordinator import clock, config
from coordinator.catalogue import Catalogue
from coordinator.commands import shared
from coordinator.domain.errors import StorageError
from coordinator.storage import Reader, backups, history_import, verify

FORMATS = ("csv", "xlsx", "docx", "jsonl")


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

    checking = command("check-config", "check sites.yaml and name every mistake in it", check_config)
    checking.add_argument("file", metavar="FILE", nargs="?", type=Path, help=told("instead of --config"))
    exporting = command("export", "write a briefing's attendance or its events", export)
    exporting.add_argument("briefing", metavar="BRIEFING", help=told("the briefing's id"))
    exporting.add_argument("--format", choices=FORMATS, required=True, help=told("kind of file"))
    exporting.add_argument("--output", metavar="F", type=Path, help=told("file; otherwise standard output"))
    verifying = command("verify", "check the hash chains and print where each ends", print_verified)
    verifying.add_argument("briefing", metavar="BRIEFING", nargs="?", help=told("only this one"))
    copying = command("backup", "copy the database and the documents while they are in use", backup)
    copying.add_argument("file", metavar="FILE", type=Path, help=told("a new file"))


def check_config(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Says OK, or ConfigError tells what is wrong."""
    path = args.file or args.config
    settings = config.load(path)
    persons = sum(site.expected for site in settings.sites)
    print(
        catalogue.text(
            "{file}: OK, {sites} sites, {persons} persons",
            file=path,
            sites=len(settings.sites),
            persons=persons,
        )
    )
    return 0


def export(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Writes one file."""
    if args.output is None and args.format in ("xlsx", "docx") and sys.stdout.isatty():
        raise StorageError("output_terminal", format=args.format)
    reader = Reader(args.data)
    try:
        settings = None if args.format == "jsonl" else shared.read_config(args)
        made = content(reader, args.briefing, args.format, settings)
    finally:
        reader.close()
    what = args.output.name if args.output else f"{args.briefing}.{args.format}"
    shared.administer(
        args, None, do="note_download", what=what, about=args.briefing, actor=f"command:{person()}"
    )
    if args.output is None:
        sys.stdout.buffer.write(made)
        sys.stdout.buffer.flush()
    else:
        write_file(args.output, made)
    return 0


def content(reader: Reader, briefing: str, form: str, settings: config.Config | None) -> bytes:
    """One file of FORMATS; `settings` may be missing for jsonl.

    Raises:
        StorageError: unknown_briefing, bad_template.
    """
    row = reader.briefing(briefing)
    if row is None:
        raise StorageError("unknown_briefing", briefing=briefing)
    if form == "jsonl" or settings is None:
        return reader.jsonl(briefing)
    from coordinator.domain.attendance import fold  # noqa: PLC0415 - only these commands need the reports
    from coordinator.reports import csv_file, docx_file, letterhead, tables, xlsx_file  # noqa: PLC0415

    zone, now = settings.server.zone, clock.now()
    folded = fold(reader.settled(briefing) if row.phase == "ended" else reader.events(briefing), now)
    if form == "csv":
        return csv_file.write(tables.summary(folded), zone)
    if form == "xlsx":
        return xlsx_file.write(folded, zone)
    paper, template = letterhead.of(settings), settings.attendance.template
    return docx_file.write(folded, paper, zone, now.utc_ms, template)


def progress(catalogue: Catalogue, done: int, whole: int) -> None:
    """One line that counts up, for somebody who looks on."""
    if sys.stderr.isatty():
        told = catalogue.text("{done} of {whole} …", done=done, whole=whole)
        print(told, end="\n" if done == whole else "\r", file=sys.stderr, flush=True)


def person() -> str:
    """Who runs the command, by the system's name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def write_file(path: Path, content: bytes) -> None:
    """Replaces the file whole and synced, or leaves it as it was.

    Raises:
        StorageError: cannot_write.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as problem:
        aside.unlink(missing_ok=True)
        raise StorageError("cannot_write", file=str(path), problem=problem.strerror or "?") from problem


def print_verified(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Prints where each chain ends; exit 1 where one does not fit."""
    reader = Reader(args.data)
    try:
        faults = {fault.briefing: fault for fault in verify(reader, args.briefing)}
        heads = reader.heads() if "*" not in faults else {}
        imports = history_import.altered(reader) if not faults and args.briefing is None else []
    finally:
        reader.close()
    for briefing, (seq, digest) in heads.items():
        if briefing not in faults and args.briefing in (None, briefing):
            print(f"OK {briefing} {seq} {digest}")
    for fault in faults.values():
        values = {"briefing": fault.briefing, "seq": fault.seq}
        print(catalogue.error(f"fault_{fault.what}", values))
    for file in imports:
        print(catalogue.error("fault_import", {"file": file}))
    if faults or imports:
        return 1
    print(catalogue.text("OK: everything fits."))
    return 0


def backup(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Copies the database and the documents."""
    for paper in backups.copy(args.data, args.file):
        values = {"briefing": paper.briefing, "document": paper.document, "seq": paper.seq}
        shared.tell(catalogue.text("{briefing}: the files of document {document} (event {seq}) are gone and"
                                   " not in the copy.", **values))  # fmt: skip
    shared.tell(
        catalogue.text("Copied to {file}. The keys (link.key, media.keys) are not in it.", file=args.file)
    )
    return 0
