"""The hash chain of one briefing's log (ATTENDANCE.md rule 13), pure.

Rule 1: genesis = SHA-256 of the briefing's id in UTF-8.
Rule 2: hash(n) = SHA-256(raw 32 bytes of hash(n-1) + RFC 8785 canonical JSON of all fields but `hash`).
Rule 3: all text is Unicode NFC before it is hashed and written.
Canonical JSON comes from the rfc8785 package, and from Python's own fast encoder where the two agree by
construction: names in ASCII, whole numbers within 2**53, no fractions (`_is_plain`).
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any

import rfc8785

from coordinator.domain.errors import StorageError

FIELDS = (
    "seq", "id", "briefing", "site", "connection", "type", "utc_ms", "mono_ms", "boot", "actor", "payload",
)  # fmt: skip


def genesis(briefing: str) -> str:
    """What stands for the hash before the first event, in hexadecimal."""
    return hashlib.sha256(briefing.encode()).hexdigest()


def link(previous: str, fields: dict[str, Any]) -> str:
    """The hash of an event; `previous` and the result in hexadecimal, `fields` the columns of FIELDS.

    Raises:
        StorageError: unwritable_event: a number or text that JSON cannot carry.
    """
    return hashlib.sha256(bytes.fromhex(previous) + canonical(fields)).hexdigest()


def canonical(value: Any) -> bytes:
    """RFC 8785 canonical JSON in UTF-8.

    Raises:
        StorageError: unwritable_event.
    """
    try:
        return _encode(value).encode() if _is_plain(value) else rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, UnicodeError) as problem:
        raise StorageError("unwritable_event", problem=str(problem)) from problem


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_LARGEST = 2**53 - 1


def _is_plain(value: Any) -> bool:
    """Whether sorting names by code point and writing whole numbers plainly is all that RFC 8785 asks."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-_LARGEST <= value <= _LARGEST)
    if kind is dict:
        return all(type(name) is str and name.isascii() for name in value) and all(
            map(_is_plain, value.values())
        )
    return kind in (list, tuple) and all(map(_is_plain, value))


def composed(value: Any) -> Any:
    """The same JSON-able value with every text in Unicode NFC."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {key: composed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [composed(item) for item in value]
    return value
