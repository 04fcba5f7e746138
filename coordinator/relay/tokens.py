"""Access tokens: what the bearer of a LiveKit JWT may do.

Rule 1: only HS256 tokens signed with the secret of the key they name (`iss`) count; `none` and every other
algorithm are refused, and so is a token without an end (`exp`).
Rule 2: a grant is false unless the token says true, except the three publishing and subscribing grants, which
LiveKit leaves open unless the token says false (livekit `auth/grants.go`).
Rule 3: a token whose claims have the wrong types is refused as a whole; nothing is guessed.
Rule 4: a refreshed token grants no more than the token it follows: what UpdateParticipant has added holds
for the participant in the room, not for whoever joins again, and what it has taken away stays away.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import jwt
from livekit.api import AccessToken, VideoGrants
from livekit.protocol.models import ParticipantPermission, TrackSource

LEEWAY_S = 10
MAX_TOKEN_BYTES = 65_536
MAX_IDENTITY_CHARS = 256
SOURCE_NUMBERS = {name.lower(): int(number) for name, number in TrackSource.items()}


class TokenError(Exception):
    """A token that grants nothing.

    `code` is one of malformed, unknown_key, bad_signature, expired, not_yet_valid, missing_identity,
    missing_room; `message` is one English sentence that names no secret.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Grants:
    """What one token allows, or what UpdateParticipant has made of it.

    `can_publish_sources` holds TrackSource numbers: None means every source, an empty set none at all.
    `api_key` is the key that signed the token; `expires_at` is in Unix seconds.
    """

    identity: str = ""
    name: str = ""
    kind: str = ""
    metadata: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    room: str = ""
    room_join: bool = False
    room_admin: bool = False
    room_create: bool = False
    room_list: bool = False
    can_publish: bool = True
    can_subscribe: bool = True
    can_publish_data: bool = True
    can_publish_sources: frozenset[int] | None = None
    can_update_own_metadata: bool = False
    hidden: bool = False
    api_key: str = ""
    expires_at: float = 0.0
    token: "Grants | None" = None
    """What the token itself said, where UpdateParticipant has changed it since."""

    def may_publish(self, source: int) -> bool:
        """Whether a track of this TrackSource may be published."""
        allowed = self.can_publish_sources
        return self.can_publish and (allowed is None or source in allowed)

    def permission(self) -> ParticipantPermission:
        """The same grants in the form in which participants are shown."""
        sources = self.can_publish_sources
        return ParticipantPermission(
            can_subscribe=self.can_subscribe,
            can_publish=self.can_publish and sources != frozenset(),
            can_publish_data=self.can_publish_data,
            can_publish_sources=[TrackSource.Name(number) for number in sorted(sources or ())],
            hidden=self.hidden,
            can_update_metadata=self.can_update_own_metadata,
        )

    def with_permission(self, permission: ParticipantPermission) -> "Grants":
        """These grants after UpdateParticipant: `permission` replaces them as a whole, as in LiveKit."""
        sources = permission.can_publish_sources
        return replace(
            self,
            token=self.token or self,
            can_subscribe=permission.can_subscribe,
            can_publish=permission.can_publish,
            can_publish_data=permission.can_publish_data,
            can_publish_sources=_known(sources) if sources else None,
            hidden=permission.hidden,
            can_update_own_metadata=permission.can_update_metadata,
        )


def verify(api_keys: dict[str, str], token: str) -> Grants:
    """Check a token against `api_keys` (key → secret) and return its grants.

    Raises:
        TokenError: the token is not valid now, or its claims cannot be read.
    """
    if len(token) > MAX_TOKEN_BYTES:
        raise TokenError("malformed", "the token is too long")
    claims = _decode(api_keys, token)
    grants = _grants(claims)
    if grants.room_join and not grants.identity:
        raise TokenError("missing_identity", "a token for joining needs an identity (sub)")
    if grants.room_join and not grants.room:
        raise TokenError("missing_room", "a token for joining needs a room")
    return grants


def issue_refresh(api_keys: dict[str, str], grants: Grants, ttl_s: float = 600) -> str:
    """Sign a token for `ttl_s` seconds, by the key that signed the first: `grants` as rule 4 limits them.

    Raises:
        TokenError: unknown_key, the key has been withdrawn.
    """
    if grants.api_key not in api_keys:
        raise TokenError("unknown_key", "the key that signed this token is no longer in use")
    grants = _narrowed(grants)
    sources = grants.can_publish_sources
    video = VideoGrants(
        room=grants.room,
        room_join=grants.room_join or None,
        room_admin=grants.room_admin or None,
        room_create=grants.room_create or None,
        room_list=grants.room_list or None,
        can_publish=grants.can_publish and sources != frozenset(),
        can_subscribe=grants.can_subscribe,
        can_publish_data=grants.can_publish_data,
        can_publish_sources=[TrackSource.Name(number).lower() for number in sorted(sources or ())] or None,
        can_update_own_metadata=grants.can_update_own_metadata or None,
        hidden=grants.hidden or None,
    )
    token = AccessToken(grants.api_key, api_keys[grants.api_key]).with_identity(grants.identity)
    token = token.with_name(grants.name).with_grants(video).with_ttl(timedelta(seconds=ttl_s))
    token.claims.kind = grants.kind
    return token.with_metadata(grants.metadata).with_attributes(dict(grants.attributes)).to_jwt()


def _narrowed(now: Grants) -> Grants:
    """Return what both the token and the present grants allow."""
    first = now.token
    if first is None:
        return now
    known = [
        allowed for allowed in (first.can_publish_sources, now.can_publish_sources) if allowed is not None
    ]
    return replace(
        now,
        can_subscribe=first.can_subscribe and now.can_subscribe,
        can_publish=first.can_publish and now.can_publish,
        can_publish_data=first.can_publish_data and now.can_publish_data,
        can_publish_sources=frozenset.intersection(*known) if known else None,
        can_update_own_metadata=first.can_update_own_metadata and now.can_update_own_metadata,
    )


def _decode(api_keys: dict[str, str], token: str) -> dict[str, Any]:
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        secret = api_keys.get(issuer) if isinstance(issuer, str) else None
        if not secret:
            raise TokenError("unknown_key", "the token names no key of this server")
        return jwt.decode(
            token, secret, algorithms=["HS256"], issuer=issuer, leeway=LEEWAY_S,
            options={"require": ["exp", "iss"], "verify_aud": False},
        )  # fmt: skip
    except jwt.ExpiredSignatureError as error:
        raise TokenError("expired", "the token has expired") from error
    except jwt.ImmatureSignatureError as error:
        raise TokenError("not_yet_valid", "the token is not valid yet") from error
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError) as error:
        raise TokenError("bad_signature", "the token is not signed with this server's key") from error
    except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError) as error:
        raise TokenError("malformed", "the token cannot be read") from error


def _grants(claims: dict[str, Any]) -> Grants:
    video = _typed(claims, "video", dict, {})
    attributes = _typed(claims, "attributes", dict, {})
    sources = _typed(video, "canPublishSources", list, [])  # empty = no restriction, as in LiveKit
    identity = _typed(claims, "sub", str, "")
    if len(identity) > MAX_IDENTITY_CHARS:
        raise TokenError("malformed", f"an identity has at most {MAX_IDENTITY_CHARS} characters")
    if not all(isinstance(text, str) for text in (*sources, *attributes.values())):
        raise TokenError("malformed", "canPublishSources and attributes hold text only")
    return Grants(
        identity=identity,
        name=_typed(claims, "name", str, ""),
        kind=_typed(claims, "kind", str, ""),
        room=_typed(video, "room", str, ""),
        room_join=_typed(video, "roomJoin", bool, False),
        room_admin=_typed(video, "roomAdmin", bool, False),
        room_create=_typed(video, "roomCreate", bool, False),
        room_list=_typed(video, "roomList", bool, False),
        can_publish=_typed(video, "canPublish", bool, True),
        can_subscribe=_typed(video, "canSubscribe", bool, True),
        can_publish_data=_typed(video, "canPublishData", bool, True),
        can_publish_sources=_known(SOURCE_NUMBERS.get(s.lower(), -1) for s in sources) if sources else None,
        can_update_own_metadata=_typed(video, "canUpdateOwnMetadata", bool, False),
        hidden=_typed(video, "hidden", bool, False),
        metadata=_typed(claims, "metadata", str, ""),
        attributes=attributes,
        api_key=claims["iss"],
        expires_at=float(claims["exp"]),
    )


def _known(sources: Iterable[int]) -> frozenset[int]:
    """Drop numbers without a name here; what is left restricts, even if nothing is left."""
    return frozenset(sources) & frozenset(SOURCE_NUMBERS.values())


def _typed(claims: dict[str, Any], name: str, kind: type, default: Any) -> Any:
    value = claims.get(name)
    if value is None:
        return default
    if not isinstance(value, kind):
        raise TokenError("malformed", f"the claim {name} has the wrong type")
    return value
