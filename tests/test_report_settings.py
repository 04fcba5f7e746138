"""sites.yaml: how reports look and how long records are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator import config
from coordinator.domain.errors import ConfigError
from coordinator.reports import letterhead

SITES = (
    "hub: {name: Hội trường, level: Huyện}\nsites: [{code: alfa, name: Xã Á, kind: commune, expected: 3}]\n"
)


def load(folder: Path, text: str) -> config.Config:
    (folder / "sites.yaml").write_text(SITES + text, "utf-8")
    return config.load(folder / "sites.yaml")


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    found = load(tmp_path, "")

    assert (found.attendance.template, found.attendance.warn_rate, found.records.keep_years) == (
        None,
        0.9,
        None,
    )
    assert letterhead.of(found) == letterhead.Letterhead("party", "", "Hội trường", "", 0.9)


def test_the_template_is_found_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "own.docx").touch()

    found = load(
        tmp_path, "attendance: {template: own.docx, office: Huyện ủy, place: Chợ Đồn, heading: state}\n"
    )

    assert found.attendance.template == tmp_path / "own.docx"
    assert letterhead.of(found).persons == "đại biểu"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("attendance: {template: missing.docx}", "template"),
        ("attendance: {warn_rate: 90}", "warn_rate"),
        ("records: {keep_years: 0}", "keep_years"),
        ("records: {keep_years: -1}", "keep_years"),
        ("records: {keep: 5}", "keep"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, field: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text + "\n")

    assert (refused.value.details["field"], refused.value.details["line"]) == (field, 3)
