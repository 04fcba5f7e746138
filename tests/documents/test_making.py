"""Documents become pictures of their pages; what cannot be shown is refused by name."""

from __future__ import annotations

import asyncio
import io
import os
from pathlib import Path
from typing import Any

import docx
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont

from coordinator.documents import making, worker
from coordinator.documents.shelf import Shelf
from coordinator.domain.errors import Refusal
from tests.documents.samples import ENCRYPTED, office, pdf, slides


async def made(folder: Path, content: bytes) -> int:
    (folder / "source").write_bytes(content)
    return await making.make(folder)


async def refusal(folder: Path, content: bytes) -> str:
    with pytest.raises(Refusal) as told:
        await made(folder, content)
    return told.value.code


async def test_every_page_becomes_a_large_and_a_small_picture(tmp_path: Path) -> None:
    assert await made(tmp_path, pdf(2)) == 2

    pictures = {path.name: path for path in (tmp_path / name for name in os.listdir(tmp_path))}
    names = {f"{size}-{number}.webp" for size in ("large", "small") for number in (1, 2)}
    assert set(pictures) - {"source"} == names
    for name, side, most in (("large-1", worker.LARGE_SIDE, 240_000), ("small-1", worker.SMALL_SIDE, 50_000)):
        path = pictures[f"{name}.webp"]
        with Image.open(path) as picture:
            assert (picture.width, picture.height) == (side, round(side * 720 / 1280))
        assert path.stat().st_size <= most
        assert path.stat().st_mode & 0o077 == 0


async def test_a_page_on_end_keeps_its_shape(tmp_path: Path) -> None:
    await made(tmp_path, pdf(1, (595, 842)))
    with Image.open(tmp_path / "large-1.webp") as picture:
        assert (picture.width, picture.height) == (1131, 1600)


def test_a_busy_picture_loses_quality_and_not_pixels() -> None:
    noise = Image.effect_noise((1120, 630), 90).convert("RGB")
    content = worker.packed(noise, 100_000)
    with Image.open(io.BytesIO(content)) as small:
        assert small.width == 1120
    assert len(content) < len(worker.packed(noise, 10_000_000))


def test_a_page_of_text_is_sharp_on_a_thin_line_too() -> None:
    sheet = text()
    content = worker.packed(sheet, worker.SMALL_BYTES)
    lossy = io.BytesIO()
    sheet.save(lossy, "WEBP", quality=24)

    assert len(content) <= worker.SMALL_BYTES < len(lossy.getvalue())
    assert 2 * most_off(sheet, content) < most_off(sheet, lossy.getvalue()), "letters have sharp edges"


def test_a_page_with_a_photograph_keeps_its_colours() -> None:
    sheet = text()
    photograph = [Image.effect_noise((24, 16), 120).resize((480, 320)) for _ in "rgb"]
    sheet.paste(Image.merge("RGB", photograph), (300, 250))
    content = worker.packed(sheet, 200_000)
    with Image.open(io.BytesIO(content)) as packed:
        off: Any = ImageChops.difference(sheet, packed.convert("RGB")).reduce(16)
    assert max(most for _, most in off.getextrema()) <= 12


def text() -> Image.Image:
    """A page full of words, as a resolution is."""
    sheet = Image.new("RGB", (1120, 700), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for line in range(32):
        words = " ".join(f"{(line * 7919 + n * 104729) % 99991:x}ghi muc" for n in range(10))
        draw.text((30, 20 + 20 * line), words, fill="black", font=font)
    return sheet


def most_off(picture: Image.Image, content: bytes) -> int:
    """The largest difference of any pixel's colour, of 255."""
    with Image.open(io.BytesIO(content)) as packed:
        off: Any = ImageChops.difference(picture, packed.convert("RGB"))
    return int(max(most for _, most in off.getextrema()))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "document_unknown"),
        (b"just words", "document_unknown"),
        (b"%PDF-1.7 and nothing more", "document_broken"),
        (ENCRYPTED, "document_encrypted"),
        (b"PK\x03\x04 no archive", "document_broken"),
        (office({"xl/workbook.xml": b"<x/>"}), "document_unknown"),
        (office({"ppt/presentation.xml": b"0" * 60_000_000}), "document_bomb"),
        (office({f"ppt/{n}.xml": b"" for n in range(5_001)}), "document_bomb"),
        (
            office(
                {
                    "ppt/presentation.xml": b"<x/>",
                    "ppt/_rels/presentation.xml.rels": b'<Relationship Id="r1" Type="http://x/image"'
                    b' Target="http://inside.example/" TargetMode="External"/>',
                }
            ),
            "document_fetches",
        ),
    ],
    ids=["empty", "text", "cut", "encrypted", "zip", "sheet", "bomb", "parts", "fetches"],
)
async def test_what_cannot_be_shown_is_refused_by_name(tmp_path: Path, content: bytes, code: str) -> None:
    assert await refusal(tmp_path, content) == code


async def test_more_than_500_pages_are_refused(tmp_path: Path) -> None:
    assert await refusal(tmp_path, pdf(501, (200, 300))) == "document_too_many_pages"


async def test_a_document_that_takes_too_long_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "RENDER_WITHIN_S", 0.05)
    assert await refusal(tmp_path, pdf(3)) == "document_too_slow"


async def test_without_libreoffice_an_office_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PROGRAMS", ())
    assert await refusal(tmp_path, office({"word/document.xml": b"<x/>"})) == "document_needs_office"


@pytest.mark.slow
async def test_libreoffice_turns_a_word_file_into_pages(tmp_path: Path) -> None:
    letter, buffer = docx.Document(), io.BytesIO()
    letter.add_heading("Nghị quyết số 05-NQ/HU")
    letter.add_page_break()
    letter.add_paragraph("Trang hai")
    letter.save(buffer)

    assert await made(tmp_path, buffer.getvalue()) == 2
    assert not (tmp_path / "office").exists()


@pytest.mark.slow
async def test_libreoffice_turns_slides_into_pages(tmp_path: Path) -> None:
    assert await made(tmp_path, slides(3)) == 3
    assert not (tmp_path / "office").exists()


async def test_a_document_is_put_in_its_place_whole_and_removed_whole(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    aside = await asyncio.to_thread(shelf.aside)
    (aside / "source").write_bytes(b"x")

    shelf.put(aside, "b1", "d1")
    assert shelf.source("b1", "d1").read_bytes() == b"x"
    assert not aside.exists()
    shelf.remove("b1")
    assert not shelf.place("b1", "d1").exists()


async def test_what_an_earlier_run_left_half_made_is_swept_away(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    aside = shelf.aside()
    shelf.sweep()
    assert not aside.exists()
