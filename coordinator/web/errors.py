"""Errors as the outside sees them: a status, a stable code, and a sentence in the reader's language.

Rule 1: every answer that is not a success has the body `{code, message}`; the code is the contract, the
sentence is not.
Rule 2: the status follows from the code alone (`status_of`), so that one code never answers twice in
different ways.
Rule 3: sentences come from the catalogue under `error:<code>`; an unknown code falls back to `error:unknown`,
so that a missing sentence is never a failed answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from aiohttp import web

from coordinator import catalogue
from coordinator.domain.errors import CoordinatorError, MediaError, ProtocolViolation, Refusal, StorageError

STATUS: dict[str, int] = {
    "bad_body": 400,
    "bad_message": 400,
    "bad_query": 400,
    "not_understood": 400,
    "empty_sites": 400,
    "duplicate_site": 400,
    "bad_number": 400,
    "headcount_over": 400,
    "headcount_sum": 400,
    "bad_day": 400,
    "bad_roster": 400,
    "roster_unreadable": 400,
    "roster_too_long": 400,
    "unknown_person": 404,
    "bad_answer": 400,
    "text_required": 400,
    "remark_required": 400,
    "members_over_present": 400,
    "members_over_expected": 400,
    "login_refused": 401,
    "login_needed": 401,
    "bad_signature": 401,
    "wrong_link": 403,
    "forbidden": 403,
    "foreign_origin": 403,
    "not_found": 404,
    "not_available": 404,
    "unknown_briefing": 404,
    "unknown_site": 404,
    "unknown_roll_call": 404,
    "method_not_allowed": 405,
    "unknown_document": 404,
    "message_empty": 400,
    "message_too_long": 400,
    **{f"document_{why}": 400 for why in ("broken", "bomb", "fetches", "encrypted", "empty")},
    **{f"document_{why}": 400 for why in ("too_many_pages", "too_complex", "too_slow", "not_converted")},
    "document_unknown": 415,
    "document_needs_office": 415,
    "document_too_large": 413,
    "too_large": 413,
    "unsupported_media_type": 415,
    "too_many_attempts": 429,
    "too_fast": 429,
    "too_busy": 503,
    "internal": 500,
    "bad_template": 500,
    "relay_down": 503,
    "server_stop": 503,
}
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
_HTTP_CODES = {
    400: "not_understood",
    401: "login_needed",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_attempts",
}


class BadRequest(CoordinatorError):
    """The request itself cannot be understood or is not allowed, whatever the state of the briefing.

    `status` stands in for the code's usual status where one code means two things (an unknown site in a body
    is 400, in an address 404).
    """

    def __init__(self, code: str, *, status: int | None = None, **details: object) -> None:
        super().__init__(code, **details)
        self.status = status

    def with_details(self, other: CoordinatorError) -> BadRequest:
        """The same, saying what `other` says."""
        self.details = other.details
        return self


def status_of(error: CoordinatorError) -> int:
    """The HTTP status of an error: its code's, else that of its kind (a Refusal is a 409)."""
    if isinstance(error, BadRequest) and error.status is not None:
        return error.status
    if error.code in STATUS:
        return STATUS[error.code]
    if isinstance(error, Refusal):
        return 409
    if isinstance(error, ProtocolViolation | BadRequest):
        return 400
    return 503 if isinstance(error, StorageError | MediaError) else 500


def catalogue_of(request: web.BaseRequest) -> catalogue.Catalogue:
    """The reader's sentences: cookie `lang`, else Accept-Language, else Vietnamese."""
    return catalogue.negotiate(request.headers.get("Accept-Language"), request.cookies.get("lang"))


def sentence(error: CoordinatorError, words: catalogue.Catalogue) -> str:
    """What a person reads about `error`.

    Details that are codes get their word; the machine's paths stay inside; what is not told is "…".
    """
    details = {name: _shown(name, value, words) for name, value in error.details.items()}
    return _PLACEHOLDER.sub("…", words.error(error.code, details))


def _shown(name: str, value: object, words: catalogue.Catalogue) -> str:
    if name == "data":
        return "…"
    known: Mapping[str, str] = words.messages
    return known.get(f"{name}:{value}", "…" if value is None else str(value)[:200])


def of_http(error: web.HTTPException) -> BadRequest:
    """aiohttp's own refusals (no such route, body too large …) in our codes."""
    return BadRequest(_HTTP_CODES.get(error.status, "internal"), status=error.status)
