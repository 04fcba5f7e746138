"""Declaring, confirming, correcting: the roll call's commands.

Rule 1: an operator declares for its own site; host and staff for any, with a reason (ATTENDANCE.md rule 9).
Rule 2: host and staff may still declare, confirm and correct after the end; the seal stays, these follow it.
"""

from __future__ import annotations

from coordinator.domain import commands as c
from coordinator.domain.errors import Refusal
from coordinator.domain.events import (
    ConfirmedByPhone,
    Event,
    ExpectedChanged,
    HeadcountConfirmed,
    HeadcountDeclared,
    RollCallStarted,
    SiteCalled,
)
from coordinator.domain.moments import Moment
from coordinator.domain.roll_call import IN_TURN, LABELS, MODES, check_expected, check_headcount
from coordinator.domain.state import ENDED, State


def start_roll_call(state: State, command: c.StartRollCall, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: bad_mode, bad_label."""
    if command.mode not in MODES:
        raise Refusal("bad_mode", known=list(MODES))
    if command.label is not None and command.label not in LABELS:
        raise Refusal("bad_label", known=list(LABELS))
    return [RollCallStarted(state.roll_call + 1, command.mode, command.label)]


def call_site(state: State, command: c.CallSite, at: Moment, actor: c.Actor) -> list[Event]:
    """Calls one site by its name. Raises Refusal: unknown_site, not_in_turn, all_answered."""
    calls = state.roll_calls
    if calls.mode != IN_TURN:
        raise Refusal("not_in_turn", roll_call=calls.newest)
    site = state.site(command.site).code if command.site is not None else _next(state)
    return [] if site == calls.called else [SiteCalled(site, calls.newest)]


def _next(state: State) -> str:
    """The first site after the one called last, in the order of the summons and round again, that has not
    answered; the one called last comes at the very end."""
    calls, order = state.roll_calls, list(state.sites)
    after = order.index(calls.called) + 1 if calls.called in state.sites else 0
    for code in order[after:] + order[:after]:
        if not calls.answered(code):
            return code
    raise Refusal("all_answered", roll_call=calls.newest)


def declare(state: State, command: c.DeclareHeadcount, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, unknown_roll_call, wrong_phase, reason_required, or check_headcount's."""
    site = state.site(command.site)
    own = actor.role == "operator"
    if own and state.phase == ENDED:
        raise Refusal("wrong_phase", phase=state.phase, command="DeclareHeadcount", allowed=["live", "break"])
    reason = None if own else said(command.reason, "reason_required")
    newest = state.roll_calls.newest
    number = newest if command.roll_call is None else command.roll_call
    if not 1 <= number <= newest:
        raise Refusal("unknown_roll_call", roll_call=number, newest=newest)
    check_headcount(command, site.expected)
    return [
        HeadcountDeclared(
            site.code, number, command.present, command.members, command.excused, command.unexcused,
            command.extra, command.note, reason,
        )
    ]  # fmt: skip


def confirm(state: State, command: c.ConfirmHeadcount, at: Moment, actor: c.Actor) -> list[Event]:
    """Confirms what the site last declared. Raises Refusal: unknown_site, no_headcount."""
    latest = state.roll_calls.latest(state.site(command.site).code)
    if latest is None:
        raise Refusal("no_headcount", site=command.site)
    if latest.confirmed is not None:
        return []
    return [HeadcountConfirmed(command.site, latest.event.roll_call, latest.number)]


def change_expected(state: State, command: c.ChangeExpected, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, reason_required, or as check_expected."""
    site = state.site(command.site)
    reason = said(command.reason, "reason_required")
    declared = state.roll_calls.declared.get(site.code, [])
    check_expected(site, declared, command.expected, command.expected_members)
    if (site.expected, site.expected_members) == (command.expected, command.expected_members):
        return []
    return [ExpectedChanged(site.code, command.expected, command.expected_members, reason)]


def confirm_by_phone(state: State, command: c.ConfirmByPhone, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, name_required, reason_required."""
    name = said(command.name, "name_required")
    return [ConfirmedByPhone(state.site(command.site).code, name, said(command.reason, "reason_required"))]


def said(text: str | None, code: str) -> str:
    """The text without its margins. Raises Refusal(code): there is none."""
    if text is None or not text.strip():
        raise Refusal(code)
    return text.strip()
