"""How the server is: /healthz for who restarts it, /metrics for Prometheus.

Rule 1: what everybody may see are counts only. Who reads briefings (by login or API token) also gets what the
relay tells of each room and participant.
Rule 2: one scrape has both processes: the relay's metrics follow ours; while it is down ours come alone.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterable

from aiohttp import web
from livekit import api

from coordinator.web import proxy
from coordinator.web.access import KEEP, PUBLIC, Route, add_guarded, identities
from coordinator.web.keys import SERVICES, Services
from coordinator.web.socket import LINES

TEXT = "text/plain; version=0.0.4; charset=utf-8"
PHASES = ("scheduled", "open", "live", "break", "ended", "cancelled")
ANSWERED: web.AppKey[Counter[str]] = web.AppKey("answers by class", Counter)


async def healthz(request: web.Request) -> web.Response:
    """GET /healthz: 200 while briefings can go on, 503 where nothing can be written."""
    health = request.app[SERVICES].health()
    return web.json_response(health, status=503 if health["parts"]["storage"] == "failed" else 200)


async def metrics(request: web.Request) -> web.Response:
    """GET /metrics."""
    services = request.app[SERVICES]
    stored = await services.read(_stored, services)
    lines = [*_open_sockets(request.app), *_parts(services), *stored, *_answered(request.app)]
    told = await _told_by_relay(request)
    return web.Response(body=("\n".join(lines) + "\n" + told).encode(), headers={"Content-Type": TEXT})


async def _told_by_relay(request: web.Request) -> str:
    """The relay's own metrics, with names only for those who may read briefings."""
    named = any(one.role in KEEP for one in await identities(request))
    if named:
        token = api.AccessToken(*request.app[SERVICES].media_keys).with_ttl(datetime.timedelta(minutes=1))
        may_list = token.with_grants(api.VideoGrants(room_list=True))
        headers = {"Authorization": f"Bearer {may_list.to_jwt()}"}
    else:
        headers = {"X-Forwarded-For": request.remote or "unknown"}  # asked for a stranger: totals only
    return await proxy.ask(request.app, "/metrics", headers) or ""


def _family(name: str, kind: str, about: str, samples: Iterable[tuple[str, int]]) -> list[str]:
    head = [f"# HELP coordinator_{name} {about}", f"# TYPE coordinator_{name} {kind}"]
    return [*head, *(f"coordinator_{name}{labels} {value}" for labels, value in samples)]


def _stored(services: Services) -> list[str]:
    phases = Counter(row.phase for row in services.reader.briefings())
    written = sum(seq for seq, _ in services.reader.heads().values())
    return [
        *_family(
            "briefings",
            "gauge",
            "Briefings by phase.",
            ((f'{{phase="{one}"}}', phases[one]) for one in PHASES),
        ),
        *_family("events_written_total", "counter", "Events in the log.", [("", written)]),
    ]


def _open_sockets(app: web.Application) -> list[str]:
    sides = Counter(line.side for line in app[LINES])
    samples = [(f'{{side="{side}"}}', sides[side]) for side in ("hub", "site", "waiting")]
    return _family("control_sockets", "gauge", "Open control sockets; waiting: in no briefing.", samples)


def _parts(services: Services) -> list[str]:
    parts = services.health()["parts"]
    samples = [(f'{{part="{part}"}}', int(state in ("ok", "outside"))) for part, state in parts.items()]
    relay = int(parts.get("relay") in ("ok", "outside"))
    return [
        *_family("part_up", "gauge", "1 where the part works.", samples),
        *_family("relay_up", "gauge", "1 where media can be relayed.", [("", relay)]),
    ]


def _answered(app: web.Application) -> list[str]:
    counts = app[ANSWERED]
    samples = [(f'{{class="{number}xx"}}', counts[str(number)]) for number in range(1, 6)]
    return _family("http_answers_total", "counter", "Answers by class of status.", samples)


async def _count(request: web.Request, response: web.StreamResponse) -> None:
    request.app[ANSWERED][str(response.status // 100)] += 1


ROUTES: tuple[Route, ...] = (
    Route("GET", "/healthz", PUBLIC, healthz),
    Route("GET", "/metrics", PUBLIC, metrics),
)


def add_routes(app: web.Application) -> None:
    """Adds ROUTES and counts the answers."""
    app[ANSWERED] = Counter()
    app.on_response_prepare.append(_count)
    add_guarded(app, ROUTES)
