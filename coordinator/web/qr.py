"""A link as a QR code, for paper and for a screen that a telephone is held before."""

from __future__ import annotations

import segno
from markupsafe import Markup


def qr_code(text: str) -> Markup:
    """The text as a QR code in SVG, with the quiet margin that telephones need."""
    made = segno.make(text, error="m", micro=False)
    return Markup(made.svg_inline(scale=4, border=4, svgclass=None, lineclass=None, omitsize=True))
