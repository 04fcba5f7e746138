"""Where one outgoing stream is, and what turns a packet of the stream it carries into its next one.

Rule 1: this is state and nothing else; `rewriter` and `route` say what it means. It is a class of its own so
that the sending plane, compiled or not, can move it on without asking them (see `sender.fan_out`).
Rule 2: `source` names the incoming stream whose packets may go straight out, `NONE` while somebody has to
look at each (copies of sound, a paced line, a layer that is awaited).
"""

from __future__ import annotations

NONE = -1


class Cursor:
    """Numbers are unwrapped, timestamps have 32 bits; the shifts are added to what comes in."""

    __slots__ = (
        "first", "octets", "packets", "payload_type", "picture", "picture_shift", "sent_at", "sequence",
        "shift", "source", "ssrc", "timestamp", "timestamp_shift", "tl0", "tl0_shift", "top",
    )  # fmt: skip

    ssrc: int
    payload_type: int
    source: int
    """The SSRC whose packets may go straight out, or `NONE`."""
    first: int
    """The first number of the piece in force, as it came in."""
    shift: int
    timestamp_shift: int
    picture_shift: int
    tl0_shift: int
    sequence: int
    """The newest number that went out."""
    timestamp: int
    top: int
    """The newest number, as it came in."""
    picture: int
    tl0: int
    packets: int
    octets: int
    sent_at: float
    """When the last packet went out, in seconds."""

    def __init__(self, ssrc: int, first_sequence: int, payload_type: int) -> None:
        self.ssrc = ssrc
        self.payload_type = payload_type
        self.source = NONE
        self.first = self.shift = self.timestamp_shift = self.picture_shift = self.tl0_shift = 0
        self.sequence = first_sequence - 1
        self.timestamp = self.top = self.picture = self.tl0 = 0
        self.packets = self.octets = 0
        self.sent_at = 0.0
