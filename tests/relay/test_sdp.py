"""Offers as browsers write them, and the answers they accept."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.relay.errors import ProtocolViolation
from coordinator.relay.forwarding import rtp
from coordinator.relay.negotiation import formats_of
from coordinator.relay.sdp import Local, Outgoing, parse_offer, write_answer

LOCAL = Local("frag", "password-password-password", "AA:BB", ["198.51.100.9"], 7882)
HEAD = """v=0
o=- 4611 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS
"""
TRANSPORT = """a=ice-ufrag:Zx9/
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 0a:0b:0C
a=setup:actpass
"""
DATA = f"""m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
{TRANSPORT}a=mid:0
a=sctp-port:5000
a=max-message-size:262144
"""
VIDEO = f"""m=video 9 UDP/TLS/RTP/SAVPF 45 46 96 97 103 104 107 108
c=IN IP4 0.0.0.0
{TRANSPORT}a=mid:1
a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
a=extmap:3 urn:3gpp:video-orientation
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id
a=sendonly
a=msid:- 0b1c-camera
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:45 AV1/90000
a=rtpmap:46 rtx/90000
a=fmtp:46 apt=45
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 ccm fir
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f
a=rtpmap:104 rtx/90000
a=fmtp:104 apt=103
a=rtpmap:107 H264/90000
a=fmtp:107 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:108 rtx/90000
a=fmtp:108 apt=107
a=rid:q send
a=rid:h send
a=rid:f send
a=simulcast:send q;h;f
"""
AUDIO = f"""m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9
c=IN IP4 0.0.0.0
{TRANSPORT}a=mid:2
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid
a=recvonly
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
"""


def answered(text: str, **outgoing: Outgoing) -> list[str]:
    return write_answer(parse_offer(text), LOCAL, outgoing).split("\r\n")


def part(lines: list[str], mid: str) -> list[str]:
    """The lines of one section of an answer."""
    starts = [n for n, line in enumerate(lines) if line.startswith("m=")] + [len(lines)]
    for start, end in itertools.pairwise(starts):
        if f"a=mid:{mid}" in lines[start:end]:
            return lines[start:end]
    raise AssertionError(f"no section {mid}")


def test_an_offer_is_read_as_it_was_meant() -> None:
    offer = parse_offer((HEAD + DATA + VIDEO + AUDIO).replace("\n", "\r\n"))
    assert [(s.kind, s.mid, s.direction) for s in offer.sections[1:]] == [
        ("video", "1", "sendonly"),
        ("audio", "2", "recvonly"),
    ]
    assert (offer.fragment, offer.fingerprints, offer.data_port) == ("Zx9/", [("sha-256", "0A:0B:0C")], 5000)
    video = offer.sections[1]
    assert (video.cid, video.send_rids, video.extensions[rtp.MID]) == ("0b1c-camera", ["q", "h", "f"], 9)
    assert [codec.payload_type for codec in video.usable()] == [96, 97, 103, 104, 107, 108]


def test_the_answer_accepts_simulcast_and_offers_only_what_the_relay_carries() -> None:
    video = part(answered(HEAD + DATA + VIDEO + AUDIO), "1")
    assert video[0] == "m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 108"
    for line in ("a=recvonly", "a=rid:q recv", "a=simulcast:recv q;h;f", "a=extmap:10 " + rtp.RID,
                 "a=extmap:11 " + rtp.REPAIRED_RID, "a=rtcp-fb:96 transport-cc", "a=setup:passive",
                 "a=candidate:1 1 udp 2130706431 198.51.100.9 7882 typ host"):  # fmt: skip
        assert line in video
    assert not any("AV1" in line or "orientation" in line for line in video)


def test_an_unused_section_accepts_the_same_extensions_and_answers_audio_losses() -> None:
    audio = part(answered(HEAD + DATA + VIDEO + AUDIO), "2")
    assert audio[0] == "m=audio 9 UDP/TLS/RTP/SAVPF 111 63"
    for line in (
        "a=inactive",
        "a=extmap:1 " + rtp.AUDIO_LEVEL,
        "a=extmap:9 " + rtp.MID,
        "a=rtcp-fb:111 nack",
    ):
        assert line in audio
    assert "a=rtpmap:63 red/48000/2" in audio and "a=fmtp:63 111/111" in audio


def test_a_section_that_carries_a_track_names_it() -> None:
    audio = part(answered(HEAD + DATA + VIDEO + AUDIO, **{"2": Outgoing("PA_a", "TR_b", 1234, None)}), "2")
    assert {"a=sendonly", "a=msid:PA_a|TR_b TR_b", "a=ssrc:1234 cname:PA_a|TR_b"} <= set(audio)


def test_silence_is_left_out_of_sound_unless_the_sender_objects() -> None:
    sending = HEAD + AUDIO.replace("recvonly", "sendonly")
    assert "a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1" in part(answered(sending), "2")
    quiet = write_answer(parse_offer(sending), LOCAL, {}, ["2"])
    assert "usedtx" not in quiet


def test_who_sends_sound_is_asked_for_few_packets() -> None:
    assert "a=ptime:60" in part(answered(HEAD + AUDIO.replace("recvonly", "sendonly")), "2")
    assert "a=ptime:60" not in answered(HEAD + DATA + VIDEO + AUDIO), "nobody sends sound"


def test_a_section_with_no_common_codec_is_refused_and_left_out_of_the_bundle() -> None:
    lines = answered(HEAD + DATA + AUDIO.replace("opus", "speex"))
    assert "m=audio 0 UDP/TLS/RTP/SAVPF 0" in lines and "a=group:BUNDLE 0" in lines


def test_h264_goes_out_in_its_non_interleaved_mode() -> None:
    assert formats_of(parse_offer(HEAD + VIDEO).sections[0]) == {"vp8": (96, 97), "h264": (107, 108)}


@pytest.mark.parametrize(
    "text",
    ["", "v=0", HEAD, HEAD + VIDEO.replace("a=mid:1", ""), HEAD + VIDEO.replace("a=ice-ufrag:Zx9/\n", ""),
     HEAD + VIDEO + VIDEO, HEAD + VIDEO.replace("96", "999"), HEAD + "m=text 9 UDP 0\na=mid:0\n",
     HEAD + VIDEO * 300, "v=0\n" + "x" * 1_000_000],
)  # fmt: skip
def test_what_cannot_be_answered_is_a_violation(text: str) -> None:
    with pytest.raises(ProtocolViolation):
        parse_offer(text)


@given(st.data())
def test_a_damaged_offer_is_read_or_refused_but_never_breaks(data: st.DataObject) -> None:
    lines = (HEAD + DATA + VIDEO + AUDIO).split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        index = data.draw(st.integers(0, len(lines) - 1))
        lines[index] = data.draw(st.one_of(st.just(""), st.text(max_size=20), st.just(lines[index][:5])))
    try:
        offer = parse_offer("\n".join(lines))
    except ProtocolViolation:
        return
    answer = write_answer(offer, LOCAL, {})
    assert answer.count("\r\nm=") == len(offer.sections)
