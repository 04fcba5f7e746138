"""TURN servers for clients whose network lets no UDP through, with credentials that end by themselves.

Rule: the shared secret stays here and in the TURN server (coturn: `use-auth-secret`, `static-auth-secret`);
clients get a user name that carries its own end, and the HMAC-SHA1 over it as the password (draft-uberti-
behave-turn-rest-00 §2.2).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass

from livekit.protocol import rtc

LIFETIME_S = 24 * 3600
"""Longer than a day's meeting: an allocation that is refreshed is checked again."""
MAX_IDENTITY_CHARS = 100


@dataclass(frozen=True)
class Turn:
    """`urls` (turn:… or turns:…), and either the shared `secret` or a fixed `username` and `credential`."""

    urls: tuple[str, ...]
    secret: str = ""
    username: str = ""
    credential: str = ""

    def servers(self, identity: str, now_unix: float | None = None) -> list[rtc.ICEServer]:
        """Return what this participant is told."""
        username, credential = self.username, self.credential
        if self.secret:
            end = int((time.time() if now_unix is None else now_unix) + LIFETIME_S)
            username = f"{end}:{identity[:MAX_IDENTITY_CHARS]}"
            digest = hmac.new(self.secret.encode(), username.encode(), hashlib.sha1).digest()
            credential = base64.b64encode(digest).decode()
        return [rtc.ICEServer(urls=self.urls, username=username, credential=credential)]
