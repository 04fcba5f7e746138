"""How a relay is set up, and which addresses it announces."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

import ifaddr

from .turn import Turn

MAX_ADDRESSES = 8


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

    turn: Turn | None = None

    @property
    def media_host(self) -> str:
        """The address for media; a relay behind a proxy on this machine listens elsewhere for signalling."""
        return self.udp_host or self.host


def announced_addresses(host: str, public_ip: str | None) -> list[str]:
    """Return the addresses to offer to clients, IPv4 before IPv6.

    A relay bound to one outside address announces that one; any other relay every local address that is not
    loopback. A public address comes in place of the local ones of its family. Loopback is added for a relay
    bound to loopback (behind a proxy on this machine, or under test), and where there is nothing else.
    """
    address = _address(host)
    loopback = address is not None and address.is_loopback
    if address is not None and not loopback and not address.is_unspecified:
        outside = [str(address)]
    else:
        outside = _outside_addresses()
    if public_ip and ipaddress.ip_address(public_ip).is_loopback:
        return [public_ip]  # this machine only
    if public_ip:
        outside = [public_ip, *(local for local in outside if (":" in local) != (":" in public_ip))]
    outside.sort(key=lambda text: ":" in text)
    return [*outside, "127.0.0.1"] if loopback or not outside else outside


def _outside_addresses() -> list[str]:
    found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    texts = [text if isinstance(text, str) else text[0] for text in found]
    usable = [text for text in dict.fromkeys(texts) if not _local_only(ipaddress.ip_address(text))]
    return usable[:MAX_ADDRESSES]


def _local_only(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_loopback or (address.version == 6 and address.is_link_local)


def bind_address(host: str) -> str:
    """Return the address for the UDP port: that of `host` if that is one outside address, else all."""
    address = _address(host)
    single = address is not None and not address.is_loopback and not address.is_unspecified
    return str(address) if single else "0.0.0.0"


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address."""
    return _address(text) is not None


def in_url(host: str) -> str:
    """Return a host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return None
