"""Who belongs to a site, and who of them is there: names for the operator to tick, and check-ins.

Rule 1: names are personal data: they stand in tables of their own and in no event; the log holds numbers
only, as the operator sends them. They go with their briefing when it is purged.
Rule 2: a roster is replaced whole. Who checks in by the room's code waits until the operator accepts.
Rule 3: a code (128 random bits) leads to one site of one briefing and proves nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from coordinator.domain.errors import Refusal
from coordinator.storage.log import Reader, Store

MOST_PEOPLE = 500  # of one roster, and of one site's attendees
_ATTENDEE = "id, name, post, state, by, at_ms"


@dataclass(frozen=True, slots=True)
class Person:
    """One line of a roster; `number` from 1 in its order."""

    number: int
    name: str
    post: str


@dataclass(frozen=True, slots=True)
class Attendee:
    """Somebody at one site of one briefing. `state`: waiting | present | refused; `by`: operator | self."""

    id: int
    name: str
    post: str
    state: str
    by: str
    at_ms: int


def roster(reader: Reader, site: str) -> list[Person]:
    """The site's people in their order."""
    with reader.connected() as connection:
        found = connection.execute(
            "SELECT number, name, post FROM roster WHERE site = ? ORDER BY number", (site,)
        ).fetchall()
    return [Person(*row) for row in found]


def attendees(reader: Reader, briefing: str, site: str) -> list[Attendee]:
    """Who was ticked or checked in, in that order."""
    with reader.connected() as connection:
        found = connection.execute(
            f"SELECT {_ATTENDEE} FROM attendees WHERE briefing = ? AND site = ? ORDER BY id", (briefing, site)
        ).fetchall()
    return [Attendee(*row) for row in found]


def replace(store: Store, site: str, people: Sequence[tuple[str, str]]) -> None:
    """The site's roster from now on: (name, post) each. Raises Refusal: roster_too_long."""
    if len(people) > MOST_PEOPLE:
        raise Refusal("roster_too_long", most=MOST_PEOPLE)
    with store.transaction() as connection:
        connection.execute("DELETE FROM roster WHERE site = ?", (site,))
        connection.executemany(
            "INSERT INTO roster VALUES (?, ?, ?, ?)",
            [(site, number, name, post) for number, (name, post) in enumerate(people, start=1)],
        )


def tick(store: Store, briefing: str, site: str, numbers: Collection[int], at_ms: int) -> None:
    """Exactly these of the roster are present; check-ins stay as they are. Raises Refusal: unknown_person."""
    with store.transaction() as connection:
        found = connection.execute("SELECT number, name, post FROM roster WHERE site = ?", (site,)).fetchall()
        known = {number: (name, post) for number, name, post in found}
        if not known.keys() >= set(numbers):
            raise Refusal("unknown_person")
        connection.execute(
            "DELETE FROM attendees WHERE briefing = ? AND site = ? AND by = 'operator'", (briefing, site)
        )
        connection.executemany(
            "INSERT INTO attendees (briefing, site, name, post, state, by, at_ms)"
            " VALUES (?, ?, ?, ?, 'present', 'operator', ?)"
            " ON CONFLICT (briefing, site, name, post) DO UPDATE SET state = 'present'",
            [(briefing, site, *known[number], at_ms) for number in sorted(set(numbers))],
        )


def answer(store: Store, briefing: str, site: str, person: int, accepted: bool) -> None:
    """The operator lets a check-in count, or not. Raises Refusal: unknown_person."""
    with store.transaction() as connection:
        done = connection.execute(
            "UPDATE attendees SET state = ? WHERE briefing = ? AND site = ? AND id = ? AND by = 'self'",
            ("present" if accepted else "refused", briefing, site, person),
        )
        if done.rowcount == 0:
            raise Refusal("unknown_person")


def code_for(store: Store, briefing: str, site: str) -> str:
    """The code that leads to this site's check-in, made at the first call."""
    with store.transaction() as connection:
        found = connection.execute(
            "SELECT token FROM checkins WHERE briefing = ? AND site = ?", (briefing, site)
        ).fetchone()
        if found:
            return str(found[0])
        token = secrets.token_urlsafe(16)
        connection.execute("INSERT INTO checkins VALUES (?, ?, ?)", (token, briefing, site))
    return token


def place_of(reader: Reader, token: str) -> tuple[str, str] | None:
    """(briefing, site) that a code leads to."""
    with reader.connected() as connection:
        found = connection.execute("SELECT briefing, site FROM checkins WHERE token = ?", (token,)).fetchone()
    return (found[0], found[1]) if found else None


def check_in(store: Store, briefing: str, site: str, name: str, post: str, at_ms: int) -> None:
    """Somebody says to be there, once; a second time changes nothing. Raises Refusal: roster_too_long."""
    with store.transaction() as connection:
        many = connection.execute(
            "SELECT count(*) FROM attendees WHERE briefing = ? AND site = ?", (briefing, site)
        ).fetchone()[0]
        if many >= MOST_PEOPLE:
            raise Refusal("roster_too_long", most=MOST_PEOPLE)
        connection.execute(
            "INSERT INTO attendees (briefing, site, name, post, state, by, at_ms)"
            " VALUES (?, ?, ?, ?, 'waiting', 'self', ?) ON CONFLICT DO NOTHING",
            (briefing, site, name, post, at_ms),
        )
