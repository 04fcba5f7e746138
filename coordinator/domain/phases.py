"""The course of a briefing: made, opened, started, broken off and resumed, ended or called off.

Rule 1: the start copies sites, expected numbers, thresholds and the version of the rules into its event, so
that old reports never change (ATTENDANCE.md rule 8), and starts roll call 1.
Rule 2: break and end take the floor back; end and cancellation close every line.
"""

from __future__ import annotations

from coordinator.domain import commands as c
from coordinator.domain.errors import Refusal
from coordinator.domain.events import (
    HUB,
    RULES_VERSION,
    SLIDES,
    BreakEnded,
    BreakStarted,
    BriefingCancelled,
    BriefingCreated,
    BriefingEnded,
    BriefingOpened,
    BriefingStarted,
    Event,
    RollCallStarted,
    Summoned,
)
from coordinator.domain.floor import back
from coordinator.domain.lines import close_all, stood_still
from coordinator.domain.moments import Moment
from coordinator.domain.state import State

KINDS = ("resolution", "class", "meeting")


def create(state: State, command: c.Create, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: title_required, unknown_kind, no_sites, duplicate_site, reserved_code, bad_number,
    members_over_expected."""
    title = command.title.strip()
    if not title:
        raise Refusal("title_required")
    if command.kind not in KINDS:
        raise Refusal("unknown_kind", kind=command.kind, known=list(KINDS))
    _check_sites(command.sites)
    return [
        BriefingCreated(title, command.kind, command.document_number, command.starts_at_ms, command.sites)
    ]


def _check_sites(sites: tuple[Summoned, ...]) -> None:
    if not sites:
        raise Refusal("no_sites")
    seen: set[str] = set()
    for site in sites:
        if site.code in (HUB, SLIDES):
            raise Refusal("reserved_code", site=site.code)
        if site.code in seen:
            raise Refusal("duplicate_site", site=site.code)
        seen.add(site.code)
        members = site.expected_members or 0
        if site.expected < 0 or members < 0:
            raise Refusal("bad_number", field="expected", value=min(site.expected, members), site=site.code)
        if members > site.expected:
            raise Refusal("members_over_expected", members=members, expected=site.expected, site=site.code)


def open_(state: State, command: c.Open, at: Moment, actor: c.Actor) -> list[Event]:
    return [BriefingOpened()]


def start(state: State, command: c.Start, at: Moment, actor: c.Actor) -> list[Event]:
    frozen = tuple(state.sites.values())
    return [BriefingStarted(RULES_VERSION, command.thresholds, frozen), RollCallStarted(1, label="start")]


def break_(state: State, command: c.Break, at: Moment, actor: c.Actor) -> list[Event]:
    return [*back(state, "break"), BreakStarted()]


def resume(state: State, command: c.Resume, at: Moment, actor: c.Actor) -> list[Event]:
    return [BreakEnded()]


def end(state: State, command: c.End, at: Moment, actor: c.Actor) -> list[Event]:
    happened = [*stood_still(state, at), *back(state, "ended")]
    return [*happened, BriefingEnded(), *close_all(state, "ended", at)]


def cancel(state: State, command: c.Cancel, at: Moment, actor: c.Actor) -> list[Event]:
    return [BriefingCancelled(), *close_all(state, "cancelled", at)]
