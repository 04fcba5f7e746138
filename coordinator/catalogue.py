"""The sentences people read, in Vietnamese and English: gettext catalogues under `web/locale/<lang>/*.po`.

Rule 1: templates, scripts, refusals and commands take their sentences here, so that they share one set.
Rule 2: a screen word's msgid is the English sentence; an error's msgid is `error:<code>`, in both languages.
Rule 3: a missing entry never fails: the msgid itself, or for an error a general sentence with its code.
Placeholders are `{name}`; one that gets no value stays as it is.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

from coordinator.domain.errors import CoordinatorError

LANGUAGES = ("vi", "en")
DEFAULT = "vi"
_MOST = 50
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_UNKNOWN = {
    "vi": "Không thực hiện được (mã {code}).",
    "en": "That could not be done (code {code}).",
}


def web_folder() -> Path:
    """Where pages, scripts and catalogues are: `web/` beside the package, or COORDINATOR_WEB."""
    chosen = os.environ.get("COORDINATOR_WEB")
    return Path(chosen) if chosen else Path(__file__).resolve().parent.parent / "web"


class Catalogue:
    """All sentences of one language."""

    def __init__(self, lang: str, messages: Mapping[str, str]) -> None:
        """`messages`: msgid to sentence, empty ones left out."""
        self.lang = lang
        self.messages = dict(messages)

    def text(self, msgid: str, **values: object) -> str:
        """The sentence for a msgid, with its placeholders filled."""
        return _filled(self.messages.get(msgid, msgid), values)

    def error(self, code: str, details: Mapping[str, object] | None = None) -> str:
        """The sentence for an error's code, its placeholders filled from the error's details."""
        sentence = self.messages.get(f"error:{code}")
        if sentence is None:
            sentence = self.messages.get("error:unknown", _UNKNOWN.get(self.lang, _UNKNOWN[DEFAULT]))
        return _filled(sentence, {"code": code} | dict(details or {}))

    def sentence(self, problem: CoordinatorError) -> str:
        """The sentence for a raised error; for a ConfigError a line for each of its problems."""
        listed = problem.details.get("problems")
        if not isinstance(listed, list):
            return self.error(problem.code, problem.details)
        lines = [self._place(problem.details, each) for each in listed[:_MOST]]
        more = len(listed) - len(lines)
        return "\n".join([*lines, self.error("config_more", {"more": more})] if more else lines)

    def _place(self, details: Mapping[str, object], problem: Mapping[str, object]) -> str:
        """`file:line: entry, field: problem. Remedy.`"""
        line = problem.get("line")
        where = f"{details.get('file')}:{line}" if line else f"{details.get('file')}"
        named = ", ".join(str(problem[key]) for key in ("entry", "field") if problem.get(key))
        told = self.error(f"config_{problem.get('code')}", problem)
        remedy = _filled(self.messages.get(f"remedy:config_{problem.get('code')}", ""), problem)
        return " ".join(part for part in (f"{where}:", f"{named}:" if named else "", told, remedy) if part)

    def as_json(self) -> str:
        """The catalogue for the browser: one JSON object from msgid to sentence."""
        return json.dumps(self.messages, ensure_ascii=False, sort_keys=True)


@cache
def load(lang: str) -> Catalogue:
    """The catalogue of "vi" or "en" (anything else: Vietnamese), read once from all its files."""
    lang = lang if lang in LANGUAGES else DEFAULT
    messages: dict[str, str] = {}
    for path in sorted((web_folder() / "locale" / lang).glob("*.po")):
        messages = read(path, lang) | messages
    return Catalogue(lang, messages)


def read(path: Path, lang: str) -> dict[str, str]:
    """The finished entries of one .po file: fuzzy and empty ones left out."""
    with path.open("rb") as file:
        entries = read_po(file, locale=lang, charset="utf-8", abort_invalid=True)
    return {
        entry.id: entry.string
        for entry in entries
        if isinstance(entry.id, str) and isinstance(entry.string, str)
        if entry.id and entry.string and not entry.fuzzy
    }


def from_environment(environment: Mapping[str, str] = os.environ) -> Catalogue:
    """The catalogue for commands: COORDINATOR_LANG, else LANG; Vietnamese unless that says English."""
    wanted = environment.get("COORDINATOR_LANG") or environment.get("LANG", "")
    return load("en" if wanted.lower().startswith("en") else DEFAULT)


def negotiate(accept_language: str | None, cookie: str | None = None) -> Catalogue:
    """The catalogue for a request: the `lang` cookie, else the best of Accept-Language, else Vietnamese."""
    if cookie in LANGUAGES:
        return load(cookie)
    best, weight = DEFAULT, 0.0
    for part in (accept_language or "")[:1000].split(","):
        name, _, parameters = part.strip().partition(";")
        lang = name.strip().lower().split("-")[0]
        quality = _quality(parameters)
        if lang in LANGUAGES and quality > weight:
            best, weight = lang, quality
    return load(best)


def _quality(parameters: str) -> float:
    found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", parameters)
    return float(found[1]) if found else 0.0 if parameters.strip() else 1.0


def _filled(sentence: str, values: Mapping[str, object]) -> str:
    return _PLACEHOLDER.sub(lambda found: str(values.get(found[1], found[0])), sentence)
