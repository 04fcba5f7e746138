"""A briefing's documents over HTTP: handed in by the host, their pages and files given to its sites.

Rule 1: a document is made whole before the log hears of it; where it is refused nothing stays behind.
Rule 2: a page's picture never changes, so browsers keep it for ever; a page that is not in the log is not
given out, whatever lies in the folder.
Rule 3: one document is rendered at a time: a briefing that runs needs the cores more.
Rule 4: a site that took the whole file has received it; of the pages the site's own page tells.
Rule 5: a page on a thin line says how fast it wants something, in bytes a second (header or query `pace`).
It gets it evenly: what TCP sends as fast as it can would push the sound off such a line.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

from aiohttp import web

from coordinator import clock
from coordinator.documents import kinds, making
from coordinator.documents.shelf import SIZES, SOURCE, Shelf
from coordinator.domain import showing
from coordinator.domain.briefing import Briefing
from coordinator.domain.commands import AddDocument, ReceiveDocument, WithdrawDocument
from coordinator.domain.errors import Refusal, StorageError
from coordinator.domain.state import Document
from coordinator.hall import new_id
from coordinator.web import bodies
from coordinator.web.access import EVERYONE, STEER, WHO, Route, add_guarded
from coordinator.web.downloads import disposition
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES

READ_WITHIN_S = 900.0  # 50 MB over the host's own line
LONGEST_NAME = 150
SLOWEST, FASTEST, PIECE = 1_000, 100_000, 1_200  # bytes a second; a piece is one packet
_FOR_EVER = "private, max-age=31536000, immutable"
SHELF: web.AppKey[Shelf] = web.AppKey("documents", Shelf)
TURN: web.AppKey[asyncio.Semaphore] = web.AppKey("documents at a time", asyncio.Semaphore)


async def state_for(request: web.Request) -> Briefing:
    """The briefing in the address; a site has to be called to it.

    Raises:
        Refusal: unknown_briefing. BadRequest: forbidden.
    """
    briefing = await request.app[SERVICES].sessions.state(request.match_info["id"])
    site = request[WHO].site
    if site is not None and site not in briefing.sites:
        raise BadRequest("forbidden")
    return briefing


async def listing(request: web.Request) -> web.Response:
    """GET …/documents: oldest first; who received which is told to the hub alone."""
    told = showing.for_hub(await state_for(request))["documents"]
    site = request[WHO].site
    for one in told:
        if site is not None:
            one["received"] = site in one["received"]
    return web.json_response(told)


async def add(request: web.Request) -> web.Response:
    """POST …/documents?name=: the body is the file itself."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    name = bodies.clean_text("name", request.query.get("name"), LONGEST_NAME)
    actor, document = request[WHO].actor, new_id(12)
    state = await state_for(request)
    state.decide(AddDocument(document, name, "", 1, 0), clock.now(), actor)  # refused before anything is read
    if (request.content_length or 0) > kinds.MOST_BYTES:
        raise Refusal("document_too_large")
    shelf = request.app[SHELF]
    aside = await asyncio.to_thread(shelf.aside)
    try:
        digest, size = await _take(request, aside / SOURCE)
        async with request.app[TURN]:
            pages = await making.make(aside)
        await asyncio.to_thread(shelf.put, aside, briefing, document)
        await services.sessions.run(briefing, AddDocument(document, name, digest, pages, size), actor)
    except BaseException:
        await asyncio.to_thread(shelf.discard, aside)
        await asyncio.to_thread(shelf.remove, briefing, document)
        raise
    made = showing.for_hub(await state_for(request))["documents"]
    return web.json_response(next(one for one in made if one["id"] == document), status=201)


async def _take(request: web.Request, path: Path) -> tuple[str, int]:
    """Writes the body to a file; its SHA-256 and size.

    Raises:
        Refusal: document_too_large. StorageError: data_unusable. BadRequest: not_understood (too slow).
    """
    digest, size = hashlib.sha256(), 0
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            with path.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                async for part in request.content.iter_chunked(256 * 1024):
                    size += len(part)
                    if size > kinds.MOST_BYTES:
                        raise Refusal("document_too_large")
                    digest.update(part)
                    await asyncio.to_thread(file.write, part)
    except TimeoutError:
        raise BadRequest("not_understood", status=408) from None
    except OSError as problem:
        raise StorageError("data_unusable", data=str(path), problem=problem.strerror or "?") from problem
    return digest.hexdigest(), size


async def withdraw(request: web.Request) -> web.Response:
    """DELETE …/documents/{document}."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    document = request.match_info["document"]
    await services.sessions.run(briefing, WithdrawDocument(document), request[WHO].actor)
    await asyncio.to_thread(request.app[SHELF].remove, briefing, document)
    return await listing(request)


async def file(request: web.Request) -> web.StreamResponse:
    """GET …/documents/{document}/file: as the host gave it."""
    document = await _document(request)
    path = request.app[SHELF].source(request.match_info["id"], document.id)
    headers = {
        "Content-Disposition": disposition(document.name),
        "Content-Type": "application/octet-stream",
        "Cache-Control": "private, no-cache",
    }
    response = await _send(request, path, headers)
    site = request[WHO].site
    if site is not None and response.status == 200 and request.method == "GET":
        run = request.app[SERVICES].sessions.run
        await run(request.match_info["id"], ReceiveDocument(site, document.id), request[WHO].actor)
    return response


async def page(request: web.Request) -> web.StreamResponse:
    """GET …/documents/{document}/pages/{page}/{size}.webp."""
    document = await _document(request)
    number, size = request.match_info["page"], request.match_info["size"]
    if size not in SIZES or number not in map(str, range(1, document.pages + 1)):
        raise BadRequest("not_found")
    path = request.app[SHELF].page(request.match_info["id"], document.id, int(number), size)
    return await _send(request, path, {"Content-Type": "image/webp", "Cache-Control": _FOR_EVER})


async def _send(request: web.Request, path: Path, headers: dict[str, str]) -> web.StreamResponse:
    """The whole file, at the pace that was asked for; without one as fast as it goes."""
    asked: str = request.query.get("pace") or request.headers.get("Pace") or ""
    pace = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else FASTEST
    if pace >= FASTEST or request.method == "HEAD":
        whole = web.FileResponse(path, headers=headers)
        await whole.prepare(request)
        return whole
    response = web.StreamResponse(headers=headers)
    file = await asyncio.to_thread(path.open, "rb")
    with file:
        response.content_length = os.fstat(file.fileno()).st_size
        await response.prepare(request)
        while piece := await asyncio.to_thread(file.read, PIECE):
            await response.write(piece)
            await asyncio.sleep(len(piece) / max(SLOWEST, pace))
    await response.write_eof()
    return response


async def _document(request: web.Request) -> Document:
    """Raises BadRequest: unknown_document."""
    found = (await state_for(request)).documents.get(request.match_info["document"])
    if found is None:
        raise BadRequest("unknown_document")
    return found


_ALL = "/api/briefings/{id}/documents"
_ONE = f"{_ALL}/{{document}}"
ROUTES: tuple[Route, ...] = (
    Route("GET", _ALL, EVERYONE, listing),
    Route("POST", _ALL, STEER, add),
    Route("DELETE", _ONE, STEER, withdraw),
    Route("GET", f"{_ONE}/file", EVERYONE, file),
    Route("GET", f"{_ONE}/pages/{{page}}/{{size}}.webp", EVERYONE, page),
)


async def _set_up(app: web.Application) -> None:
    app[TURN] = asyncio.Semaphore(1)
    await asyncio.to_thread(app[SHELF].sweep)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    app[SHELF] = Shelf(app[SERVICES].data)
    app.on_startup.append(_set_up)
    add_guarded(app, ROUTES)
