"""The diary: what happened in a briefing, as sentences with their times, for whoever conducts or follows it.

Rule 1: it is drawn from the log and adds nothing to it; what every five seconds says is left out.
Rule 2: a sentence names who did it; its words come from the catalogue, what people wrote stays as it is.
Rule 3: turning pages is told once a document, and who left because the briefing was over is told by its end;
the hall's own pages come and go untold, its outages do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from coordinator import catalogue
from coordinator.catalogue import Catalogue
from coordinator.domain import events as e
from coordinator.domain.events import HUB, SLIDES, SYSTEM, Recorded
from coordinator.web import answers
from coordinator.web.access import KEEP, Route, add_guarded
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES

MOST_TOLD = 500  # the newest; the event log has them all
LEFT_OUT = ("AliveMarked", "FollowingChanged")
OVER = ("ended", "cancelled")

Told = tuple[str, dict[str, Any]]  # (the sentence in English, its values)


@dataclass(slots=True)
class Known:
    """What sentences need of what came before: names, documents, the agenda, what is shown."""

    words: Catalogue
    sites: dict[str, e.Summoned] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    agenda: tuple[e.AgendaItem, ...] = ()
    shown: str | None = None

    def place(self, code: str) -> str:
        """The name of a site, of the hall or of the slides."""
        if code in (HUB, SLIDES):
            return self.words.text("the hall" if code == HUB else "the slides")
        return self.sites[code].name if code in self.sites else code

    def who(self, actor: str) -> str:
        """The name of whoever did it."""
        if actor == SYSTEM:
            return self.words.text("The system")
        return self.place(actor.removeprefix("site:")) if actor.startswith("site:") else actor


def tell(recorded: Iterable[Recorded], words: Catalogue) -> list[dict[str, Any]]:
    """Events as lines `{seq, at, site, text}`, the newest first; `site`: a code, "hub" or None."""
    known, lines = Known(words), []
    for one in recorded:
        teller = TELLERS.get(type(one.event))
        told = teller(known, one.event, one.actor) if teller is not None else None
        if told is None:
            continue
        sentence, values = told
        text = words.text(sentence, **{"who": known.who(one.actor)} | values)
        site = getattr(one.event, "site", None)
        lines.append({"seq": one.seq, "at": answers.rfc3339(one.at.utc_ms), "site": site, "text": text})
    return lines[::-1]


async def diary(request: web.Request) -> web.Response:
    """GET …/diary?site=&after=: the newest first; `site`: of that one alone; `after`: with `seq` over it."""
    services, briefing = answers.services_of(request), request.match_info["id"]
    await answers.row_of(services, briefing)
    after, site = request.query.get("after", "0"), request.query.get("site")
    if not (after.isascii() and after.isdigit() and len(after) < 12):
        raise BadRequest("bad_query", field="after", problem="not_a_number")
    words = catalogue.negotiate(
        request.headers.get("Accept-Language"), request.cookies.get("lang")
    )  # as refusals are

    def read() -> list[dict[str, Any]]:
        lines = tell(request.app[SERVICES].reader.events(briefing, without=LEFT_OUT), words)
        return [line for line in lines if line["seq"] > int(after) and site in (None, line["site"])]

    return web.json_response((await services.read(read))[:MOST_TOLD])


# one function a kind of event that needs more than its own fields ---------------------------------------


def _created(known: Known, event: e.BriefingCreated, actor: str) -> Told:
    known.sites = {site.code: site for site in event.sites}
    return "{who} made the briefing “{title}”", {"title": event.title}


def _started(known: Known, event: e.BriefingStarted, actor: str) -> Told:
    known.sites = {site.code: site for site in event.sites}
    return "{who} started the briefing", {}


def _connected(known: Known, event: e.ConnectionOpened, actor: str) -> Told | None:
    if event.site == HUB:
        return None
    return "{site} is on line ({device})", {"site": known.place(event.site), "device": event.device}


_LEFT = {
    "closed": "{site} closed its page",
    "lost": "{site} lost its line",
    "replaced": "{site} goes on with another machine",
    "revoked": "{site}: its link was withdrawn",
    "server_crash": "{site}: cut off, the server had stopped suddenly",
    "server_stop": "{site}: cut off, the server was stopped",
}


def _disconnected(known: Known, event: e.ConnectionClosed, actor: str) -> Told | None:
    if event.reason in OVER or event.site == HUB:
        return None
    return _LEFT.get(event.reason, "{site} left"), {"site": known.place(event.site)}


def _hand(known: Known, event: e.HandRaised, actor: str) -> Told:
    values = {"site": known.place(event.site), "topic": event.topic}
    return ("{site} asks for the floor: {topic}" if event.topic else "{site} asks for the floor"), values


def _no_hand(known: Known, event: e.HandLowered, actor: str) -> Told:
    own = actor == f"site:{event.site}"
    return ("{site} lowered its hand" if own else "{who} lowered the hand of {site}"), _site(known, event)


_BACK = {
    "host": "{who} took the floor back from {site}",
    "returned": "{site} has finished speaking",
    "lost": "{site} lost its line while it had the floor; the floor is back with the hall",
    "given_on": "{site} had the floor, another site has it now",
    "break": "The floor of {site} ended with the break",
    "ended": "The floor of {site} ended with the briefing",
}


def _floor_back(known: Known, event: e.FloorTaken, actor: str) -> Told:
    return _BACK.get(event.reason, _BACK["host"]), _site(known, event)


def _staged(known: Known, event: e.StageSet, actor: str) -> Told:
    places = [known.place(place) for place in (event.left, event.right) if place is not None]
    return "{who} put on the main screen: {places}", {"places": " + ".join(places)}


def _slide(known: Known, event: e.SlideShown, actor: str) -> Told | None:
    if event.document == known.shown or event.document is None:
        return None
    known.shown = event.document
    values = {"name": known.documents.get(event.document, event.document), "page": event.slide}
    return "{who} shows the document “{name}”, page {page}", values


def _hidden(known: Known, event: e.SlidesHidden, actor: str) -> Told:
    known.shown = None
    return "{who} shows no document any more", {}


def _document(known: Known, event: e.DocumentAdded, actor: str) -> Told:
    known.documents[event.document] = event.name
    return "{who} added the document “{name}” ({pages} pages)", {"name": event.name, "pages": event.pages}


def _withdrawn(known: Known, event: e.DocumentWithdrawn, actor: str) -> Told:
    return "{who} took back the document “{name}”", {"name": known.documents.get(event.document, "")}


def _received(known: Known, event: e.DocumentReceived, actor: str) -> Told:
    name = known.documents.get(event.document, "")
    return "{site} has received the document “{name}”", {**_site(known, event), "name": name}


def _message(known: Known, event: e.MessageSent, actor: str) -> Told:
    if event.site is None:
        return "{who} to all sites: {text}", {"text": event.text}
    values = {**_site(known, event), "text": event.text}
    return ("{site} to the hall: {text}" if event.to_hub else "{who} to {site}: {text}"), values


_VERDICTS = {
    "good": "{site} checked its line: good",
    "fair": "{site} checked its line: fair",
    "poor": "{site} checked its line: poor",
}


def _checked(known: Known, event: e.LineChecked, actor: str) -> Told:
    return _VERDICTS.get(event.verdict or "", "{site} checked its devices"), _site(known, event)


def _declared(known: Known, event: e.HeadcountDeclared, actor: str) -> Told:
    expected = known.sites[event.site].expected if event.site in known.sites else "?"
    values = {**_site(known, event), "present": event.present, "expected": expected, "reason": event.reason}
    if event.reason is None:
        return "{site} reports {present} of {expected} present", values
    return "{who} entered for {site}: {present} of {expected} present ({reason})", values


def _expected(known: Known, event: e.ExpectedChanged, actor: str) -> Told:
    values = {**_site(known, event), "expected": event.expected, "reason": event.reason}
    return "{who} changed the number summoned at {site} to {expected} ({reason})", values


def _phoned(known: Known, event: e.ConfirmedByPhone, actor: str) -> Told:
    values = {**_site(known, event), "name": event.name, "reason": event.reason}
    return "{who} noted that {site} takes part by telephone, confirmed by {name} ({reason})", values


def _made_up(known: Known, event: e.MadeUp, actor: str) -> Told:
    values = {**_site(known, event), "persons": event.persons, "on": event.on}
    return "{who} noted for {site}: {persons} persons took it in later, on {on}", values


def _noted(known: Known, event: e.NoteAdded, actor: str) -> Told:
    if event.site is None:
        return "{who} noted: {text}", {"text": event.text}
    return "{who} noted about {site}: {text}", {**_site(known, event), "text": event.text}


def _signed(known: Known, event: e.SiteSigned, actor: str) -> Told:
    if event.answer == "right":
        return "{site} signed its figures: they are right", _site(known, event)
    return "{site} says that its figures are wrong: {remark}", {**_site(known, event), "remark": event.remark}


def _agenda(known: Known, event: e.AgendaSet, actor: str) -> Told:
    known.agenda = event.items
    return "{who} wrote the agenda ({n} items)", {"n": len(event.items)}


def _at_item(known: Known, event: e.AgendaMoved, actor: str) -> Told:
    if event.item is None or event.item > len(known.agenda):
        return "{who} left the agenda", {}
    return "{who} went on to “{title}”", {"title": known.agenda[event.item - 1].title}


_BROKEN = {
    "hub": ("The hall is cut off", "The hall is back"),
    "relay": ("Picture and sound do not work: the media server is gone", "Picture and sound work again"),
    "server": ("The server stands still", "The server works again"),
}


def _outage(place: int) -> Callable[[Known, Any, str], Told]:
    return lambda known, event, actor: (_BROKEN.get(event.part, _BROKEN["server"])[place], {})


def _site(known: Known, event: Any) -> dict[str, Any]:
    return {"site": known.place(event.site)}


def _plain(sentence: str, *names: str) -> Callable[[Known, Any, str], Told]:
    """A sentence of the event's own fields, `site` as its name."""

    def told(known: Known, event: Any, actor: str) -> Told:
        values = {name: getattr(event, name) for name in names}
        return sentence, values | (_site(known, event) if hasattr(event, "site") else {})

    return told


TELLERS: dict[type[e.Event], Callable[[Known, Any, str], Told | None]] = {
    e.BriefingCreated: _created,
    e.BriefingOpened: _plain("{who} opened the waiting room"),
    e.BriefingStarted: _started,
    e.BreakStarted: _plain("{who} began a break"),
    e.BreakEnded: _plain("{who} ended the break"),
    e.BriefingEnded: _plain("{who} ended the briefing"),
    e.BriefingCancelled: _plain("{who} cancelled the briefing"),
    e.ConnectionOpened: _connected,
    e.ConnectionClosed: _disconnected,
    e.ConnectionHealed: _plain("{site}: the line had been there all along"),
    e.MediaUp: _plain("{site} receives the hall"),
    e.OutageBegan: _outage(0),
    e.OutageEnded: _outage(1),
    e.ClockStepped: _plain("The server's clock was moved by {step_ms} ms", "step_ms"),
    e.HandRaised: _hand,
    e.HandLowered: _no_hand,
    e.FloorGiven: _plain("{who} gave the floor to {site}"),
    e.FloorTaken: _floor_back,
    e.StageSet: _staged,
    e.SlideShown: _slide,
    e.SlidesHidden: _hidden,
    e.DocumentAdded: _document,
    e.DocumentWithdrawn: _withdrawn,
    e.DocumentReceived: _received,
    e.MessageSent: _message,
    e.LineChecked: _checked,
    e.RollCallStarted: _plain("{who} started roll call {roll_call}", "roll_call"),
    e.SiteCalled: _plain("{who} called {site} to report"),
    e.HeadcountDeclared: _declared,
    e.HeadcountConfirmed: _plain("{who} confirmed the headcount of {site}"),
    e.ExpectedChanged: _expected,
    e.ConfirmedByPhone: _phoned,
    e.MadeUp: _made_up,
    e.NoteAdded: _noted,
    e.SiteSigned: _signed,
    e.AgendaSet: _agenda,
    e.AgendaMoved: _at_item,
    e.Sealed: _plain("The log is sealed at event {events}", "events"),
}

ROUTES: tuple[Route, ...] = (Route("GET", "/api/briefings/{id}/diary", KEEP, diary),)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES."""
    add_guarded(app, ROUTES)
