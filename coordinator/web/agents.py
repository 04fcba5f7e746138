"""Browser and system, in words that a report can bear: "Chrome 130 · Windows"."""

from __future__ import annotations

import re

_BROWSERS = (  # the first that fits: the others' names stand in Chrome's too
    ("Edge", re.compile(r"Edge?/(\d+)")),
    ("Cốc Cốc", re.compile(r"coc_coc_browser/(\d+)")),
    ("Opera", re.compile(r"OPR/(\d+)")),
    ("Firefox", re.compile(r"Firefox/(\d+)")),
    ("Chrome", re.compile(r"Chrom(?:e|ium)/(\d+)")),
    ("Safari", re.compile(r"Version/(\d+).*Safari/")),
)
_SYSTEMS = (
    ("Windows", "Windows NT"),
    ("Android", "Android"),
    ("iOS", "iPhone"),
    ("iOS", "iPad"),
    ("macOS", "Mac OS X"),
    ("ChromeOS", "CrOS"),
    ("Linux", "Linux"),
)


def short(agent: str) -> str:
    """At most 80 characters; an agent nobody knows by its first word, and "?" for none."""
    browser = next((f"{name} {found[1]}" for name, rule in _BROWSERS if (found := rule.search(agent))), None)
    system = next((name for name, mark in _SYSTEMS if mark in agent), None)
    if browser and system:
        return f"{browser} · {system}"
    word = "".join(character for character in agent if character.isprintable()).split(" ")[0][:80]
    return browser or word or "?"
