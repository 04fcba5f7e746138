"""A style sheet that several pages load touches only the page it means."""

from __future__ import annotations

import re

from coordinator import catalogue

STYLES = catalogue.web_folder() / "static" / "css"
SHARED = ("tokens", "base", "icons", "components", "showing", "control")
COMMENT = re.compile(r"/\*.*?\*/", re.S)
SELECTORS = re.compile(r"([^{}]+)\{")


def test_an_id_in_a_shared_sheet_stands_under_its_page_or_part() -> None:
    for name in SHARED:
        text = COMMENT.sub("", (STYLES / f"{name}.css").read_text("utf-8"))
        for selectors in SELECTORS.findall(text):
            for selector in selectors.split(","):
                assert not selector.strip().startswith("#"), f"{name}.css: {selector.strip()}"
