"""The pages: thin routes that fill templates. What a page shows of a briefing comes to it as snapshots.

Rule 1: every sentence goes through the catalogue; the language is the cookie's, else Vietnamese.
Rule 2: templates escape everything; data for scripts goes in one JSON block, never into code.
Rule 3: who may not see a page is led to the one it may see, or told so in plain words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import jinja2
from aiohttp import web
from markupsafe import Markup

from coordinator import catalogue, clock
from coordinator.catalogue import Catalogue
from coordinator.config import Config
from coordinator.web import access, statics
from coordinator.web.access import Identity
from coordinator.web.errors import BadRequest
from coordinator.web.keys import SERVICES
from coordinator.web.qr import qr_code

LANGUAGE_COOKIE = "lang"
_YEAR_S = 365 * 86_400
_SIGN_WITHIN_MS = 7 * 86_400_000
TITLES = {
    403: "Not allowed",
    404: "Page not found",
    405: "Page not found",
    429: "Too many attempts",
    500: "Something went wrong on the server",
    503: "The server cannot do this right now",
}
OTHER_TITLE = "That did not work"


class Pages:
    """The templates, the static files and the sentences of one server."""

    def __init__(self) -> None:
        folder = catalogue.web_folder()
        self.static = statics.StaticFiles(folder / "static")
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals |= {
            "static": self.static.url,
            "styles": self.static.styles,
            "modules": self.static.modules,
            "icon": icon,
        }
        self._sentences: dict[tuple[str, str], statics.StaticFile] = {}

    def render(
        self, request: web.Request, template: str, *, status: int = 200, **values: Any
    ) -> web.Response:
        """A page in the reader's language."""
        words = language_of(request)
        known: dict[str, Any] = {
            "_": words.text,
            "lang": words.lang,
            "path": request.path_qs if request.method == "GET" and not request.query.get("k") else "/",
            "who": None,
            "section": "",
            "page_data": None,
            "hub_name": request.app[SERVICES].config.hub.name,
        }
        text = self._templates.get_template(template).render(known | values)
        response = web.Response(text=text, status=status, content_type="text/html")
        if LANGUAGE_COOKIE not in request.cookies:  # so that refusals, too, come in the page's language
            _set_language(response, words.lang)
        return response

    def data(
        self, request: web.Request, config: Config, *, contacts: bool, script: str = "", **values: Any
    ) -> dict[str, Any]:
        """The JSON block of a page: see `PageData` in web/static/js/types.js.

        `script` names the one whose sentences are enough; without it the page gets all there are.
        """
        lang = language_of(request).lang
        sites = [
            {"code": site.code, "name": site.name}
            | (_contact(site.contact) if contacts and site.contact is not None else {})
            for site in config.sites
        ]
        return {
            "lang": lang,
            "catalogue": f"/static/catalogue.{lang}.json?of={script}&v={self._words(lang, script).etag}",
            "hub": {"name": config.hub.name, "phone": config.hub.phone},
            "sites": sites,
            "zone": config.server.timezone,
            **values,
        }

    async def sentences(self, request: web.Request) -> web.StreamResponse:
        """GET /static/catalogue.{lang}.json?of={script}: the sentences of a script, or of all."""
        try:
            file = self._words(request.match_info["lang"], request.query.get("of", ""))
        except KeyError:
            raise web.HTTPNotFound from None
        return statics.respond(request, file, for_ever=request.query.get("v") == file.etag)

    def _words(self, lang: str, script: str) -> statics.StaticFile:
        """Raises KeyError: no such language or script."""
        if (lang, script) not in self._sentences:
            if lang not in catalogue.LANGUAGES:
                raise KeyError(lang)
            words = catalogue.load(lang)
            if script:
                used = self.static.sentences(f"js/{script}.js")
                words = catalogue.Catalogue(
                    lang, {key: text for key, text in words.messages.items() if key in used or _is_error(key)}
                )
            self._sentences[lang, script] = statics.of_text(words.as_json(), "application/json")
        return self._sentences[lang, script]


def _is_error(key: str) -> bool:
    return key.startswith("error:")  # whatever the server may refuse


PAGES: web.AppKey[Pages] = web.AppKey("pages", Pages)


def icon(name: str) -> Markup:
    """An icon of icons.css; always beside a word."""
    return Markup('<i class="icon icon-{}" aria-hidden="true"></i>').format(name)


def _contact(contact: Any) -> dict[str, Any]:
    return {"contact_name": contact.name, "contact_phone": contact.phone}


def language_of(request: web.Request) -> Catalogue:
    """The catalogue of a page: the cookie's language, else Vietnamese."""
    return catalogue.load(request.cookies.get(LANGUAGE_COOKIE, catalogue.DEFAULT))


def own_path(wanted: str) -> str:
    """`wanted` if it is a path on this server, else "/"."""
    parts = urlsplit(wanted)
    safe = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if safe and "\\" not in wanted and not parts.netloc else "/"


# the pages


async def first(request: web.Request) -> web.StreamResponse:
    """GET /: log in, or on to where the account works."""
    who = await _account(request)
    if who is not None:
        raise web.HTTPSeeOther("/staff" if who.role == access.STAFF else "/host")
    return request.app[PAGES].render(request, "login.html", problem=None, name="")


async def host(request: web.Request) -> web.StreamResponse:
    """GET /host: the briefings, and the form that makes one."""
    who = await access.require(request, *access.STEER)
    config = request.app[SERVICES].config
    threshold = config.attendance.warn_rate
    return _office(request, "briefings.html", who, "host", sites=config.sites, threshold=threshold)


async def control_room(request: web.Request) -> web.StreamResponse:
    """GET /host/briefings/{id}: the control room; office staff follow along, without what steers."""
    who = await access.require(request, *access.KEEP)
    briefing = await _known(request)
    pages, config = request.app[PAGES], request.app[SERVICES].config
    follows = who.role == access.STAFF
    data = pages.data(request, config, contacts=True, briefing=briefing, follows=follows)
    return pages.render(
        request, "control.html", page_data=data, briefing_id=briefing, follows=follows,
        list_path="/staff" if follows else "/host",
    )  # fmt: skip


async def checks(request: web.Request) -> web.StreamResponse:
    """GET /host/briefings/{id}/checks: each site's line, by its newest check."""
    who = await access.require(request, *access.KEEP)
    briefing = await _known(request)
    return _office(request, "checks.html", who, "host", briefing_id=briefing, briefing=briefing)


async def hall_screen(request: web.Request) -> web.StreamResponse:
    """GET /host/briefings/{id}/hall: the main screen alone, for the hall's projector."""
    await access.require(request, *access.STEER)
    briefing = await _known(request)
    pages, config = request.app[PAGES], request.app[SERVICES].config
    data = pages.data(request, config, contacts=False, briefing=briefing)
    return pages.render(request, "hall.html", page_data=data)


async def staff(request: web.Request) -> web.StreamResponse:
    """GET /staff: the briefings, each with its report."""
    who = await access.require(request, *access.KEEP)
    threshold = request.app[SERVICES].config.attendance.warn_rate
    return _office(request, "briefings.html", who, "staff", sites=(), threshold=threshold)


async def report(request: web.Request) -> web.StreamResponse:
    """GET /staff/briefings/{id}: the attendance and its downloads."""
    who = await access.require(request, *access.KEEP)
    briefing = await _known(request)
    threshold = request.app[SERVICES].config.attendance.warn_rate
    values = {"briefing_id": briefing, "briefing": briefing, "threshold": threshold}
    return _office(request, "report.html", who, "staff", **values)


async def trends(request: web.Request) -> web.StreamResponse:
    """GET /staff/trends: the rates over many briefings."""
    who = await access.require(request, *access.KEEP)
    threshold = request.app[SERVICES].config.attendance.warn_rate
    return _office(request, "trends.html", who, "staff", threshold=threshold)


async def site(request: web.Request) -> web.StreamResponse:
    """GET /site: the operator's page; the cookie says which site. Two briefings at once: which one, first."""
    found = [one for one in await access.identities(request) if one.site is not None]
    if not found:
        raise BadRequest("wrong_link")
    pages, config = request.app[PAGES], request.app[SERVICES].config
    place = config.site(found[0].site or "")
    if place is None:
        raise BadRequest("wrong_link")
    services = request.app[SERVICES]
    chosen, offered = request.query.get("briefing"), await services.sessions.live_for(place.code)
    if chosen is not None and chosen not in offered:
        raise web.HTTPSeeOther("/site")  # an old address: the briefing is over
    if chosen is None and len(offered) > 1:
        rows = [await services.sessions.snapshot(one) for one in offered]
        return pages.render(request, "site-choice.html", site_name=place.name, briefings=rows)
    to_sign = await _to_sign(request, place.code)
    link = await services.read(services.links.url_for, place.code)
    data = pages.data(
        request, config, contacts=False, script="site", code=place.code, to_sign=to_sign, briefing=chosen
    )
    response = pages.render(
        request, "site.html", page_data=data, site_name=place.name, hub_phone=config.hub.phone,
        link=link, link_code=qr_code(link), path=f"/site?briefing={chosen}" if chosen else "/site",
    )  # fmt: skip
    # `path` is made here: packed with the secret, there must be nothing that a stranger can choose (BREACH)
    response.enable_compression()
    return response


async def _to_sign(request: web.Request, code: str) -> dict[str, str] | None:
    """The last briefing that is over, where it is a few days old at most and the site's answer is missing."""
    services = request.app[SERVICES]
    now_ms = clock.now().utc_ms
    over = [row for row in await services.read(services.reader.briefings) if row.phase == "ended"]
    last = max(over, key=lambda row: row.ended_ms or 0, default=None)
    if last is None or now_ms - (last.ended_ms or 0) > _SIGN_WITHIN_MS:
        return None
    for entry in (await services.sessions.snapshot(last.id))["sites"]:
        if entry["code"] == code and (entry["signed"] is None or entry["signed"]["changed"]):
            return {"id": last.id, "title": last.title}
    return None


async def language(request: web.Request) -> web.StreamResponse:
    """GET /language/{lang}?next=…: sets the language and goes back."""
    lang = request.match_info["lang"]
    if lang not in catalogue.LANGUAGES:
        raise web.HTTPNotFound
    response = web.Response(status=303, headers={"Location": own_path(request.query.get("next", "/"))})
    _set_language(response, lang)
    return response


def _set_language(response: web.Response, lang: str) -> None:
    response.set_cookie(LANGUAGE_COOKIE, lang, max_age=_YEAR_S, path="/", samesite="Lax")


def render_login(request: web.Request, status: int, code: str, message: str) -> web.Response:
    """The log-in page with the sentence of a refusal."""
    return request.app[PAGES].render(request, "login.html", status=status, problem=message, name="")


def render_error(request: web.Request, status: int, code: str, message: str) -> web.Response:
    """A page for an error: what happened in one sentence, and the way back."""
    words = language_of(request)
    title = words.text(TITLES.get(status, OTHER_TITLE))
    values = {"title": title, "message": message, "code": code}
    return request.app[PAGES].render(request, "error.html", status=status, **values | {"number": status})


def _office(request: web.Request, template: str, who: Identity, section: str, **values: Any) -> web.Response:
    pages, config = request.app[PAGES], request.app[SERVICES].config
    shared = {key: value for key, value in values.items() if key in ("briefing", "threshold")}
    data = pages.data(request, config, contacts=False, **shared)
    return pages.render(request, template, who=who, section=section, page_data=data, **values)


async def _account(request: web.Request) -> Identity | None:
    try:
        found = await access.identities(request)
    except BadRequest:
        return None
    return next((one for one in found if one.site is None), None)


async def _known(request: web.Request) -> str:
    """The briefing in the address. Raises BadRequest (unknown_briefing)."""
    services, briefing = request.app[SERVICES], request.match_info["id"]
    if await services.read(services.reader.briefing, briefing) is None:
        raise BadRequest("unknown_briefing", briefing=briefing)
    return briefing


def add_routes(app: web.Application) -> None:
    """Adds every page, the static files and the scripts' sentences."""
    pages = app[PAGES] = Pages()
    routes: dict[str, Callable[[web.Request], Any]] = {
        "/": first,
        "/host": host,
        "/host/briefings/{id}": control_room,
        "/host/briefings/{id}/hall": hall_screen,
        "/host/briefings/{id}/checks": checks,
        "/staff": staff,
        "/staff/trends": trends,
        "/staff/briefings/{id}": report,
        "/site": site,
        "/language/{lang}": language,
        "/static/catalogue.{lang:[a-z]+}.json": pages.sentences,
        "/static/{path:.+}": pages.static.handle,
    }
    for path, handler in routes.items():
        app.router.add_get(path, handler)
