"""An attendance, and the rates over many, as JSON: English keys, times in RFC 3339, None = not known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from coordinator.domain.attendance_types import Attendance, SiteAttendance, Window
from coordinator.reports import participation
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
        "totals": asdict(attendance.totals),
        "sites": [_site(site) for site in attendance.sites],
    }


def of_participation(attendances: Sequence[Attendance]) -> dict[str, Any]:
    """Rates by site, and the briefings that they are over with the hash each rests on."""
    sites = [asdict(rates) | {"rate": rates.rate} for rates in participation.rates(attendances)]
    return {"briefings": [_briefing(attendance) for attendance in attendances], "sites": sites}


def _briefing(attendance: Attendance) -> dict[str, Any]:
    return {
        "id": attendance.briefing_id,
        "title": attendance.title,
        "kind": attendance.kind,
        "started_at": rfc3339(attendance.window.started_ms),
        "provisional": attendance.provisional,
        "head_seq": attendance.head_seq,
        "head_hash": attendance.head_hash,
        "totals": asdict(attendance.totals),
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
