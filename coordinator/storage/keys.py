"""The secret files of the data folder, of mode 0600: the link key, and the media keys.

Rule 1: a key is made once, whole or not at all, and never replaced; who deletes the file changes the key.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from coordinator.domain.errors import StorageError
from coordinator.storage import folder

LINK_KEY = "link.key"
MEDIA_KEYS = "media.keys"


@dataclass(frozen=True, slots=True)
class MediaKeys:
    """What the built-in relay and the coordinator share."""

    api_key: str
    api_secret: str


def link_key(data: Path) -> bytes:
    """The 32 bytes that sign site links, made at the first call.

    Raises:
        StorageError: bad_key_file, data_unusable.
    """
    path = data / LINK_KEY
    text = _read_or_make(path, secrets.token_hex(32))
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise StorageError("bad_key_file", file=str(path))
    return key


def media_keys(data: Path) -> MediaKeys:
    """The keys of the built-in relay, made at the first call.

    Raises:
        StorageError: bad_key_file, data_unusable.
    """
    path = data / MEDIA_KEYS
    made = {"api_key": "API" + secrets.token_hex(6), "api_secret": secrets.token_urlsafe(32)}
    text = _read_or_make(path, json.dumps(made))
    try:
        found = json.loads(text)
        keys = MediaKeys(found["api_key"], found["api_secret"])
    except (ValueError, KeyError, TypeError) as problem:
        raise StorageError("bad_key_file", file=str(path)) from problem
    if not all(isinstance(key, str) and key for key in (keys.api_key, keys.api_secret)):
        raise StorageError("bad_key_file", file=str(path))
    return keys


def _read_or_make(path: Path, made: str) -> str:
    folder.prepare(path.parent)
    if not path.exists():
        folder.create_private(path, made.encode() + b"\n")
    try:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as problem:
        raise StorageError("bad_key_file", file=str(path)) from problem
