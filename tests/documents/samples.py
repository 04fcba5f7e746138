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


def text_pdf(pages: int = 3) -> bytes:
    """A PDF on A4 whose pages are full of words, no two lines alike, as a resolution's are."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"", b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>"]
    for number in range(1, pages + 1):
        lines = b"".join(b"(%s)' " % _words(number, line).encode() for line in range(30))
        text = b"BT /F 13 Tf 20 TL 60 780 Td (%d. Muc tieu)' %sET" % (number, lines)
        objects.append(b"<</Length %d>>\nstream\n%s\nendstream" % (len(text), text))
        sheet = b"/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>"
        objects.append(b"<</Type/Page%s/Contents %d 0 R>>" % (sheet, len(objects)))
    kids = b" ".join(b"%d 0 R" % (5 + 2 * page) for page in range(pages))
    objects[1] = b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages)
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, content) for n, content in enumerate(objects, 1))
    return b"%%PDF-1.4\n%strailer\n<</Root 1 0 R>>\n%%%%EOF\n" % body


_SYLLABLES = (
    "can cu nghi quyet dai hoi dang bo huyen nhiem ky ban thuong vu yeu cau cap uy to chuc truc thuoc"
)


def _words(page: int, line: int) -> str:
    syllables = _SYLLABLES.split()
    picked = [syllables[(page * 7919 + line * 104_729 + n * n * 31) % len(syllables)] for n in range(15)]
    return " ".join(picked) + f", {(page * 37 + line * 11) % 100} %"


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


_MAIN = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SPACES = f'xmlns:a="{_DRAWING}" xmlns:r="{_LINKS}" xmlns:p="{_MAIN}"'
_GROUP = '<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>'
_COLOURS = (
    'bg1="lt1" tx1="dk1" bg2="lt2" tx2="dk2" accent1="accent1" accent2="accent2" accent3="accent3" '
    'accent4="accent4" accent5="accent5" accent6="accent6" hlink="hlink" folHlink="folHlink"'
)


def _links(*targets: tuple[str, str]) -> bytes:
    rows = "".join(
        f'<Relationship Id="rId{number}" Type="{_LINKS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'.encode()


def _slide(number: int) -> bytes:
    text = f"<a:p><a:r><a:t>Trang {number}: mục tiêu đến năm 2025</a:t></a:r></a:p>"
    shape = (
        '<p:sp><p:nvSpPr><p:cNvPr id="2" name="t"/><p:cNvSpPr txBox="1"/><p:nvPr/></p:nvSpPr><p:spPr><a:xfrm>'
        '<a:off x="900000" y="900000"/><a:ext cx="9000000" cy="2000000"/></a:xfrm><a:prstGeom prst="rect"/>'
        f"</p:spPr><p:txBody><a:bodyPr/>{text}</p:txBody></p:sp>"
    )
    return f"<p:sld {_SPACES}><p:cSld><p:spTree>{_GROUP}{shape}</p:spTree></p:cSld></p:sld>".encode()


def slides(pages: int) -> bytes:
    """A presentation (PPTX) of that many slides, each with one line of text."""
    numbers = range(1, pages + 1)
    kind = "application/vnd.openxmlformats-officedocument.presentationml"
    named = {"/ppt/presentation.xml": "presentation.main", "/ppt/slideMasters/m.xml": "slideMaster"}
    named |= {"/ppt/slideLayouts/l.xml": "slideLayout"}
    named |= {f"/ppt/slides/s{n}.xml": "slide" for n in numbers}
    overrides = "".join(f'<Override PartName="{p}" ContentType="{kind}.{k}+xml"/>' for p, k in named.items())
    listing = (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f"{overrides}</Types>"
    )
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n + 1}"/>' for n in numbers)
    tree = f"<p:cSld><p:spTree>{_GROUP}</p:spTree></p:cSld>"
    parts = {
        "[Content_Types].xml": listing.encode(),
        "_rels/.rels": _links(("officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": (
            f'<p:presentation {_SPACES}><p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/>'
            f"</p:sldMasterIdLst><p:sldIdLst>{ids}</p:sldIdLst>"
            '<p:sldSz cx="12192000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/></p:presentation>'
        ).encode(),
        "ppt/_rels/presentation.xml.rels": _links(
            ("slideMaster", "slideMasters/m.xml"), *(("slide", f"slides/s{n}.xml") for n in numbers)
        ),
        "ppt/slideMasters/m.xml": (
            f"<p:sldMaster {_SPACES}>{tree}<p:clrMap {_COLOURS}/><p:sldLayoutIdLst>"
            '<p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst></p:sldMaster>'
        ).encode(),
        "ppt/slideMasters/_rels/m.xml.rels": _links(("slideLayout", "../slideLayouts/l.xml")),
        "ppt/slideLayouts/l.xml": f"<p:sldLayout {_SPACES}>{tree}</p:sldLayout>".encode(),
        "ppt/slideLayouts/_rels/l.xml.rels": _links(("slideMaster", "../slideMasters/m.xml")),
    }
    for n in numbers:
        parts[f"ppt/slides/s{n}.xml"] = _slide(n)
        parts[f"ppt/slides/_rels/s{n}.xml.rels"] = _links(("slideLayout", "../slideLayouts/l.xml"))
    return office(parts)
