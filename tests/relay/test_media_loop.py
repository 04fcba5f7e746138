"""The loop that empties media sockets in its wait does what any loop does; no flood keeps it from that."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from typing import Any

import pytest

from coordinator.relay.door import Behind, PureDoor
from coordinator.relay.doors import READS_PER_WAKE, PureDoors
from coordinator.relay.forwarding import engine
from coordinator.relay.media_loop import MediaLoop, MediaSelector, new_loop

NOT_BUILT = pytest.mark.skipif(engine.compiled is None, reason="no compiled plane")
WAITS = ["in Python", pytest.param("in C", marks=NOT_BUILT)]
ANY_LOOP = "any loop"
JUNK = b"\x16junk"
CHECK = b"\0\1check"


def udp() -> socket.socket:
    made = socket.socket(type=socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


class Media:
    """A media socket, a peer with a door to it, and somebody without."""

    def __init__(self, wait: str) -> None:
        self.compiled = engine.compiled if wait == "in C" else None
        self.loop = asyncio.new_event_loop if wait == ANY_LOOP else partial(MediaLoop, self.compiled)
        self.ours, self.peer, self.stranger = udp(), udp(), udp()
        self.on_check: Callable[[], None] = lambda: None
        self.on_dtls: Callable[[], None] = lambda: None
        make_doors, make_door = (
            (self.compiled.Doors, self.compiled.Door) if self.compiled else (PureDoors, PureDoor)
        )
        self.doors = make_doors(lambda data, address: self.on_check())
        behind = Behind(print, print, lambda data: self.on_dtls(), print)
        self.doors.admit(self.peer.getsockname(), make_door(behind, (1e6, 0.0), (1e6, 0.0)))

    def send(self, data: bytes, times: int = 1) -> None:
        for _ in range(times):
            self.peer.sendto(data, self.ours.getsockname())

    def send_junk(self, times: int = 1) -> None:
        for _ in range(times):
            self.stranger.sendto(JUNK, self.ours.getsockname())

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(loop, MediaLoop):
            loop.watch(self.ours, self.doors)
        else:
            loop.add_reader(self.ours, self.doors.drain, self.ours)

    def stop(self) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(loop, MediaLoop):
            loop.unwatch(self.ours)
        else:
            loop.remove_reader(self.ours)

    def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run work on the loop with the socket watched, for a minute at most."""

        async def watched() -> None:
            self.start()
            async with asyncio.timeout(60):
                await work
            self.stop()

        with asyncio.Runner(loop_factory=self.loop) as runner:
            runner.run(watched())


def made(request: pytest.FixtureRequest) -> Iterator[Media]:
    media = Media(request.param)
    with media.ours, media.peer, media.stranger:
        yield media


media = pytest.fixture(params=[ANY_LOOP, *WAITS], name="media")(made)
watched = pytest.fixture(params=WAITS, name="watched")(made)


@pytest.fixture
def selector(watched: Media) -> Iterator[MediaSelector]:
    """Watches the media socket."""
    with MediaSelector(watched.compiled) as made:
        made.watch(watched.ours, watched.doors)
        yield made


@contextlib.asynccontextmanager
async def echo() -> Any:
    """A TCP connection on which what is said comes back."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


def test_the_relay_runs_on_it() -> None:
    with contextlib.closing(new_loop()) as loop:
        assert isinstance(loop, MediaLoop)


def test_timers_come_in_their_order_and_not_too_early(media: Media) -> None:
    async def work() -> None:
        loop, order = asyncio.get_running_loop(), []
        start = loop.time()
        last = loop.create_future()
        loop.call_later(0.03, lambda: last.set_result(loop.time()))
        for delay in (0.02, 0.0, 0.01):
            loop.call_later(delay, order.append, delay)
        loop.call_soon(order.append, "soon")
        assert await last - start >= 0.03
        assert order == ["soon", 0.0, 0.01, 0.02]

    media.run(work())


def test_other_threads_wake_it(media: Media) -> None:
    async def work() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        threading.Timer(0.01, loop.call_soon_threadsafe, (done.set,)).start()
        await done.wait()
        assert await asyncio.to_thread(lambda: 7) == 7

    media.run(work())


def test_connections_and_processes_are_served(media: Media) -> None:
    async def work() -> None:
        async with echo() as (reader, writer):
            for number in range(20):
                writer.write(b"%02d" % number)
                assert await reader.readexactly(2) == b"%02d" % number
            writer.write_eof()
            assert await reader.read() == b""
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('said')", stdout=asyncio.subprocess.PIPE
        )
        assert await child.communicate() == (b"said\n", None)

    media.run(work())


def test_signals_are_handled(media: Media) -> None:
    async def work() -> None:
        loop, came = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR2, came.set)
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGUSR2)).start()
        await came.wait()
        loop.remove_signal_handler(signal.SIGUSR2)

    media.run(work())


@pytest.fixture
def heard_interrupts() -> Iterator[None]:
    """Hear SIGINT also where the tests run as a background job of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard_interrupts")
def test_an_interrupt_ends_it(media: Media) -> None:
    async def work() -> None:
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
        await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        media.run(work())


@pytest.mark.parametrize("data", [JUNK, CHECK], ids=["a peer", "a stranger"])
@pytest.mark.parametrize("later", [False, True], ids=["at once", "in a moment"])
def test_what_is_scheduled_behind_a_door_runs_in_time(media: Media, data: bytes, later: bool) -> None:
    async def work() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        soon = partial(loop.call_later, 0.001) if later else loop.call_soon
        media.on_dtls = media.on_check = lambda: soon(done.set)
        for _ in range(3):
            media.send(data)
            async with asyncio.timeout(20):  # nothing else would wake it before
                await done.wait()
            done.clear()

    media.run(work())


def test_a_loop_that_is_stopped_behind_a_door_stops(media: Media) -> None:
    woken: list[bool] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        media.on_check = loop.stop
        loop.call_later(20, woken.append, True)
        media.send(CHECK)
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="stopped"):
        media.run(work())
    assert not woken


def test_what_is_raised_behind_a_door_costs_that_datagram(
    media: Media, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda what: told.append(what.exc_value))

    async def work() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        loop.set_exception_handler(lambda loop, context: told.append(context["exception"]))

        def wrong() -> None:
            media.on_check = done.set
            raise asyncio.CancelledError

        media.on_check = wrong
        media.send(CHECK, 2)
        await done.wait()

    media.run(work())
    told += [record.exc_info[1] for record in caplog.records if record.exc_info]
    assert [type(each) for each in told] == [asyncio.CancelledError]


def test_what_is_raised_to_stop_the_program_stops_the_loop(media: Media) -> None:
    def stop() -> None:
        raise SystemExit(3)

    async def work() -> None:
        media.on_check = stop
        media.send(CHECK)
        await asyncio.Event().wait()

    with pytest.raises(SystemExit):
        media.run(work())


def test_an_endless_flood_holds_up_neither_timers_nor_connections(media: Media) -> None:
    """Each datagram that is taken brings another two, so that the socket is never empty."""

    async def work() -> None:
        loop, turns, timers, often = asyncio.get_running_loop(), 0, 0, asyncio.Event()

        def turn() -> None:
            nonlocal turns
            turns += 1
            loop.call_soon(turn)

        def timer() -> None:
            nonlocal timers
            timers += 1
            if timers == 20:
                often.set()
            loop.call_later(0.001, timer)

        media.on_check = lambda: media.send(CHECK, 2)
        media.send(CHECK, 2 * READS_PER_WAKE)
        turn()
        timer()
        async with echo() as (reader, writer):
            for _ in range(20):
                writer.write(b"said")
                assert await reader.readexactly(4) == b"said"
        await often.wait()
        media.on_check = lambda: None
        assert turns and media.doors.received > READS_PER_WAKE
        assert media.doors.received <= (turns + 2) * READS_PER_WAKE

    media.run(work())


def test_a_flood_that_python_never_sees_holds_up_nothing_either(media: Media) -> None:
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                media.send_junk()

    async def work() -> None:
        pouring = threading.Thread(target=flood)
        pouring.start()
        try:
            async with echo() as (reader, writer):
                for _ in range(20):
                    writer.write(b"said")
                    assert await reader.readexactly(4) == b"said"
                    await asyncio.sleep(0.001)
            assert media.doors.dropped
        finally:
            over.set()
            await asyncio.to_thread(pouring.join)

    media.run(work())


def test_media_that_python_has_nothing_to_do_with_does_not_end_the_wait(
    watched: Media, selector: MediaSelector
) -> None:
    def strangers() -> None:
        for number in range(1, 101):
            watched.send_junk()
            while watched.doors.dropped < number:
                pass
        there.send(b"!")

    selector.scheduled = True  # and was done since
    here, there = socket.socketpair()
    with here, there:
        key = selector.register(here, selectors.EVENT_READ)
        thread = threading.Thread(target=strangers)
        thread.start()
        assert selector.select() == [(key, selectors.EVENT_READ)]
        assert watched.doors.dropped == 100
        thread.join()


def test_a_full_socket_leaves_their_turn_to_others(watched: Media, selector: MediaSelector) -> None:
    here, there = socket.socketpair()
    with here, there:
        key = selector.register(here, selectors.EVENT_READ | selectors.EVENT_WRITE)
        there.send(b"!")
        watched.send_junk(3 * READS_PER_WAKE)
        for turn in (1, 2, 3):
            assert selector.select() == [(key, selectors.EVENT_READ | selectors.EVENT_WRITE)]
            assert watched.doors.received == turn * READS_PER_WAKE
        selector.unregister(here)
        assert selector.select(0) == []
        watched.send_junk(2 * READS_PER_WAKE)
        assert selector.select(0) == []
        assert watched.doors.received == 4 * READS_PER_WAKE
        assert selector.select(0.001) == []
        assert watched.doors.received == 5 * READS_PER_WAKE


def test_the_wait_ends_in_time_while_media_comes(watched: Media, selector: MediaSelector) -> None:
    over = threading.Event()

    def flood() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                watched.send_junk()

    thread = threading.Thread(target=flood)
    thread.start()
    for _ in range(20):
        assert selector.select(0.005) == []
    over.set()
    thread.join()
    assert watched.doors.dropped > 20


def test_a_socket_that_was_closed_while_watched_is_forgotten(watched: Media, selector: MediaSelector) -> None:
    with udp() as second:
        selector.watch(second, watched.doors)
        with pytest.raises(KeyError):
            selector.watch(second, watched.doors)
        descriptor = second.fileno()
        watched.on_check = second.close
        watched.send(CHECK)
        watched.peer.sendto(CHECK, second.getsockname())
        while second.fileno() >= 0:
            assert selector.select(1) == []
        assert selector.select(0) == []
        assert selector.unregister(second).fd == descriptor
        watched.send_junk()
        assert selector.select(0) == []
        assert watched.doors.dropped == 1
        with udp() as third:  # may have the number that the second one had
            selector.register(third, selectors.EVENT_READ)
            watched.peer.sendto(JUNK, third.getsockname())
            assert [key.fileobj for key, _ in selector.select(1)] == [third]
            assert watched.doors.dropped == 1


@pytest.mark.parametrize("closes", [True, False], ids=["closed", "changed"])
def test_what_code_behind_a_door_closes_or_changes_is_not_told_as_it_was(
    watched: Media, selector: MediaSelector, closes: bool
) -> None:
    here, there = socket.socketpair()
    with here, there:
        selector.register(here, selectors.EVENT_READ)

        def on_check() -> None:
            if closes:
                selector.unregister(here)
                here.close()
            else:
                selector.modify(here, selectors.EVENT_READ, "other")

        watched.on_check = on_check
        there.send(b"!")
        watched.send(CHECK)
        assert selector.select(1) == []
        assert [key.data for key, _ in selector.select(0)] == ([] if closes else ["other"])


def test_a_descriptor_that_somebody_else_holds_open_is_told_of_no_more(
    watched: Media, selector: MediaSelector
) -> None:
    """As a child process does: epoll goes on telling of it, under a number that is nobody's."""
    here, there = socket.socketpair()
    with there:
        held = os.dup(here.fileno())
        selector.register(here, selectors.EVENT_READ)
        descriptor = here.fileno()
        here.close()
        assert selector.unregister(here).fd == descriptor
        there.send(b"!")
        assert selector.select(0.01) == []
        os.close(held)


def test_what_is_done_with_is_let_go(watched: Media) -> None:
    gc.collect()
    open_before = len(os.listdir("/proc/self/fd"))
    selector = MediaSelector(watched.compiled)
    second = udp()
    selector.watch(second, watched.doors)
    selector.unregister(second)
    second.close()
    known = weakref.ref(second)
    del second
    gc.collect()
    assert known() is None
    selector.close()
    assert len(os.listdir("/proc/self/fd")) == open_before
