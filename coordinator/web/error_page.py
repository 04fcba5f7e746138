"""The page of an error: the pages' own, and a plain one where even that fails."""

from __future__ import annotations

import html
import logging

from aiohttp import web

from coordinator.web import pages

_log = logging.getLogger(__name__)


def render(request: web.Request, status: int, code: str, message: str) -> web.StreamResponse:
    """An HTML page with the sentence; never raises."""
    try:
        return pages.render_error(request, status, code, message)
    except Exception:
        _log.exception("the error page could not be drawn")
    language = pages.language_of(request).lang
    text = (
        f'<!doctype html><html lang="{language}"><meta charset="utf-8"><title>{status}</title>'
        f"<h1>{html.escape(message)}</h1><p>{html.escape(code)}</p>"
    )
    return web.Response(text=text, status=status, content_type="text/html")
