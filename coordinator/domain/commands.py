"""What people and parts ask of a briefing, imperative.

`Briefing.decide` turns each into events, or raises a Refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from coordinator.domain.events import AgendaItem, Summoned, Thresholds


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks. `role`: operator | host | staff | admin | system; `site` for operators only."""

    name: str
    role: str
    site: str | None = None


SYSTEM_ACTOR = Actor("system", "system")


@dataclass(frozen=True, slots=True)
class Command:
    pass


@dataclass(frozen=True, slots=True)
class Create(Command):
    title: str
    kind: str
    sites: tuple[Summoned, ...]
    document_number: str | None = None
    starts_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Open(Command):
    pass


@dataclass(frozen=True, slots=True)
class Start(Command):
    thresholds: Thresholds = field(default_factory=Thresholds)


@dataclass(frozen=True, slots=True)
class Break(Command):
    pass


@dataclass(frozen=True, slots=True)
class Resume(Command):
    pass


@dataclass(frozen=True, slots=True)
class End(Command):
    pass


@dataclass(frozen=True, slots=True)
class Cancel(Command):
    pass


@dataclass(frozen=True, slots=True)
class Join(Command):
    """A control socket said hello. `site` may be "hub"."""

    site: str
    connection: str
    device: str
    page: str


@dataclass(frozen=True, slots=True)
class Leave(Command):
    """A control socket ended: reason closed | revoked | server_stop. Unknown connections are ignored."""

    site: str
    connection: str
    reason: str = "closed"


@dataclass(frozen=True, slots=True)
class Alive(Command):
    """Any frame on a control socket.

    `n`: the heartbeat's number, None for other frames. `receiving`, `mode`, `layer`, `slide` as in the
    `alive` message; None = unknown. `layer` is what arrives of the stage's picture where that is less than
    the page asked for, so a page that draws a small picture on purpose leaves it out.
    """

    site: str
    connection: str
    n: int | None = None
    receiving: bool | None = None
    mode: str | None = None
    layer: str | None = None
    slide: int | None = None


@dataclass(frozen=True, slots=True)
class HubMedia(Command):
    """What the hub now sends, by the media server's news: is sound, camera, screen published and unmuted?"""

    audio: bool
    video: bool
    screen: bool


@dataclass(frozen=True, slots=True)
class SiteMedia(Command):
    """The media server's news of one site's connection: it is in the room or not; it sends sound or not."""

    site: str
    connection: str
    joined: bool
    audio: bool = False
    video: bool = False


@dataclass(frozen=True, slots=True)
class Outage(Command):
    """A part failed (`began`) or works again. `part`: hub | relay | server."""

    part: str
    began: bool


@dataclass(frozen=True, slots=True)
class StepClock(Command):
    step_ms: int


@dataclass(frozen=True, slots=True)
class Tick(Command):
    """Time has passed: find silent connections, hand back a lost floor, write the 10 s mark."""


@dataclass(frozen=True, slots=True)
class Recover(Command):
    """The server starts again after a crash: close what was open at its last mark."""


@dataclass(frozen=True, slots=True)
class RaiseHand(Command):
    site: str
    topic: str | None = None


@dataclass(frozen=True, slots=True)
class LowerHand(Command):
    site: str


@dataclass(frozen=True, slots=True)
class GiveFloor(Command):
    site: str


@dataclass(frozen=True, slots=True)
class TakeFloor(Command):
    pass


@dataclass(frozen=True, slots=True)
class ReturnFloor(Command):
    """The site that has the floor gives it back by itself: it has finished, or does not wish to speak."""

    site: str


@dataclass(frozen=True, slots=True)
class SetStage(Command):
    left: str
    right: str | None = None


@dataclass(frozen=True, slots=True)
class SetAgenda(Command):
    """The whole agenda."""

    items: tuple[AgendaItem, ...]


@dataclass(frozen=True, slots=True)
class MoveAgenda(Command):
    """The briefing is at this item, from 1; None: at none."""

    item: int | None


@dataclass(frozen=True, slots=True)
class ShowSlide(Command):
    """The hub turned to this page, counted from 1, of a document; None: of what is shown already."""

    slide: int
    document: str | None = None


@dataclass(frozen=True, slots=True)
class HideSlides(Command):
    """No document is shown any more."""


@dataclass(frozen=True, slots=True)
class AddDocument(Command):
    """A document was taken in and its pages rendered."""

    document: str
    name: str
    sha256: str
    pages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class WithdrawDocument(Command):
    document: str


@dataclass(frozen=True, slots=True)
class ReceiveDocument(Command):
    """The site has the whole document."""

    site: str
    document: str


@dataclass(frozen=True, slots=True)
class SendMessage(Command):
    """The hub writes to one site or, with None, to all; an operator of `site` writes to the hub."""

    site: str | None
    text: str


@dataclass(frozen=True, slots=True)
class ReportLineCheck(Command):
    """What a line check measured; None = not measured. Units as in `LineChecked`."""

    site: str
    sound: bool | None
    picture: bool | None
    rtt_ms: int | None = None
    loss: float | None = None
    rate_bps: int | None = None
    up_bps: int | None = None
    jitter_ms: int | None = None
    route: str | None = None
    speakers: bool | None = None
    camera: str | None = None
    microphone: str | None = None
    device: str | None = None
    operator: str | None = None
    echo: str | None = None


@dataclass(frozen=True, slots=True)
class StartRollCall(Command):
    """`mode`: all | in_turn; `label`: start | middle | end, None where it is none of them."""

    mode: str = "all"
    label: str | None = None


@dataclass(frozen=True, slots=True)
class CallSite(Command):
    """In a roll call in turn: call this site, or with None the next that has not answered."""

    site: str | None = None


@dataclass(frozen=True, slots=True)
class DeclareHeadcount(Command):
    site: str
    present: int
    members: int | None = None
    excused: int | None = None
    unexcused: int | None = None
    extra: int | None = None
    note: str | None = None
    reason: str | None = None
    roll_call: int | None = None  # default: the newest


@dataclass(frozen=True, slots=True)
class ConfirmHeadcount(Command):
    site: str


@dataclass(frozen=True, slots=True)
class ChangeExpected(Command):
    site: str
    expected: int
    expected_members: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class ConfirmByPhone(Command):
    site: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class MakeUp(Command):
    """So many of the site's absent took it in later, on that day (YYYY-MM-DD)."""

    site: str
    persons: int
    on: str
    reason: str


@dataclass(frozen=True, slots=True)
class AddNote(Command):
    """`site` None: about the whole briefing. After the end a reason is needed."""

    site: str | None
    text: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SignOff(Command):
    """The operator's answer for its own site after the end: right | wrong, and then `remark` says what."""

    site: str
    answer: str
    remark: str | None = None
