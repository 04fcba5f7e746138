"""Who may log in, and the API tokens of programs.

Rule 1: passwords are kept as argon2id, tokens as SHA-256 of 256 random bits: the file gives neither away.
Rule 2: a log-in takes as long for an unknown account as for a wrong password, and says the same.
Rule 3: every log-in, refused ones too, goes to the system chain; a name nobody has is not copied there: it
may be a password typed into the wrong field.
All methods may be called from any thread; `log_in` takes some 30 ms of it.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable

import argon2

from coordinator import clock
from coordinator.domain.commands import Actor
from coordinator.domain.errors import Refusal
from coordinator.domain.events import SYSTEM, SYSTEM_CHAIN, LoggedIn
from coordinator.domain.moments import Moment
from coordinator.storage.log import Store
from coordinator.storage.throttle import Throttle

ROLES = ("host", "staff", "admin")
SHORTEST = 8  # letters of a password
_LONGEST = 256
_NAME = re.compile(r"\w[\w .@-]{0,62}\w|\w")
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike
_TOKEN_PREFIX = "hop_"


class Accounts:
    """Accounts and API tokens of one data folder."""

    def __init__(self, store: Store, read_clock: Callable[[], Moment] = clock.now) -> None:
        self._store = store
        self._now = read_clock
        self._hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        self._throttle = Throttle()
        self._guard = threading.Lock()

    def any(self) -> bool:
        """Whether there is an account at all."""
        with self._store.connected() as connection:
            return connection.execute("SELECT 1 FROM accounts LIMIT 1").fetchone() is not None

    def names(self) -> list[tuple[str, str]]:
        """(name, role) of every account, by name."""
        with self._store.connected() as connection:
            return connection.execute("SELECT name, role FROM accounts ORDER BY name").fetchall()

    def add(self, name: str, role: str, password: str) -> None:
        """Makes an account.

        Raises:
            Refusal: bad_name, bad_role, weak_password, account_exists.
        """
        name = checked_name(name)
        _check_role(role)
        if not SHORTEST <= len(password) <= _LONGEST:
            raise Refusal("weak_password", shortest=SHORTEST, longest=_LONGEST)
        digest = self._hasher.hash(_composed(password))
        with self._store.transaction() as connection:
            if connection.execute("SELECT 1 FROM accounts WHERE name = ?", (name,)).fetchone():
                raise Refusal("account_exists", name=name)
            connection.execute(
                "INSERT INTO accounts VALUES (?, ?, ?, ?)", (name, role, digest, self._now().utc_ms)
            )

    def log_in(self, name: str, password: str, address: str) -> Actor:
        """Checks a password; `address`: where the request comes from.

        Raises:
            Refusal: login_refused, or too_many_attempts (details: retry_after_s).
        """
        name, at = _composed(name)[:64], self._now()
        with self._guard:
            wait_ms = self._throttle.wait_ms(name, address, at.utc_ms)
        if wait_ms > 0:
            raise Refusal("too_many_attempts", retry_after_s=-(-wait_ms // 1000))
        with self._store.connected() as connection:
            found = connection.execute(
                "SELECT role, password FROM accounts WHERE name = ?", (name,)
            ).fetchone()
        right = self._fits(found[1] if found else self._nobody, password) and found is not None
        with self._guard:
            if right:
                self._throttle.succeeded(name, address)
            else:
                self._throttle.failed(name, address, at.utc_ms)
        told = LoggedIn(name if found else "?", "ok" if right else "refused")
        self._store.append(SYSTEM_CHAIN, [(told, at, name if right else SYSTEM)])
        if not right:
            raise Refusal("login_refused")
        return Actor(name, found[0])

    def _fits(self, digest: str, password: str) -> bool:
        try:
            return self._hasher.verify(digest, _composed(password)[:_LONGEST])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def set_password(self, name: str, password: str) -> None:
        """Changes a password and closes the account's cookie sessions.

        Raises:
            Refusal: unknown_account, weak_password.
        """
        if not SHORTEST <= len(password) <= _LONGEST:
            raise Refusal("weak_password", shortest=SHORTEST, longest=_LONGEST)
        digest = self._hasher.hash(_composed(password))
        with self._store.transaction() as connection:
            changed = connection.execute("UPDATE accounts SET password = ? WHERE name = ?", (digest, name))
            if changed.rowcount == 0:
                raise Refusal("unknown_account", name=name)
            connection.execute("DELETE FROM cookies WHERE name = ? AND site IS NULL", (name,))

    def add_token(self, name: str, role: str) -> str:
        """Makes an API token and returns it, the only time it can be seen.

        Raises:
            Refusal: bad_name, bad_role.
        """
        name = checked_name(name)
        _check_role(role)
        token = _TOKEN_PREFIX + secrets.token_urlsafe(32)
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?)", (digest_of(token), name, role, self._now().utc_ms)
            )
        return token

    def by_token(self, token: str) -> Actor | None:
        """Whose token this is, or None."""
        with self._store.connected() as connection:
            found = connection.execute(
                "SELECT name, role FROM tokens WHERE hash = ?", (digest_of(token),)
            ).fetchone()
        return Actor(found[0], found[1]) if found else None

    def revoke_tokens(self, name: str) -> int:
        """Makes every token of that name useless; returns how many there were."""
        with self._store.transaction() as connection:
            return connection.execute("DELETE FROM tokens WHERE name = ?", (name,)).rowcount


def checked_name(name: str) -> str:
    """The name in NFC. Raises Refusal (bad_name); "system" is nobody's name."""
    name = _composed(name).strip()
    if not _NAME.fullmatch(name) or name == SYSTEM:
        raise Refusal("bad_name", name=name[:64])
    return name


def make_password() -> str:
    """A password to be read out and typed: sixteen letters in four groups, 78 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def digest_of(secret: str) -> str:
    """SHA-256 in hexadecimal: enough for secrets of 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise Refusal("bad_role", role=role[:64], roles=", ".join(ROLES))


def _composed(text: str) -> str:
    """NFC, and only what UTF-8 can carry."""
    return unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
