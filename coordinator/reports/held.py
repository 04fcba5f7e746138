"""Many briefings side by side: what each came to, by site, by month, by kind.

Rule 1: a briefing that a site did not report is in neither side of its rate; how many it reported is told.
Rule 2: figures of earlier years that were imported have no log behind them: they are summed apart from what
was recorded here, never together.
Rule 3: a site is its code; its name is the latest one.
Rule 4: who made a briefing up later is summed apart, no rate has them (ATTENDANCE.md rule 12).
Rule 5: a cause is what the log says of a site at a briefing, never a guess at why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from coordinator.domain.attendance_types import Attendance, SiteAttendance
from coordinator.reports.cells import local_time

# What is counted against a low rate, in the order in which it is told; the first six are codes of a status.
CAUSES = (
    "not_connected", "interrupted", "late", "left_early", "signal_only", "sound_only", "unreported",
    "unexcused",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Share:
    """One site at one briefing. `present` None: not reported; `connected` None: not known (imported).

    `made_up`: persons who took it in later, None where nobody noted any; `causes`: of CAUSES.
    """

    code: str
    name: str
    expected: int
    present: int | None
    connected: bool | None
    made_up: int | None = None
    causes: tuple[str, ...] = ()

    @property
    def rate(self) -> float | None:
        """0..1; None where not reported or nobody was expected."""
        return self.present / self.expected if self.present is not None and self.expected else None


@dataclass(frozen=True, slots=True)
class Held:
    """One briefing. `day`: YYYY-MM-DD (the office's zone); `totals` as in `Totals`, in part for the imported.

    `started_ms` UTC, None for the imported; `head_seq` and `head_hash`: the event its figures rest on.
    """

    id: str
    title: str
    kind: str
    day: str
    started_ms: int | None
    imported: bool
    provisional: bool
    head_seq: int
    head_hash: str
    totals: dict[str, Any]
    sites: tuple[Share, ...]

    @property
    def month(self) -> str:
        """YYYY-MM."""
        return self.day[:7]


def of_attendance(attendance: Attendance, zone: ZoneInfo) -> Held:
    """The figures of a briefing that was recorded here; it has started."""
    started = attendance.window.started_ms
    return Held(
        attendance.briefing_id, attendance.title, attendance.kind,
        f"{local_time(started or 0, zone):%Y-%m-%d}", started, False, attendance.provisional,
        attendance.head_seq, attendance.head_hash, asdict(attendance.totals),
        tuple(
            Share(site.code, site.name, site.expected, site.present,
                  "not_connected" not in site.status and bool(site.connections), site.made_up, _causes(site))
            for site in attendance.sites
        ),
    )  # fmt: skip


def _causes(site: SiteAttendance) -> tuple[str, ...]:
    found = {*site.status}
    if site.present is None:
        found.add("unreported")
    if site.unexcused:
        found.add("unexcused")
    return tuple(cause for cause in CAUSES if cause in found)


def of_import(day: str, title: str, kind: str, sites: tuple[Share, ...]) -> Held:
    """The figures of one imported briefing."""
    sums = Sums()
    for site in sites:
        sums.add(site)
    totals = {
        "sites_expected": len(sites), "sites_connected": None, "sites_reported": sums.reported,
        "expected": sum(site.expected for site in sites), "present": sums.present if sums.reported else None,
        "rate": sums.rate,
    }  # fmt: skip
    return Held(f"import:{day}:{title}", title, kind, day, None, True, False, 0, "", totals, sites)


@dataclass(slots=True)
class Sums:
    """Persons over several briefings; `expected` and `present` over those that were reported; `rate` 0..1.

    `made_up`: persons who took them in later, None where nobody noted any.
    """

    summoned: int = 0
    connected: int = 0
    reported: int = 0
    expected: int = 0
    present: int = 0
    made_up: int | None = None

    @property
    def rate(self) -> float | None:
        """None where nothing was reported or nobody was expected."""
        return self.present / self.expected if self.expected else None

    def add(self, site: Share) -> None:
        """One site's part in one briefing."""
        self.summoned += 1
        self.connected += bool(site.connected)
        if site.present is not None:
            self.reported += 1
            self.expected += site.expected
            self.present += site.present
        if site.made_up is not None:
            self.made_up = (self.made_up or 0) + site.made_up


@dataclass(slots=True)
class SiteRates(Sums):
    """One site over many briefings. `below`: how many of them lay under the threshold.

    `course`: its rate at each briefing, oldest first, None where it was not there or did not report;
    `recorded`: the known ones of them that were recorded here; `months`: (month, imported) to sums;
    `earlier`: the imported alone.
    """

    code: str = ""
    name: str = ""
    below: int = 0
    course: list[float | None] = field(default_factory=list)
    recorded: list[float] = field(default_factory=list)
    months: dict[tuple[str, bool], Sums] = field(default_factory=dict)
    earlier: Sums = field(default_factory=Sums)

    @property
    def ends(self) -> tuple[float, float] | None:
        """The mean of its first three recorded rates and that of its last three; None under six."""
        known = self.recorded
        return (sum(known[:3]) / 3, sum(known[-3:]) / 3) if len(known) >= 6 else None

    @property
    def change(self) -> float | None:
        """The second of `ends` less the first."""
        return None if self.ends is None else self.ends[1] - self.ends[0]


@dataclass(slots=True)
class Group(Sums):
    """All sites over the briefings of one month or one kind. `name`: YYYY-MM or the kind."""

    name: str = ""
    imported: bool = False
    briefings: int = 0


def rates(held: Sequence[Held], threshold: float = 0.0) -> list[SiteRates]:
    """By site, in the order in which sites first appear; `held` oldest first; `threshold` 0..1."""
    found: dict[str, SiteRates] = {}
    for place, one in enumerate(held):
        for site in one.sites:
            rates_of = found.setdefault(site.code, SiteRates(code=site.code))
            _note(rates_of, site, one, place, threshold)
    for rates_of in found.values():
        rates_of.course += [None] * (len(held) - len(rates_of.course))
    return list(found.values())


def _note(rates_of: SiteRates, site: Share, one: Held, place: int, threshold: float) -> None:
    rates_of.name = site.name
    rates_of.course += [None] * (place - len(rates_of.course)) + [site.rate]
    rates_of.months.setdefault((one.month, one.imported), Sums()).add(site)
    (rates_of.earlier if one.imported else rates_of).add(site)
    if site.rate is not None and not one.imported:
        rates_of.recorded.append(site.rate)
        rates_of.below += site.rate < threshold


def months(held: Iterable[Held]) -> list[Group]:
    """By month, the oldest first; the imported part of a month before the recorded."""
    return _groups(sorted(held, key=lambda one: (one.month, not one.imported)), lambda one: one.month)


def kinds(held: Iterable[Held]) -> list[Group]:
    """By kind of briefing, the imported first."""
    return _groups(sorted(held, key=lambda one: (not one.imported, one.kind)), lambda one: one.kind)


def _groups(held: Iterable[Held], name_of: Any) -> list[Group]:
    found: dict[tuple[str, bool], Group] = {}
    for one in held:
        key = (name_of(one), one.imported)
        group = found.setdefault(key, Group(name=key[0], imported=key[1]))
        group.briefings += 1
        for site in one.sites:
            group.add(site)
    return list(found.values())


def under(sites: Iterable[SiteRates], threshold: float) -> list[SiteRates]:
    """The sites whose recorded rate lies under the threshold, the lowest first."""
    low = [(site.rate, site) for site in sites if site.rate is not None and site.rate < threshold]
    return [site for _, site in sorted(low, key=lambda pair: (pair[0], pair[1].code))]


@dataclass(frozen=True, slots=True)
class Cause:
    """How often one of CAUSES is on record: `times` a site at a briefing, at so many different `sites`.

    `below`: how many of these times the site's rate lay under the threshold.
    """

    code: str
    times: int
    below: int
    sites: int


def causes(held: Iterable[Held], threshold: float) -> list[Cause]:
    """Those that are on record, in the order of CAUSES; what was imported has none."""
    found = [(cause, site) for one in held for site in one.sites for cause in site.causes]
    told = []
    for code in CAUSES:
        mine = [site for cause, site in found if cause == code]
        low = sum(site.rate is not None and site.rate < threshold for site in mine)
        if mine:
            told.append(Cause(code, len(mine), low, len({site.code for site in mine})))
    return told
