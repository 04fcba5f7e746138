// livekit-client, as `make setup` copies it from node_modules; livekit.d.ts beside it gives the checker its types.
export * from "../vendor/livekit-client.esm.mjs";
