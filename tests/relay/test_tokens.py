"""Tokens: who may do what, checked against tokens made by the official client."""

import base64
import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jwt
import pytest
from livekit import api
from livekit.protocol.models import ParticipantPermission, TrackSource

from coordinator.relay.tokens import Grants, TokenError, issue_refresh, verify

KEY, SECRET = "key", "a secret of at least thirty-two bytes"
KEYS = {KEY: SECRET, "other": "another secret of at least thirty-two bytes"}


def official(**grants: Any) -> api.AccessToken:
    return api.AccessToken(KEY, SECRET).with_identity("alfa:1").with_grants(api.VideoGrants(**grants))


def signed(claims: dict[str, Any], secret: str = SECRET, algorithm: str = "HS256") -> str:
    claims = {"iss": KEY, "exp": int(time.time()) + 60} | claims
    return jwt.PyJWS().encode(json.dumps(claims).encode(), secret, algorithm=algorithm)


def code_of(token: str) -> str:
    with pytest.raises(TokenError) as refusal:
        verify(KEYS, token)
    assert SECRET not in refusal.value.message
    return refusal.value.code


def test_a_token_of_the_official_client_keeps_everything_it_says() -> None:
    token = official(
        room="hall", room_join=True, can_publish_sources=["camera", "microphone"], can_publish_data=False
    )
    token = token.with_name("Alfa").with_metadata("m").with_attributes({"site": "alfa"})

    grants = verify(KEYS, token.with_ttl(timedelta(seconds=90)).to_jwt())

    assert abs(grants.expires_at - time.time() - 90) < 5
    assert grants == Grants(
        identity="alfa:1",
        name="Alfa",
        metadata="m",
        attributes={"site": "alfa"},
        room="hall",
        room_join=True,
        can_publish_data=False,
        can_publish_sources=frozenset({TrackSource.CAMERA, TrackSource.MICROPHONE}),
        api_key=KEY,
        expires_at=grants.expires_at,
    )


def test_grants_are_closed_unless_given_and_publishing_is_open_unless_denied() -> None:
    grants = verify(KEYS, signed({"sub": "a", "video": {"canPublish": None}}))

    assert not (
        grants.room_join or grants.room_admin or grants.room_create or grants.room_list or grants.hidden
    )
    assert grants.can_publish and grants.can_subscribe and grants.can_publish_data


@pytest.mark.parametrize(
    ("video", "source", "allowed"),
    [
        ({}, TrackSource.MICROPHONE, True),
        ({"canPublishSources": []}, TrackSource.MICROPHONE, True),
        ({"canPublish": False}, TrackSource.CAMERA, False),
        ({"canPublish": False, "canPublishSources": ["camera"]}, TrackSource.CAMERA, False),
        ({"canPublishSources": ["CAMERA"]}, TrackSource.CAMERA, True),
        ({"canPublishSources": ["camera"]}, TrackSource.MICROPHONE, False),
        ({"canPublishSources": ["a source of the future"]}, TrackSource.CAMERA, False),
    ],
)
def test_a_list_of_sources_narrows_publishing_and_never_widens_it(
    video: dict[str, Any], source: int, allowed: bool
) -> None:
    grants = verify(KEYS, signed({"sub": "a", "video": video}))

    assert grants.may_publish(source) is allowed
    refreshed = verify(KEYS, issue_refresh(KEYS, grants))
    assert refreshed.may_publish(source) is allowed
    assert grants.with_permission(grants.permission()).may_publish(source) is allowed


def test_a_permission_replaces_the_grants_and_comes_back_the_same() -> None:
    permission = ParticipantPermission(
        can_subscribe=True, can_publish=True, can_publish_sources=[TrackSource.MICROPHONE], hidden=True
    )

    grants = Grants(identity="a", room="hall", room_join=True, metadata="m").with_permission(permission)

    assert grants.permission() == permission
    assert (grants.identity, grants.room, grants.room_join, grants.metadata) == ("a", "hall", True, "m")


def test_a_refreshed_token_grants_the_same_for_longer() -> None:
    before = Grants(
        identity="a",
        name="A",
        kind="agent",
        metadata="m",
        attributes={"k": "v"},
        room="hall",
        room_join=True,
        can_publish_sources=frozenset({TrackSource.CAMERA}),
        can_subscribe=False,
        can_update_own_metadata=True,
        hidden=True,
        api_key=KEY,
    )

    after = verify(KEYS, issue_refresh(KEYS, before, 900))

    assert abs(after.expires_at - time.time() - 900) < 5
    assert replace(after, expires_at=0) == before


CAMERA, MICROPHONE = frozenset({TrackSource.CAMERA}), frozenset({TrackSource.MICROPHONE})


@pytest.mark.parametrize(
    ("said", "given", "refreshed"),
    [
        (CAMERA, CAMERA | MICROPHONE, CAMERA),
        (CAMERA | MICROPHONE, MICROPHONE, MICROPHONE),
        (CAMERA, MICROPHONE, frozenset()),
        (CAMERA, None, CAMERA),
        (None, CAMERA, CAMERA),
        (None, None, None),
    ],
)
def test_a_refreshed_token_holds_neither_what_was_added_nor_what_was_taken_away(
    said: frozenset[int] | None, given: frozenset[int] | None, refreshed: frozenset[int] | None
) -> None:
    first = Grants(identity="a", room="hall", room_join=True, can_publish_sources=said, api_key=KEY)
    sources = [TrackSource.Name(number) for number in given or ()]
    permission = ParticipantPermission(can_subscribe=True, can_publish=True, can_publish_sources=sources)
    now = first.with_permission(ParticipantPermission()).with_permission(permission)

    after = verify(KEYS, issue_refresh(KEYS, replace(now, metadata="new")))

    assert now.can_publish_sources == given
    for number in (TrackSource.CAMERA, TrackSource.MICROPHONE, TrackSource.SCREEN_SHARE):
        assert after.may_publish(number) is (refreshed is None or number in refreshed)
    assert after.metadata == "new" and not after.can_publish_data


def test_a_withdrawn_key_refreshes_nothing() -> None:
    with pytest.raises(TokenError, match="no longer in use"):
        issue_refresh({"other": SECRET}, Grants(identity="a", api_key=KEY))


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": int(time.time()) - 60}, "expired"),
        ({"nbf": int(time.time()) + 86_400}, "not_yet_valid"),
        ({"iss": "stranger"}, "unknown_key"),
        ({"iss": None}, "unknown_key"),
        ({"iss": ["key"]}, "unknown_key"),
        ({"exp": None}, "malformed"),
        ({"exp": "soon"}, "malformed"),
        ({"video": []}, "malformed"),
        ({"video": {"roomAdmin": "false"}}, "malformed"),
        ({"video": {"canPublishSources": "camera"}}, "malformed"),
        ({"video": {"canPublishSources": [1]}}, "malformed"),
        ({"attributes": {"k": {}}}, "malformed"),
        ({"sub": "x" * 257}, "malformed"),
        ({"video": {"roomJoin": True, "room": "hall"}}, "missing_identity"),
        ({"sub": "a", "video": {"roomJoin": True}}, "missing_room"),
    ],
)
def test_a_bad_claim_is_refused_with_its_code(claims: dict[str, Any], code: str) -> None:
    assert code_of(signed(claims)) == code


def test_a_token_without_an_end_is_refused() -> None:
    assert code_of(jwt.encode({"iss": KEY, "sub": "a"}, SECRET, algorithm="HS256")) == "malformed"


def test_a_token_signed_with_another_keys_secret_is_refused() -> None:
    assert code_of(signed({"sub": "a"}, KEYS["other"])) == "bad_signature"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused_even_with_the_right_secret(algorithm: str) -> None:
    assert code_of(signed({"sub": "a"}, SECRET + "x" * 40, algorithm)) == "bad_signature"


def test_an_unsigned_token_is_refused() -> None:
    parts = [{"alg": "none", "typ": "JWT"}, {"iss": KEY, "sub": "a", "exp": int(time.time()) + 60}]
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)

    assert code_of(f"{head}.{body}.") == "bad_signature"


@pytest.mark.parametrize("token", ["", ".", "a.b.c", "é.é.é", "x" * 70_000, signed({"sub": "a"})[:-20]])
def test_junk_is_refused(token: str) -> None:
    assert code_of(token) in {"malformed", "bad_signature"}
