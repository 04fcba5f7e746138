"""How briefings look in the API: one shape for the list, for a new one and for one that has just changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from coordinator.storage import BriefingRow
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES, Services


def rfc3339(ms: int | None) -> str | None:
    """UTC milliseconds as 2026-11-23T00:58:12.345Z; None stays None."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(row: BriefingRow) -> dict[str, Any]:
    """One briefing without its snapshot."""
    return {
        "id": row.id,
        "title": row.title,
        "kind": row.kind,
        "document_number": row.document_number,
        "phase": row.phase,
        "created_at": rfc3339(row.created_ms),
        "starts_at": rfc3339(row.starts_at_ms),
        "started_at": rfc3339(row.started_ms),
        "ended_at": rfc3339(row.ended_ms),
    }


async def row_of(services: Services, briefing: str) -> BriefingRow:
    """The briefing's line in the list.

    Raises:
        BadRequest: unknown_briefing.
    """
    row: BriefingRow | None = await services.read(services.reader.briefing, briefing)
    if row is None:
        raise BadRequest("unknown_briefing", briefing=briefing)
    return row


async def whole(services: Services, briefing: str) -> dict[str, Any]:
    """One briefing with its current snapshot. Raises BadRequest (unknown_briefing)."""
    row = await row_of(services, briefing)
    return line(row) | {"snapshot": await services.sessions.snapshot(briefing)}


async def site_of(services: Services, briefing: str, code: str) -> dict[str, Any]:
    """One site's entry of the full snapshot.

    Raises:
        BadRequest: unknown_briefing, unknown_site.
    """
    await row_of(services, briefing)
    snapshot = await services.sessions.snapshot(briefing)
    for entry in snapshot["sites"]:
        if entry["code"] == code:
            found: dict[str, Any] = entry
            return found
    raise BadRequest("unknown_site", site=code)


def services_of(request: web.Request) -> Services:
    return request.app[SERVICES]
