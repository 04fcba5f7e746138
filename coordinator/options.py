"""What `serve` is told: by the command line, by COORDINATOR_… variables, by sites.yaml, in that order.

Rule 1: an option left out is None until `settled` fills it from sites.yaml or from the defaults.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.config import ServerSettings

HOST = "127.0.0.1"
PORT = 8080
UDP_PORT = 7882


@dataclass(frozen=True, slots=True)
class LiveKit:
    """An outside LiveKit: `url` ws(s):// or http(s)://, and its API key and secret."""

    url: str
    api_key: str
    api_secret: str


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The options as given. `livekit` None: the built-in relay runs with the keys of the data folder."""

    config: Path
    data: Path
    host: str | None = None
    port: int | None = None
    udp_port: int | None = None
    public_ip: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    livekit: LiveKit | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen and how the outside calls it, nothing left open but what may be absent.

    `public_url` has no slash at its end; `public_ip` None: announce the interfaces' own addresses.
    """

    host: str
    port: int
    udp_port: int
    public_ip: str | None
    tls_cert: Path | None
    tls_key: Path | None
    public_url: str


def settled(options: ServeOptions, server: ServerSettings) -> Listening:
    """Fills what the command line left out from sites.yaml, then from the defaults."""
    host = options.host or server.host or HOST
    port = options.port if options.port is not None else server.port or PORT
    cert, key = options.tls_cert or server.tls_cert, options.tls_key or server.tls_key
    return Listening(
        host=host,
        port=port,
        udp_port=options.udp_port if options.udp_port is not None else server.udp_port or UDP_PORT,
        public_ip=options.public_ip or server.public_ip,
        tls_cert=cert,
        tls_key=key,
        public_url=server.public_url or f"{'https' if cert else 'http'}://{_called(host)}:{port}",
    )


def _called(host: str) -> str:
    if host in ("0.0.0.0", "::", ""):
        return HOST
    return f"[{host}]" if ":" in host else host
