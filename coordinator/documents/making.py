"""From a file that was handed in to the pictures of its pages, in child processes with limits.

Rule 1: nothing of a document is opened in the server's own process but the list of an Office file's parts.
Rule 2: a child that takes too long is ended with all that it started.
Rule 3: what cannot be shown is refused with a code that says what to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

from coordinator.documents import kinds
from coordinator.documents.shelf import SOURCE
from coordinator.domain.errors import Refusal

RENDER_WITHIN_S = 300.0
CONVERT_WITHIN_S = 150.0
PROGRAMS = ("soffice", "libreoffice")


async def make(place: Path) -> int:
    """Renders `place/source` into `place`; returns the number of pages.

    Raises:
        Refusal: document_unknown, document_broken, document_bomb, document_fetches, document_encrypted,
            document_empty, document_too_many_pages, document_too_complex, document_too_slow,
            document_needs_office, document_not_converted.
    """
    source = place / SOURCE
    kind = await asyncio.to_thread(kinds.kind_of, source)
    if kind != kinds.PDF:
        source = await _converted(source, kind)
    said = await _child(RENDER_WITHIN_S, "render", str(source), str(place))
    if source.name != SOURCE:
        await asyncio.to_thread(shutil.rmtree, source.parent, True)
    return _pages_in(said)


def _pages_in(said: bytes) -> int:
    try:
        told = json.loads(said)
    except ValueError:  # killed by its limits, or by a fault in the reader itself
        raise Refusal("document_too_complex") from None
    code = str(told.get("problem", ""))
    if code:
        raise Refusal(code)
    return int(told["pages"])


async def _converted(source: Path, kind: str) -> Path:
    """The PDF that LibreOffice makes of an Office file."""
    program = office()
    if program is None:
        raise Refusal("document_needs_office")
    work = source.parent / "office"
    work.mkdir(mode=0o700)
    named = work / f"document.{kind}"
    os.link(source, named)
    await _child(CONVERT_WITHIN_S, "convert", str(named), str(work), program, home=work)
    made = named.with_suffix(".pdf")
    if not made.is_file():
        raise Refusal("document_not_converted")
    return made


def office() -> str | None:
    """Where LibreOffice is on this machine, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


async def _child(within_s: float, *arguments: str, home: Path | None = None) -> bytes:
    """Runs a worker; what it printed. Raises Refusal: document_too_slow."""
    environment = {key: os.environ[key] for key in ("PATH", "LANG", "PYTHONPATH") if key in os.environ}
    if home is not None:
        environment |= {"HOME": str(home), "TMPDIR": str(home)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coordinator.documents.worker", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(within_s):
            said, _ = await process.communicate()
    except TimeoutError:
        raise Refusal("document_too_slow") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return said
