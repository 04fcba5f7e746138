"""The briefing: which lines are up, who has the floor, who is present. Commands go in, events come out.

Rule 1: who may ask what, and when, stands in the two tables of this file and nowhere else.
Rule 2: no clock, socket, task or database. Time comes in as an argument; results go out as events.
Rule 3: deciding a command either returns its events, or raises a Refusal and changes nothing; only `apply`
changes what lasts (history.py). Commands are decided in phases.py, lines.py, showing.py,
agenda.py, floor.py and counting.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from coordinator.domain import agenda, checking, counting, floor, history, keeping, lines, phases
from coordinator.domain import commands as c
from coordinator.domain.commands import SYSTEM_ACTOR, Actor, Command
from coordinator.domain.errors import Refusal
from coordinator.domain.events import HUB, Event, Recorded
from coordinator.domain.moments import Moment
from coordinator.domain.showing import DECIDERS as SHOWING
from coordinator.domain.state import BREAK, ENDED, LIVE, ON_LINE, OPEN, RUNNING, SCHEDULED, State

Decider = Callable[[State, Any, Moment, Actor], list[Event]]

_DECIDERS: dict[type[Command], Decider] = {
    c.Create: phases.create,
    c.Open: phases.open_,
    c.Start: phases.start,
    c.Break: phases.break_,
    c.Resume: phases.resume,
    c.End: phases.end,
    c.Cancel: phases.cancel,
    c.Join: lines.join,
    c.Leave: lines.leave,
    c.Alive: lines.alive,
    c.HubMedia: lines.hub_media,
    c.SiteMedia: lines.site_media,
    c.Outage: lines.outage,
    c.StepClock: lines.step_clock,
    c.Tick: lines.tick,
    c.Recover: lines.recover,
    c.RaiseHand: floor.raise_hand,
    c.LowerHand: floor.lower_hand,
    c.GiveFloor: floor.give,
    c.TakeFloor: floor.take,
    c.ReturnFloor: floor.hand_back,
    c.SetStage: floor.set_stage,
    **SHOWING,
    **agenda.DECIDERS,
    c.StartRollCall: counting.start_roll_call,
    c.CallSite: counting.call_site,
    c.DeclareHeadcount: counting.declare,
    c.ConfirmHeadcount: counting.confirm,
    c.ChangeExpected: counting.change_expected,
    c.ConfirmByPhone: counting.confirm_by_phone,
    c.ReportLineCheck: checking.check_line,
    c.MakeUp: keeping.make_up,
    c.AddNote: keeping.add_note,
    c.SignOff: keeping.sign_off,
}

_PHASES: dict[type[Command], tuple[str, ...]] = {  # what is not named is decided in any phase
    c.Open: (SCHEDULED,),
    c.Start: (OPEN,),
    c.Break: (LIVE,),
    c.Resume: (BREAK,),
    c.End: RUNNING,
    c.Cancel: (SCHEDULED, OPEN),
    c.RaiseHand: (LIVE,),
    c.LowerHand: ON_LINE,
    c.GiveFloor: (LIVE,),
    c.TakeFloor: RUNNING,
    c.ReturnFloor: RUNNING,
    c.SetStage: (SCHEDULED, *ON_LINE),
    c.SetAgenda: (SCHEDULED, *ON_LINE),
    c.MoveAgenda: ON_LINE,
    c.ShowSlide: ON_LINE,
    c.HideSlides: ON_LINE,
    c.AddDocument: (SCHEDULED, *ON_LINE),
    c.WithdrawDocument: (SCHEDULED, *ON_LINE, ENDED),
    c.SendMessage: ON_LINE,
    c.StartRollCall: RUNNING,
    c.CallSite: RUNNING,
    c.DeclareHeadcount: (*ON_LINE, ENDED),
    c.ConfirmHeadcount: (*ON_LINE, ENDED),
    c.ChangeExpected: (SCHEDULED, *ON_LINE, ENDED),
    c.ConfirmByPhone: (*RUNNING, ENDED),
    c.MakeUp: (ENDED,),
    c.SignOff: (ENDED,),
    c.ReportLineCheck: (SCHEDULED, *ON_LINE),
}

_LINES = (c.Join, c.Leave, c.Alive)
_WRITES = (c.ReceiveDocument, c.SendMessage)  # of the operator's own site, too
_OPERATOR = (  # of its own site
    c.RaiseHand, c.LowerHand, c.ReturnFloor, c.DeclareHeadcount, c.ReportLineCheck, c.SignOff, *_LINES,
)  # fmt: skip
_STAFF = (
    c.DeclareHeadcount, c.ConfirmHeadcount, c.ConfirmByPhone, c.ChangeExpected, c.MakeUp, c.AddNote,
)  # fmt: skip
_MACHINERY = (*_LINES, c.HubMedia, c.SiteMedia, c.Outage, c.StepClock, c.Tick, c.Recover)


class Briefing(State):
    """One briefing. The attributes of State are to be read, not set."""

    def __init__(self, id: str) -> None:
        super().__init__(id)

    def decide(self, command: Command, at: Moment, actor: Actor = SYSTEM_ACTOR) -> list[Event]:
        """What the command makes happen at this moment; nothing that lasts is changed yet.

        Raises:
            Refusal: unknown_briefing (not created), already_created, forbidden (role, command),
                wrong_phase (phase, command, allowed: phases), or one of the command's own.
        """
        kind = type(command)
        if self.created == (kind is c.Create):
            raise Refusal("already_created" if self.created else "unknown_briefing", briefing=self.id)
        if not may(actor, command):
            raise Refusal("forbidden", role=actor.role, command=kind.__name__)
        allowed = _PHASES.get(kind)
        if allowed is not None and self.phase not in allowed:
            raise Refusal("wrong_phase", phase=self.phase, command=kind.__name__, allowed=list(allowed))
        return _DECIDERS[kind](self, command, at, actor)

    def apply(self, event: Event, at: Moment) -> None:
        """Brings the state up to date with one event of the log, in the log's order. Never refuses."""
        history.apply(self, event, at)

    def handle(self, command: Command, at: Moment, actor: Actor = SYSTEM_ACTOR) -> list[Event]:
        """`decide`, then `apply` each. Raises Refusal as `decide`; nothing changed then."""
        happened = self.decide(command, at, actor)
        for event in happened:
            self.apply(event, at)
        return happened

    @classmethod
    def replay(cls, id: str, recorded: Iterable[Recorded]) -> Briefing:
        """The briefing as its log, in order, leaves it."""
        briefing = cls(id)
        for one in recorded:
            briefing.apply(one.event, one.at)
        return briefing


def may(actor: Actor, command: Command) -> bool:
    """Has this role the right to ask this at all? Operators speak for their own site only."""
    site = getattr(command, "site", None)
    if actor.role in ("host", "admin"):
        return not isinstance(command, c.SignOff)  # nobody signs for somebody else
    if actor.role == "system":
        return isinstance(command, _MACHINERY)
    if actor.role == "staff":
        return isinstance(command, _STAFF) or (isinstance(command, _LINES) and site == HUB)
    if actor.role == "operator":
        return isinstance(command, (*_OPERATOR, *_WRITES)) and actor.site is not None and actor.site == site
    return False
