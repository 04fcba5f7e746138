"""Attendance as values: what `attendance.fold` makes of a briefing's events and what every report is
drawn from.

Rule 1: all times are UTC milliseconds, all durations whole seconds, all shares and rates 0..1 (unrounded).
Rule 2: None is "not known" or "not yet", never zero (ATTENDANCE.md rule 11).
Rule 3: nothing here computes; the rules are in attendance.py and its neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outage:
    """The hub, the relay or the server was down: taken out of the window. `part`: hub | relay | server."""

    part: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Window:
    """The host's start to the host's end. `seconds` has breaks and outages taken out.

    `started_ms` is None before the start, `ended_ms` None while the briefing runs; `planned_ms` is the
    announced start. `breaks` are (start_ms, end_ms); one that still runs ends at the moment of the fold.
    """

    seconds: int
    started_ms: int | None
    ended_ms: int | None
    planned_ms: int | None
    breaks: tuple[tuple[int, int], ...] = ()
    outages: tuple[Outage, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over all sites summoned.

    `rate` = present / expected over the sites that reported; `expected_reported` is its denominator and
    `present` its numerator. `rate_low`..`rate_high` is the range over all sites, the unknown counted as
    none .. as all. `rate_excluding_excused` leaves the excused out of the denominator. The members'
    figures are over sites that reported members and know how many they expect. `sites_rate` = sites
    connected / sites summoned.
    """

    sites_expected: int
    sites_connected: int
    sites_reported: int
    expected: int
    present: int | None
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    expected_reported: int
    rate_excluding_excused: float | None
    sites_rate: float | None
    members_expected: int | None
    members_present: int | None
    members_rate: float | None
    extra: int | None
    made_up: int | None = None


@dataclass(frozen=True, slots=True)
class PhoneConfirmation:
    """Host or staff say by whose word on the telephone the site took part."""

    name: str
    reason: str
    actor: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One raw connection, never merged, unclipped.

    `left_ms` None: still open. `following_seconds` counts inside the window, `connected_seconds` the
    whole interval. `reason` as in `ConnectionClosed`, None while open. `across_boots`: measured by UTC
    because the machine restarted in between.
    """

    connection: str
    device: str
    joined_ms: int
    left_ms: int | None
    connected_seconds: int
    following_seconds: int
    reason: str | None
    across_boots: bool = False


@dataclass(frozen=True, slots=True)
class HeadcountRow:
    """One declaration, in log order; `declaration` numbers the site's declarations from 1.

    `actor` as in the log ("site:<code>" or an account). `confirmed_by` and `confirmed_ms` when host or
    staff confirmed it. `reason` is given when host or staff declared or corrected. `counted`: this is the
    count in the rate.
    """

    declaration: int
    roll_call: int
    at_ms: int
    actor: str
    present: int
    members: int | None
    excused: int | None
    unexcused: int | None
    extra: int | None
    note: str | None
    reason: str | None
    confirmed: bool
    confirmed_by: str | None = None
    confirmed_ms: int | None = None
    counted: bool = False


@dataclass(frozen=True, slots=True)
class Speech:
    """The site held the floor; `end_ms` None while it does. `reason` as in `FloorTaken`, None while it
    holds it."""

    start_ms: int
    end_ms: int | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LineCheckRow:
    """One line check; None = not measured. `rtt_ms` milliseconds, `loss` 0..1, `rate_bps` bits a second
    down, `up_bps` up. `speakers`: the whole room heard the test sound. `device`: the browser and its system.
    `verdict`: good | fair | poor. `operator`: who checked. `echo`: none | some | strong; `route`: udp | tcp |
    turn | blocked."""

    at_ms: int
    sound: bool | None
    picture: bool | None
    rtt_ms: int | None = None
    loss: float | None = None
    rate_bps: int | None = None
    up_bps: int | None = None
    speakers: bool | None = None
    camera: str | None = None
    microphone: str | None = None
    device: str | None = None
    verdict: str | None = None
    operator: str | None = None
    echo: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True)
class ExpectedRow:
    """Host or staff changed the number expected after the start."""

    at_ms: int
    actor: str
    expected: int
    expected_members: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class MadeUpRow:
    """So many took it in later, on the day `on` (YYYY-MM-DD). `corrected`: a later row of that day counts."""

    at_ms: int
    actor: str
    persons: int
    on: str
    reason: str
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class NoteRow:
    """What host or staff wrote down."""

    at_ms: int
    actor: str
    text: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class SignOffRow:
    """The operator's answer: right | wrong. `changed_since`: the site's figures were changed after it."""

    at_ms: int
    actor: str
    answer: str
    remark: str | None
    changed_since: bool = False


@dataclass(frozen=True, slots=True)
class RollCallRow:
    """One roll call. `mode`: all | in_turn; `label`: start | middle | end | None."""

    number: int
    at_ms: int
    mode: str
    label: str | None


@dataclass(frozen=True, slots=True)
class CallCount:
    """What counts of a site in one roll call that it answered: the latest confirmed, else the latest."""

    roll_call: int
    label: str | None
    present: int
    members: int | None
    excused: int | None
    unexcused: int | None
    extra: int | None
    confirmed: bool


@dataclass(frozen=True, slots=True)
class SiteAttendance:
    """One site.

    `status`: codes of STATUS_CODES, in that order. `first_joined_ms` and `last_left_ms` are unclipped;
    the latter is None while connected (`still_connected`) and for a site that never came.
    `connected_seconds`, `attended_seconds` (following), `unknown_seconds` and `signal_only_seconds` lie
    inside the window; `attended_share` = attended / window. `interruptions` and `interrupted_seconds`:
    control gaps longer than the threshold. The headcount's figures are those that count for the rate;
    `headcount_state`: "confirmed" | "declared" | None (not reported); `rate` = present / expected.
    `made_up` persons took it in later: never part of `present` or a rate (rule 12), None where nobody did.
    `signed` is the operator's latest answer.
    """

    code: str
    name: str
    kind: str
    contact_name: str | None
    contact_phone: str | None
    status: tuple[str, ...]
    first_joined_ms: int | None
    last_left_ms: int | None
    still_connected: bool
    interruptions: int
    interrupted_seconds: int
    connected_seconds: int
    attended_seconds: int
    unknown_seconds: int
    signal_only_seconds: int
    attended_share: float | None
    expected: int
    expected_members: int | None
    present: int | None
    members: int | None
    excused: int | None
    unexcused: int | None
    extra: int | None
    note: str | None
    headcount_state: str | None
    headcount_roll_call: int | None
    rate: float | None
    members_rate: float | None
    phone: PhoneConfirmation | None = None
    connections: tuple[ConnectionRow, ...] = ()
    headcounts: tuple[HeadcountRow, ...] = ()
    speeches: tuple[Speech, ...] = ()
    line_checks: tuple[LineCheckRow, ...] = ()
    expected_changes: tuple[ExpectedRow, ...] = ()
    roll_call_counts: tuple[CallCount, ...] = ()
    made_up: int | None = None
    made_up_rows: tuple[MadeUpRow, ...] = ()
    notes: tuple[NoteRow, ...] = ()
    signed: SignOffRow | None = None
    signed_rows: tuple[SignOffRow, ...] = ()


@dataclass(frozen=True, slots=True)
class Attendance:
    """One briefing. `provisional` until it has ended (reports are then marked TẠM TÍNH).

    `kind`: resolution | class | meeting. `phase` as in `Briefing`. `rules_version`: the rules this was
    folded by. `head_seq` and `head_hash`: the last event folded (0 and "" for an empty log).
    `roll_calls`: how many were started.
    """

    briefing_id: str
    title: str
    kind: str
    document_number: str | None
    phase: str
    provisional: bool
    rules_version: str
    window: Window
    head_seq: int
    head_hash: str
    totals: Totals
    sites: tuple[SiteAttendance, ...]
    roll_calls: int = 0
    roll_call_times_ms: tuple[int, ...] = ()
    roll_call_rows: tuple[RollCallRow, ...] = ()
    notes: tuple[NoteRow, ...] = ()


STATUS_CODES = (
    "on_time",
    "late",
    "interrupted",
    "left_early",
    "sound_only",
    "signal_only",
    "not_connected",
    "confirmed_by_phone",
)
