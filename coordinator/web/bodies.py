"""Reading what clients send: strict JSON in, checked plain values out.

Rule 1: an unknown key, a wrong type, a bool where a number is meant, a key given twice, a control character
or a naive time is refused as `bad_body` with the field's name and the problem; nothing is guessed or cut
short.
Rule 2: size comes first: nothing over `LIMIT_BYTES` is read, and nesting too deep for the parser is
`bad_body`.
Rule 3: text is NFC (ATTENDANCE.md, Exports); times are RFC 3339 with a zone, kept as UTC milliseconds.
"""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from aiohttp import web

from coordinator.web.errors import BadRequest

LIMIT_BYTES = 64 * 1024
READ_WITHIN_S = 20.0
MOST_PEOPLE = 100_000  # at one site; a larger number is a slip of the finger
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")
_TURNING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_EARLIEST_MS, _LATEST_MS = 946_684_800_000, 4_102_444_800_000  # the years 2000 to 2099
_MISSING = object()


def bad(field: str, problem: str) -> BadRequest:
    """The refusal of one field. `problem` is a code with a word of its own in the catalogue
    (`problem:<code>`)."""
    return BadRequest("bad_body", field=field, problem=problem)


async def read_json(request: web.Request) -> Fields:
    """The body as Fields; an empty body is an empty object.

    Raises:
        BadRequest: too_large, unsupported_media_type, bad_body.
    """
    if (request.content_length or 0) > LIMIT_BYTES:
        raise BadRequest("too_large", limit=LIMIT_BYTES)
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            raw = await request.read()
    except TimeoutError:
        raise BadRequest("not_understood", status=408) from None
    if len(raw) > LIMIT_BYTES:
        raise BadRequest("too_large", limit=LIMIT_BYTES)
    if not raw:
        return Fields({})
    if request.content_type != "application/json":
        raise BadRequest("unsupported_media_type")
    return Fields(parse_object(raw))


def parse_object(raw: bytes | str) -> dict[str, Any]:
    """One JSON object.

    Raises:
        BadRequest: bad_body; `problem` is not_utf8, not_json, twice, too_deep or not_an_object.
    """
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = json.loads(text, object_pairs_hook=_no_key_twice, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise bad("", "not_utf8") from None
    except RecursionError:
        raise bad("", "too_deep") from None
    except ValueError:
        raise bad("", "not_json") from None
    if not isinstance(value, dict):
        raise bad("", "not_an_object")
    return value


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise bad("", "twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def clean_text(field: str, value: object, longest: int, lines: bool = False) -> str:
    """`value` as NFC text without edges of space, 1 to `longest` characters; `lines` allows line breaks.

    Raises:
        BadRequest: bad_body.
    """
    if not isinstance(value, str):
        raise bad(field, "not_text")
    text = unicodedata.normalize("NFC", value).strip()
    if not text:
        raise bad(field, "empty")
    if len(text) > longest:
        raise bad(field, "too_long")
    if any(_forbidden(character) and not (lines and character == "\n") for character in text):
        raise bad(field, "control_characters")
    return text


def _forbidden(character: str) -> bool:
    """Control characters, lone surrogates, line separators and marks that turn the direction of writing."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _TURNING


def clean_number(field: str, value: object, most: int = MOST_PEOPLE) -> int:
    """`value` as a whole number 0..most; neither a bool nor 3.0 is one.

    Raises:
        BadRequest: bad_body.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad(field, "not_a_number")
    if not 0 <= value <= most:
        raise bad(field, "out_of_range")
    return value


def maybe_bool(field: str, value: object) -> bool | None:
    """`value` as true, false or None. Raises BadRequest (bad_body)."""
    if value is not None and not isinstance(value, bool):
        raise bad(field, "not_a_bool")
    return value


def clean_time(field: str, value: object) -> int:
    """An RFC 3339 time as UTC milliseconds; a naive one is refused.

    Raises:
        BadRequest: bad_body.
    """
    if not isinstance(value, str):
        raise bad(field, "not_text")
    if not _RFC3339.fullmatch(value):
        raise bad(field, "not_rfc3339")
    try:
        at_ms = int(datetime.fromisoformat(value.upper().replace(" ", "T")).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise bad(field, "not_rfc3339") from None
    if not _EARLIEST_MS <= at_ms < _LATEST_MS:
        raise bad(field, "out_of_range")
    return at_ms


class Fields:
    """A JSON object being read: every key must be asked for before `done()`."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._left = dict(values)

    def take(self, field: str) -> Any:
        """The raw value, None where the key is missing or null."""
        return self._left.pop(field, None)

    def given(self, field: str) -> bool:
        return field in self._left

    def required(self, field: str) -> Any:
        value = self._left.pop(field, _MISSING)
        if value is _MISSING or value is None:
            raise bad(field, "missing")
        return value

    def text(self, field: str, longest: int = 200, lines: bool = False) -> str:
        return clean_text(field, self.required(field), longest, lines)

    def maybe_text(self, field: str, longest: int = 200, lines: bool = False) -> str | None:
        value = self.take(field)
        return None if value is None else clean_text(field, value, longest, lines)

    def number(self, field: str, most: int = MOST_PEOPLE) -> int:
        return clean_number(field, self.required(field), most)

    def maybe_number(self, field: str, most: int = MOST_PEOPLE) -> int | None:
        value = self.take(field)
        return None if value is None else clean_number(field, value, most)

    def maybe_time(self, field: str) -> int | None:
        value = self.take(field)
        return None if value is None else clean_time(field, value)

    def choice(self, field: str, allowed: Iterable[str]) -> str:
        value = self.required(field)
        if not isinstance(value, str) or value not in tuple(allowed):
            raise bad(field, "not_a_choice")
        return value

    def done(self) -> None:
        """Raises BadRequest (bad_body, unknown_key) where a key was never asked for."""
        for field in self._left:
            raise bad(str(field)[:60], "unknown_key")
