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
    """Return the IPv4 addresses to offer to clients, the best first.

    A relay bound to one outside address announces that one; any other relay every local address that is not
    loopback. A public address comes in place of these. Loopback is added for a relay bound to loopback
    (behind a proxy on this machine, or under test), and where there is nothing else.
    """
    address = _ipv4(host)
    loopback = address is not None and address.is_loopback
    if public_ip:
        outside = [public_ip]
    elif address is not None and not loopback and not address.is_unspecified:
        outside = [host]
    else:
        outside = _outside_addresses()
    return [*outside, "127.0.0.1"] if loopback or not outside else outside


def _outside_addresses() -> list[str]:
    found = [str(ip.ip) for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4]
    return list(dict.fromkeys(text for text in found if not ipaddress.IPv4Address(text).is_loopback))


def bind_address(host: str) -> str:
    """Return the IPv4 address for the UDP socket: that of `host` if it is one outside address, else all."""
    address = _ipv4(host)
    return host if address is not None and not address.is_loopback else "0.0.0.0"


def _ipv4(host: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
