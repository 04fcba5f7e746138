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
from coordinator.storage import Reader, backups, verify

FORMATS = ("csv", "xlsx", "jsonl")


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
    copying = command("backup", "copy the database while it is in use", backup)
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
    if args.output is None and args.format == "xlsx" and sys.stdout.isatty():
        raise StorageError("output_terminal", format=args.format)
    reader = Reader(args.data)
    try:
        content = _content(reader, args)
    finally:
        reader.close()
    what = args.output.name if args.output else f"{args.briefing}.{args.format}"
    shared.administer(
        args, None, do="note_download", what=what, about=args.briefing, actor=f"command:{_person()}"
    )
    if args.output is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        _write(args.output, content)
    return 0


def _content(reader: Reader, args: argparse.Namespace) -> bytes:
    if reader.briefing(args.briefing) is None:
        raise StorageError("unknown_briefing", briefing=args.briefing)
    if args.format == "jsonl":
        return reader.jsonl(args.briefing)
    from coordinator.domain import attendance  # noqa: PLC0415 - only this command needs the reports
    from coordinator.reports import csv_file, tables, xlsx_file  # noqa: PLC0415

    zone = shared.read_config(args).server.zone
    folded = attendance.fold(reader.events(args.briefing), clock.now())
    if args.format == "csv":
        return csv_file.write(tables.summary(folded), zone)
    return xlsx_file.write(folded, zone)


def _person() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _write(path: Path, content: bytes) -> None:
    """Replaces the file whole, or leaves it as it was."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_bytes(content)
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
    finally:
        reader.close()
    for briefing, (seq, digest) in heads.items():
        if briefing not in faults and args.briefing in (None, briefing):
            print(f"OK {briefing} {seq} {digest}")
    for fault in faults.values():
        values = {"briefing": fault.briefing, "seq": fault.seq}
        print(catalogue.error(f"fault_{fault.what}", values))
    if faults:
        return 1
    print(catalogue.text("OK: everything fits."))
    return 0


def backup(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Copies the database."""
    backups.copy(args.data, args.file)
    shared.tell(
        catalogue.text("Copied to {file}. The keys (link.key, media.keys) are not in it.", file=args.file)
    )
    return 0
