"""The roll call: what sites declare, what host and staff confirm, and which count is the one (rule 9).

Rule 1: every declaration belongs to a roll call, the newest unless told; nothing is overwritten.
Rule 2: present + excused + unexcused = expected; who came uninvited is `extra`, outside the rate.
Rule 3: what is not said is None, never zero.
Rule 4: a correction (host or staff, with a reason) takes the place of what it corrects in its roll call:
where that was confirmed, the correction stands as confirmed at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from coordinator.domain.commands import DeclareHeadcount
from coordinator.domain.errors import Refusal
from coordinator.domain.events import HeadcountConfirmed, HeadcountDeclared, RollCallStarted, Summoned
from coordinator.domain.moments import Moment

ALL, IN_TURN = "all", "in_turn"  # everybody answers at once; the host calls one by one
MODES = (ALL, IN_TURN)
LABELS = ("start", "middle", "end")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One declaration of one site. `number`: 1, 2, … in log order; `confirmed`: when, None = not."""

    number: int
    at: Moment
    event: HeadcountDeclared
    confirmed: Moment | None = None

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands among the site's declarations: by roll call, then in log order."""
        return self.event.roll_call, self.number


@dataclass(slots=True)
class RollCalls:
    """All roll calls of a briefing: when each started, and each site's declarations in log order."""

    started: list[Moment] = field(default_factory=list)
    kinds: list[tuple[str, str | None]] = field(default_factory=list)  # (mode, label) of each
    called: str | None = None  # in the newest, when in turn: the site called last
    declared: dict[str, list[Declaration]] = field(default_factory=dict)

    @property
    def newest(self) -> int:
        """What a declaration belongs to unless it says otherwise; 1 before the start, for early answers."""
        return max(1, len(self.started))

    @property
    def mode(self) -> str:
        """How the newest is called: all | in_turn."""
        return self.kinds[-1][0] if self.kinds else ALL

    @property
    def label(self) -> str | None:
        """start | middle | end | None, of the newest."""
        return self.kinds[-1][1] if self.kinds else None

    def start(self, event: RollCallStarted, at: Moment) -> None:
        """A new roll call, which nobody has answered yet."""
        self.started.append(at)
        self.kinds.append((event.mode, event.label))
        self.called = None

    def answered(self, site: str) -> bool:
        """Has the site answered the newest roll call?"""
        return any(one.event.roll_call == self.newest for one in self.declared.get(site, ()))

    def declare(self, event: HeadcountDeclared, at: Moment) -> None:
        """Adds a declaration; a correction stands where the corrected one stood (rule 4)."""
        earlier = self.declared.setdefault(event.site, [])
        same = [one for one in earlier if one.event.roll_call == event.roll_call]
        corrects = event.reason is not None and same
        earlier.append(Declaration(len(earlier) + 1, at, event, same[-1].confirmed if corrects else None))

    def confirm(self, event: HeadcountConfirmed, at: Moment) -> None:
        """Marks one declaration as confirmed; the first confirmation of it counts."""
        declared = self.declared[event.site]
        one = declared[event.declaration - 1]
        declared[event.declaration - 1] = replace(one, confirmed=one.confirmed or at)

    def latest(self, site: str) -> Declaration | None:
        """The newest declaration of the newest roll call the site has answered."""
        return _latest(self.declared.get(site, ()))


def count_for_rate(
    declared: Sequence[Declaration], by_midpoint: Callable[[Moment], bool] | None
) -> Declaration | None:
    """The latest confirmed by the mid-point, else the latest confirmed, else the latest declared, else None.

    `by_midpoint(moment)`: does a moment lie before the briefing's mid-point? None while it still runs.
    """
    confirmed = [one for one in declared if one.confirmed is not None]
    early = [one for one in confirmed if by_midpoint and one.confirmed and by_midpoint(one.confirmed)]
    return _latest(early) or _latest(confirmed) or _latest(declared)


def _latest(declared: Sequence[Declaration]) -> Declaration | None:
    return max(declared, key=lambda one: one.place, default=None)


def check_headcount(count: DeclareHeadcount, expected: int) -> None:
    """Does the declaration add up?

    Raises:
        Refusal: bad_number (field), members_over_present, headcount_over (more than were called: the rest is
        `extra`), headcount_sum (expected, sum).
    """
    _check_signs(count)
    if count.members is not None and count.members > count.present:
        raise Refusal("members_over_present", members=count.members, present=count.present)
    if count.present > expected:
        raise Refusal(
            "headcount_over", present=count.present, expected=expected, extra=count.present - expected
        )
    total = count.present + (count.excused or 0) + (count.unexcused or 0)
    complete = count.excused is not None and count.unexcused is not None
    if total > expected or (complete and total != expected):
        raise Refusal("headcount_sum", expected=expected, sum=total)


def _check_signs(count: DeclareHeadcount) -> None:
    for name in ("present", "members", "excused", "unexcused", "extra"):
        value = getattr(count, name)
        if value is not None and value < 0:
            raise Refusal("bad_number", field=name, value=value)


def check_expected(
    site: Summoned, declared: Sequence[Declaration], expected: int, members: int | None
) -> None:
    """May the site's expected number become this one?

    Raises:
        Refusal: bad_number, members_over_expected; headcount_over, absent_over where a count stands whose
        present, or present with the absent, would then be more than were called (correct that one first).
    """
    if expected < 0 or (members is not None and members < 0):
        raise Refusal("bad_number", field="expected", value=min(expected, members or 0))
    if members is not None and members > expected:
        raise Refusal("members_over_expected", members=members, expected=expected)
    standing = {one.event.roll_call: one.event for one in declared}.values()
    most = max((one.present for one in standing), default=0)
    if most > expected:
        raise Refusal(
            "headcount_over", site=site.code, present=most, expected=expected, extra=most - expected
        )
    told = max((one.present + (one.excused or 0) + (one.unexcused or 0) for one in standing), default=0)
    if told > expected:
        raise Refusal("absent_over", site=site.code, expected=expected, sum=told)
