"""Running briefings: commands come in one at a time; effects go out in one order that never varies.

Rule 1: decide, then the event is written and synced, then it is applied, then media follows, then screens show
it.
Rule 2: where writing fails nothing is applied, no media call is made and no screen changes: StorageError.
Rule 3: media runs outside the command queue, within 1 s, and never undoes an event (snapshot: `media`).
Rule 4: a slow screen or a hanging relay stalls nobody else: screens and media are coalesced, never queued up.
"""

from __future__ import annotations

from typing import Any, Protocol

from coordinator.domain.commands import Actor, Command, Create
from coordinator.domain.events import Recorded

Snapshot = dict[str, Any]
Rows = list[dict[str, Any]]
Ids = list[str]


class Screen(Protocol):
    """One open control socket, as the sessions see it (`web/socket.py` implements it).

    Methods may wait as long as the line needs; each screen is served by a task of its own, and sees calls one
    at a time. An exception out of any of them ends the connection (reason "closed").
    """

    @property
    def origin(self) -> str:
        """Scheme and host of the request, e.g. "https://hop.example.vn" (no slash): from it the built-in relay's
        address is made, as this browser must call it."""
        ...

    async def show(self, snapshot: Snapshot) -> None:
        """Sends one snapshot: the full one at the hub, a site its own entry. `seq` grows."""
        ...

    async def media(self, url: str, token: str) -> None:
        """Sends the media address (ws:// or wss://) and a LiveKit token of 10 minutes. May come again."""
        ...

    async def close(self, code: str) -> None:
        """Says goodbye and closes: replaced | ended | cancelled | revoked | lost | server_stop."""
        ...


class Sessions:
    """All briefings, loaded when needed. Every method is to be called on the event loop."""

    storage_state: str = "ok"
    """ok, or failed while the last write failed."""

    async def create(self, command: Create, actor: Actor) -> str:
        """Makes a briefing and returns its id.

        Raises:
            Refusal: the command is not allowed. StorageError: nothing was written.
        """
        raise NotImplementedError

    async def run(self, briefing_id: str, command: Command, actor: Actor) -> list[Recorded]:
        """Runs one command in the briefing's turn; returns when it is written and applied (maybe: no event).

        Raises:
            Refusal: `unknown_briefing`, `too_busy`, or the domain's own; nothing changed.
            StorageError: it could not be written; nothing changed.
        """
        raise NotImplementedError

    async def snapshot(self, briefing_id: str) -> Snapshot:
        """The full snapshot with `seq`. Raises Refusal("unknown_briefing")."""
        raise NotImplementedError

    async def list(self) -> Rows:
        """All briefings, newest first: {id, title, kind, phase, document_number, starts_at, started_at,
        ended_at}; times RFC 3339 in UTC or None."""
        raise NotImplementedError

    async def live_for(self, site: str) -> Ids:
        """Where the site's link leads: the live briefings (break counts as live) that summon it, else the
        open ones, else the next scheduled one. One id: enter it; several: offer the choice; none: wait."""
        raise NotImplementedError

    async def attach(
        self,
        briefing_id: str,
        site: str,
        page: str,
        device: str,
        screen: Screen,
        *,
        actor: Actor | None = None,
    ) -> str:
        """Joins a control socket (hello) and returns its connection id; snapshot and media follow on it.

        `site` is a code or "hub"; `page` the page's uuid; `actor` is needed for the hub (default: the site).
        An older page of the same site gets `close("replaced")`, an older socket of the same page
        `close("closed")`. In a scheduled briefing a screen only looks on, and joins by itself at the opening;
        in an ended or cancelled one the hub looks on and a site is refused.

        Raises:
            Refusal: `unknown_briefing`, `not_open`, … ; StorageError. The screen is not attached then.
        """
        raise NotImplementedError

    async def detach(self, briefing_id: str, connection: str, reason: str = "closed") -> None:
        """The socket ended. Reason closed | revoked. Never raises; unknown ones are ignored."""
        raise NotImplementedError

    def alive(
        self,
        briefing_id: str,
        connection: str,
        *,
        n: int | None = None,
        receiving: bool | None = None,
        mode: str | None = None,
        layer: str | None = None,
        slide: int | None = None,
    ) -> None:
        """Any frame, or the answer to a ping, came in: stamped now, handled in turn. Never raises."""
        raise NotImplementedError

    async def fresh_media(self, briefing_id: str, connection: str) -> None:
        """Sends that screen a new media message (its page lost the room for good and asks again)."""
        raise NotImplementedError

    async def revoke(self, site: str) -> None:
        """A link was rotated: closes every screen and participant of that site with reason `revoked`."""
        raise NotImplementedError

    def media_event(self, room: str, kind: str) -> None:
        """A validated webhook of the media server (`kind`: LiveKit's event name): reconciles that room."""
        raise NotImplementedError
