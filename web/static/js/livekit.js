// livekit-client, as `make setup` copies it from node_modules; livekit.d.ts beside it gives the checker its types.
// Its UMD build is minified, half the bytes of the module build on a thin line; it leaves its names in LivekitClient.
import "../vendor/livekit-client.umd.js";

export const { ConnectionState, Room, RoomEvent, Track, VideoPreset, VideoQuality } = globalThis.LivekitClient;
