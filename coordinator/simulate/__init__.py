"""Simulated sites: a light LiveKit client that replays recorded media, and the sites that use it.

The client speaks the real protocol (signalling v1, ICE, DTLS, SRTP), but neither encodes nor decodes, so that
one process plays a whole district. It knows relay and coordinator only through what they offer to everybody.
"""

from .client import LightClient
from .conversation import ClientError
from .recording import RecordedMedia

__all__ = ["ClientError", "LightClient", "RecordedMedia"]
