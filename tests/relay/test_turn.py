"""TURN credentials: what coturn checks, and that every participant is told at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pytest

from coordinator.relay.turn import LIFETIME_S, Turn
from tests.relay.harness import running_relay, token
from tests.relay.peer import peer

URLS = ("turns:turn.example:443?transport=tcp",)


def test_the_password_is_what_coturn_computes_from_the_name_and_the_secret() -> None:
    (server,) = Turn(URLS, "shared").servers("alfa:1", 1_000_000)

    assert (list(server.urls), server.username) == (list(URLS), f"{1_000_000 + LIFETIME_S}:alfa:1")
    digest = hmac.digest(b"shared", server.username.encode(), hashlib.sha1)
    assert base64.b64decode(server.credential) == digest


def test_fixed_credentials_are_told_as_they_are() -> None:
    (server,) = Turn(URLS, username="hall", credential="word").servers("alfa:1", 0)
    assert (server.username, server.credential) == ("hall", "word")


@pytest.mark.parametrize("turn", [None, Turn(URLS, "shared")])
async def test_who_joins_or_resumes_is_told_the_servers(turn: Turn | None) -> None:
    async with running_relay(turn=turn) as running, peer(running.port, token("site")) as site:
        join = await site.hears("join")
        again = {"reconnect": True, "participant_sid": join.participant.sid}
        async with peer(running.port, token("site"), **again) as resumed:
            reconnect = await resumed.hears("reconnect")
    for answer in (join, reconnect):
        assert len(answer.ice_servers) == (0 if turn is None else 1)
        assert all(int(s.username.split(":")[0]) > time.time() for s in answer.ice_servers)
