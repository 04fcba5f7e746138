"""The snapshot: all that a screen draws of a briefing, as JSON-able values. The contract is DESIGN.md's.

Rule 1: a snapshot is whole; a screen needs no other to draw it. Times are RFC 3339 in UTC, unknown is null.
Rule 2: a site gets its own entry only, with phase, floor and stage, in under 1 kB.
Rule 3: a site's state is the first that fits: absent, lost, unstable, waiting, weak, online.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from coordinator.domain import agenda, showing
from coordinator.domain.events import HUB, SLIDES
from coordinator.domain.moments import Moment
from coordinator.domain.roll_call import Declaration
from coordinator.domain.state import LOST_MS, OPEN, UNSTABLE_MS, Connection, State

Snapshot = dict[str, Any]

SITE_TITLE = 80  # characters of the title that a site's snapshot carries
HERE = ("waiting", "online", "weak", "unstable")
_REDUCED = ("low", "off")


def full(briefing: State, at: Moment, media: str) -> Snapshot:
    """The snapshot for the hub and the API, without `seq`. `media`: applied | pending | failed."""
    entries = [
        {**site_entry(briefing, code, at), **_for_hosts(briefing, code, at)} for code in briefing.sites
    ]
    return {
        **_common(briefing, at, media),
        "title": briefing.title,
        "slide": briefing.slide,
        **showing.for_hub(briefing),
        "agenda": agenda.for_hub(briefing),
        "agenda_item": briefing.agenda_item,
        "agenda_since": _time(briefing.agenda_since),
        "kind": briefing.kind,
        "document_number": briefing.document_number,
        "floor_since": _time(briefing.floor_since),
        "programme": {"left": briefing.programme.left, "right": briefing.programme.right},
        "roll_call_at": _time(briefing.roll_calls.started[-1] if briefing.roll_calls.started else None),
        "outages": sorted(briefing.outages),
        "hub": _hub(briefing),
        "totals": _totals(briefing, entries),
        "sites": entries,
    }


def _hub(briefing: State) -> Snapshot:
    """How many pages the hub has open, and what it sends by the media server's news."""
    sends = briefing.hub_sends
    return {
        "connections": sum(line.is_hub for line in briefing.open_lines()),
        "audio": sends.audio,
        "video": sends.video,
        "screen": sends.screen,
    }


def for_site(briefing: State, code: str, at: Moment, media: str) -> Snapshot:
    """The snapshot for one site's page, without `seq`: its own entry alone in `sites`.

    Raises:
        Refusal: unknown_site.
    """
    briefing.site(code)
    return {
        **_common(briefing, at, media),
        "title": briefing.title[:SITE_TITLE],
        **showing.for_site(briefing, code),
        "floor_since": _time(briefing.floor_since) if briefing.floor == code else None,
        "sites": [site_entry(briefing, code, at)],
    }


def state_of(briefing: State, code: str, at: Moment) -> str:
    """absent | lost | unstable | waiting | weak | online."""
    line = briefing.line(code)
    if line is None:
        return "absent"
    if not line.is_open or briefing.unheard_ms(line, at) >= LOST_MS:
        return "lost"
    if briefing.unheard_ms(line, at) >= UNSTABLE_MS:
        return "unstable"
    if briefing.phase == OPEN or not line.media_up:
        return "waiting"
    return "weak" if _is_weak(briefing, line) else "online"


def _is_weak(briefing: State, line: Connection) -> bool:
    """The picture is reduced or stopped against what is sent or, where that is not known, as reported."""
    sent, report = briefing.stage_sends(), line.report
    if report is None:
        return False
    if not sent.anything:
        return bool(report.receiving) and report.layer in _REDUCED
    if report.receiving is False:
        return True
    if briefing.document is not None and SLIDES in briefing.stage and report.mode == "slides":
        return False  # pages come as pictures, apart from what the stage sends
    reduced = report.layer in _REDUCED or report.mode not in (None, "full")
    return (sent.video or sent.screen) and reduced


def site_entry(briefing: State, code: str, at: Moment) -> Snapshot:
    """What a site's own page and the hub both see of it."""
    site, line = briefing.sites[code], briefing.open_line(code)
    latest, queue = briefing.roll_calls.latest(code), list(briefing.hands)
    return {
        "code": code,
        "name": site.name,
        "state": state_of(briefing, code, at),
        "connection": line.connection if line is not None else None,
        "expected": site.expected,
        "expected_members": site.expected_members,
        "headcount": _headcount(latest) if latest is not None else None,
        "hand": queue.index(code) + 1 if code in briefing.hands else None,
        "answered": briefing.roll_calls.answered(code),
        "signed": _signature(briefing, code),
    }


def _signature(briefing: State, code: str) -> Snapshot | None:
    """The site's answer after the end; `changed`: its figures are others since."""
    if code not in briefing.signed:
        return None
    signed, settled = briefing.signed[code]
    return {"answer": signed.answer, "changed": not settled}


def _for_hosts(briefing: State, code: str, at: Moment) -> Snapshot:
    site, line = briefing.sites[code], briefing.open_line(code)
    newest, report = briefing.line(code), line.report if line is not None else None
    latest = briefing.roll_calls.latest(code)
    entry: Snapshot = {
        "kind": site.kind,
        "topic": briefing.hands.get(code),
        "contact_name": site.contact_name,
        "contact_phone": site.contact_phone,
        "confirmed_by_phone": code in briefing.by_phone,
        "remark": briefing.signed[code][0].remark if code in briefing.signed else None,
        "made_up": sum(briefing.made_up[code].values()) if code in briefing.made_up else None,
        "mode": report.mode if report is not None else None,
        "layer": report.layer if report is not None else None,
        "following": line.following if line is not None else None,
        "joined_at": _time(line.opened if line is not None else None),
        "silent_s": max(0, newest.silent_ms(at)) // 1000 if newest is not None else None,
        "device": line.device if line is not None else None,
        "check": _check(briefing, code),
    }
    if latest is not None:
        entry["headcount"] = {
            **_headcount(latest),
            "at": _time(latest.at),
            "note": latest.event.note,
            "reason": latest.event.reason,
        }
    return entry


def _check(briefing: State, code: str) -> Snapshot | None:
    """The site's newest line check, as `LineChecked` has it; None: it has not checked."""
    if code not in briefing.checks:
        return None
    measured, at = briefing.checks[code]
    told = asdict(measured)
    del told["site"]
    return {**told, "at": _time(at)}


def _headcount(latest: Declaration) -> Snapshot:
    count = latest.event
    return {
        "present": count.present,
        "members": count.members,
        "excused": count.excused,
        "unexcused": count.unexcused,
        "extra": count.extra,
        "confirmed": latest.confirmed is not None,
        "roll_call": count.roll_call,
    }


def _common(briefing: State, at: Moment, media: str) -> Snapshot:
    stage = {"left": briefing.stage.left}
    if briefing.stage.right is not None:
        stage["right"] = briefing.stage.right
    return {
        "id": briefing.id,
        "phase": briefing.phase,
        "now": _time(at),
        "starts_at": _utc(briefing.starts_at_ms),
        "started_at": _time(briefing.started),
        "ended_at": _time(briefing.ended),
        "break_since": _time(briefing.break_since),
        "floor": None if briefing.floor == HUB else briefing.floor,
        "stage": stage,
        "media": media,
        "roll_call": briefing.roll_call,
        "calling": _calling(briefing),
    }


def _calling(briefing: State) -> Snapshot | None:
    """The newest roll call: how it is called, and in turn, which site was called last."""
    calls = briefing.roll_calls
    if not calls.started:
        return None
    return {"number": calls.newest, "mode": calls.mode, "label": calls.label, "called": calls.called}


def _totals(briefing: State, entries: list[Snapshot]) -> Snapshot:
    """`rate`: present / expected over the sites that reported; `answered`: those that did in this call."""
    reported = [entry for entry in entries if entry["headcount"] is not None]
    present = sum(entry["headcount"]["present"] for entry in reported)
    called = sum(entry["expected"] for entry in reported)
    newest = briefing.roll_calls.newest
    return {
        "sites": len(entries),
        "connected": sum(entry["state"] in HERE for entry in entries),
        "reported": len(reported),
        "answered": sum(entry["headcount"]["roll_call"] == newest for entry in reported),
        "expected": sum(entry["expected"] for entry in entries),
        "expected_reported": called,
        "present": present if reported else None,
        "rate": present / called if called else None,
    }


def _time(moment: Moment | None) -> str | None:
    return _utc(moment.utc_ms if moment is not None else None)


def _utc(utc_ms: int | None) -> str | None:
    """RFC 3339 in UTC with milliseconds: 2026-11-23T00:58:12.000Z."""
    if utc_ms is None:
        return None
    whole, part = divmod(utc_ms, 1000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{part:03d}Z"
