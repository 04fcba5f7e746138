"""/metrics in Prometheus' text format: the whole relay, every room, and a bounded number of participants.

Rule 1: totals are for everybody. Names of rooms and people, and how they fare, are for who asks from this
machine directly, or with a token that may list rooms.
Rule 2: at most `MAX_ROOMS` rooms and `MAX_PEOPLE` participants have series of their own, the first to come;
how many were left out is told.
Rule 3: nothing is counted here: what there is is read when somebody asks.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiohttp import web

from .media_track import HIGH, LOW, MEDIUM
from .participant import Participant
from .room import Room
from .rooms import Rooms
from .tokens import TokenError, verify

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MAX_ROOMS, MAX_PEOPLE = 100, 300
MAX_LABEL_CHARS = 128
LAYERS: dict[int, str] = {LOW: "low", MEDIUM: "medium", HIGH: "high"}
LOCAL = ("127.0.0.1", "::1")
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Sample = tuple[str, float]
"""Labels as they are written, and a value."""


@dataclass(frozen=True)
class Family:
    """One metric with its samples; `kind` is gauge or counter."""

    name: str
    kind: str
    about: str
    samples: tuple[Sample, ...]

    def text(self) -> str:
        """The family as Prometheus reads it."""
        lines = [f"# HELP relay_{self.name} {self.about}", f"# TYPE relay_{self.name} {self.kind}"]
        lines += [f"relay_{self.name}{labels} {value:.10g}" for labels, value in self.samples]
        return "\n".join(lines) + "\n"


def labels(**values: str) -> str:
    """Write labels, cut to `MAX_LABEL_CHARS` and escaped."""
    parts = (f'{key}="{value[:MAX_LABEL_CHARS].translate(_ESCAPES)}"' for key, value in values.items())
    return "{" + ",".join(parts) + "}"


class Metrics:
    """What the relay tells of itself; `keys` are API keys with their secrets."""

    def __init__(self, rooms: Rooms, keys: dict[str, str]) -> None:
        self._rooms, self._keys = rooms, keys
        self._asked = (time.process_time(), 0)

    async def handle(self, request: web.Request) -> web.Response:
        """GET /metrics."""
        families = self.totals()
        if self._may_see_names(request):
            families += self.by_room(time.monotonic())
        text = "".join(family.text() for family in families)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    def _may_see_names(self, request: web.Request) -> bool:
        forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        if request.remote in LOCAL and not forwarded:
            return True
        try:
            header = request.headers.get("Authorization", "")
            return verify(self._keys, header.removeprefix("Bearer ").strip()).room_list
        except TokenError:
            return False

    def totals(self) -> list[Family]:
        """The relay as a whole."""
        people, mux = list(self._rooms.everybody()), self._rooms.mux
        cpu_s, (cpu_before, sent_before) = time.process_time(), self._asked
        fresh = mux.wire.sent - sent_before
        if fresh:
            self._asked = (cpu_s, mux.wire.sent)
        return [
            _one("rooms", "gauge", "Rooms.", len(self._rooms.list())),
            _one("participants", "gauge", "Participants.", len(people)),
            _one("draining", "gauge", "1 while no new rooms are taken.", int(self._rooms.draining)),
            _one("published_tracks", "gauge", "Tracks.", sum(len(p.publications) for p in people)),
            _one("subscriptions", "gauge", "Subscriptions.", sum(len(p.subscriptions) for p in people)),
            _one("udp_received_total", "counter", "Datagrams received.", mux.received),
            _one("udp_sent_total", "counter", "Datagrams sent.", mux.wire.sent),
            _one("udp_dropped_total", "counter", "Datagrams from strangers, dropped.", mux.dropped),
            _one("udp_refused_total", "counter", "Datagrams the system did not take.", mux.wire.refused),
            _one("cpu_seconds_total", "counter", "Processor time of the relay.", cpu_s),
            _one(
                "cpu_seconds_per_datagram", "gauge",
                "Processor time for each datagram sent since the last time this was asked.",
                (cpu_s - cpu_before) / fresh if fresh else 0.0,
            ),
        ]  # fmt: skip

    def by_room(self, now: float) -> list[Family]:
        """Every room, and the people in it, as far as the limits go."""
        rooms = [(room.info().name, room) for room in self._rooms.list()[:MAX_ROOMS]]
        people = [(name, person) for name, room in rooms for person in room.participants.values()]
        everybody = sum(1 for _ in self._rooms.everybody())
        left_out = everybody - min(len(people), MAX_PEOPLE)
        return [
            _one("unlisted_participants", "gauge", "Participants without series of their own.", left_out),
            *_rooms(rooms, now),
            *_people(people[:MAX_PEOPLE], now),
        ]


def _one(name: str, kind: str, about: str, value: float) -> Family:
    return Family(name, kind, about, (("", value),))


def in_bps(person: Participant, now: float) -> float:
    """What comes from a participant, in bit/s of media."""
    tracks = (publication.media for publication in person.publications.values())
    return sum(stream.rate.bps(now) for track in tracks for stream in track.streams.values())


def out_bps(person: Participant, now: float) -> float:
    """What goes to a participant, in bit/s of media, without repeats."""
    routes = (feed.route.current for feed in person.plane.feeds() if not feed.track.silenced)
    return sum(stream.rate.bps(now) for stream in routes if stream is not None)


def asked(person: Participant) -> tuple[int, int]:
    """How many packets, and how many keyframes, a participant was asked for."""
    return person.uplink.asked(publication.media for publication in person.publications.values())


def layers(person: Participant) -> Counter[str]:
    """How many pictures a participant gets in each layer; `none` are paused, off or not there yet."""
    pictures = (feed.route.current for feed in person.plane.feeds() if feed.track.video)
    return Counter("none" if one is None else LAYERS.get(one.quality, "high") for one in pictures)


def _rooms(rooms: Iterable[tuple[str, Room]], now: float) -> list[Family]:
    people: list[Sample] = []
    into: list[Sample] = []
    out: list[Sample] = []
    for name, room in rooms:
        label = labels(room=name)
        present = room.participants.values()
        people.append((label, len(present)))
        into.append((label, sum(in_bps(person, now) for person in present)))
        out.append((label, sum(out_bps(person, now) for person in present)))
    return [
        Family("room_participants", "gauge", "Participants of a room.", tuple(people)),
        Family("room_in_bps", "gauge", "Media from the room's participants, bit/s.", tuple(into)),
        Family("room_out_bps", "gauge", "Media to the room's participants, bit/s.", tuple(out)),
    ]


_GAUGES: dict[str, tuple[str, Callable[[Participant, float], float]]] = {
    "participant_in_bps": ("Media from a participant, bit/s.", in_bps),
    "participant_out_bps": ("Media to a participant, bit/s.", out_bps),
    "participant_budget_bps": (
        "What its line down is believed to carry, bit/s.",
        lambda person, now: person.plane.line.budget_bps,
    ),
    "participant_in_loss": ("Share lost on the way from it.", lambda person, now: person.uplink.loss),
    "participant_out_loss": ("Share lost on the way to it.", lambda person, now: person.plane.line.loss),
    "participant_rtt_seconds": ("Round trip.", lambda person, now: person.plane.line.rtt_s),
}
_COUNTERS: dict[str, tuple[str, Callable[[Participant], float]]] = {
    "participant_packets_received_total": ("Media packets from it.", lambda person: person.uplink.received),
    "participant_packets_sent_total": (
        "Media packets to it, repeats too.",
        lambda person: person.plane.sender.packets,
    ),
    "participant_packets_dropped_total": (
        "Packets from it that were unreadable or too many.",
        lambda person: person.transport.dropped,
    ),
    "participant_nack_received_total": (
        "Packets it asked for again.",
        lambda person: person.plane.missed,
    ),
    "participant_repeated_total": ("Packets sent to it again.", lambda person: person.plane.repeated),
    "participant_pli_received_total": (
        "Keyframes it asked for.",
        lambda person: person.plane.keyframes_asked,
    ),
    "participant_nack_sent_total": (
        "Packets it was asked for again.",
        lambda person: asked(person)[0],
    ),
    "participant_pli_sent_total": (
        "Keyframes it was asked for.",
        lambda person: asked(person)[1],
    ),
}


def _people(people: list[tuple[str, Participant]], now: float) -> list[Family]:
    named = [(_of(room, person), person) for room, person in people]
    found = [
        Family(name, "gauge", about, tuple((label, read(person, now)) for label, person in named))
        for name, (about, read) in _GAUGES.items()
    ]
    found += [
        Family(name, "counter", about, tuple((label, read(person)) for label, person in named))
        for name, (about, read) in _COUNTERS.items()
    ]
    pictures = tuple(
        (_of(room, person, layer=layer), float(count[layer]))
        for room, person, count in ((room, person, layers(person)) for room, person in people)
        for layer in (*LAYERS.values(), "none")
    )
    return [*found, Family("participant_pictures", "gauge", "Pictures it gets, by layer.", pictures)]


def _of(room: str, person: Participant, **more: str) -> str:
    return labels(room=room, participant=person.identity, **more)
