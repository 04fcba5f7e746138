"""Errors: one status a code, and a sentence in both languages for every code that the product can raise."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import coordinator
from coordinator import catalogue
from coordinator.domain.errors import MediaError, ProtocolViolation, Refusal, StorageError
from coordinator.web import errors
from coordinator.web.errors import BadRequest

RAISED = (
    "Refusal",
    "BadRequest",
    "ProtocolViolation",
    "MediaError",
    "StorageError",
    "CoordinatorError",
    "_bad",
    "bad",
)
INSIDE = ("relay", "simulate")  # parts with errors of their own


def _calls() -> Iterator[tuple[str, list[ast.expr]]]:
    root = Path(coordinator.__file__).parent
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] in INSIDE:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED:
                yield node.func.id, node.args


def _texts(arguments: list[ast.expr], place: int) -> Iterator[str]:
    """The constants that an argument can be, through conditional expressions too."""
    for node in ast.walk(arguments[place]) if len(arguments) > place else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def _raised() -> set[str]:
    """The msgids of all codes, and of all problems of fields, that stand in the code."""
    codes = {f"error:{code}" for name, args in _calls() if "bad" not in name for code in _texts(args, 0)}
    return codes | {f"problem:{code}" for name, args in _calls() if "bad" in name for code in _texts(args, 1)}


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_every_code_has_a_sentence(language: str) -> None:
    known = set(catalogue.load(language).messages)
    raised = _raised() | {f"error:{code}" for code in errors.STATUS}

    assert len(raised) > 80
    assert sorted(raised - known) == []


def test_both_languages_know_the_same_sentences_and_places() -> None:
    vietnamese, english = (catalogue.load(language).messages for language in catalogue.LANGUAGES)
    for msgid in errors_of(vietnamese) | errors_of(english):
        places = [set(errors._PLACEHOLDER.findall(words[msgid])) for words in (vietnamese, english)]
        assert places[0] == places[1], msgid


def errors_of(messages: dict[str, str]) -> set[str]:
    return {msgid for msgid in messages if msgid.startswith(("error:", "problem:", "phase:"))}


@pytest.mark.parametrize(
    ("problem", "status"),
    [
        (Refusal("wrong_phase"), 409),
        (Refusal("something_new"), 409),
        (Refusal("unknown_site"), 404),
        (BadRequest("unknown_site", status=400), 400),
        (BadRequest("something_new"), 400),
        (ProtocolViolation("something_new"), 400),
        (StorageError("disk_full"), 503),
        (MediaError("media_down"), 503),
        (Refusal("too_many_attempts"), 429),
    ],
)
def test_the_status_follows_from_the_code(problem: Exception, status: int) -> None:
    assert isinstance(problem, Refusal | BadRequest | ProtocolViolation | StorageError | MediaError)
    assert errors.status_of(problem) == status


def test_a_sentence_names_phases_in_words_and_keeps_paths_inside() -> None:
    words = catalogue.load("vi")

    phase = errors.sentence(Refusal("wrong_phase", phase="live"), words)
    path = errors.sentence(StorageError("disk_full", data="/var/lib/secret"), words)
    nothing = errors.sentence(Refusal("unknown_briefing"), words)

    assert "đang họp" in phase
    assert "secret" not in path
    assert "{" not in nothing
