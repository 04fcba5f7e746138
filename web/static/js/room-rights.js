// @ts-check
/** What a token and the server's permissions say about this page's place in the room. Pure. */

/** @typedef {import("./room.js").Source} Source */

/** LiveKit's TrackSource numbers, as permissions carry them. @type {Record<Source, number>} */
const SOURCE_NUMBER = { camera: 1, microphone: 2, screen_share: 3 };

/**
 * @param {import("livekit-client").LocalParticipant["permissions"]} permissions
 * @param {Source} source
 */
export function allowed(permissions, source) {
  if (!permissions) return true;
  if (!permissions.canPublish) return false;
  const sources = /** @type {number[]} */ (permissions.canPublishSources ?? []);
  return sources.length === 0 || sources.includes(SOURCE_NUMBER[source]);
}

/** @param {string} token a JWT @returns {string} its subject */
export function identityOf(token) {
  try {
    const payload = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(atob(payload)).sub ?? token;
  } catch {
    return token;
  }
}
