"""What kind of file was handed in, by its content: PDF, or an Office file that LibreOffice can turn into one.

Rule 1: the name says nothing; the first bytes and, of Office files, the list of contents do.
Rule 2: a file that would unpack to far more than it is (a zip bomb), or that fetches parts of itself from
elsewhere, is refused before anything opens it.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from coordinator.domain.errors import Refusal

MOST_BYTES = 50 * 1024 * 1024
MOST_PARTS = 5_000
MOST_UNPACKED = 500 * 1024 * 1024
MOST_SHARE = 200  # an XML part that packs better than this is made to
PDF, PPTX, DOCX = "pdf", "pptx", "docx"
_LISTING = "[Content_Types].xml"
_MOST_LISTING = 4 * 1024 * 1024
_OUTSIDE = re.compile(rb"<Relationship\b[^>]*>", re.IGNORECASE)
_FETCHED = re.compile(rb'Type="[^"]*/(image|oleObject|video|audio|media|attachedTemplate|frame|subDocument)"')


def kind_of(path: Path) -> str:
    """pdf | pptx | docx; blocks.

    Raises:
        Refusal: document_unknown, document_broken, document_bomb, document_fetches.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    if b"%PDF-" in head:
        return PDF
    if head[:4] != b"PK\x03\x04":
        raise Refusal("document_unknown")
    try:
        with zipfile.ZipFile(path) as archive:
            return _office(archive)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        raise Refusal("document_broken") from None


def _office(archive: zipfile.ZipFile) -> str:
    parts = archive.infolist()
    names = {part.filename for part in parts}
    if _LISTING not in names:
        raise Refusal("document_unknown")
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or unpacked > MOST_UNPACKED:
        raise Refusal("document_bomb")
    if any(
        part.file_size > max(1, part.compress_size) * MOST_SHARE for part in parts if part.file_size > 1e6
    ):
        raise Refusal("document_bomb")
    for part in parts:
        if part.filename.endswith(".rels"):
            _check_links(archive, part)
    if "ppt/presentation.xml" in names:
        return PPTX
    if "word/document.xml" in names:
        return DOCX
    raise Refusal("document_unknown")


def _check_links(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Links that a reader may follow are fine; parts that the program would fetch by itself are not."""
    if part.file_size > _MOST_LISTING:
        raise Refusal("document_bomb")
    for link in _OUTSIDE.findall(archive.read(part)):
        if b'TargetMode="External"' in link and _FETCHED.search(link):
            raise Refusal("document_fetches")
