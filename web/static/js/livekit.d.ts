export function livekit(): Promise<typeof import("livekit-client")>;
