"""How a relay is set up, and which addresses it announces."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

import ifaddr


@dataclass(frozen=True)
class RelayOptions:
    """Where to listen (port 0 = any free one), what to announce, whom to tell, and the API keys."""

    host: str = "127.0.0.1"
    port: int = 7880
    udp_port: int = 7882
    public_ip: str | None = None
    webhook: str | None = None
    watch_stdin: bool = False
    keys: dict[str, str] = field(default_factory=dict)
    udp_host: str | None = None
    """Where media is received, and whose addresses are announced: None = as `host`."""

    @property
    def media_host(self) -> str:
        """The address for media; a relay behind a proxy on this machine listens elsewhere for signalling."""
        return self.udp_host or self.host


def announced_addresses(host: str, public_ip: str | None) -> list[str]:
    """Return the IPv4 addresses to offer to clients.

    A public address replaces all others but the loopback of a relay bound to it; a relay bound to one address
    announces that one; else every local address that is not loopback, or loopback where there is no other.
    """
    address = _ipv4(host)
    if address is not None and not address.is_unspecified:
        return [public_ip, host] if public_ip and public_ip != host else [host]
    if public_ip:
        return [public_ip]
    found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
    outside = [text for text in found if not ipaddress.IPv4Address(text).is_loopback]
    return list(dict.fromkeys(outside)) or ["127.0.0.1"]


def bind_address(host: str) -> str:
    """Return the IPv4 address for the UDP socket: all of them for a name or an unspecified address."""
    address = _ipv4(host)
    if host == "localhost":
        return "127.0.0.1"
    return host if address is not None else "0.0.0.0"


def _ipv4(host: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
