"""A briefing with a host and operators in real browsers: what most end-to-end tests begin with."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from tests.support.browsers import Browsers, Person
from tests.support.clips import Clips
from tests.support.pages import HostPage, SitePage
from tests.support.server import Server

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass
class BriefingRoom:
    """`briefing` is its id; `sites` by code."""

    server: Server
    host: HostPage
    briefing: str
    sites: dict[str, SitePage] = field(default_factory=dict)


async def open_briefing(
    server: Server, browsers: Browsers, hub: Clips | None, title: str = "Quán triệt"
) -> BriefingRoom:
    """The host logs in with the printed password, makes a briefing, opens it and publishes the hall."""
    host = HostPage(await browsers.person("host", hub, size=(1920, 1080)), server.base)
    await host.log_in(*server.printed_login())
    briefing = await host.create(title)
    await host.press("phase-open")
    await host.publish_hall()
    return BriefingRoom(server, host, briefing)


async def join(
    room: BriefingRoom, browsers: Browsers, code: str, clips: Clips | None, person: Person | None = None
) -> SitePage:
    """An operator opens the site's own link, chooses devices and joins; `person`: in that browser."""
    site = SitePage(person or await browsers.person(code, clips), code, room.server.links()[code])
    await site.open()
    await site.choose_devices()
    await site.join()
    room.sites[code] = site
    return site


@dataclass(frozen=True)
class LogRow:
    """One line of log.csv. `left` is None while the connection stands."""

    code: str
    connection: str
    joined: datetime
    left: datetime | None
    connected_s: int
    following_s: int
    reason: str


def read_log(raw: bytes) -> list[LogRow]:
    """The rows of a downloaded log.csv, by the headings of the contract."""
    rows = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""))
    return [_row({heading.partition(" (")[0]: cell for heading, cell in row.items()}) for row in rows]


def _row(row: dict[str, str]) -> LogRow:
    return LogRow(
        row["Mã"],
        row["Kết nối"],
        _time(row["Vào lúc"]),
        _time(row["Rời lúc"]) if row["Rời lúc"] else None,
        int(row["Giây kết nối"]),
        int(row["Giây theo dõi"]),
        row["Lý do rời"],
    )


def _time(cell: str) -> datetime:
    return datetime.strptime(cell, "%Y-%m-%d %H:%M:%S").replace(tzinfo=ZONE)


def now() -> datetime:
    return datetime.now(ZONE)


def seconds_apart(one: datetime | None, other: datetime) -> float:
    """How far apart; a cell is cut to whole seconds, so up to one second of it says nothing."""
    assert one is not None
    return abs((one - other).total_seconds())
