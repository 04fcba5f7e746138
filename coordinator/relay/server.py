"""The relay's HTTP side: signalling at /rtc/v1, RoomService at /twirp, and its own health.

Rule 1: a request that cannot be served gets a 4xx with a sentence and CORS headers (browsers hide the reason
otherwise); once it is a socket, a `leave`, then a close.
Rule 2: whatever a signalling handler raises ends that one socket; the participant stays for its grace time.
Rule 3: v1 of the protocol (/rtc/v1, one peer connection) is what clients should speak; v0 (/rtc, two of them)
is there for older ones, and differs in `offering` and in how the join request is written.
"""

from __future__ import annotations

import logging

from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler
from livekit.protocol import models, rtc

from .errors import ProtocolViolation, RelayError
from .metrics import Metrics
from .participant import Participant
from .publication import check_request
from .rooms import Rooms
from .service import add_routes
from .signalling import MAX_MESSAGE_BYTES, SignalSocket, read_join_request, read_query
from .tokens import Grants, TokenError, verify

logger = logging.getLogger(__name__)

SERVER_VERSION = "1.8.0"
"""What clients may count on: it switches their features on and off, so it is conservative."""
PROTOCOL = 16
PING_INTERVAL_S = 5
PING_TIMEOUT_S = 15
COME_BACK = {"Retry-After": "5"}
PUBLISH_CODECS = ("video/VP8", "video/H264", "audio/opus")
SERVER_INFO = models.ServerInfo(
    edition=models.ServerInfo.Edition.Standard, version=SERVER_VERSION, protocol=PROTOCOL
)


def make_app(rooms: Rooms, keys: dict[str, str]) -> web.Application:
    """Return the application; `keys` are API keys with their secrets."""
    app = web.Application(middlewares=[_cors], client_max_size=MAX_MESSAGE_BYTES)
    front = _Front(rooms, keys)
    for path in ("/rtc", "/rtc/v1"):
        app.router.add_get(path, front.signal)
        app.router.add_get(f"{path}/validate", front.validate)
    app.router.add_get("/healthz", front.health)
    app.router.add_get("/metrics", Metrics(rooms, keys).handle)
    add_routes(app, rooms, keys)
    return app


@web.middleware
async def _cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.method == "OPTIONS":
        response: web.StreamResponse = web.Response(status=204)
    else:
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = error
    if not response.prepared:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    if isinstance(response, web.HTTPException):
        return web.Response(status=response.status, text=response.text, headers=response.headers)
    return response


class _Front:
    def __init__(self, rooms: Rooms, keys: dict[str, str]) -> None:
        self._rooms = rooms
        self._keys = keys

    async def validate(self, request: web.Request) -> web.StreamResponse:
        """Tell why a connection was refused, or that it would not be."""
        self._read(request)
        return web.Response(text="success")

    async def signal(self, request: web.Request) -> web.StreamResponse:
        """Serve one signalling socket."""
        grants, join = self._read(request)
        socket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, compress=False)
        if not socket.can_prepare(request).ok:
            raise web.HTTPBadRequest(text="this is a WebSocket address")
        if join.reconnect:
            participant = self._rooms.resumable(grants, join.participant_sid)
        else:
            participant = self._admit(grants, join, two_lines=_is_v0(request))
        await socket.prepare(request)
        signals = SignalSocket(socket, request)
        try:
            await self._serve(participant, signals, join)
        finally:
            await signals.finish()
        return socket

    def _read(self, request: web.Request) -> tuple[Grants, rtc.JoinRequest]:
        header = request.headers.get("Authorization", "")
        token = request.query.get("access_token") or header.removeprefix("Bearer ").strip()
        if not token:
            raise web.HTTPUnauthorized(text="no access token")
        try:
            grants = verify(self._keys, token)
            if _is_v0(request):
                join = read_query(request.query)
            else:
                join = read_join_request(request.query.get("join_request", ""))
        except TokenError as error:
            raise web.HTTPUnauthorized(text=error.message) from error
        except ProtocolViolation as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        if not grants.room_join:
            raise web.HTTPUnauthorized(text="the token does not allow joining a room")
        return grants, join

    def _admit(self, grants: Grants, join: rtc.JoinRequest, *, two_lines: bool) -> Participant:
        try:
            for wish in join.add_track_requests:
                check_request(wish, grants.may_publish)
            return self._rooms.join(grants, join, two_lines=two_lines)
        except RelayError as error:
            if error.code == "unavailable":
                raise web.HTTPServiceUnavailable(text=error.message, headers=COME_BACK) from error
            raise web.HTTPForbidden(text=error.message) from error

    async def _serve(
        self, participant: Participant | None, signals: SignalSocket, join: rtc.JoinRequest
    ) -> None:
        if participant is None or participant.removed:
            signals.send(_leave(rtc.LeaveRequest.Action.RECONNECT, models.DisconnectReason.STATE_MISMATCH))
            return
        participant.attach(signals)
        try:
            _greet(participant, join)
            while (message := await signals.read()) is not None:
                participant.handle(message)
                if participant.removed:
                    break
        except ProtocolViolation as error:
            logger.info("%s: %s", participant.identity, error)
            actions = rtc.LeaveRequest.Action
            action = actions.RECONNECT if error.start_over else actions.DISCONNECT
            signals.send(_leave(action, models.DisconnectReason.STATE_MISMATCH))
            signals.close(WSCloseCode.INVALID_TEXT)
        except Exception:
            logger.exception("%s: signalling failed", participant.identity)
            signals.send(_leave(rtc.LeaveRequest.Action.RECONNECT, models.DisconnectReason.UNKNOWN_REASON))
        finally:
            participant.detach(signals)

    async def health(self, request: web.Request) -> web.Response:
        """Tell that the relay is alive, and how full it is."""
        people = list(self._rooms.everybody())
        return web.json_response(
            {
                "status": "draining" if self._rooms.draining else "ok",
                "rooms": len(self._rooms.list()),
                "participants": len(people),
                "udp_port": self._port(),
            }
        )

    def _port(self) -> int:
        return self._rooms.mux.port


def _is_v0(request: web.Request) -> bool:
    """Whether the client speaks v0; some spoke v1 on v0's path for a while."""
    return not request.path.startswith("/rtc/v1") and "join_request" not in request.query


def _leave(action: int, reason: int) -> rtc.SignalResponse:
    again = action == rtc.LeaveRequest.Action.RECONNECT
    leave = rtc.LeaveRequest(action=action, reason=reason, can_reconnect=again)  # type: ignore[arg-type]
    return rtc.SignalResponse(leave=leave)


def _greet(participant: Participant, join: rtc.JoinRequest) -> None:
    """Send the first message, then do what the join request already asked for."""
    if join.reconnect:
        servers = participant.room.ice_servers(participant)
        participant.send(reconnect=rtc.ReconnectResponse(server_info=SERVER_INFO, ice_servers=servers))
        participant.greet_again()
    else:
        room = participant.room
        response = rtc.JoinResponse(
            room=room.info(), participant=participant.info(), server_version=SERVER_VERSION,
            other_participants=[other.info() for other in room.visible_to(participant)],
            subscriber_primary=False, ping_timeout=PING_TIMEOUT_S, ping_interval=PING_INTERVAL_S,
            server_info=SERVER_INFO, fast_publish=True, ice_servers=room.ice_servers(participant),
            enabled_publish_codecs=[models.Codec(mime=mime) for mime in PUBLISH_CODECS],
        )  # fmt: skip
        participant.send(join=response)
        for wish in join.add_track_requests:
            participant.handle(rtc.SignalRequest(add_track=wish))
    if join.HasField("publisher_offer") and join.publisher_offer.sdp:
        participant.answer(join.publisher_offer)
