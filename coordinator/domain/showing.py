"""Documents, the page that is shown, and messages: what the hub shows and what is written to and fro.

Rule 1: a page is shown of a document that is there, and within its pages; without a document the number alone
is kept, of slides that the hub shares some other way.
Rule 2: a receipt is written once for each site and document.
Rule 3: who writes is the actor; a site writes to the hub only, the hub to one site or to all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from coordinator.domain import commands as c
from coordinator.domain.errors import Refusal
from coordinator.domain.events import (
    DocumentAdded,
    DocumentReceived,
    DocumentWithdrawn,
    Event,
    MessageSent,
    SlidesHidden,
    SlideShown,
)
from coordinator.domain.moments import Moment
from coordinator.domain.state import Document, State

MOST_DOCUMENTS = 20
LONGEST_MESSAGE = 200


def add_document(state: State, command: c.AddDocument, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: too_many_documents, duplicate_document."""
    if len(state.documents) >= MOST_DOCUMENTS:
        raise Refusal("too_many_documents", most=MOST_DOCUMENTS)
    if command.document in state.documents:
        raise Refusal("duplicate_document", document=command.document)
    return [DocumentAdded(command.document, command.name, command.sha256, command.pages, command.bytes)]


def withdraw_document(state: State, command: c.WithdrawDocument, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_document."""
    return [DocumentWithdrawn(_known(state, command.document).id)]


def receive_document(state: State, command: c.ReceiveDocument, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, unknown_document."""
    site, document = state.site(command.site), _known(state, command.document)
    return [] if site.code in document.received else [DocumentReceived(site.code, document.id)]


def show_slide(state: State, command: c.ShowSlide, at: Moment, actor: c.Actor) -> list[Event]:
    """Without a document: another page of what is shown. Raises Refusal: bad_number, unknown_document."""
    wanted = state.document if command.document is None else command.document
    most = _known(state, wanted).pages if wanted is not None else command.slide
    if not 1 <= command.slide <= most:
        raise Refusal("bad_number", field="slide", value=command.slide)
    shown = (command.slide, wanted) == (state.slide, state.document)
    return [] if shown else [SlideShown(command.slide, wanted)]


def hide_slides(state: State, command: c.HideSlides, at: Moment, actor: c.Actor) -> list[Event]:
    return [] if state.slide is None else [SlidesHidden()]


def send_message(state: State, command: c.SendMessage, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, message_empty, message_too_long."""
    if command.site is not None:
        state.site(command.site)
    text = command.text.strip()
    if not text:
        raise Refusal("message_empty")
    if len(text) > LONGEST_MESSAGE:
        raise Refusal("message_too_long", most=LONGEST_MESSAGE)
    return [MessageSent(command.site, text, to_hub=actor.role == "operator")]


DECIDERS: dict[type[c.Command], Callable[[State, Any, Moment, c.Actor], list[Event]]] = {
    c.ShowSlide: show_slide,
    c.HideSlides: hide_slides,
    c.AddDocument: add_document,
    c.WithdrawDocument: withdraw_document,
    c.ReceiveDocument: receive_document,
    c.SendMessage: send_message,
}


def _known(state: State, document: str) -> Document:
    if document not in state.documents:
        raise Refusal("unknown_document", document=document)
    return state.documents[document]


# what screens and programs are told of it -------------------------------------------------------


def for_hub(state: State) -> dict[str, Any]:
    """The hub's part of a full snapshot; `received`: the codes of the sites that have it."""
    documents = [
        {
            "id": one.id,
            "name": one.name,
            "pages": one.pages,
            "bytes": one.bytes,
            "sha256": one.sha256,
            "received": list(one.received),
        }
        for one in state.documents.values()
    ]
    return {"document": state.document, "documents": documents, "messages": len(state.messages)}


def for_site(state: State, code: str) -> dict[str, Any]:
    """A site's part: what is shown, and how much there is to fetch. Absent: nothing."""
    shown = {
        "slide": state.slide,
        "document": state.document,
        "documents": "+".join(state.documents),  # changes when a document comes or goes
        "messages": len(state.thread(code)),
    }
    return {key: value for key, value in shown.items() if value}
