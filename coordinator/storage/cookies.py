"""Cookie sessions, of people who logged in and of sites that came by their link.

Rule 1: the cookie holds 256 random bits, the database only their SHA-256.
Rule 2: a session ends after a time without use, after its longest life, at log-out, with its account, and a
site's session with its link's generation: a rotated link closes them all.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import suppress

from coordinator import clock
from coordinator.domain.commands import Actor
from coordinator.domain.errors import StorageError
from coordinator.domain.moments import Moment
from coordinator.storage.accounts import digest_of
from coordinator.storage.log import Store

_HOUR_MS = 3_600_000
IDLE_MS = 12 * _HOUR_MS
LONGEST_MS = 30 * 24 * _HOUR_MS
_TOUCH_MS = 60_000  # how exactly `seen_ms` is kept: a write a minute, not one a request
_MOST = 50  # sessions of one account or site; the oldest go


class Cookies:
    """The cookie sessions of one data folder. Every method may be called from any thread."""

    def __init__(self, store: Store, read_clock: Callable[[], Moment] = clock.now) -> None:
        self._store = store
        self._now = read_clock

    def open(self, actor: Actor) -> str:
        """Opens a session for an account or a site (role operator) and returns the cookie's value."""
        secret, now_ms = secrets.token_urlsafe(32), self._now().utc_ms
        with self._store.transaction() as connection:
            connection.execute(
                "DELETE FROM cookies WHERE seen_ms < ? OR opened_ms < ?",
                (now_ms - IDLE_MS, now_ms - LONGEST_MS),
            )
            connection.execute(
                "DELETE FROM cookies WHERE hash IN"
                " (SELECT hash FROM cookies WHERE name = ? ORDER BY seen_ms DESC LIMIT -1 OFFSET ?)",
                (actor.name, _MOST - 1),
            )
            connection.execute(
                "INSERT INTO cookies VALUES (?1, ?2, ?3, ?4,"
                " CASE WHEN ?4 IS NULL THEN NULL"
                " ELSE coalesce((SELECT generation FROM links WHERE code = ?4), 1) END, ?5, ?5)",
                (digest_of(secret), actor.name, actor.role, actor.site, now_ms),
            )
        return secret

    def find(self, secret: str) -> Actor | None:
        """Whose session this is, with the role the account has now; None where it is over or never was."""
        key, now_ms = digest_of(secret), self._now().utc_ms
        with self._store.connected() as connection:
            found = connection.execute(
                "SELECT c.name, coalesce(a.role, c.role), c.site, c.seen_ms FROM cookies c"
                " LEFT JOIN accounts a ON a.name = c.name AND c.site IS NULL"
                " LEFT JOIN links l ON l.code = c.site"
                " WHERE c.hash = ? AND c.seen_ms >= ? AND c.opened_ms >= ?"
                " AND (a.name IS NOT NULL OR c.generation = coalesce(l.generation, 1))",
                (key, now_ms - IDLE_MS, now_ms - LONGEST_MS),
            ).fetchone()
        if found is None:
            return None
        name, role, site, seen_ms = found
        if now_ms - seen_ms >= _TOUCH_MS:
            with suppress(StorageError):  # a full disk must not lock everybody out
                self._touch(key, now_ms)
        return Actor(name, role, site)

    def _touch(self, key: str, now_ms: int) -> None:
        with self._store.transaction() as connection:
            connection.execute("UPDATE cookies SET seen_ms = ? WHERE hash = ?", (now_ms, key))

    def close(self, secret: str) -> None:
        """Ends one session (log-out)."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM cookies WHERE hash = ?", (digest_of(secret),))

    def close_all(self, name: str) -> None:
        """Ends all sessions of one account or site."""
        with self._store.transaction() as connection:
            connection.execute("DELETE FROM cookies WHERE name = ?", (name,))
