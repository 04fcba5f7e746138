export { ConnectionState, Room, RoomEvent, Track, VideoPreset, VideoQuality } from "livekit-client";
