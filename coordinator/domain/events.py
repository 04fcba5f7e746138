"""What happened: every event a briefing's log can hold, past tense.

Rule 1: raw events are the truth; tables are projections (ATTENDANCE.md rule 1).
Rule 2: an event's fields are JSON-able, or a frozen dataclass / tuple of them named in `_NESTED`.
Rule 3: events are only ever added; a field added later gets a default, so old logs stay readable.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from coordinator.domain.agenda_events import AgendaItem, AgendaMoved, AgendaSet
from coordinator.domain.event_base import Event
from coordinator.domain.figure_events import (
    ConfirmedByPhone,
    ExpectedChanged,
    HeadcountConfirmed,
    HeadcountDeclared,
    MadeUp,
    NoteAdded,
    RollCallStarted,
    SiteCalled,
    SiteSigned,
)
from coordinator.domain.moments import Moment
from coordinator.domain.showing_events import (
    DocumentAdded,
    DocumentReceived,
    DocumentWithdrawn,
    MessageSent,
    SlidesHidden,
)
from coordinator.domain.system_events import (
    SYSTEM_CHAIN,
    ChainPurged,
    ChainSealed,
    Downloaded,
    HistoryImported,
    LinkRotated,
    LoggedIn,
    ServerStarted,
)

__all__ = [  # of the neighbours; whoever needs an event finds it here
    "SYSTEM_CHAIN",
    "AgendaItem",
    "AgendaMoved",
    "AgendaSet",
    "ChainPurged",
    "ChainSealed",
    "ConfirmedByPhone",
    "DocumentAdded",
    "DocumentReceived",
    "DocumentWithdrawn",
    "Downloaded",
    "Event",
    "ExpectedChanged",
    "HeadcountConfirmed",
    "HeadcountDeclared",
    "HistoryImported",
    "LinkRotated",
    "LoggedIn",
    "MadeUp",
    "MessageSent",
    "NoteAdded",
    "RollCallStarted",
    "ServerStarted",
    "SiteCalled",
    "SiteSigned",
    "SlidesHidden",
]

HUB = "hub"
SLIDES = "slides"
SYSTEM = "system"  # the actor of what no person did
RULES_VERSION = "1"  # of ATTENDANCE.md's rules, as attendance.py folds by them


@dataclass(frozen=True)
class Summoned:
    """One site as summoned to one briefing; `expected` persons, `expected_members` of them Party members."""

    code: str
    name: str
    kind: str
    expected: int
    expected_members: int | None = None
    contact_name: str | None = None
    contact_phone: str | None = None


@dataclass(frozen=True)
class Thresholds:
    """Attendance settings, copied into `BriefingStarted`: seconds, seconds, share 0..1."""

    late_after_s: int = 300
    gap_s: int = 60
    present_share: float = 0.8


@dataclass(frozen=True)
class Mark:
    """A connection's last proof of life, `ago_ms` milliseconds before the mark itself.

    `following`: following | signal_only | unknown. In the log: a list of the three, as there are many.
    """

    connection: str
    ago_ms: int
    following: str


@dataclass(frozen=True)
class BriefingCreated(Event):
    title: str
    kind: str  # resolution | class | meeting
    document_number: str | None
    starts_at_ms: int | None  # planned start, UTC ms
    sites: tuple[Summoned, ...]


@dataclass(frozen=True)
class BriefingOpened(Event):
    pass


@dataclass(frozen=True)
class BriefingStarted(Event):
    rules_version: str
    thresholds: Thresholds
    sites: tuple[Summoned, ...]  # frozen from here on


@dataclass(frozen=True)
class BreakStarted(Event):
    pass


@dataclass(frozen=True)
class BreakEnded(Event):
    pass


@dataclass(frozen=True)
class BriefingEnded(Event):
    pass


@dataclass(frozen=True)
class BriefingCancelled(Event):
    pass


@dataclass(frozen=True)
class ConnectionOpened(Event):
    """A site's (or the hub's, site == "hub") control socket said hello. `device`: browser and system.

    `follows`: office staff who look on at the hub; they do not make it be there.
    """

    site: str
    connection: str
    device: str
    page: str  # the page's uuid
    follows: bool = False


@dataclass(frozen=True)
class ConnectionClosed(Event):
    """The interval ends at the event's moment when the socket closed, else at `last_alive`.

    `reason`: closed | lost | replaced | revoked | ended | server_crash | server_stop | cancelled.
    """

    site: str
    connection: str
    reason: str
    last_alive: Moment | None = None


@dataclass(frozen=True)
class ConnectionHealed(Event):
    """A connection called lost was alive all along: its socket never broke. The interval goes on unbroken.

    `following`: what the late heartbeats say of the gap.
    """

    site: str
    connection: str
    following: str = "unknown"


@dataclass(frozen=True)
class MediaUp(Event):
    """The site's page reported its first received media."""

    site: str
    connection: str


@dataclass(frozen=True)
class FollowingChanged(Event):
    """`following`: following | signal_only | unknown (ATTENDANCE.md rule 3).

    `sound_only`: the stage shows a picture, the site's page takes the sound alone.
    """

    site: str
    connection: str
    following: str
    sound_only: bool = False


@dataclass(frozen=True)
class AliveMarked(Event):
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class OutageBegan(Event):
    """`part`: hub | relay | server. `since`: when it truly began, if before the event's own moment."""

    part: str
    since: Moment | None = None


@dataclass(frozen=True)
class OutageEnded(Event):
    part: str


@dataclass(frozen=True)
class ClockStepped(Event):
    step_ms: int


@dataclass(frozen=True)
class HandRaised(Event):
    site: str
    topic: str | None = None


@dataclass(frozen=True)
class HandLowered(Event):
    site: str


@dataclass(frozen=True)
class FloorGiven(Event):
    site: str


@dataclass(frozen=True)
class FloorTaken(Event):
    """The floor went back to the hub. `reason`: host | returned | lost | given_on | break | ended."""

    site: str
    reason: str


@dataclass(frozen=True)
class StageSet(Event):
    """The programme apart from the floor; each "hub", "slides" or a code."""

    left: str
    right: str | None = None


@dataclass(frozen=True)
class SlideShown(Event):
    """The page of the slides that is shown now, from 1; in slides mode sites acknowledge it.

    `document`: the one it is a page of; None: of slides that the hub shares some other way.
    """

    slide: int
    document: str | None = None


@dataclass(frozen=True)
class LineChecked(Event):
    """A site's line check; None = not measured. `rtt_ms` ms, `loss` 0..1, `rate_bps` bits a second down.

    `route`: how media gets through: udp | tcp | turn | blocked. `speakers`: the whole room heard the test
    sound. `verdict`: good | fair | poor. `operator`: who checked. `echo`: how much of the loudspeakers' test
    sound the microphone heard: none | some | strong.
    """

    site: str
    sound: bool | None
    picture: bool | None
    rtt_ms: int | None = None
    loss: float | None = None
    rate_bps: int | None = None
    up_bps: int | None = None
    jitter_ms: int | None = None
    route: str | None = None
    speakers: bool | None = None
    camera: str | None = None
    microphone: str | None = None
    device: str | None = None
    verdict: str | None = None
    operator: str | None = None
    echo: str | None = None


@dataclass(frozen=True)
class Sealed(Event):
    """The checkpoint after the end: `head_hash` is the hash of the event before it, `events` their number."""

    head_hash: str
    events: int


@dataclass(frozen=True)
class Recorded:
    """One written event with its place in its chain. `actor`: account name, "site:<code>" or "system"."""

    seq: int
    id: str
    briefing: str
    at: Moment
    actor: str
    event: Event
    hash: str


_NESTED: dict[str, tuple[type, bool]] = {  # field -> (dataclass, is a tuple of them)
    "sites": (Summoned, True),
    "items": (AgendaItem, True),
    "thresholds": (Thresholds, False),
    "marks": (Mark, True),
    "last_alive": (Moment, False),
    "since": (Moment, False),
}
_ROWS = ("marks",)  # written as lists of their fields' values, without the fields' names

EVENT_TYPES: dict[str, type[Event]] = {kind.__name__: kind for kind in Event.__subclasses__()}
_FIELDS = {name: frozenset(each.name for each in fields(kind)) for name, kind in EVENT_TYPES.items()}


def to_payload(event: Event) -> dict[str, Any]:
    """All fields but `site` and `connection` as JSON-able values (tuples become lists)."""
    return {
        name: [_row(item) if name in _ROWS else item for item in value] if isinstance(value, tuple) else value
        for name, value in asdict(event).items()
        if name not in ("site", "connection")
    }


def _row(item: dict[str, Any]) -> list[Any]:
    return list(item.values())


def from_payload(kind: str, site: str | None, connection: str | None, payload: dict[str, Any]) -> Event:
    """Builds the event again from its columns.

    Raises:
        KeyError: no event of that kind.
        TypeError: fields missing or too many, or a row that is none.
    """
    cls = EVENT_TYPES[kind]
    values = {name: _revive(name, value) for name, value in payload.items()}
    names = _FIELDS[kind]
    values |= {name: value for name, value in (("site", site), ("connection", connection)) if name in names}
    return cls(**values)


def _revive(name: str, value: Any) -> Any:
    if name not in _NESTED or value is None:
        return value
    cls, many = _NESTED[name]
    if name in _ROWS:
        return tuple(_from_row(cls, item) for item in value)
    return tuple(_build(cls, item) for item in value) if many else _build(cls, value)


def _build(cls: type, value: dict[str, Any]) -> Any:
    return cls(**{name: _revive(name, item) for name, item in value.items()})


def _from_row(cls: type, row: Any) -> Any:
    """Strict: as many values as fields, each of its field's type (text or a whole number)."""
    types = {"str": str, "int": int}
    if not isinstance(row, list) or len(row) != len(fields(cls)):
        raise TypeError(f"{cls.__name__}: not a row of {len(fields(cls))}: {row!r}")
    for field, value in zip(fields(cls), row, strict=True):
        if type(value) is not types[str(field.type)]:
            raise TypeError(f"{cls.__name__}.{field.name}: {value!r}")
    return cls(*row)
