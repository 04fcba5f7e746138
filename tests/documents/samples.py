"""Documents to hand in, made on the spot."""

from __future__ import annotations

import io
import zipfile

from PIL import Image, ImageDraw


def pdf(pages: int = 3, size: tuple[int, int] = (1280, 720)) -> bytes:
    """A PDF whose pages are numbered pictures."""
    sheets = []
    for number in range(1, pages + 1):
        sheet = Image.new("RGB", size, (250, 248, 240))
        draw = ImageDraw.Draw(sheet)
        draw.rectangle((40, 40, size[0] - 40, 160), fill=(160, 20, 30))
        for line in range(12):
            draw.text((80, 220 + 36 * line), f"{number}.{line} muc tieu den nam 2025", fill=(20, 30, 40))
        sheets.append(sheet)
    buffer = io.BytesIO()
    sheets[0].save(buffer, "PDF", save_all=True, append_images=sheets[1:])
    return buffer.getvalue()


ENCRYPTED = b"""%%PDF-1.4
1 0 obj
<</Type/Catalog/Pages 2 0 R>>
endobj
2 0 obj
<</Type/Pages/Kids[3 0 R]/Count 1>>
endobj
3 0 obj
<</Type/Page/Parent 2 0 R/MediaBox[0 0 10 10]>>
endobj
4 0 obj
<</Filter/Standard/V 1/R 2/Length 40/P -4/O<%b>/U<%b>>>
endobj
trailer
<</Root 1 0 R/Encrypt 4 0 R/ID[<00112233445566778899aabbccddeeff><00112233445566778899aabbccddeeff>]>>
%%%%EOF
""" % (b"11" * 32, b"22" * 32)


def office(parts: dict[str, bytes]) -> bytes:
    """An Office file with these parts, packed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {"[Content_Types].xml": b"<Types/>", **parts}.items():
            archive.writestr(name, content)
    return buffer.getvalue()
