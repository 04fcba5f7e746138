"""How a participant is shown to others: what its token says, what it may add, and how long that may be.

Rule 1: everything here goes to everybody in the room, so that all of it is limited.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import cast

from livekit.protocol import models, rtc

from .errors import RelayError
from .tokens import Grants

MAX_METADATA_BYTES = 16_384
MAX_ATTRIBUTES_BYTES = 16_384
MAX_NAME_CHARS = 256


def first_info(sid: str, grants: Grants, join: rtc.JoinRequest) -> models.ParticipantInfo:
    """Return how somebody who comes in with these grants is shown.

    Raises RelayError invalid_argument when something in the token or the request is too long.
    """
    now = time.time()
    attributes = dict(grants.attributes)
    metadata = grants.metadata
    if grants.can_update_own_metadata:
        attributes |= dict(join.participant_attributes)
        metadata = join.metadata or metadata
    check_limits(metadata, grants.name, attributes)
    return models.ParticipantInfo(
        sid=sid, identity=grants.identity, name=grants.name, metadata=metadata,
        attributes=attributes, state=models.ParticipantInfo.State.JOINED, joined_at=int(now),
        joined_at_ms=int(now * 1000), version=1, permission=grants.permission(), kind=_kind(grants.kind),
        client_protocol=join.client_info.client_protocol,
    )  # fmt: skip


def _kind(name: str) -> models.ParticipantInfo.Kind:
    known = models.ParticipantInfo.Kind.keys()
    value = models.ParticipantInfo.Kind.Value(name.upper() if name.upper() in known else "STANDARD")
    return cast("models.ParticipantInfo.Kind", value)


def check_limits(metadata: str, name: str, attributes: Mapping[str, str]) -> None:
    """Raise RelayError invalid_argument when one of them is too long."""
    size = sum(len(key.encode()) + len(value.encode()) for key, value in attributes.items())
    if len(metadata.encode()) > MAX_METADATA_BYTES or size > MAX_ATTRIBUTES_BYTES:
        raise RelayError(
            "invalid_argument", f"metadata and attributes have at most {MAX_METADATA_BYTES} bytes"
        )
    if len(name) > MAX_NAME_CHARS:
        raise RelayError("invalid_argument", f"a name has at most {MAX_NAME_CHARS} characters")
