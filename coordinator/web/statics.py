"""Scripts, styles and pictures of the pages, under an address that changes with their content.

Rule 1: all files are read once, at the start, so that no page ever gets half of an update.
Rule 2: `/static/<version>/…` may be kept for ever, `version` being the hash of all files together: scripts
import each other by relative addresses and so always get the same version. Without it a browser asks again.
Rule 3: text goes out compressed once and for all: the far sites' lines are thin.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

_TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_TEXT = (".js", ".mjs", ".css", ".svg", ".json")
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
VERSION_LENGTH = 12
_HEAD_BYTES = 8192  # imports stand at the top of our modules
_IMPORT = re.compile(rb'^(?:import|export)\b[^;"]*"(\.{1,2}/[^"]+)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file as it is sent; `packed` is its gzip form where that pays."""

    content: bytes
    packed: bytes | None
    content_type: str
    etag: str


class StaticFiles:
    """All static files of the pages, in memory."""

    def __init__(self, folder: Path) -> None:
        """Reads every file below `folder` but type declarations."""
        paths = sorted(
            path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(".d.ts")
        )
        self._files = {path.relative_to(folder).as_posix(): _read(path) for path in paths}
        whole = hashlib.sha256()
        for name, file in self._files.items():
            whole.update(f"{name}:{file.etag};".encode())
        self.version = whole.hexdigest()[:VERSION_LENGTH]

    def url(self, name: str) -> str:
        """The address of a file.

        Raises:
            KeyError: there is no such file.
        """
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def modules(self, entry: str) -> list[str]:
        """The addresses of all modules that a script imports, by whatever way.

        Pages name them beforehand, so that a far site asks for all at once and not for one after the other.
        """
        found = [entry]
        for name in found:
            for target in _IMPORT.findall(self._files[name].content[:_HEAD_BYTES]):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target.decode()))
                if path in self._files and path not in found:
                    found.append(path)
        return [self.url(name) for name in found[1:]]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """GET /static/{path}, with or without the version before it."""
        path = request.match_info["path"]
        version, _, rest = path.partition("/")
        known = version == self.version and rest in self._files
        file = self._files.get(rest if known else path)
        if file is None:
            raise web.HTTPNotFound
        return respond(request, file, for_ever=known)


def respond(request: web.Request, file: StaticFile, *, for_ever: bool) -> web.Response:
    """The file, compressed where the browser takes it, or 304 where it has it already."""
    headers = {
        "ETag": f'"{file.etag}"',
        "Cache-Control": _FOR_EVER if for_ever else _ASK_AGAIN,
        "Vary": "Accept-Encoding",
    }
    if f'"{file.etag}"' in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    body = file.content
    if file.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = file.packed
        headers["Content-Encoding"] = "gzip"
    charset = "utf-8" if file.content_type.startswith(("text/", "application/json")) else None
    return web.Response(body=body, headers=headers, content_type=file.content_type, charset=charset)


def of_text(text: str, content_type: str) -> StaticFile:
    """A generated text as a static file."""
    return _file(text.encode(), content_type, packs=True)


def _read(path: Path) -> StaticFile:
    guessed = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _file(path.read_bytes(), _TYPES.get(path.suffix, guessed), packs=path.suffix in _TEXT)


def _file(content: bytes, content_type: str, *, packs: bool) -> StaticFile:
    packed = gzip.compress(content, 9, mtime=0) if packs and len(content) > 1024 else None
    return StaticFile(content, packed, content_type, hashlib.sha256(content).hexdigest()[:16])
