"""The media half against a real peer: aiortc's own RTCPeerConnection, which decodes what we replay."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack
from av import AudioFrame, VideoFrame

from coordinator.simulate import RecordedMedia, sdp
from coordinator.simulate.link import LinkError, LocalEnd, RemoteEnd
from coordinator.simulate.media import Media
from coordinator.simulate.player import Pacer


@pytest.fixture
async def media(recorded: RecordedMedia) -> AsyncIterator[Media]:
    media = Media(recorded, asyncio.get_running_loop().time, lambda: None)
    pacer = Pacer.here()
    pacer.add(media.tick)
    yield media
    pacer.remove(media.tick)
    await media.link.close()


@pytest.fixture
async def peer() -> AsyncIterator[RTCPeerConnection]:
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    yield peer
    await peer.close()


async def connect(media: Media, peer: RTCPeerConnection, tracks: dict[str, str]) -> None:
    await peer.setRemoteDescription(RTCSessionDescription(await media.offer(), "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    remote = media.take_answer(peer.localDescription.sdp, tracks)
    await media.link.connect(remote)


async def test_a_decoder_sees_and_hears_what_is_replayed(media: Media, peer: RTCPeerConnection) -> None:
    received: dict[str, MediaStreamTrack] = {}
    peer.on("track", lambda track: received.setdefault(track.kind, track))
    media.publish("camera")
    media.publish("microphone")
    await connect(media, peer, {})

    async with asyncio.timeout(10):
        picture = await received["video"].recv()
        sound = [await received["audio"].recv() for _ in range(20)][-1]

    assert isinstance(picture, VideoFrame) and (picture.width, picture.height) == (320, 180)
    assert isinstance(sound, AudioFrame) and max(sound.to_ndarray()[0]) > 1000


async def test_what_a_peer_sends_is_counted_on_its_track(media: Media, peer: RTCPeerConnection) -> None:
    media.add_receivers(1, 0)
    peer.addTrack(AudioStreamTrack())
    await connect(media, peer, {"0": "TR_voice"})

    async with asyncio.timeout(10):
        while media.tracks["TR_voice"].packets < 20:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # figures change with packets, which notify nobody

    figures = media.tracks["TR_voice"].figures()
    assert (figures["kind"], figures["lost"], figures["keyframes"]) == ("audio", 0, 0)
    assert figures["bytes"] > 20 * 12 and figures["last_at"] > figures["first_at"]


async def test_a_peer_with_another_certificate_is_refused(media: Media, peer: RTCPeerConnection) -> None:
    media.add_receivers(1, 0)
    await peer.setRemoteDescription(RTCSessionDescription(await media.offer(), "offer"))
    await peer.setLocalDescription(await peer.createAnswer())
    remote = media.take_answer(peer.localDescription.sdp, {})
    stranger = RemoteEnd(**(remote.__dict__ | {"fingerprint": ":".join(["AB"] * 32)}))

    with pytest.raises(LinkError):
        await media.link.connect(stranger)
    assert not media.link.connected


def test_an_answer_is_read_as_far_as_it_matters() -> None:
    answer = sdp.read_answer(
        "v=0\r\na=ice-lite\r\na=fingerprint:sha-256 ab:cd\r\n"
        "m=audio 0 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=setup:passive\r\n"
        "a=candidate:1 1 udp 1 192.0.2.7 5000 typ host\r\na=sendonly\r\na=ssrc-group:FID 5 6\r\n"
        "a=ssrc:5 cname:x\r\na=ssrc:5 msid:x y\r\na=ssrc:6 cname:x\r\n"
    )

    assert answer.sections == {"1": sdp.AnsweredSection("1", "video", "sendonly", (5,), payload_type=96)}
    assert answer.remote == RemoteEnd(
        "u", "p", "AB:CD", ("1 1 udp 1 192.0.2.7 5000 typ host",), active=False, lite=True
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=0\r\n",
        "m=audio 0 X 0\r\na=mid:0\r\n",
        "m=audio 9 X 0\r\na=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n",
    ],
)
def test_an_answer_that_leads_nowhere_is_refused(text: str) -> None:
    with pytest.raises(sdp.SdpError):
        sdp.read_answer(text)


def test_three_layers_are_offered_by_name_and_one_by_its_number() -> None:
    layers = sdp.Section("0", "video", "sendonly", cid="c", rids=("q", "h", "f"))
    single = sdp.Section("1", "audio", "sendonly", cid="d", ssrc=77)

    offer = sdp.write_offer(LocalEnd("u", "p", "AB", ("c1",)), [layers, single], 1, 2)

    assert "a=simulcast:send q;h;f" in offer and offer.count("a=rid:") == 3
    assert "a=ssrc:77 cname:" in offer and "a=group:BUNDLE 0 1" in offer
    assert offer.count("a=candidate:c1") == 1
