"""STUN binding requests and their answers (RFC 8489 §5, §9.1.4, §14): what ICE-lite needs, and no more.

Rule 1: what is signed is what comes before MESSAGE-INTEGRITY; of what comes after it only FINGERPRINT counts.
Rule 2: every client asks every few seconds for as long as the briefing lasts, so that a request is read and
answered in one pass.
"""

from __future__ import annotations

import hmac
import socket
from dataclasses import dataclass
from struct import Struct
from zlib import crc32

HEAD, ATTRIBUTE, MAPPED = Struct("!HHI12s"), Struct("!HH"), Struct("!HHxBH")
REQUEST, RESPONSE, COOKIE = 0x0001, 0x0101, 0x2112A442
USERNAME, INTEGRITY, XOR_MAPPED_ADDRESS, USE_CANDIDATE, FINGERPRINT = 0x0006, 0x0008, 0x0020, 0x0025, 0x8028
INTEGRITY_BYTES, FINGERPRINT_BYTES, FINGERPRINT_XOR = 24, 8, 0x5354554E


@dataclass(frozen=True, slots=True)
class BindingRequest:
    """What a request says; nothing of it counts before `is_signed` says so."""

    transaction: bytes
    username: str
    """Our username fragment, a colon, and theirs; empty where none is given."""
    nominates: bool
    """Whether it has USE-CANDIDATE."""
    signed: bytes
    """What the signature is about, empty where there is none."""
    signature: bytes

    def is_signed(self, password: bytes) -> bool:
        """Whether it is signed with this password."""
        if not self.signed:
            return False
        return hmac.compare_digest(self.signature, hmac.digest(password, self.signed, "sha1"))


def looks_like_request(data: bytes) -> bool:
    """Whether it begins as a binding request does: a look that costs nothing."""
    return data[:2] == b"\x00\x01" and data[4:8] == b"\x21\x12\xa4\x42"


def read_request(data: bytes) -> BindingRequest:
    """Read a binding request. Raises ValueError where it is not one, or not well formed."""
    size = len(data)
    if size < HEAD.size:
        raise ValueError("shorter than a STUN header")
    kind, length, cookie, transaction = HEAD.unpack_from(data)
    if kind != REQUEST or cookie != COOKIE or size != HEAD.size + length:
        raise ValueError("not a binding request, or not as long as it says")
    username, nominates, signed, signature = "", False, b"", b""
    at = HEAD.size
    while at < size:
        if at + ATTRIBUTE.size > size:
            raise ValueError("an attribute is cut off")
        kind, length = ATTRIBUTE.unpack_from(data, at)
        start = at + ATTRIBUTE.size
        end = start + length
        if end > size:
            raise ValueError("an attribute is cut off")
        if kind == FINGERPRINT:
            if end != size or data[start:end] != _fingerprint(data[:at]):
                raise ValueError("the fingerprint is wrong")
        elif signed:
            pass  # not signed, so of no weight
        elif kind == USERNAME:
            username = data[start:end].decode()
        elif kind == USE_CANDIDATE:
            nominates = True
        elif kind == INTEGRITY:
            signature = data[start:end]
            signed = (
                HEAD.pack(REQUEST, at - HEAD.size + INTEGRITY_BYTES, COOKIE, transaction)
                + data[HEAD.size : at]
            )
        at = end + -length % 4
    return BindingRequest(transaction, username, nominates, signed, signature)


def write_response(transaction: bytes, address: tuple[str, int], password: bytes) -> bytes:
    """Write the answer to a request that came from this address, signed and with a fingerprint."""
    host, port = address[:2]
    family, packed = (
        (2, socket.inet_pton(socket.AF_INET6, host)) if ":" in host else (1, socket.inet_aton(host))
    )
    mask = (COOKIE.to_bytes(4, "big") + transaction)[: len(packed)]
    hidden = (int.from_bytes(packed, "big") ^ int.from_bytes(mask, "big")).to_bytes(len(packed), "big")
    body = MAPPED.pack(XOR_MAPPED_ADDRESS, 4 + len(packed), family, port ^ COOKIE >> 16) + hidden
    size = len(body) + INTEGRITY_BYTES
    signature = hmac.digest(password, HEAD.pack(RESPONSE, size, COOKIE, transaction) + body, "sha1")
    whole = b"".join((
        HEAD.pack(RESPONSE, size + FINGERPRINT_BYTES, COOKIE, transaction),
        body, ATTRIBUTE.pack(INTEGRITY, len(signature)), signature,
    ))  # fmt: skip
    return whole + ATTRIBUTE.pack(FINGERPRINT, 4) + _fingerprint(whole)


def _fingerprint(data: bytes) -> bytes:
    return (crc32(data) ^ FINGERPRINT_XOR).to_bytes(4, "big")
