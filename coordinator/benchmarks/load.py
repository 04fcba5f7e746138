"""Load clients for `coordinator bench relay`, in a process of their own.

Rule 1: one JSON line on standard input says who joins; `ready`, then answers to `begin` and `end`, go out.
Rule 2: full ICE and DTLS, nothing is decoded. Sockets are polled: waking this process for every packet would
be charged to the server.
Rule 3: every packet carries the time it was sent at; a sample is decrypted and compared with the time at
which the kernel received it, so that our own polling adds nothing.
Rule 4: as with browsers, packets both ways are numbered for transport-cc, and what comes is acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from livekit.protocol.models import ParticipantInfo, TrackInfo

from coordinator.relay.forwarding import rtcp, twcc
from coordinator.simulate import rtp
from coordinator.simulate.client import LightClient
from coordinator.simulate.conversation import ClientError
from coordinator.simulate.link import Link
from coordinator.simulate.media import Media
from coordinator.simulate.recording import OPUS_FRAME, Picture, RecordedMedia, Recording
from coordinator.simulate.rtp import Inbound

POLL_S = 0.004
SAMPLE = 8
"""One packet in so many is decrypted and timed."""
SO_TIMESTAMPNS = 35
RECEIVE_BYTES = 1024 * 1024
JOIN_AT_ONCE = 3
READY_WITHIN_S = 90.0
FEEDBACK_EVERY_S = 0.1
"""How often what came is acknowledged; browsers do it every 50 to 250 ms, by rate."""
_STAMP = struct.Struct("!Q")
_UNNUMBERED = bytes((rtp.TRANSPORT_CC_ID << 4 | 1, 0, 0))
_NUMBERED = _UNNUMBERED[0]
_KERNEL_STAMP = struct.Struct("@qq")


@dataclass(frozen=True)
class Guest:
    """One client: what it publishes (sources), and whose tracks it takes: identities that begin with `hears`.

    It is ready when media comes on so many `tracks`.
    """

    identity: str
    token: str
    publishes: tuple[str, ...] = ()
    hears: str = ""
    tracks: int = 0
    camera: str = "high"

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return asdict(self)


def _made_up(name: str) -> Recording:
    """A second or more of frames of the right size, the first a keyframe as VP8 marks it."""
    width, height, fps, bitrate = {
        "high": (1280, 720, 30, 1_500_000),
        "low": (320, 180, 15, 150_000),
        "screen": (1280, 720, 5, 250_000),
    }[name]
    body = bytes(bitrate // 8 // fps - 1)
    frames = (b"\x10" + body, *([b"\x11" + body] * (4 * fps - 1)))
    return Recording(frames, 90_000, 90_000 // fps, Picture(width, height, fps, bitrate))


def media(camera: str) -> RecordedMedia:
    """Media that nobody will decode; a camera that is not simulcast is the recording `low`."""
    sound = Recording((b"\x78" + bytes(79),) * 50, 48_000, OPUS_FRAME)
    picture = _made_up(camera)
    return RecordedMedia(picture, picture, picture, _made_up("screen"), sound)


class StampingLink(Link):
    """A link that writes the time of sending into the end of every payload, and numbers packets."""

    _number = 0

    def send(self, packet: bytes) -> None:
        at = packet.find(_UNNUMBERED, 16, 60)
        if at > 0:
            self._number = self._number + 1 & 0xFFFF
            packet = packet[: at + 1] + self._number.to_bytes(2, "big") + packet[at + 3 :]
        super().send(packet[:-8] + _STAMP.pack(time.time_ns()))


def transport_number(packet: bytes | bytearray) -> int | None:
    """Return the transport-wide number of a packet of the relay, which writes it first; None without one."""
    if packet[0] & 0x1F == 0x10 and len(packet) > 18 and packet[16] == _NUMBERED:
        return packet[17] << 8 | packet[18]
    return None


def stamped(made: Media) -> Media:
    """Let media be stamped and numbered."""
    made.link = StampingLink(*made.link.sinks)
    made.transport_cc = True
    return made


class Ear:
    """Polls the socket of a connected `media`; writes into `delays_us` how long packets took."""

    def __init__(self, media: Media, delays_us: list[int]) -> None:
        self._media, self._delays_us = media, delays_us
        self._count = 0
        self._buffer = bytearray(2048)
        self._recorder = twcc.Recorder()
        self._acknowledged_at = 0.0
        self._line = media.link.by_hand()
        self._line.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)

    def poll(self) -> None:
        """Take everything that has arrived, and acknowledge it when that is due."""
        while True:
            try:
                size, notes, _, _ = self._line.recvmsg_into([self._buffer], 64)
            except BlockingIOError:
                self._acknowledge(time.monotonic())
                return
            if size and notes:
                seconds, nanoseconds = _KERNEL_STAMP.unpack(notes[0][2][:16])
                self._take(size, seconds * 1_000_000_000 + nanoseconds)

    def _take(self, size: int, came_ns: int) -> None:
        self._count += 1
        data = bytes(self._buffer[:size])
        number = transport_number(data) if size > 18 and not 191 < data[1] < 224 else None
        if number is not None:
            self._recorder.arrived(number, came_ns / 1e9)
        plain = self._media.link.take(data, decrypt=self._count % SAMPLE == 0)
        if plain is not None:
            self._delays_us.append((came_ns - _STAMP.unpack(plain[-8:])[0]) // 1000)

    def _acknowledge(self, now: float) -> None:
        if now - self._acknowledged_at < FEEDBACK_EVERY_S:
            return
        self._acknowledged_at = now
        body = self._recorder.feedback()
        if body is not None:
            ssrc = next((t.ssrc for t in self._media.tracks.values() if t.packets), 0)
            self._media.link.send_rtcp(rtcp.transport_feedback(ssrc, body))


def counts_of(tracks: Iterable[Inbound]) -> tuple[int, int, int]:
    """Packets (received, missing, recovered by asking) of tracks so far."""
    known = list(tracks)
    return sum(t.packets for t in known), sum(t.lost for t in known), sum(t.recovered for t in known)


class LoadClient(LightClient):
    """A light client whose media is stamped, and read by polling."""

    def __init__(self, url: str, guest: Guest) -> None:
        def wanted(person: ParticipantInfo, track: TrackInfo) -> bool:
            return bool(guest.hears) and person.identity.startswith(guest.hears)

        super().__init__(url, guest.token, media(guest.camera), choose=wanted)
        self.guest = guest
        self.delays_us: list[int] = []
        self._ear: Ear | None = None

    def _new_media(self) -> Media:
        return stamped(super()._new_media())

    async def join(self) -> None:
        """Connect, and begin to poll."""
        await self.connect()
        self._ear = Ear(self._media, self.delays_us)

    def poll(self) -> None:
        """Take everything that has arrived."""
        if self._ear is not None:
            self._ear.poll()

    def flowing(self) -> bool:
        """Whether media comes on every track."""
        return sum(1 for track in self._media.tracks.values() if track.packets) >= self.guest.tracks

    def counts(self) -> tuple[int, int, int]:
        """Packets (received, missing, recovered by asking) so far."""
        return counts_of(self._media.tracks.values())


class Client(Protocol):
    """A load client, whatever its server."""

    guest: Guest
    delays_us: list[int]

    async def join(self) -> None: ...
    async def publish(self, source: str) -> object: ...
    def poll(self) -> None: ...
    def flowing(self) -> bool: ...
    def counts(self) -> tuple[int, int, int]: ...


class Party:
    """All clients of this process."""

    def __init__(self, clients: Sequence[Client]) -> None:
        self._clients = clients
        self._before = [(0, 0, 0) for _ in clients]
        self._cpu = 0.0

    async def assemble(self) -> None:
        """Let everybody in; return when media flows on every line. Raises TimeoutError, ClientError."""
        doors = asyncio.Semaphore(JOIN_AT_ONCE)

        async def enter(client: Client) -> None:
            async with doors:
                await client.join()
                for source in client.guest.publishes:
                    await client.publish(source)

        await asyncio.gather(*map(enter, self._clients))

    async def flowing(self) -> None:
        """Wait until media comes on every track that is wanted. Raises TimeoutError."""
        async with asyncio.timeout(READY_WITHIN_S):
            while not all(client.flowing() for client in self._clients):  # noqa: ASYNC110 (packets tell nobody)
                await asyncio.sleep(0.05)

    async def poll(self) -> None:
        """Poll for ever."""
        while True:
            for client in self._clients:
                client.poll()
            await asyncio.sleep(POLL_S)

    def begin(self) -> dict[str, Any]:
        """Count from here."""
        self._before = [client.counts() for client in self._clients]
        self._cpu = time.process_time()
        for client in self._clients:
            client.delays_us.clear()
        return {}

    def end(self) -> dict[str, Any]:
        """What was counted: packets `received`, `lost`, `recovered`; `delays_us`, sampled; own `cpu_s`."""
        pairs = zip((client.counts() for client in self._clients), self._before, strict=True)
        changes = [[now - then for now, then in zip(*pair, strict=True)] for pair in pairs]
        received, lost, recovered = (sum(change[place] for change in changes) for place in range(3))
        delays = [delay for client in self._clients for delay in client.delays_us]
        return {
            "received": received,
            "lost": lost,
            "recovered": recovered,
            "delays_us": delays,
            "cpu_s": time.process_time() - self._cpu,
        }


async def serve(
    lines: asyncio.StreamReader,
    say: Callable[[dict[str, Any]], None],
    client: Callable[[str, Guest], Client],
) -> None:
    """Do what the lines say, until they end; `client` makes one of an address and a guest."""
    spec = json.loads(await lines.readline())
    party = Party([client(spec["url"], Guest(**guest)) for guest in spec["guests"]])
    polling = asyncio.create_task(party.poll())
    await party.assemble()
    say({"said": "joined"})
    while word := (await lines.readline()).decode().strip():
        if word == "flowing":
            await party.flowing()
            say({"said": word})
        else:
            say({"said": word, **(party.begin() if word == "begin" else party.end())})
    polling.cancel()


def run(client: Callable[[str, Guest], Client]) -> None:
    """Be a process of load clients, told on standard input what to do; exits with a reason if one fails."""

    async def main() -> None:
        reader = asyncio.StreamReader(limit=2**24)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await serve(reader, lambda said: print(json.dumps(said), flush=True), client)

    try:
        asyncio.run(main())
    except (ClientError, TimeoutError) as problem:
        sys.exit(f"a load client gave up: {problem!r}")


if __name__ == "__main__":
    run(LoadClient)
