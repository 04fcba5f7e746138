"""Reads a YAML file into entries whose every field knows its line.

Rule 1: whatever the bytes are, the outcome is a value or a Problem; problems are collected, not thrown.
Rule 2: nothing is constructed from tags: fields take the text of plain scalars and judge it themselves, so
that 0209 stays a phone number and `yes` never becomes true.
Rule 3: aliases, deep nesting and large files are refused: a configuration needs none of them.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from coordinator.domain.errors import ConfigError

T = TypeVar("T")
MAX_BYTES = 1_000_000
MAX_DEPTH = 10
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `code` names the sentences `error:config_<code>` and `remedy:config_<code>`."""

    code: str
    line: int
    entry: str
    field: str
    values: dict[str, str]


class Problems:
    """What was found wrong in one file so far."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.found: list[Problem] = []

    def add(self, code: str, line: int, entry: str = "", name: str = "", **values: object) -> None:
        """Notes one problem; `values` fill the placeholders of its sentences."""
        told = {key: _shown(value) for key, value in values.items()}
        self.found.append(Problem(code, line, entry, name, told))

    def error(self) -> ConfigError:
        """All problems as one error in the order of their lines; its details start with the first."""
        ordered = sorted(self.found, key=lambda problem: problem.line)
        first = ordered[0]
        listed = [
            {"code": each.code, "line": each.line, "entry": each.entry, "field": each.field} | each.values
            for each in ordered
        ]
        return ConfigError(
            "bad_config", file=str(self.file), line=first.line, entry=first.entry, field=first.field,
            problem=f"config_{first.code}", remedy=f"config_{first.code}", problems=listed,
        )  # fmt: skip

    def raise_any(self) -> None:
        """Raises ConfigError where anything was found."""
        if self.found:
            raise self.error()


def _shown(value: object) -> str:
    text = str(value)
    shown = "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text[:80])
    return shown + ("…" if len(text) > 80 else "")


class Entry:
    """One YAML mapping: fields are asked for by name; `close` reports those nobody asked for."""

    def __init__(self, node: yaml.MappingNode, name: str, problems: Problems) -> None:
        self.name = name
        self.line = line_of(node)
        self._problems = problems
        self.faulty: set[str] = set()
        self._asked: list[str] = []
        self._fields: dict[str, tuple[int, yaml.Node]] = {}
        for key, value in node.value:
            line = line_of(key)
            if not isinstance(key, yaml.ScalarNode):
                problems.add("bad_key", line, name)
            elif key.value in self._fields:
                problems.add("twice", line, name, key.value, first=self._fields[key.value][0])
            else:
                self._fields[key.value] = (line, value)

    def wrong(self, code: str, key: str, **values: object) -> None:
        """Notes a problem at the field's line, or at the entry's where the field is missing."""
        self.faulty.add(key)
        line = self._fields[key][0] if key in self._fields else self.line
        self._problems.add(code, line, self.name, key, **values)

    def has(self, key: str) -> bool:
        """Whether the field is there and not empty."""
        return key in self._fields and self._fields[key][1].tag != f"{_TAG}null"

    def node(self, key: str, required: bool = False) -> yaml.Node | None:
        """The field's node; None where it is missing or empty (a problem where it is required)."""
        self._asked.append(key)
        if self.has(key):
            return self._fields[key][1]
        if required:
            self.wrong("missing", key)
        return None

    def scalar(self, key: str, tags: Collection[str], required: bool = False) -> str | None:
        """The text of a plain value of one of the YAML types in `tags` (str, int, float, bool)."""
        node = self.node(key, required)
        if node is None:
            return None
        kind = node.tag.removeprefix(_TAG)
        if isinstance(node, yaml.ScalarNode) and kind in tags:
            return str(node.value)
        shown = node.value if isinstance(node, yaml.ScalarNode) else "[…]"
        self.wrong("not_a_number" if "int" in tags and "str" not in tags else "not_text", key, value=shown)
        return None

    def text(self, key: str, required: bool = False, limit: int = 200, loose: bool = False) -> str | None:
        """A line of text in NFC; `loose` takes unquoted numbers too, letter by letter."""
        found = self.scalar(key, ("str", "int") if loose else ("str",), required)
        if found is None:
            return None
        text = unicodedata.normalize("NFC", found).strip()
        if not text:
            if required:
                self.wrong("missing", key)
            return None
        if len(text) > limit or not text.isprintable():
            self.wrong("bad_text", key, limit=limit)
            return None
        return text

    def count(self, key: str, low: int = 0, high: int = 1_000_000, required: bool = False) -> int | None:
        """A whole number in decimal digits from `low` to `high`."""
        found = self.scalar(key, ("int",), required)
        if found is None:
            return None
        digits = found.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()) or (len(digits) > 1 and digits.startswith("0")):
            self.wrong("not_a_number", key, value=found)
        elif found.startswith("-"):
            self.wrong("negative", key, value=found)
        elif len(digits) > 12 or not low <= int(digits) <= high:
            self.wrong("out_of_range", key, value=found, low=low, high=high)
        else:
            return int(digits)
        return None

    def share(self, key: str) -> float | None:
        """A number from 0 to 1."""
        found = self.scalar(key, ("int", "float"))
        if found is None:
            return None
        if found.startswith("-"):
            self.wrong("negative", key, value=found)
            return None
        try:
            number = float(found)
        except ValueError:
            number = -1.0
        if not (0 <= number <= 1 and "_" not in found and len(found) < 20):
            self.wrong("out_of_range", key, value=found, low=0, high=1)
            return None
        return number

    def judged(self, key: str, judge: Callable[[str], T], code: str, required: bool = False) -> T | None:
        """A line of text turned into a value by `judge`; its ValueError becomes the problem `code`."""
        found = self.text(key, required, limit=500, loose=True)
        if found is None:
            return None
        try:
            return judge(found)
        except ValueError:
            self.wrong(code, key, value=found)
            return None

    def entry(self, key: str, required: bool = False) -> Entry | None:
        """A mapping inside this one."""
        node = self.node(key, required)
        if node is None:
            return None
        if isinstance(node, yaml.MappingNode):
            return Entry(node, f"{self.name} › {key}" if self.name else key, self._problems)
        self.wrong("not_a_mapping", key)
        return None

    def items(self, key: str, required: bool = False) -> list[yaml.Node]:
        """The nodes of a list."""
        node = self.node(key, required)
        if node is None:
            return []
        if isinstance(node, yaml.SequenceNode):
            if not node.value and required:
                self.wrong("missing", key)
            return list(node.value)
        self.wrong("not_a_list", key)
        return []

    def close(self) -> None:
        """Reports every field nobody asked for, with the nearest known name."""
        for key, (line, _) in self._fields.items():
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, 1, 0.5)
                code = "unknown_key_near" if near else "unknown_key"
                known = ", ".join(self._asked)
                self._problems.add(
                    code, line, self.name, key, key=key, near=near[0] if near else "", known=known
                )


def line_of(node: yaml.Node) -> int:
    """The line a node starts at, from 1."""
    return int(node.start_mark.line) + 1


def read_file(path: Path, problems: Problems) -> Entry:
    """Reads the file's one mapping.

    Raises:
        ConfigError: it cannot be read, is no UTF-8, empty, no YAML, or no mapping.
    """
    node = _compose(_decode(_bytes(path, problems), problems), problems)
    if not isinstance(node, yaml.MappingNode):
        problems.add("not_a_file_mapping", line_of(node))
        raise problems.error()
    return Entry(node, "", problems)


def _bytes(path: Path, problems: Problems) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the name
        problems.add("cannot_read", 0, problem=getattr(problem, "strerror", None) or problem)
        raise problems.error() from problem
    if len(raw) > MAX_BYTES:
        problems.add("too_large", 0, limit=MAX_BYTES)
        raise problems.error()
    return raw


def _decode(raw: bytes, problems: Problems) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        problems.add("bad_utf8", line, byte=problem.start + 1, value=f"0x{raw[problem.start]:02x}")
        raise problems.error() from problem
    if not text.strip():
        problems.add("empty", 1)
        raise problems.error()
    return text


def _compose(text: str, problems: Problems) -> yaml.Node:
    """The node graph of the one document, after a look at the events for what is refused on sight."""
    try:
        depth = 0
        for event in yaml.parse(text, yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH:
                code = "alias" if isinstance(event, yaml.AliasEvent) else "too_deep"
                problems.add(code, getattr(event.start_mark, "line", 0) + 1)
                raise problems.error()
        node: Any = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as problem:
        _explain(problem, text, problems)
        raise problems.error() from problem
    if node is None or node.tag == f"{_TAG}null":
        problems.add("empty", 1)
        raise problems.error()
    assert isinstance(node, yaml.Node)
    return node


def _explain(problem: Exception, text: str, problems: Problems) -> None:
    """Turns PyYAML's complaint into a Problem with its line."""
    mark = getattr(problem, "problem_mark", None) or getattr(problem, "context_mark", None)
    lines = text.split("\n")
    if isinstance(problem, yaml.reader.ReaderError):
        line = text.count("\n", 0, int(problem.position)) + 1
        problems.add("bad_character", line, value=f"U+{ord(text[problem.position]):04X}")
        return
    line = (mark.line if mark else 0) + 1
    around = [number for number in (line, line - 1) if 0 < number <= len(lines)]
    for number in around:
        written = lines[number - 1]
        if "\t" in written[: len(written) - len(written.lstrip())]:
            problems.add("tab", number)
            return
    problems.add("syntax", line, problem=getattr(problem, "problem", None) or type(problem).__name__)
