"""What happens to a briefing's documents and messages.

Rule 1: as in events.py, which knows these too: a log is read through it.
Rule 2: a document's content is in the data folder; the log holds its hash, so that a file can be proved.
"""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.domain.event_base import Event


@dataclass(frozen=True)
class DocumentAdded(Event):
    """`sha256`: of the file as the host gave it; `pages`: as rendered; `bytes`: the file's size."""

    document: str
    name: str
    sha256: str
    pages: int
    bytes: int


@dataclass(frozen=True)
class DocumentWithdrawn(Event):
    """The host took the document back; its content is no longer given out."""

    document: str


@dataclass(frozen=True)
class DocumentReceived(Event):
    """The site's page holds all pages of the document, or the site took the file. Written once a site."""

    site: str
    document: str


@dataclass(frozen=True)
class SlidesHidden(Event):
    """No page of a document is shown any more; slides are again what the hub shares of its screen."""


@dataclass(frozen=True)
class MessageSent(Event):
    """`to_hub`: `site` wrote to the hub; else the hub wrote to `site`, or with None to all sites."""

    site: str | None
    text: str
    to_hub: bool = False
