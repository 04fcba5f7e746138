"""An attendance, and the rates over many, as JSON: English keys, times in RFC 3339, None = not known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coordinator.domain.attendance_types import Attendance, SiteAttendance, Window
from coordinator.reports import held
from coordinator.reports.held import Group, Held, SiteRates, Sums
from coordinator.reports.strips import Strips
from coordinator.web.answers import rfc3339


def as_bytes(value: dict[str, Any]) -> bytes:
    """The file's bytes: UTF-8, letters as they are."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def of_attendance(attendance: Attendance) -> dict[str, Any]:
    """The whole of one briefing's attendance."""
    return {
        "briefing": {
            "id": attendance.briefing_id,
            "title": attendance.title,
            "kind": attendance.kind,
            "document_number": attendance.document_number,
            "phase": attendance.phase,
        },
        "provisional": attendance.provisional,
        "rules_version": attendance.rules_version,
        "window": _window(attendance.window),
        "head_seq": attendance.head_seq,
        "head_hash": attendance.head_hash,
        "roll_calls": attendance.roll_calls,
        "roll_call_rows": [_timed("", asdict(row)) for row in attendance.roll_call_rows],
        "notes": [_timed("", asdict(note)) for note in attendance.notes],
        "totals": asdict(attendance.totals),
        "sites": [_site(site) for site in attendance.sites],
    }


def of_participation(found: Sequence[Held], threshold: float) -> dict[str, Any]:
    """Rates by site, month and kind, and the briefings that they are over with the hash each rests on.

    `found` oldest first. What was imported is marked and summed apart.
    """
    sites = held.rates(found, threshold)
    return {
        "threshold": threshold,
        "briefings": [_briefing(one) for one in found],
        "sites": [_site_rates(site) for site in sites],
        "months": [_group(group) for group in held.months(found)],
        "kinds": [_group(group) for group in held.kinds(found)],
        "under": [site.code for site in held.under(sites, threshold)],
        "causes": [asdict(cause) for cause in held.causes(found, threshold)],
    }


def _briefing(one: Held) -> dict[str, Any]:
    return {
        "id": None if one.imported else one.id,
        "title": one.title,
        "kind": one.kind,
        "day": one.day,
        "started_at": rfc3339(one.started_ms),
        "imported": one.imported,
        "provisional": one.provisional,
        "head_seq": one.head_seq or None,
        "head_hash": one.head_hash or None,
        "totals": one.totals,
    }


def _sums(sums: Sums) -> dict[str, Any]:
    return {
        "summoned": sums.summoned,
        "connected": sums.connected,
        "reported": sums.reported,
        "expected": sums.expected,
        "present": sums.present,
        "rate": sums.rate,
        "made_up": sums.made_up,
    }


def _site_rates(site: SiteRates) -> dict[str, Any]:
    months = [
        {"month": month, "imported": imported} | _sums(sums)
        for (month, imported), sums in sorted(
            site.months.items(), key=lambda pair: (pair[0][0], not pair[0][1])
        )
    ]
    return {"code": site.code, "name": site.name} | _sums(site) | {
        "below": site.below,
        "change": site.change,
        "ends": site.ends,
        "course": site.course,
        "months": months,
        "imported": _sums(site.earlier) if site.earlier.summoned else None,
    }  # fmt: skip


def _group(group: Group) -> dict[str, Any]:
    return {"name": group.name, "imported": group.imported, "briefings": group.briefings} | _sums(group)


def of_strips(strips: Strips) -> dict[str, Any]:
    """The timeline: `kind` as in reports.strips.KINDS, times in RFC 3339."""
    zero = strips.started_ms or 0
    return {
        "started_at": rfc3339(strips.started_ms),
        "seconds": strips.length_ms // 1000,
        "sites": [
            {
                "code": strip.code,
                "name": strip.name,
                "words": strip.words(),
                "stretches": [
                    {
                        "kind": each.kind,
                        "from": rfc3339(zero + each.start_ms),
                        "to": rfc3339(zero + each.end_ms),
                    }
                    for each in strip.stretches
                ],
            }
            for strip in strips.sites
        ],
    }


def _window(window: Window) -> dict[str, Any]:
    return {
        "seconds": window.seconds,
        "planned_at": rfc3339(window.planned_ms),
        "started_at": rfc3339(window.started_ms),
        "ended_at": rfc3339(window.ended_ms),
        "breaks": [{"from": rfc3339(start), "to": rfc3339(end)} for start, end in window.breaks],
        "outages": [
            {"part": outage.part, "from": rfc3339(outage.start_ms), "to": rfc3339(outage.end_ms)}
            for outage in window.outages
        ],
    }


def _site(site: SiteAttendance) -> dict[str, Any]:
    found: dict[str, Any] = _timed("", asdict(site))
    return found


def _timed(name: str, value: Any) -> Any:
    """`value` with every time in it as RFC 3339; `rtt_ms` is no time of day."""
    if isinstance(value, dict):
        return {_plain(key): _timed(key, inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_timed("", inner) for inner in value]
    return rfc3339(value) if _is_time(name) else value


def _is_time(name: str) -> bool:
    return name.endswith("_ms") and name != "rtt_ms"


def _plain(name: str) -> str:
    """`first_joined_ms` -> `first_joined`; `confirmed` alone says whether, so the time is `confirmed_at`."""
    if not _is_time(name):
        return name
    return "confirmed_at" if name == "confirmed_ms" else name.removesuffix("_ms")
