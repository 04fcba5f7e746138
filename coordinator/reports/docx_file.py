"""The minutes (biên bản) and the report over many briefings as DOCX, in templates that the office can edit.

Rule 1: a template places, it does not compute: its placeholders are the words of `document.of`, `many.of`.
Rule 2: an office's own template runs in Jinja's sandbox; a placeholder that does not exist is an error that
names it, never a silent blank.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from docx.opc.exceptions import OpcError
from docxtpl.template import DocxTemplate
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from coordinator.domain.attendance_types import Attendance
from coordinator.domain.errors import StorageError
from coordinator.reports import document, many
from coordinator.reports.document import Words
from coordinator.reports.held import Held
from coordinator.reports.letterhead import Letterhead

_TEMPLATES = Path(__file__).resolve().parents[2] / "config" / "templates"
OWN = _TEMPLATES / "bien-ban.docx"
OWN_OF_MANY = _TEMPLATES / "bao-cao.docx"


def write(
    attendance: Attendance, paper: Letterhead, zone: ZoneInfo, at_ms: int, template: Path | None = None
) -> bytes:
    """The finished file; `at_ms`: when it is made, UTC; `template`: instead of our own.

    Raises:
        StorageError: bad_template (details: file, problem).
    """
    return _filled(document.of(attendance, paper, zone, at_ms), template or OWN)


def write_many(
    held: Sequence[Held],
    paper: Letterhead,
    zone: ZoneInfo,
    at_ms: int,
    threshold: float,
    template: Path | None = None,
) -> bytes:
    """The report over `held`, oldest first; `threshold` 0..1, the rest as in `write`.

    Raises:
        StorageError: bad_template (details: file, problem).
    """
    return _filled(many.of(held, paper, zone, at_ms, threshold), template or OWN_OF_MANY)


def _filled(words: Words, path: Path) -> bytes:
    sandbox = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
    memory = io.BytesIO()
    try:
        filled = DocxTemplate(str(path))
        filled.render(words, sandbox)
        filled.save(memory)
    except (OpcError, OSError, KeyError, zipfile.BadZipFile) as problem:
        raise StorageError("bad_template", file=path.name, problem="not a .docx file") from problem
    except (TemplateError, TypeError, ValueError, SyntaxError) as problem:  # SyntaxError: lxml's of the XML
        raise StorageError("bad_template", file=path.name, problem=str(problem)[:200]) from problem
    return memory.getvalue()
