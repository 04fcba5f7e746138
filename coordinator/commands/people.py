"""`user add` and `token`: who may log in, and what programs use."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from coordinator.catalogue import Catalogue
from coordinator.commands import shared
from coordinator.storage.accounts import ROLES


def add(subcommands: Any, common: argparse.ArgumentParser, catalogue: Catalogue) -> None:
    """Adds the parsers."""
    told = catalogue.text
    sentence = told("manage the accounts of people")
    user = subcommands.add_parser("user", help=sentence, description=sentence)
    acts = user.add_subparsers(metavar="add", required=True)
    sentence = told("make an account; without --password-stdin a password is made up and printed once")
    adding = acts.add_parser("add", parents=[common], help=sentence, description=sentence)
    adding.add_argument("name", metavar="NAME", help=told("the name to log in with"))
    adding.add_argument("--role", choices=ROLES, required=True, help=told("what the account may do"))
    adding.add_argument(
        "--password-stdin", action="store_true", help=told("read the password from standard input")
    )
    adding.set_defaults(run=add_user)
    sentence = told("make an API token and print it alone; it cannot be shown again")
    token = subcommands.add_parser("token", parents=[common], help=sentence, description=sentence)
    token.add_argument("name", metavar="NAME", help=told("the name its acts are recorded under"))
    token.add_argument("--role", choices=ROLES, required=True, help=told("what the token may do"))
    token.set_defaults(run=add_token)


def add_user(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Makes an account."""
    password = sys.stdin.readline().rstrip("\r\n") if args.password_stdin else None
    made = shared.administer(args, None, do="add_user", name=args.name, role=args.role, password=password)
    shared.tell(catalogue.text("Account {name} ({role}) is ready.", name=args.name, role=args.role))
    if made is not None:
        shared.tell(catalogue.text("Its password, shown only now:"))
        print(made)
    return 0


def add_token(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Makes a token."""
    print(shared.administer(args, None, do="add_token", name=args.name, role=args.role))
    return 0
