"""sites.yaml: the hub, its sites and how the server runs, checked before any port opens.

Rule 1: strict: an unknown field, a missing name or a wrong number stops the start, named by file and line.
Rule 2: all problems of a file are reported in one go, in Vietnamese or English through the catalogue.
Rule 3: words such as the kind of a site or the level of the hub are data; no code knows their values.
"""

from __future__ import annotations

import io
import ipaddress
import re
import struct
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from coordinator.config_source import Entry, Problems, line_of, read_file
from coordinator.domain.events import HUB, SLIDES, Summoned, Thresholds

RESERVED = (HUB, SLIDES)
DEFAULT_ZONE = "Asia/Ho_Chi_Minh"
_CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PHONE = re.compile(r"\+?[0-9(][0-9 ().-]{1,24}[0-9]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Contact:
    """Who answers for a site."""

    name: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Hub:
    """The hall everything comes from; `level` is the administrative level, as words for the reports."""

    name: str
    level: str
    phone: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One remote point. `expected` persons are called, `expected_members` of them Party members."""

    code: str
    name: str
    kind: str
    expected: int
    expected_members: int | None = None
    contact: Contact | None = None

    def summoned(self) -> Summoned:
        """The site as a briefing copies it."""
        name, phone = (self.contact.name, self.contact.phone) if self.contact else (None, None)
        return Summoned(self.code, self.name, self.kind, self.expected, self.expected_members, name, phone)


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How to listen; None: see `coordinator.options`. `public_url` ends without a slash."""

    public_url: str | None = None
    timezone: str = DEFAULT_ZONE
    host: str | None = None
    port: int | None = None
    udp_port: int | None = None
    public_ip: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The time zone of screens and reports."""
        return zone_of(self.timezone)


@dataclass(frozen=True, slots=True)
class AttendanceSettings:
    """Thresholds of the attendance rules, and how the reports look.

    `heading`: party | state; `authority` and `office`: the two lines under which the report goes out, `place`
    where it is signed. `template`: the minutes' own DOCX template, `summary_template`: that of the report
    over many briefings. `warn_rate`: sites under it are listed.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    heading: str = "party"
    authority: str | None = None
    office: str | None = None
    place: str | None = None
    template: Path | None = None
    summary_template: Path | None = None
    warn_rate: float = 0.9


@dataclass(frozen=True, slots=True)
class RecordSettings:
    """`keep_years`: how long briefings are kept before `coordinator purge` offers them; None: for ever."""

    keep_years: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A TURN server for browsers whose network lets no UDP through.

    `secret`: shared with it, for credentials that end by themselves; else a fixed name and password.
    """

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """`max_bitrate_bps`: the most the hub's picture may use, in bit/s."""

    max_bitrate_bps: int = 1_500_000
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    hub: Hub
    sites: tuple[Site, ...]
    server: ServerSettings = field(default_factory=ServerSettings)
    attendance: AttendanceSettings = field(default_factory=AttendanceSettings)
    media: MediaSettings = field(default_factory=MediaSettings)
    records: RecordSettings = field(default_factory=RecordSettings)

    def site(self, code: str) -> Site | None:
        """The site of that code, or None."""
        return next((site for site in self.sites if site.code == code), None)


def load(path: Path) -> Config:
    """Reads and checks a configuration.

    Raises:
        ConfigError: details file, line, entry, field, problem, remedy (of the first problem; the two last
            name sentences of the catalogue) and `problems`, all of them, which `Catalogue.sentence` tells.
    """
    problems = Problems(path)
    top = read_file(path, problems)
    hub = _hub(top.entry("hub", required=True))
    sites = _sites(top.items("sites", required=True), problems)
    server = _server(top.entry("server"), path.parent)
    attendance = _attendance(top.entry("attendance"), path.parent)
    media = _media(top.entry("media"))
    records = _records(top.entry("records"))
    top.close()
    problems.raise_any()
    return Config(hub, sites, server, attendance, media, records)


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """The named time zone; Vietnam's is known even where the system has no zone files.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, KeyError) as problem:
        if name == DEFAULT_ZONE:
            return _vietnam()
        raise ValueError(name) from problem


def _vietnam() -> zoneinfo.ZoneInfo:
    """UTC+7 without summer time, as it has been since 1975, in the form of RFC 8536."""
    block = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4) + struct.pack(
        ">lbb4s", 25_200, 0, 0, b"+07"
    )
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(2 * block + b"\n<+07>-7\n"), key=DEFAULT_ZONE)


def _hub(entry: Entry | None) -> Hub:
    if entry is None:
        return Hub("", "")
    hub = Hub(
        name=entry.text("name", required=True) or "",
        level=entry.text("level", required=True) or "",
        phone=entry.judged("phone", _phone, "bad_phone"),
    )
    entry.close()
    return hub


def _sites(nodes: Iterable[yaml.Node], problems: Problems) -> tuple[Site, ...]:
    sites: list[Site] = []
    lines: dict[str, int] = {}
    for number, node in enumerate(nodes, 1):
        if not isinstance(node, yaml.MappingNode):
            problems.add("not_a_mapping", line_of(node), f"sites #{number}")
            continue
        entry = Entry(node, f"sites #{number}", problems)
        site = _site(entry, number)
        if site.code and site.code in lines:
            entry.wrong("duplicate_code", "code", value=site.code, first=lines[site.code])
        lines.setdefault(site.code, entry.line)
        sites.append(site)
    return tuple(sites)


def _site(entry: Entry, number: int) -> Site:
    code = entry.judged("code", _code, "bad_code", required=True) or ""
    if code:
        entry.name = f"sites #{number} ({code})"
    if code in RESERVED:
        entry.wrong("reserved_code", "code", value=code)
    site = Site(
        code=code,
        name=entry.text("name", required=True) or "",
        kind=entry.text("kind", required=True, limit=40) or "",
        expected=entry.count("expected", required=True) or 0,
        expected_members=entry.count("expected_members"),
        contact=_contact(entry.entry("contact")),
    )
    if "expected" not in entry.faulty and (site.expected_members or 0) > site.expected:
        entry.wrong("members_over", "expected_members", value=site.expected_members, high=site.expected)
    entry.close()
    return site


def _contact(entry: Entry | None) -> Contact | None:
    if entry is None:
        return None
    contact = Contact(entry.text("name", required=True) or "", entry.judged("phone", _phone, "bad_phone"))
    entry.close()
    return contact


def _server(entry: Entry | None, folder: Path) -> ServerSettings:
    if entry is None:
        return ServerSettings()
    file = partial(_file, folder)
    server = ServerSettings(
        public_url=entry.judged("public_url", _url, "bad_url"),
        timezone=entry.judged("timezone", _timezone, "bad_timezone") or DEFAULT_ZONE,
        host=entry.judged("host", _host, "bad_host"),
        port=entry.count("port", 1, 65535),
        udp_port=entry.count("udp_port", 1, 65535),
        public_ip=entry.judged("public_ip", lambda ip: str(ipaddress.ip_address(ip)), "bad_ip"),
        tls_cert=entry.judged("tls_cert", file, "no_file"),
        tls_key=entry.judged("tls_key", file, "no_file"),
    )
    for one, other in (("tls_cert", "tls_key"), ("tls_key", "tls_cert")):
        if entry.has(one) and not entry.has(other):
            entry.wrong("half_tls", one, other=other)
    entry.close()
    return server


def _file(folder: Path, name: str) -> Path:
    path = folder / Path(name).expanduser()
    if "\0" in name or not path.is_file():
        raise ValueError(name)
    return path


def _attendance(entry: Entry | None, folder: Path) -> AttendanceSettings:
    if entry is None:
        return AttendanceSettings()
    late, gap = entry.count("late_after_s", 0, 86_400), entry.count("gap_s", 1, 86_400)
    share, warn = entry.share("present_share"), entry.share("warn_rate")
    usual = Thresholds()
    settings = AttendanceSettings(
        Thresholds(
            usual.late_after_s if late is None else late,
            usual.gap_s if gap is None else gap,
            usual.present_share if share is None else share,
        ),
        entry.judged("heading", _heading, "bad_heading") or "party",
        authority=entry.text("authority"),
        office=entry.text("office"),
        place=entry.text("place"),
        template=entry.judged("template", partial(_file, folder), "no_file"),
        summary_template=entry.judged("summary_template", partial(_file, folder), "no_file"),
        warn_rate=AttendanceSettings().warn_rate if warn is None else warn,
    )
    entry.close()
    return settings


def _records(entry: Entry | None) -> RecordSettings:
    if entry is None:
        return RecordSettings()
    settings = RecordSettings(entry.count("keep_years", 1, 100))
    entry.close()
    return settings


def _media(entry: Entry | None) -> MediaSettings:
    if entry is None:
        return MediaSettings()
    bitrate = entry.count("max_bitrate_bps", 64_000, 50_000_000)
    turn = entry.entry("turn")
    settings = MediaSettings(bitrate or MediaSettings().max_bitrate_bps, _turn(turn) if turn else None)
    entry.close()
    return settings


def _turn(entry: Entry) -> Turn:
    urls: list[str] = []
    for node in entry.items("urls", required=True):
        if isinstance(node, yaml.ScalarNode) and re.fullmatch(r"turns?:[^\s]{1,200}", node.value):
            urls.append(node.value)
        else:
            entry.wrong("bad_turn", "urls", value=getattr(node, "value", "?"))
    secret = entry.text("secret", loose=True) or ""
    turn = Turn(
        tuple(urls), entry.text("username", required=not secret, loose=True) or "",
        entry.text("credential", required=not secret, loose=True) or "", secret,
    )  # fmt: skip
    entry.close()
    return turn


def _code(text: str) -> str:
    if len(text) > 40 or not _CODE.fullmatch(text):
        raise ValueError(text)
    return text


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise ValueError(text)
    return text


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        if not _HOST.fullmatch(text):
            raise
        return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username or parts.password
    if parts.scheme not in ("http", "https") or not parts.hostname or extra or " " in text:
        raise ValueError(text)
    _host(parts.hostname)
    port = f":{parts.port}" if parts.port is not None else ""  # .port raises ValueError over 65535
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def _timezone(text: str) -> str:
    zone_of(text)
    return text


def _heading(text: str) -> str:
    if text not in ("party", "state"):
        raise ValueError(text)
    return text
