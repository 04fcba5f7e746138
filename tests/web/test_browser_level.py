"""`make check` fails where a page asks for more than the oldest browsers of the field know."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.server import ROOT

NEWER = {
    "static/js/newer.js": ("[1].at(0);\nURL.canParse('x');\n", "2: URL.canParse needs chrome 120"),
    "static/css/newer.css": (".a { color: light-dark(red, blue); }\n", "1: light-dark() needs chrome 123"),
    "templates/newer.html": ("<div popover>{{ _('x') }}</div>\n", "1: <div popover> needs chrome 114"),
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The pages' files and the check, where a test may add to them."""
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=shutil.ignore_patterns("vendor", "locale", "img"))
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return tmp_path


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["node", "--preserve-symlinks", "scripts/check_browser_level.mjs"]
    tools = {"PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"}  # Node may have come as a Python package
    return subprocess.run(command, cwd=folder, env=tools, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_what_is_newer_is_named_with_its_line_and_fails(copy: Path) -> None:
    for name, (text, _) in NEWER.items():
        (copy / "web" / name).write_text(text, "utf-8")

    done = check(copy)

    assert done.returncode == 1
    for name, (_, told) in NEWER.items():
        assert f"web/{name}:{told}" in done.stderr


@pytest.mark.slow
def test_a_stated_reason_and_a_question_first_are_accepted(copy: Path) -> None:
    asked = "URL.canParse?.('x');\n// newer than chrome: only where the button is shown\nURL.canParse('x');\n"
    (copy / "web/static/js/newer.js").write_text(asked, "utf-8")

    assert check(copy).returncode == 0
