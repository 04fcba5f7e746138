"""The command line: reads the words, runs one command, tells what went wrong.

Rule 1: exit 0 done, 1 ran and failed, 2 wrong use or bad input.
Rule 2: results go to standard output, everything said to the person to standard error.
Rule 3: sentences are Vietnamese, or English where COORDINATOR_LANG or LANG says so.
Rule 4: a command imports what it needs when it runs, so that `--help` is quick and works without the rest.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from coordinator import catalogue as catalogues
from coordinator.catalogue import Catalogue
from coordinator.commands import keeping, linking, people, records, serving, shared
from coordinator.domain.errors import CoordinatorError


class _Parser(argparse.ArgumentParser):
    """Says where to find help, in the person's language; takes no shortened options."""

    catalogue = Catalogue("en", {})

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        hint = self.catalogue.text("Wrong use. More: {program} --help", program=self.prog)
        self.exit(2, f"{self.prog}: {message}\n{hint}\n")


def build_parser(catalogue: Catalogue) -> argparse.ArgumentParser:
    """The parser of all commands."""
    _Parser.catalogue = catalogue
    told = catalogue.text
    parser = _Parser(
        prog="coordinator",
        description=told("Online-briefing coordinator: a hub briefs its sites and keeps the attendance."),
        epilog=told("Every option is a variable too: --udp-port is COORDINATOR_UDP_PORT."),
    )
    _add_common(parser, catalogue, at_top=True)
    common = _Parser(add_help=False)
    _add_common(common, catalogue, at_top=False)
    subcommands = parser.add_subparsers(metavar="COMMAND", required=True, title=told("commands"))
    for group in (serving, people, linking, records, keeping):
        group.add(subcommands, common, catalogue)
    return parser


def _add_common(parser: argparse.ArgumentParser, catalogue: Catalogue, at_top: bool) -> None:
    """--config and --data, before the command or after it; the later word holds."""
    for name, default, sentence in (
        ("config", "config/sites.yaml", "the file of sites and settings (config/sites.yaml)"),
        ("data", "var", "the folder of the records (var/)"),
    ):
        parser.add_argument(
            f"--{name}", type=Path, help=catalogue.text(sentence),
            default=shared.path_from(f"COORDINATOR_{name.upper()}", default) if at_top else argparse.SUPPRESS,
        )  # fmt: skip


def main(words: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    given = list(sys.argv[1:] if words is None else words)
    catalogue = catalogues.from_environment()
    if given and given[0] in serving.offered():
        return serving.pass_on(given[0], given[1:])
    args = build_parser(catalogue).parse_args(given)
    run: shared.Run = args.run
    try:
        return run(args, catalogue)
    except CoordinatorError as problem:
        shared.tell(catalogue.sentence(problem))
        return shared.exit_code(problem)
    except BrokenPipeError:  # the reader of our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
