"""docs/reports.md names every placeholder that a template may use, and none that does not exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from coordinator.reports import document, held, many
from coordinator.reports.held import Share
from coordinator.reports.letterhead import Letterhead
from tests.reports.samples import EIGHT, ZONE, attendance

PAPER = Letterhead("party", "Đảng bộ tỉnh", "Huyện ủy", "Chợ Đồn")
MINUTES, MANY = re.findall(
    r"\| placeholder \|.*?\n\n",
    (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8"),
    re.DOTALL,
)


def told(table: str) -> set[str]:
    """All names in the first column."""
    cells = [line.split("|")[1] for line in table.splitlines()[2:] if line]
    return set(re.findall(r"\b[a-z_0-9]+\b", " ".join(re.findall(r"`([^`]*)`", " ".join(cells))))) - {"d"}


def names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in names(inner)}
    return names(value[0]) if isinstance(value, list) and value else set()


def test_the_words_of_the_minutes() -> None:
    assert told(MINUTES) == names(document.of(attendance(), PAPER, ZONE, EIGHT))


def test_the_words_of_the_report_over_many() -> None:
    share = (Share("xa-ban-thi", "Xã Bản Thi", 34, 20, None),)
    recorded = [held.of_attendance(attendance(head_seq=seq), ZONE) for seq in range(1, 7)]
    words = many.of([held.of_import("2019-05-04", "Cũ", "class", share), *recorded], PAPER, ZONE, EIGHT, 0.95)

    assert told(MANY) == names(words)
