"""What pages say on the control socket: JSON texts in, values out.

Rule 1: an unreadable text (no JSON, no object, no `type`) is a ProtocolViolation: that one socket is closed.
Rule 2: a readable one with an unknown type or a wrong field is refused (`bad_message`) and harms nothing.
Rule 3: missing keys are unknown, not zero; keys nobody knows are passed over, so that newer pages still
speak.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from coordinator.domain.commands import (
    Command,
    DeclareHeadcount,
    LowerHand,
    RaiseHand,
    ReceiveDocument,
    ReportLineCheck,
    ReturnFloor,
    SendMessage,
)
from coordinator.domain.errors import CoordinatorError, ProtocolViolation
from coordinator.domain.showing import LONGEST_MESSAGE
from coordinator.web import bodies
from coordinator.web.errors import BadRequest

_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_MODES = ("full", "audio", "slides", "none")
_LAYERS = ("high", "mid", "low", "off")
_NUMBERS = ("audio_bytes", "video_bytes", "rtt_ms", "loss")
_MOST = 2**53  # a browser's largest whole number
SIDES = ("hub", "site")


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message. `page`: the page's uuid; `briefing`: an id, None = the one the site's link leads to.

    `side`: "hub" or "site", for a browser that holds both an account and a site's link; None = what it holds.
    `chooses`: the page can ask its operator which briefing, where the link leads to several; `briefing` is
    then the one it was in, while that goes on.
    """

    page: str
    briefing: str | None = None
    side: str | None = None
    device: str | None = None
    chooses: bool = False


@dataclass(frozen=True, slots=True)
class Life:
    """An `alive` message as far as attendance needs it; None = unknown."""

    n: int | None = None
    receiving: bool | None = None
    mode: str | None = None
    layer: str | None = None
    slide: int | None = None


@dataclass(frozen=True, slots=True)
class MediaWanted:
    """The page lost the media room for good and asks for a new address and token."""


@dataclass(frozen=True, slots=True)
class SiteCommand:
    """Something only a site's own page may ask; `make` builds the command for that site."""

    name: str
    make: Callable[[str], Command]


Message = Hello | Life | MediaWanted | SiteCommand


def parse(text: str) -> Message:
    """Reads one text frame.

    Raises:
        ProtocolViolation: bad_message; close the socket.
        BadRequest: bad_message (unknown type, wrong field); keep it.
    """
    try:
        said = bodies.parse_object(text)
    except CoordinatorError as problem:
        raise ProtocolViolation("bad_message", **problem.details) from None
    kind = said.pop("type", None)
    if not isinstance(kind, str):
        raise ProtocolViolation("bad_message", field="type", problem="missing")
    if kind not in _READERS:
        raise _bad("type", "not_a_choice")
    try:
        return _READERS[kind](bodies.Fields(said))
    except BadRequest as problem:
        raise BadRequest("bad_message").with_details(problem) from None


def name_of(message: Message) -> str:
    """The `type` a message came with."""
    if isinstance(message, SiteCommand):
        return message.name
    return {Hello: "hello", Life: "alive", MediaWanted: "media"}[type(message)]


def _bad(field: str, problem: str) -> BadRequest:
    return BadRequest("bad_message", field=field, problem=problem)


def _hello(said: bodies.Fields) -> Hello:
    page = said.text("page", 36)
    if not _UUID.fullmatch(page):
        raise _bad("page", "not_a_uuid")
    side = said.maybe_text("as", 4)
    if side is not None and side not in SIDES:
        raise _bad("as", "not_a_choice")
    briefing, device = said.maybe_text("briefing", 64), said.maybe_text("device", 80)
    chooses = bodies.maybe_bool("chooses", said.take("chooses"))
    return Hello(page.lower(), briefing, side, device, bool(chooses))


def _alive(said: bodies.Fields) -> Life:
    media = said.take("media")
    if media is None:
        media = {}
    if not isinstance(media, dict):
        raise _bad("media", "not_an_object")
    _check_numbers(media)
    return Life(
        said.maybe_number("n", _MOST),
        bodies.maybe_bool("media.receiving", media.get("receiving")),
        _maybe_choice(media, "mode", _MODES),
        _maybe_choice(media, "layer", _LAYERS),
        bodies.Fields(media).maybe_number("slide", 100_000),
    )


def _check_numbers(media: dict[str, Any], under: str = "media.") -> None:
    for field in _NUMBERS:
        value = media.get(field)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _bad(under + field, "not_a_number")
        if not 0 <= value <= (1 if field == "loss" else _MOST):
            raise _bad(under + field, "out_of_range")


def _maybe_choice(media: dict[str, Any], field: str, allowed: tuple[str, ...]) -> str | None:
    value = media.get(field)
    if value is not None and (not isinstance(value, str) or value not in allowed):
        raise _bad(f"media.{field}", "not_a_choice")
    return value


def _raise_hand(said: bodies.Fields) -> SiteCommand:
    topic = said.maybe_text("topic", 200)
    return SiteCommand("raise-hand", lambda site: RaiseHand(site, topic))


def _lower_hand(said: bodies.Fields) -> SiteCommand:
    return SiteCommand("lower-hand", LowerHand)


def _headcount(said: bodies.Fields) -> SiteCommand:
    values = headcount_values(said)
    return SiteCommand("headcount", lambda site: DeclareHeadcount(site, **values))


def _line_check(said: bodies.Fields) -> SiteCommand:
    sound, picture = (bodies.maybe_bool(field, said.take(field)) for field in ("sound", "picture"))
    rtt_ms, rate_bps = said.maybe_number("rtt_ms", 600_000), said.maybe_number("rate_bps", _MOST)
    loss = said.take("loss")
    _check_numbers({"loss": loss}, "")
    return SiteCommand(
        "line-check", lambda site: ReportLineCheck(site, sound, picture, rtt_ms, loss, rate_bps)
    )


def _message(said: bodies.Fields) -> SiteCommand:
    text = said.text("text", LONGEST_MESSAGE)
    return SiteCommand("message", lambda site: SendMessage(site, text))


def _document_received(said: bodies.Fields) -> SiteCommand:
    document = said.text("document", 64)
    return SiteCommand("document-received", lambda site: ReceiveDocument(site, document))


def headcount_values(said: bodies.Fields) -> dict[str, Any]:
    """The figures of a headcount, from the socket or the API: `DeclareHeadcount`'s fields but site and
    reason.

    Raises:
        BadRequest: bad_body.
    """
    values: dict[str, Any] = {"present": said.number("present")}
    for field in ("members", "excused", "unexcused", "extra"):
        values[field] = said.maybe_number(field)
    values["note"] = said.maybe_text("note", 500, lines=True)
    values["roll_call"] = said.maybe_number("roll_call", 10_000)
    return values


_READERS: dict[str, Callable[[bodies.Fields], Message]] = {
    "hello": _hello,
    "alive": _alive,
    "media": lambda said: MediaWanted(),
    "raise-hand": _raise_hand,
    "lower-hand": _lower_hand,
    "return-floor": lambda said: SiteCommand("return-floor", ReturnFloor),
    "headcount": _headcount,
    "line-check": _line_check,
    "message": _message,
    "document-received": _document_received,
}
