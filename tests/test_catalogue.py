"""One set of sentences for pages, refusals and commands, in two languages."""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from coordinator import catalogue
from coordinator.catalogue import Catalogue
from coordinator.domain.errors import Refusal

ROOT = Path(__file__).resolve().parents[1]
OWN = [
    *(ROOT / "coordinator" / "commands").glob("*.py"),
    *(ROOT / "coordinator" / "storage").glob("*.py"),
    *(ROOT / "coordinator" / name for name in ("cli.py", "config.py", "config_source.py")),
]


def files() -> list[Path]:
    return sorted((ROOT / "web" / "locale").glob("*/*.po"))


def test_text_is_filled_and_falls_back_to_the_msgid() -> None:
    words = Catalogue("vi", {"Hello {name}": "Chào {name}"})
    assert words.text("Hello {name}", name="{code}") == "Chào {code}"
    assert words.text("Hello {name}") == "Chào {name}"
    assert words.text("Bye {name}", name="An") == "Bye An"


def test_an_error_without_a_sentence_still_tells_its_code() -> None:
    assert Catalogue("en", {}).error("odd") == "That could not be done (code odd)."
    assert Catalogue("vi", {}).sentence(Refusal("odd")) == "Không thực hiện được (mã odd)."


def test_an_error_tells_its_details() -> None:
    told = catalogue.load("en").sentence(Refusal("too_many_attempts", retry_after_s=4))
    assert re.search(r"\b4 seconds", told)


def test_the_browser_gets_the_same_sentences() -> None:
    words = catalogue.load("vi")
    assert json.loads(words.as_json()) == words.messages
    assert catalogue.load("xx") is not words
    assert catalogue.load("xx").lang == "vi"


@pytest.mark.parametrize(
    ("header", "cookie", "lang"),
    [
        (None, None, "vi"),
        ("en-GB,en;q=0.9", None, "en"),
        ("fr, en;q=0.5, vi;q=0.8", None, "vi"),
        ("en;q=0", None, "vi"),
        ("vi-VN", "en", "en"),
        ("en", "xx", "en"),
        (",;q=,=;en;;q=1", None, "vi"),
        ("en;q=9", None, "vi"),
        ("x" * 100_000 + ",en", None, "vi"),
    ],
)
def test_the_language_of_a_request(header: str | None, cookie: str | None, lang: str) -> None:
    assert catalogue.negotiate(header, cookie).lang == lang


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({}, "vi"),
        ({"LANG": "C.UTF-8"}, "vi"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "COORDINATOR_LANG": "vi"}, "vi"),
    ],
)
def test_the_language_of_commands(environment: dict[str, str], lang: str) -> None:
    assert catalogue.from_environment(environment).lang == lang


def test_no_two_files_say_the_same_thing_differently() -> None:
    said: dict[tuple[str, str], set[str]] = defaultdict(set)
    for file in files():
        for msgid, sentence in catalogue.read(file, file.parent.name).items():
            said[file.parent.name, msgid].add(sentence)
    assert {key: sentences for key, sentences in said.items() if len(sentences) > 1} == {}


def test_errors_and_remedies_have_a_sentence_in_both_languages() -> None:
    coded = {
        lang: {msgid for msgid in catalogue.load(lang).messages if re.match(r"(error|remedy):", msgid)}
        for lang in catalogue.LANGUAGES
    }
    assert coded["vi"] == coded["en"]


def test_both_languages_use_the_same_placeholders() -> None:
    vi, en = (catalogue.load(lang).messages for lang in ("vi", "en"))
    for msgid, sentence in vi.items():
        other = en.get(msgid, msgid)
        assert set(re.findall(r"\{[a-z_]+\}", sentence)) == set(re.findall(r"\{[a-z_]+\}", other)), msgid


def test_every_error_raised_by_commands_and_storage_has_a_sentence() -> None:
    raised = {code for file in OWN for code in _codes(file)}
    assert {code for code in raised if f"error:{code}" not in catalogue.load("vi").messages} == set()
    assert len(raised) > 20


def _codes(file: Path) -> list[str]:
    """The literal codes of Refusal("…"), StorageError("…") and of problems noted in the configuration."""
    found = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        called, code = ast.unparse(node.func), str(node.args[0].value)
        if called in ("Refusal", "StorageError"):
            found.append(code)
        elif called in ("problems.add", "entry.wrong", "self.wrong", "self._problems.add"):
            found.append(f"config_{code}")
    return found
