"""The lines: who is connected, who follows, what is lost, and what a crash or an outage leaves behind.

Rule 1: a leave closes its own connection only; news of a connection that is not open changes nothing
(ATTENDANCE.md rule 2). The newest device of a site wins; several of the hub's live side by side.
Rule 2: proof of life is any frame. Silent 20 s: lost, and the interval ends at the last proof (its rule 4).
Rule 3: following is judged at each frame: the site receives what the stage now sends, or it has the floor, or
the stage sends nothing. In slides mode it has acknowledged the page shown. Unknown is neither yes nor no.
Rule 4: while a briefing runs, a mark every 10 s keeps what a crash would lose (its rule 7).
Rule 5: while the server itself stood still (no tick for 3 s) nobody is called silent, and the frames it then
reads prove no life later than its last tick; more than 20 s are an outage of the server (its rule 5).
Rule 6: these commands come from the machinery: out of season they are ignored, as nobody is there to be told.
"""

from __future__ import annotations

from coordinator.domain import commands as c
from coordinator.domain.errors import Refusal
from coordinator.domain.events import (
    HUB,
    AliveMarked,
    ClockStepped,
    ConnectionClosed,
    ConnectionHealed,
    ConnectionOpened,
    Event,
    FloorTaken,
    FollowingChanged,
    Mark,
    MediaUp,
    OutageBegan,
    OutageEnded,
)
from coordinator.domain.moments import Moment
from coordinator.domain.state import (
    LIVE,
    LOST_MS,
    ON_LINE,
    RUNNING,
    STALL_MS,
    UNSTABLE_MS,
    Connection,
    Report,
    Sends,
    State,
)

HEARTBEAT_MS = 5_000
MARK_MS = 10_000
REPORT_HOLDS_MS = 75_000  # a hidden tab's timers run once a minute: an older report says nothing of now
ENDED_SILENT_MS = 1_000  # at the end: every line was asked for a sign of life within this time (hall.py)
CLOCK_STEP_MS = 2_000
HEALS_WITHIN_MS = 6_000  # frames that were held back come all at once
PARTS = ("hub", "relay", "server")
_WORST = ("signal_only", "unknown", "following")


def join(state: State, command: c.Join, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_site, not_open (phase), duplicate_connection."""
    if command.site != HUB:
        state.site(command.site)
    if state.phase not in ON_LINE:
        raise Refusal("not_open", phase=state.phase)
    if command.connection in state.connections:
        raise Refusal("duplicate_connection", connection=command.connection)
    happened: list[Event] = [_closed(line, "replaced", at, 0) for line in _replaced_by(state, command)]
    follows = actor.role == "staff"
    happened.append(ConnectionOpened(command.site, command.connection, command.device, command.page, follows))
    if command.site == HUB and not follows and HUB in state.outages:
        happened.append(OutageEnded(HUB))
    return happened


def _replaced_by(state: State, command: c.Join) -> list[Connection]:
    return [
        line
        for line in state.open_lines()
        if line.site == command.site and (command.site != HUB or line.page == command.page)
    ]


def leave(state: State, command: c.Leave, at: Moment, actor: c.Actor) -> list[Event]:
    """A socket that closes after 10 s of silence was dead before: it ends at its last proof of life."""
    line = state.connections.get(command.connection)
    if line is None or not line.is_open or line.site != command.site:
        return []
    silent_ms = 0 if state.stalled(at) else UNSTABLE_MS
    happened: list[Event] = [_closed(line, command.reason, at, silent_ms)]
    if command.reason == "revoked" and state.floor == command.site:
        happened.append(FloorTaken(command.site, "lost"))
    return happened


def _closed(line: Connection, reason: str, at: Moment, silent_ms: int) -> ConnectionClosed:
    """Closes a line now, or where it has been silent for longer, at its last proof of life."""
    ended_before = line.silent_ms(at) > silent_ms
    return ConnectionClosed(line.site, line.connection, reason, line.last_alive if ended_before else None)


def close_all(state: State, reason: str, at: Moment) -> list[Event]:
    """Closes every open connection, as at the end of a briefing: one that was heard within the last second
    now, another at its last proof of life."""
    return [_closed(line, reason, at, ENDED_SILENT_MS) for line in state.open_lines()]


def alive(state: State, command: c.Alive, at: Moment, actor: c.Actor) -> list[Event]:
    """Notes the life in memory, event or not."""
    line = state.connections.get(command.connection)
    if line is None or line.site != command.site or state.phase not in ON_LINE:
        return []
    if not line.is_open:
        return _heal(state, line, command, at)
    _hear(state, line, command, at)
    return [] if line.site == HUB or state.stalled(at) else _news_of(state, line, at)


def _hear(state: State, line: Connection, command: c.Alive, at: Moment) -> None:
    if not state.stalled(at):
        line.last_alive = at
        line.number = line.number if command.n is None else command.n
    if command.n is not None or command.receiving is not None:
        line.report = Report(at, command.receiving, command.mode, command.layer, command.slide)


def _news_of(state: State, line: Connection, at: Moment) -> list[Event]:
    happened: list[Event] = []
    if line.report is not None and line.report.receiving and not line.media_up:
        happened.append(MediaUp(line.site, line.connection))
    now = following(state, line, at), _sound_only(state, line)
    if now != (line.following, line.sound_only):
        happened.append(FollowingChanged(line.site, line.connection, *now))
    return happened


def following(state: State, line: Connection, at: Moment) -> str:
    """Does this line follow the stage now? following | signal_only | unknown."""
    if state.floor == line.site or not state.stage_sends().anything:
        return "following"
    report = line.report
    if report is None or at.ms_since(report.at) > REPORT_HOLDS_MS:
        return "unknown"
    if report.mode == "slides" and state.slide is not None:
        if state.slide_since is not None and report.at.ms_since(state.slide_since) < 0:
            return line.following  # said before the page was turned
        received = None if report.slide is None else report.slide == state.slide
    else:
        received = report.receiving
    if received is None:
        return "unknown"
    return "following" if received else "signal_only"


def _sound_only(state: State, line: Connection) -> bool:
    """The stage shows a picture, and the page asked for the sound alone or gets no layer of the picture."""
    sent, report = state.stage_sends(), line.report
    if report is None or not (sent.video or sent.screen):
        return False
    return report.mode == "audio" or (report.mode != "slides" and report.layer == "off")


def _heal(state: State, line: Connection, command: c.Alive, at: Moment) -> list[Event]:
    """Late heartbeats heal the gap where their numbers cover it; fewer mean that the page too stood still."""
    if line.reason != "lost" or command.n is None:
        return []
    line.again = line.again or at
    if line.number is None:
        line.number = command.n - 1  # nothing was heard of it yet but its hello
    if line.site != HUB and state.newest[line.site] != line.connection:
        return []  # stale: another connection owns the line now
    received = {True: "following", False: "signal_only", None: "unknown"}[command.receiving]
    line.late = (*line.late, received if state.stage_sends().anything else "following")
    if state.stalled(at) or (command.n - line.number + 1) * HEARTBEAT_MS < line.silent_ms(at):
        return []
    gap = min(line.late, key=_WORST.index)
    _hear(state, line, command, at)
    return [ConnectionHealed(line.site, line.connection, gap)]


def speaking_though_lost(state: State, at: Moment) -> list[Connection]:
    """Lines that were called lost and are heard again, but nothing heals them: their page stood still itself.

    Their sockets are to be closed (`lost`), so that the pages come back and are there again.
    """
    return [
        line
        for line in state.connections.values()
        if line.reason == "lost" and line.again is not None and at.ms_since(line.again) > HEALS_WITHIN_MS
    ]


def hub_media(state: State, command: c.HubMedia, at: Moment, actor: c.Actor) -> list[Event]:
    """Sites are judged by it at their next frame, when they have had the time to receive it."""
    state.hub_sends = Sends(command.audio, command.video, command.screen)
    return [OutageEnded(HUB)] if state.hub_sends.anything and HUB in state.outages else []


def site_media(state: State, command: c.SiteMedia, at: Moment, actor: c.Actor) -> list[Event]:
    """News of the media room; no proof of life of the control socket."""
    line = state.connections.get(command.connection)
    if line is not None and line.site == command.site:
        if line.sends is not None and not command.joined:
            line.left_room = at
        line.sends = Sends(command.audio, command.video) if command.joined else None
    return []


def outage(state: State, command: c.Outage, at: Moment, actor: c.Actor) -> list[Event]:
    """Raises Refusal: unknown_part."""
    if command.part not in PARTS:
        raise Refusal("unknown_part", part=command.part)
    if state.phase not in RUNNING or command.began == (command.part in state.outages):
        return []
    return [OutageBegan(command.part) if command.began else OutageEnded(command.part)]


def step_clock(state: State, command: c.StepClock, at: Moment, actor: c.Actor) -> list[Event]:
    return [ClockStepped(command.step_ms)] if abs(command.step_ms) > CLOCK_STEP_MS else []


def tick(state: State, command: c.Tick, at: Moment, actor: c.Actor) -> list[Event]:
    if state.phase not in ON_LINE:
        return []
    happened = stood_still(state, at)
    here = [line for line in state.open_lines() if state.unheard_ms(line, at) < LOST_MS]
    happened += [_closed(line, "lost", at, 0) for line in state.open_lines() if line not in here]
    if state.floor != HUB and _holder_is_lost(state, at):
        happened.append(FloorTaken(state.floor, "lost"))
    return [*happened, *_hub_is_lost(state), *_mark(state, here, at)]


def stood_still(state: State, at: Moment) -> list[Event]:
    """The outage of the server since the last tick, where that was over 20 s ago. Notes this one in memory.

    Told again until it is in the log.
    """
    before, state.last_tick = state.last_tick, at
    if before is not None and at.ms_since(before) > STALL_MS:
        state.resumed = at
        if at.ms_since(before) > LOST_MS and state.phase in RUNNING:
            state.frozen_since = state.frozen_since or before
    if state.frozen_since is None:
        return []
    return [OutageBegan("server", state.frozen_since), OutageEnded("server")]


def _holder_is_lost(state: State, at: Moment) -> bool:
    """Both the control and the media of who has the floor have been silent for 20 s."""
    line = state.line(state.floor)
    if line is None:
        return True
    own = [other for other in state.connections.values() if other.site == state.floor]
    in_room = any(other.sends is not None for other in own)
    just_left = any(other.left_room and at.ms_since(other.left_room) < LOST_MS for other in own)
    return state.unheard_ms(line, at) >= LOST_MS and not in_room and not just_left


def _hub_is_lost(state: State) -> list[Event]:
    """The hub's last line was lost and it sends nothing: an outage since its last proof of life."""
    gone = state.hub_gone
    if state.phase != LIVE or gone is None or gone.reason != "lost":
        return []
    if HUB in state.outages or state.hub_sends.anything:
        return []
    return [OutageBegan(HUB, gone.last_alive)]


def _mark(state: State, here: list[Connection], at: Moment) -> list[Event]:
    last = state.last_mark
    due = last is None or last.boot != at.boot or at.ms_since(last) >= MARK_MS
    if not due or (state.phase not in RUNNING and not here):
        return []
    return [
        AliveMarked(tuple(Mark(line.connection, max(0, line.silent_ms(at)), line.following) for line in here))
    ]


def recover(state: State, command: c.Recover, at: Moment, actor: c.Actor) -> list[Event]:
    """After a crash: lines end at their last proof of life on record; the time in between is the server's."""
    happened: list[Event] = [  # whatever the clocks say: the machine may have started with a wrong one
        ConnectionClosed(line.site, line.connection, "server_crash", line.last_alive)
        for line in state.open_lines()
    ]
    if state.floor != HUB:
        happened.append(FloorTaken(state.floor, "lost"))
    if state.phase in RUNNING:
        if "server" not in state.outages:
            happened.append(OutageBegan("server", state.last_event))
        happened.append(OutageEnded("server"))
    return happened
