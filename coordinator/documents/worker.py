"""The child process that opens a document: `python -m coordinator.documents.worker render|convert …`.

Rule 1: it limits its own memory, time and files before it touches the document, and is nice to the others.
Rule 2: it says what came of it as one line of JSON: {"pages": n} or {"problem": code}.
Rule 3: every page becomes two pictures: `large` for good lines and projectors, `small` for thin ones. Each is
drawn at its own size: what is scaled down afterwards blurs, and takes half as much again.
Rule 4: a page of few colours (text, tables, charts) keeps every pixel, which is sharp and small; one with
photographs loses quality.
"""

from __future__ import annotations

import io
import json
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGE, SMALL = "large", "small"
LARGE_SIDE, LARGE_BYTES = 1600, 240_000  # the longer side in pixels; more bytes lose quality, not pixels
SMALL_SIDE, SMALL_BYTES = 1120, 50_000
MOST_PAGES = 500
LONGEST_SIDE = 14_400.0  # points: 5 m, the PDF format's own limit
_QUALITIES = (82, 70, 58, 46, 34, 24)
_COLOURS = (16, 32, 64, 128, 256)
_TILE, _WORST_TILE = 16, 6  # in no square of so many pixels colours are off by more, of 255, on average
_MEMORY = {"render": 2 << 30, "convert": 6 << 30}  # of addresses; LibreOffice reserves far more than it uses
_CPU_S = {"render": 900, "convert": 150}
_FILE_BYTES = 300 << 20


def main(arguments: list[str]) -> int:
    """`render PDF FOLDER` makes the pictures; `convert FILE FOLDER PROGRAM` becomes LibreOffice."""
    task, source, folder = arguments[0], Path(arguments[1]), Path(arguments[2])
    _limit(task)
    if task == "convert":
        _become_office(source, folder, arguments[3])
    try:
        said: dict[str, Any] = {"pages": render(source, folder)}
    except Unfit as problem:
        said = {"problem": str(problem)}
    except MemoryError:
        said = {"problem": "document_too_complex"}
    print(json.dumps(said), flush=True)
    return 0


class Unfit(Exception):
    """The document cannot be shown; the text is the refusal's code."""


def _limit(task: str) -> None:
    os.umask(0o077)
    os.nice(10)
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY[task]),
        (resource.RLIMIT_CPU, _CPU_S[task]),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))


def _become_office(source: Path, folder: Path, program: str) -> None:
    """Never returns. The profile is the folder's own: no settings, no macros, no other document."""
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    quiet = ["--headless", "--norestore", "--nolockcheck", "--nodefault", "--nologo"]
    asked = ["--convert-to", "pdf", "--outdir", str(folder), str(source)]
    os.execv(program, [program, profile, *quiet, *asked])


def render(source: Path, folder: Path) -> int:
    """Writes `large-1.webp`, `small-1.webp`, … and returns the number of pages.

    Raises:
        Unfit: document_encrypted, document_broken, document_too_many_pages, document_empty.
    """
    number = 0
    for number, page in enumerate(_pages(source), start=1):
        for size, side, most in ((LARGE, LARGE_SIDE, LARGE_BYTES), (SMALL, SMALL_SIDE, SMALL_BYTES)):
            (folder / f"{size}-{number}.webp").write_bytes(packed(_drawn(page, side), most))
    return number


def _pages(source: Path) -> Iterator[Any]:
    """The pages, opened one after the other: never all in memory."""
    import pypdfium2 as pdfium  # noqa: PLC0415 — after the limits are set

    try:
        document: Any = pdfium.PdfDocument(source)  # type: ignore[no-untyped-call]
        count = len(document)
    except pdfium.PdfiumError as problem:
        raise Unfit("document_encrypted" if "assword" in str(problem) else "document_broken") from None
    if count == 0:
        raise Unfit("document_empty")
    if count > MOST_PAGES:
        raise Unfit("document_too_many_pages")
    for index in range(count):
        try:
            page = document[index]
            yield page
            page.close()
        except (pdfium.PdfiumError, ValueError, OSError):
            raise Unfit("document_broken") from None


def _drawn(page: Any, side: int) -> Any:
    longer = min(max(*page.get_size(), 1.0), LONGEST_SIDE)
    return page.render(scale=side / longer).to_pil().convert("RGB")


def packed(picture: Any, most_bytes: int) -> bytes:
    """The picture as WebP: lossless where few colours do and take less, else in the best quality that fits
    `most_bytes`."""
    content = b""
    for quality in _QUALITIES:
        content = _webp(picture, quality=quality, method=4)
        if len(content) <= most_bytes:
            break
    plain = _with_few_colours(picture)
    if plain is None:
        return content
    exact = _webp(plain, lossless=True, quality=100, method=4)
    return exact if len(exact) <= len(content) else content


def _webp(picture: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", **options)
    return buffer.getvalue()


def _with_few_colours(picture: Any) -> Any:
    """The picture in as few colours as look the same, or None where it needs more than 256."""
    from PIL import Image, ImageChops  # noqa: PLC0415 — after the limits are set

    for colours in _COLOURS:
        plain = picture.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
        off: Any = ImageChops.difference(picture, plain).reduce(_TILE)
        if max(most for _, most in off.getextrema()) <= _WORST_TILE:
            return plain
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
