"""An event loop whose wait empties the media sockets itself.

Most datagrams are media that goes on to others, and schedule nothing. On this loop they cost no turn of it:
they are taken where the loop waits, and it goes on waiting.

Rule 1: the wait ends as any other does once there is something else to do: a timer that is due, another
descriptor, a signal; and when code behind a door has scheduled something, or may have.
Rule 2: a media socket gets as much at a time as `doors` says, and then the others are looked at: a flood on
it holds up neither timers nor connections.
Rule 3: the wait is in C where the compiled plane is in use, else here; both need Linux, and `new_loop` knows.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import selectors
import socket
import sys
from collections.abc import Callable
from contextvars import Context
from time import monotonic
from typing import Any, TypeVarTuple

from .doors import Doors
from .forwarding import engine

if sys.platform == "linux":
    from selectors import EpollSelector
else:
    from selectors import SelectSelector as EpollSelector

logger = logging.getLogger(__name__)

EVENTS_AT_ONCE = 64
_Arguments = TypeVarTuple("_Arguments")
_Ready = list[tuple[selectors.SelectorKey, int]]


class MediaSelector(EpollSelector):
    """A selector that empties sockets that are watched through their `Doors`, and does not tell of them.

    `compiled` is the compiled plane, whose doors these are then, or None.
    """

    def __init__(self, compiled: Any = engine.compiled) -> None:
        super().__init__()
        self._compiled = compiled
        self._epoll = select.epoll.fromfd(os.dup(self.fileno()))
        self._watched: dict[int, Doors] = {}
        self.scheduled = False
        """To be set by who schedules something; without the compiled plane the wait ends for it."""

    def close(self) -> None:
        """See `selectors.BaseSelector`."""
        self._epoll.close()
        super().close()

    def watch(self, sock: socket.socket, doors: Doors) -> None:
        """Empty a UDP socket from now on, until it is unregistered. Raises KeyError when it is registered."""
        self._watched[self.register(sock, selectors.EVENT_READ).fd] = doors

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`."""
        key = super().unregister(fileobj)
        self._watched.pop(key.fd, None)
        return key

    def select(self, timeout: float | None = None) -> _Ready:
        """See `selectors.BaseSelector`; returns early, with nothing, where something may be scheduled."""
        ready: _Ready
        if self._compiled is None:
            ready = self._wait(timeout)
        else:
            ready = self._compiled.wait(self._epoll, self._watched, self.get_key, timeout)
        if not ready:
            return []
        now = self.get_map()  # code behind a door may have closed some, or changed what is waited for
        return [(key, events & key.events) for key, events in ready if now.get(key.fd) is key]

    def _wait(self, timeout: float | None) -> _Ready:
        """Do what `wait.c` does, which ends for a signal that asyncio knows nothing of too."""
        self.scheduled = False
        left = -1.0 if timeout is None else max(timeout, 0.0)
        end = monotonic() + left
        while True:
            found = self._epoll.poll(left, EVENTS_AT_ONCE)
            ready = self._go_through(found)
            if ready or not found or self.scheduled:
                return ready
            if timeout is not None and (left := end - monotonic()) <= 0.0:
                return ready

    def _go_through(self, found: list[tuple[int, int]]) -> _Ready:
        """Note what happened elsewhere, which code behind a door may close, and empty the watched sockets."""
        ready: _Ready = []
        keys = self.get_map()
        full: list[tuple[Doors, Any]] = []
        for descriptor, events in found:
            key, doors = keys.get(descriptor), self._watched.get(descriptor)
            if key is None:
                continue
            if doors is not None:
                full.append((doors, key.fileobj))
                continue
            read = selectors.EVENT_READ if events & ~select.EPOLLOUT else 0
            write = selectors.EVENT_WRITE if events & ~select.EPOLLIN else 0
            ready.append((key, read | write))
        for doors, sock in full:
            try:
                doors.drain(sock)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException:  # as on any loop, it costs what was under way
                logger.exception("what came to a media socket could not be handled")
        return ready


class MediaLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on a `MediaSelector`."""

    def __init__(self, compiled: Any = engine.compiled) -> None:
        self._media = MediaSelector(compiled)
        super().__init__(self._media)

    def watch(self, sock: socket.socket, doors: Doors) -> None:
        """Empty a UDP socket through these doors from now on."""
        self._media.watch(sock, doors)

    def unwatch(self, sock: socket.socket) -> None:
        """Leave a watched socket alone; to be called before it is closed."""
        self._media.unregister(sock)

    def call_soon(
        self, callback: Callable[[*_Arguments], object], *args: *_Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """See `asyncio.AbstractEventLoop`."""
        self._media.scheduled = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*_Arguments], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """See `asyncio.AbstractEventLoop`."""
        self._media.scheduled = True
        return super().call_at(when, callback, *args, context=context)

    def stop(self) -> None:
        """See `asyncio.AbstractEventLoop`."""
        self._media.scheduled = True
        super().stop()


def new_loop() -> asyncio.AbstractEventLoop:
    """Return the loop for the relay on this system."""
    return MediaLoop() if sys.platform == "linux" else asyncio.new_event_loop()
