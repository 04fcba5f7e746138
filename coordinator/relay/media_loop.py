"""An event loop whose wait empties the media sockets itself, in C.

Most datagrams are media that goes on to others, and leave nothing to do in Python. On this loop they cost no
turn of it: they are taken where the loop waits, and it goes on waiting.

Rule 1: the wait ends as any other does once there is something for Python: a timer that is due, another
descriptor, a signal; and when Python code ran behind a door, which may have scheduled something.
Rule 2: a media socket gets as much at a time as `doors` says, and then the others are looked at: a flood on
it holds up neither timers nor connections.
Rule 3: this needs the compiled plane, and Linux, without which that cannot be built; `new_loop` knows.
"""

from __future__ import annotations

import asyncio
import selectors
import socket
import sys
from typing import Any

from .doors import Doors
from .forwarding import engine

if sys.platform == "linux":
    from selectors import EpollSelector
else:
    from selectors import SelectSelector as EpollSelector


class MediaSelector(EpollSelector):
    """A selector that empties sockets that are watched through their `Doors`, and does not tell of them."""

    def __init__(self) -> None:
        super().__init__()
        self._wait = engine.compiled.wait
        self._epoll = self.fileno()
        self._watched: dict[int, Doors] = {}

    def watch(self, sock: socket.socket, doors: Doors) -> None:
        """Empty a UDP socket from now on, until it is unregistered. Raises KeyError when it is registered."""
        self._watched[self.register(sock, selectors.EVENT_READ).fd] = doors

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """See `selectors.BaseSelector`."""
        key = super().unregister(fileobj)
        self._watched.pop(key.fd, None)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """See `selectors.BaseSelector`; returns early, with nothing, when Python code ran meanwhile."""
        ready: list[tuple[selectors.SelectorKey, int]] = self._wait(
            self._epoll, self._watched, self.get_key, timeout
        )
        if not ready:
            return []
        now = self.get_map()  # code behind a door may have closed some, or changed what is waited for
        return [(key, events & key.events) for key, events in ready if now.get(key.fd) is key]


class MediaLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop on a `MediaSelector`."""

    def __init__(self) -> None:
        self._media = MediaSelector()
        super().__init__(self._media)

    def watch(self, sock: socket.socket, doors: Doors) -> None:
        """Empty a UDP socket through these doors from now on."""
        self._media.watch(sock, doors)

    def unwatch(self, sock: socket.socket) -> None:
        """Leave a watched socket alone; to be called before it is closed."""
        self._media.unregister(sock)


def new_loop() -> asyncio.AbstractEventLoop:
    """Return the loop for the media plane in use."""
    return MediaLoop() if engine.compiled is not None else asyncio.new_event_loop()
