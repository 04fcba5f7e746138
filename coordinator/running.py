"""One running briefing: its turn, in which commands are handled one at a time.

Rule 1: decide → append (written and synced, in the writer thread) → apply → `committed`.
Rule 2: where appending fails nothing is applied: the asker gets StorageError, the next command its chance.
Rule 3: a command's moment is the one it came in at, so waiting in the queue ages nobody's proof of life.
Rule 4: who stops waiting for an answer does not stop the command.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeVar

from coordinator import clock
from coordinator.domain.briefing import Briefing
from coordinator.domain.commands import SYSTEM_ACTOR, Actor, Command
from coordinator.domain.errors import CoordinatorError, Refusal, StorageError
from coordinator.domain.events import (
    SYSTEM,
    SYSTEM_CHAIN,
    AliveMarked,
    BriefingEnded,
    ChainSealed,
    Event,
    Recorded,
    Sealed,
)
from coordinator.domain.moments import Moment

MAX_WAITING = 2_000  # commands: 25 sites that talk all day wait a handful; more means that the disk hangs

T = TypeVar("T")

_log = logging.getLogger(__name__)


class EventStore(Protocol):
    """What is used of `storage.Store`. Every call blocks."""

    def append(self, briefing: str, happened: Sequence[tuple[Event, Moment, str]], /) -> list[Recorded]: ...

    def events(self, briefing: str, /, after: int = 0, without: Collection[str] = ()) -> list[Recorded]: ...

    def head(self, briefing: str, /) -> tuple[int, str]: ...


class EventLog:
    """The store as the event loop may use it: writes in the one writer thread, reads beside it."""

    def __init__(self, store: EventStore, writer: Executor) -> None:
        self._store = store
        self._writer = writer
        self.state = "ok"

    async def append(self, briefing: str, happened: Sequence[tuple[Event, Moment, str]]) -> list[Recorded]:
        """Writes all or nothing.

        Raises:
            StorageError: nothing was written.
        """
        try:
            written = await self._in_writer(partial(self._store.append, briefing, happened))
        except StorageError as problem:
            self._turn("failed", briefing, problem)
            raise
        except Exception as problem:
            self._turn("failed", briefing, problem)
            raise StorageError("data_failed", problem=str(problem)) from problem
        self._turn("ok", briefing)
        return written

    def _turn(self, state: str, briefing: str, problem: Exception | None = None) -> None:
        """Logs the first failure and the first success after it, not every one of a full disk."""
        if state != self.state:
            self.state = state
            if problem is not None:
                _log.error("writing to %s failed: %r", briefing, problem)
            else:
                _log.info("writing works again")

    async def head(self, briefing: str) -> tuple[int, str]:
        """(seq, hash) of the chain's last event."""
        return await self._in_writer(partial(self._store.head, briefing))

    async def events(self, briefing: str, marks: bool = True) -> list[Recorded]:
        """The chain in order, without the 10 s marks if those are not wanted; empty for an unknown briefing.

        Marks are most of a chain, and say nothing more once every connection is closed.
        """
        without = () if marks else (AliveMarked.__name__,)
        return await asyncio.to_thread(self._store.events, briefing, without=without)

    async def _in_writer(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, call)


@dataclass(slots=True)
class _Job:
    command: Command
    actor: Actor
    at: Moment
    answer: asyncio.Future[list[Recorded]] = field(default_factory=asyncio.Future)


class Running:
    """A briefing in memory with its queue. Made on the event loop; `close()` ends its task."""

    def __init__(
        self, briefing: Briefing, log: EventLog, committed: Callable[[Running, list[Recorded]], None]
    ) -> None:
        """`committed(self, recorded)` is called in the turn, after applying; it neither blocks nor raises."""
        self.briefing = briefing
        self.id = briefing.id
        self._log = log
        self._committed = committed
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(MAX_WAITING)
        self._unanswered = 0
        self._task = asyncio.create_task(self._work(), name=f"briefing {self.id}")

    async def run(self, command: Command, actor: Actor, at: Moment | None = None) -> list[Recorded]:
        """Handles one command when its turn comes and returns what was written and applied.

        Raises:
            Refusal: the domain's, or `too_busy`; nothing changed. StorageError: nothing changed.
        """
        return await asyncio.shield(self.submit(command, actor, at))

    def submit(
        self, command: Command, actor: Actor, at: Moment | None = None
    ) -> asyncio.Future[list[Recorded]]:
        """The same, without waiting; errors of an answer that nobody awaits are dropped.

        Raises:
            Refusal: `too_busy`.
        """
        job = _Job(command, actor, at or clock.now())
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            raise Refusal("too_busy") from None
        self._unanswered += 1
        job.answer.add_done_callback(_look)
        return job.answer

    def idle(self) -> bool:
        """Nothing waits, nothing is being handled."""
        return self._unanswered == 0

    async def drained(self) -> None:
        """Waits until everything submitted so far has been handled."""
        await self._jobs.join()

    async def close(self) -> None:
        """Ends the turn-taking. What still waits is not handled (its askers are told `too_busy`)."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        while not self._jobs.empty():
            job = self._jobs.get_nowait()
            if not job.answer.done():
                job.answer.set_exception(Refusal("too_busy"))

    async def _work(self) -> None:
        while True:
            job = await self._jobs.get()
            try:
                recorded = await self._handle(job)
            except asyncio.CancelledError:
                job.answer.cancel()
                raise
            except CoordinatorError as problem:
                _answer(job, problem)
            except Exception as problem:
                _log.exception("%s: %s failed", self.id, type(job.command).__name__)
                _answer(job, problem)
            else:
                if not job.answer.done():
                    job.answer.set_result(recorded)
            finally:
                self._unanswered -= 1
                self._jobs.task_done()

    async def _handle(self, job: _Job) -> list[Recorded]:
        events = self.briefing.decide(job.command, job.at, job.actor)
        if not events:
            return []
        recorded = await self._log.append(self.id, [(event, job.at, job.actor.name) for event in events])
        await self._apply(recorded)
        self._tell(recorded)
        if any(isinstance(event, BriefingEnded) for event in events):
            await self.seal(job.at)
        return recorded

    def _tell(self, recorded: list[Recorded]) -> None:
        try:
            self._committed(self, recorded)
        except Exception:  # what is written stays written, whatever becomes of its effects
            _log.exception("%s: the effects of an event failed", self.id)

    async def _apply(self, recorded: list[Recorded]) -> None:
        try:
            for one in recorded:
                self.briefing.apply(one.event, one.at)
        except Exception:  # what is written is the truth: take the state from there again
            _log.exception("%s: applying failed; replaying its log", self.id)
            self.briefing = Briefing.replay(self.id, await self._log.events(self.id))

    async def seal(self, at: Moment) -> None:
        """Ends the chain with a checkpoint and notes it in the system chain and in the server's log.

        A failure is logged and leaves the end standing; the next start seals.
        """
        try:
            seq, head_hash = await self._log.head(self.id)
            sealed = await self._log.append(self.id, [(Sealed(head_hash, seq), at, SYSTEM)])
            await self._apply(sealed)
            await self._log.append(SYSTEM_CHAIN, [(ChainSealed(self.id, sealed[-1].hash), at, SYSTEM)])
            _log.info("%s sealed: event %d, hash %s", self.id, sealed[-1].seq, sealed[-1].hash)
        except CoordinatorError as problem:
            _log.error("%s could not be sealed: %s", self.id, problem)


def ask(running: Running, command: Command, actor: Actor = SYSTEM_ACTOR) -> None:
    """Submits what nobody waits for; a refusal is of no interest."""
    try:
        running.submit(command, actor)
    except Refusal:
        _log.warning("%s is too busy for %s", running.id, type(command).__name__)


def _answer(job: _Job, problem: Exception) -> None:
    if not job.answer.done():
        job.answer.set_exception(problem)


def _look(answer: asyncio.Future[list[Recorded]]) -> None:
    """Marks an exception as seen, so that nobody is warned of one that was not awaited."""
    if not answer.cancelled():
        answer.exception()
