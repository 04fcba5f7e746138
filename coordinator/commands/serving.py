"""`serve` runs the coordinator; `relay`, `simulate` and `bench` hand their words on to their own parsers."""

from __future__ import annotations

import argparse
import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordinator.catalogue import Catalogue
from coordinator.commands import shared

PASSED_ON = {  # command: (module, function that takes the words after the command and returns the exit code)
    "relay": ("coordinator.relay.main", "main"),
    "simulate": ("coordinator.simulate.run", "main"),
    "bench": ("coordinator.bench", "main"),
}
_SENTENCES = {
    "relay": "run the media relay alone, in the foreground",
    "simulate": "run simulated sites against a server",
    "bench": "measure this machine",
}


def offered() -> list[str]:
    """The passed-on commands whose module is there."""
    return [name for name, (module, _) in PASSED_ON.items() if _exists(module)]


def _exists(module: str) -> bool:
    """Looks for the file: asking the import system would import the packages around it, which takes long."""
    path = Path(__file__).parents[1].joinpath(*module.split(".")[1:])
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def pass_on(command: str, words: list[str]) -> int:
    """Runs a passed-on command."""
    module, function = PASSED_ON[command]
    run: Callable[[list[str]], Any] = getattr(importlib.import_module(module), function)
    return int(run(words) or 0)


def add(subcommands: Any, common: argparse.ArgumentParser, catalogue: Catalogue) -> None:
    """Adds the parsers."""
    sentence = catalogue.text("run the coordinator: pages, control, attendance and the built-in relay")
    parser = subcommands.add_parser("serve", parents=[common], help=sentence, description=sentence)
    add_listening(parser, catalogue)
    parser.set_defaults(run=serve)
    for name in offered():
        text = catalogue.text(_SENTENCES[name])
        subcommands.add_parser(name, help=text, description=text, add_help=False)


def add_listening(parser: argparse.ArgumentParser, catalogue: Catalogue) -> None:
    """Adds the options that say where to listen; each may be a variable (COORDINATOR_UDP_PORT)."""
    told = catalogue.text
    parser.add_argument("--host", default=_variable("HOST"), help=told("address to listen on (127.0.0.1)"))
    port = _port(catalogue)
    parser.add_argument("--port", type=port, default=_variable("PORT"), help=told("TCP port (8080)"))
    parser.add_argument(
        "--udp-port", type=port, default=_variable("UDP_PORT"), help=told("UDP port for media (7882)")
    )
    parser.add_argument(
        "--public-ip",
        default=_variable("PUBLIC_IP"),
        help=told("address to announce to browsers behind a NAT"),
    )
    for name, sentence in (("cert", "TLS certificate (PEM)"), ("key", "TLS private key (PEM)")):
        default = _variable(f"TLS_{name.upper()}")
        parser.add_argument(f"--tls-{name}", type=Path, default=default, help=told(sentence))


def _variable(name: str) -> str | None:
    return os.environ.get(f"COORDINATOR_{name}") or None


def _port(catalogue: Catalogue) -> Callable[[str], int]:
    def port(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 65_536):
            raise argparse.ArgumentTypeError(
                catalogue.text("{value} is no port: give a number from 0 to 65535", value=text)
            )
        return int(text)

    return port


def serve(args: argparse.Namespace, catalogue: Catalogue) -> int:
    """Runs until it is told to stop. The configuration is checked before anything is imported or opened."""
    shared.read_config(args)
    options = shared.options_of(args)
    app: Any = importlib.import_module("coordinator.app")
    return int(app.serve(options) or 0)
