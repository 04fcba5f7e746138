"""Scripts, styles and pictures of the pages, under an address that changes with their content.

Rule 1: all files are read once, at the start, so that no page ever gets half of an update.
Rule 2: `/static/<version>/…` may be kept for ever, `version` being the hash of all files together: scripts
import each other by relative addresses and so always get the same version. Without it a browser asks again.
Rule 3: text goes out compressed once and for all, our own without comments and indents: the far sites' lines
are thin. Lines keep their numbers, so that what a browser says about one can be looked up.
Rule 4: several styles go out as one, under all their names (`css/tokens+base+site.css`): they pack better.
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
_OWN = ("js", "css")
_COMMENT = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*$", re.MULTILINE | re.DOTALL)  # alone on its lines
_LINE_COMMENT = re.compile(r"^[ \t]*//.*$", re.MULTILINE)
_TYPE = re.compile(r"/\*\* @type .*?\*/ ?")
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_SENTENCE = re.compile(rb'\bt\(\s*"([^"]*)"')
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
        self._sources = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self._files = {name: _made(name, source) for name, source in self._sources.items()}
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

    def styles(self, *sheets: str) -> str:
        """The address of several style sheets in one.

        Raises:
            KeyError: there is no such sheet.
        """
        name = f"css/{'+'.join(sheets)}.css"
        if name not in self._files:
            together = b"".join(self._files[f"css/{sheet}.css"].content for sheet in sheets)
            self._files[name] = _file(together, _TYPES[".css"], packs=True)
        return self.url(name)

    def modules(self, entry: str) -> list[str]:
        """The addresses of all modules that a script imports, by whatever way.

        Pages name them beforehand, so that a far site asks for all at once and not for one after the other.
        """
        return [self.url(name) for name in self._closure(entry)[1:]]

    def sentences(self, entry: str) -> set[str]:
        """What a script and all that it imports ask the catalogue for.

        Raises:
            KeyError: there is no such script.
        """
        sources = [self._sources[name] for name in self._closure(entry)]
        return {found.decode() for source in sources for found in _SENTENCE.findall(source)}

    def _closure(self, entry: str) -> list[str]:
        found = [entry]
        for name in found:
            for target in _IMPORT.findall(self._sources[name][:_HEAD_BYTES]):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(name), target.decode()))
                if path in self._sources and path not in found:
                    found.append(path)
        return found

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
    headers = {"Cache-Control": _FOR_EVER if for_ever else _ASK_AGAIN, "Vary": "Accept-Encoding"}
    if not for_ever:  # what is kept for ever is never asked for again
        headers["ETag"] = f'"{file.etag}"'
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


def _made(name: str, source: bytes) -> StaticFile:
    folder, suffix = name.partition("/")[0], posixpath.splitext(name)[1]
    guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
    content = lean(source.decode()).encode() if folder in _OWN and suffix in _TEXT else source
    return _file(content, _TYPES.get(suffix, guessed), packs=suffix in _TEXT)


def lean(text: str) -> str:
    """A script or style without comments and indents; one with text over several lines stays as it is."""
    if any(line.count("`") % 2 for line in text.splitlines()):
        return text
    text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    return _INDENT.sub("", _TYPE.sub("", _LINE_COMMENT.sub("", text)))


def _file(content: bytes, content_type: str, *, packs: bool) -> StaticFile:
    packed = gzip.compress(content, 9, mtime=0) if packs and len(content) > 1024 else None
    return StaticFile(content, packed, content_type, hashlib.sha256(content).hexdigest()[:16])
