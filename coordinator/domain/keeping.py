"""What is written down beside and after the briefing: make-up attendance, notes, sign-offs.

Rule 1: all of it appends; the seal stays, these follow it (ATTENDANCE.md rule 13).
Rule 2: who makes it up later never counts as present (its rule 12): no more than were absent can.
Rule 3: the operator alone signs for its site, as often as need be; the latest answer stands.
"""

from __future__ import annotations

from datetime import date

from coordinator.domain import commands as c
from coordinator.domain.counting import said
from coordinator.domain.errors import Refusal
from coordinator.domain.events import Event, MadeUp, NoteAdded, SiteSigned
from coordinator.domain.moments import Moment
from coordinator.domain.state import ENDED, State

ANSWERS = ("right", "wrong")


def make_up(state: State, command: c.MakeUp, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, bad_number, bad_day, reason_required, make_up_over (persons, absent)."""
    site, reason = state.site(command.site), said(command.reason, "reason_required")
    if command.persons < 0:
        raise Refusal("bad_number", field="persons", value=command.persons)
    day = _day(command.on)
    others = sum(count for on, count in state.made_up.get(site.code, {}).items() if on != day)
    latest = state.roll_calls.latest(site.code)
    absent = site.expected - (latest.event.present if latest is not None else 0)
    if others + command.persons > absent:
        raise Refusal("make_up_over", persons=others + command.persons, absent=absent)
    return [MadeUp(site.code, command.persons, day, reason)]


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refusal("bad_day", value=text[:20]) from None
    return day.isoformat()


def add_note(state: State, command: c.AddNote, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, text_required, reason_required (after the end)."""
    site = None if command.site is None else state.site(command.site).code
    text = said(command.text, "text_required")
    if state.phase == ENDED:
        return [NoteAdded(site, text, said(command.reason, "reason_required"))]
    return [NoteAdded(site, text, command.reason)]


def sign_off(state: State, command: c.SignOff, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, bad_answer, remark_required. The same answer again is no event."""
    site = state.site(command.site).code
    if command.answer not in ANSWERS:
        raise Refusal("bad_answer", known=list(ANSWERS))
    wrong = command.answer == "wrong"
    remark = said(command.remark, "remark_required") if wrong else command.remark
    signed = SiteSigned(site, command.answer, remark)
    return [] if state.signed.get(site) == (signed, True) else [signed]
