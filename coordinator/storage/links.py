"""The sites' own links: who has the link is the site.

Rule 1: secret = 128 bits of HMAC-SHA256(link key, code and generation), so that links survive a lost database
and the database gives none away.
Rule 2: rotating makes the next generation: the old link and its cookies are void at once, the others stay.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import quote

from coordinator import clock
from coordinator.domain.errors import StorageError
from coordinator.domain.events import SYSTEM, SYSTEM_CHAIN, LinkRotated
from coordinator.domain.moments import Moment
from coordinator.storage import keys
from coordinator.storage.log import Reader, Store


def secret_of(key: bytes, code: str, generation: int) -> str:
    """The secret of one generation of a site's link: 22 letters of base64url."""
    digest = hmac.new(key, f"{code}\n{generation}".encode(), hashlib.sha256).digest()[:16]
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class LinkReader:
    """Makes and checks links, beside a running server too."""

    def __init__(self, reader: Reader, key: bytes, public_url: str) -> None:
        """`public_url` without a slash at its end."""
        self._reader = reader
        self._key = key
        self.public_url = public_url

    def generation(self, code: str) -> int:
        """1 until the first rotation."""
        try:
            with self._reader.connected() as connection:
                found = connection.execute("SELECT generation FROM links WHERE code = ?", (code,)).fetchone()
        except StorageError as problem:
            if problem.code != "no_data":
                raise
            return 1  # nothing was ever rotated
        return int(found[0]) if found else 1

    def secret(self, code: str) -> str:
        """The site's secret as it is now."""
        return secret_of(self._key, code, self.generation(code))

    def url_for(self, code: str) -> str:
        """The link to hand to the site: <public_url>/join/<code>?k=<secret>."""
        return f"{self.public_url}/join/{quote(code)}?k={self.secret(code)}"

    def check(self, code: str, secret: str) -> bool:
        """Whether this is the site's secret, in constant time. Says nothing of whether the site exists."""
        return hmac.compare_digest(self.secret(code).encode(), secret.encode("utf-8", "replace"))


class Links(LinkReader):
    """The same, and rotates them."""

    def __init__(self, store: Store, public_url: str, read_clock: Callable[[], Moment] = clock.now) -> None:
        """Raises StorageError (bad_key_file) where the link key cannot be used."""
        super().__init__(store, keys.link_key(store.data), public_url)
        self._store = store
        self._now = read_clock

    def rotate(self, code: str, actor: str = SYSTEM) -> int:
        """Voids the site's link and its cookies; returns the new generation. It goes to the system chain."""
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT INTO links VALUES (?, 2)"
                " ON CONFLICT (code) DO UPDATE SET generation = generation + 1",
                (code,),
            )
            found = connection.execute("SELECT generation FROM links WHERE code = ?", (code,)).fetchone()
            connection.execute("DELETE FROM cookies WHERE site = ?", (code,))
            self._store.append(SYSTEM_CHAIN, [(LinkRotated(code, int(found[0])), self._now(), actor)])
        return int(found[0])
