"""The minutes (biên bản) as DOCX, filled into a template that the office can edit in Word.

Rule 1: the template places, it does not compute: its placeholders are the words of `document.of`.
Rule 2: an office's own template runs in Jinja's sandbox; a placeholder that does not exist is an error that
names it, never a silent blank.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from zoneinfo import ZoneInfo

from docx.opc.exceptions import OpcError
from docxtpl.template import DocxTemplate
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from coordinator.domain.attendance_types import Attendance
from coordinator.domain.errors import StorageError
from coordinator.reports import document
from coordinator.reports.letterhead import Letterhead

OWN = Path(__file__).resolve().parents[2] / "config" / "templates" / "bien-ban.docx"


def write(
    attendance: Attendance, paper: Letterhead, zone: ZoneInfo, at_ms: int, template: Path | None = None
) -> bytes:
    """The finished file; `at_ms`: when it is made, UTC; `template`: instead of our own.

    Raises:
        StorageError: bad_template (details: file, problem).
    """
    path = template or OWN
    words = document.of(attendance, paper, zone, at_ms)
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
