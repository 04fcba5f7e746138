"""What the commands share: their options, their way to the data folder, and how they fail.

Rule 1: a command that writes asks the running server, or takes the lock itself where none runs.
Rule 2: exit 0 done, 1 ran and failed, 2 wrong use or bad input.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordinator import config
from coordinator.catalogue import Catalogue
from coordinator.domain.errors import ConfigError, CoordinatorError, Refusal, StorageError
from coordinator.options import LiveKit, ServeOptions, settled
from coordinator.storage import Store, channel
from coordinator.storage.accounts import Accounts
from coordinator.storage.admin import Administration
from coordinator.storage.links import Links

Run = Callable[[argparse.Namespace, Catalogue], int]
_PATIENCE_S = 5.0
_BAD_INPUT = (
    "unknown_briefing", "backup_exists", "restore_exists", "output_terminal", "livekit_incomplete",
    "no_module", "cannot_read", "bad_template",
)  # fmt: skip


def exit_code(problem: CoordinatorError) -> int:
    """2 where the input is at fault, else 1."""
    if isinstance(problem, ConfigError | Refusal) or problem.code in _BAD_INPUT:
        return 2
    return 1


def tell(text: str) -> None:
    """One line for the person, on standard error, so that standard output stays for the result."""
    print(text, file=sys.stderr, flush=True)


def read_config(args: argparse.Namespace) -> config.Config:
    """The configuration of --config. Raises ConfigError."""
    return config.load(args.config)


def outside_livekit() -> LiveKit | None:
    """The LiveKit of LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET; None without the first.

    Raises:
        Refusal: livekit_incomplete: one of the keys is missing.
    """
    url = os.environ.get("LIVEKIT_URL")
    if not url:
        return None
    key, secret = os.environ.get("LIVEKIT_API_KEY"), os.environ.get("LIVEKIT_API_SECRET")
    if not key or not secret:
        raise Refusal("livekit_incomplete", missing="LIVEKIT_API_SECRET" if key else "LIVEKIT_API_KEY")
    return LiveKit(url, key, secret)


def options_of(args: argparse.Namespace) -> ServeOptions:
    """The options of `serve` as this command line has them."""
    return ServeOptions(
        config=args.config,
        data=args.data,
        host=getattr(args, "host", None),
        port=getattr(args, "port", None),
        udp_port=getattr(args, "udp_port", None),
        public_ip=getattr(args, "public_ip", None),
        tls_cert=getattr(args, "tls_cert", None),
        tls_key=getattr(args, "tls_key", None),
        livekit=outside_livekit(),
    )


def public_url(args: argparse.Namespace, settings: config.Config) -> str:
    """How the outside calls the server: the running one's word, else by options and configuration."""
    reply = channel.call(args.data, {"do": "public_url"}) if args.data.is_dir() else None
    return str(reply["result"]) if reply else settled(options_of(args), settings.server).public_url


def administer(args: argparse.Namespace, settings: config.Config | None, **request: str | None) -> Any:
    """Has one act of `Administration` done and returns its result.

    Raises:
        Refusal, StorageError: it was not done.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        reply = channel.call(args.data, request) if args.data.is_dir() else None
        if reply is not None:
            return reply["result"]
        try:
            return _administer_alone(args, settings, request)
        except StorageError as problem:  # another command, or a server just starting: its socket comes soon
            if problem.code != "data_in_use" or time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _administer_alone(
    args: argparse.Namespace, settings: config.Config | None, request: dict[str, str | None]
) -> Any:
    store = Store.open(args.data)
    try:
        url = settled(options_of(args), settings.server).public_url if settings else ""
        codes = [site.code for site in settings.sites] if settings else []
        administration = Administration(store, Accounts(store), Links(store, url), codes)
        return administration.handle(request)["result"]
    finally:
        store.close()


def path_from(name: str, default: str) -> Path:
    """A path by its variable, else the default."""
    return Path(os.environ.get(name) or default)
