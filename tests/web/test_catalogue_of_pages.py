"""Every sentence of the pages has its Vietnamese entry, and no entry is left over."""

from __future__ import annotations

import re

from coordinator import catalogue
from coordinator.web import pages

WEB = catalogue.web_folder()
IN_TEMPLATES = re.compile(r"""\b_\(\s*(?:"([^"]*)"|'([^']*)')""")
IN_SCRIPTS = re.compile(r'\bt\(\s*"([^"]*)"')
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
ENTRIES = {
    english: vietnamese
    for name in ("pages.po", "site.po", "staff.po")
    for english, vietnamese in catalogue.read(WEB / "locale" / "vi" / name, "vi").items()
}


def used() -> set[str]:
    templates = [path.read_text("utf-8") for path in (WEB / "templates").glob("*.html")]
    scripts = [path.read_text("utf-8") for path in (WEB / "static" / "js").glob("*.js")]
    found = {found[1] or found[2] for text in templates for found in IN_TEMPLATES.finditer(text)}
    found |= {sentence for text in scripts for sentence in IN_SCRIPTS.findall(text)}
    return found | set(pages.TITLES.values()) | {pages.OTHER_TITLE}


def test_every_sentence_used_has_a_vietnamese_entry() -> None:
    assert used() - set(ENTRIES) == set()


def test_no_entry_is_unused() -> None:
    assert set(ENTRIES) - used() == set()


def test_a_translation_keeps_the_places_for_values() -> None:
    for english, vietnamese in ENTRIES.items():
        assert set(PLACEHOLDER.findall(english)) == set(PLACEHOLDER.findall(vietnamese)), english


def test_scripts_ask_for_sentences_only_by_their_text() -> None:
    """A key put together at run time would escape the two tests above."""
    for path in (WEB / "static" / "js").glob("*.js"):
        calls = re.findall(r"\bt\(\s*([^)\s])", path.read_text("utf-8"))
        assert set(calls) <= {'"', "s"}, path.name  # "s": the definition itself, t(sentence, …)
