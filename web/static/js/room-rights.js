// @ts-check
/** What a token and the server's permissions say about this page's place in the room, and which track is meant. Pure. */

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

/**
 * The newest participant of `who` that has this source, one that is not muted before all.
 * @param {import("livekit-client").Room} room
 * @param {string} who
 * @param {Source} source
 * @returns {import("livekit-client").TrackPublication|null}
 */
export function newest(room, who, source) {
  const kind = /** @type {any} */ (source);
  const mine = room.localParticipant.identity.startsWith(`${who}:`) ? room.localParticipant.getTrackPublication(kind) : null;
  if (mine?.track) return mine;
  const found = [...room.remoteParticipants.values()]
    .filter((participant) => participant.identity.startsWith(`${who}:`))
    .map((participant) => ({ participant, publication: participant.getTrackPublication(kind) }))
    .filter(({ publication }) => publication)
    .sort((a, b) => Number(a.publication?.isMuted) - Number(b.publication?.isMuted) || (b.participant.joinedAt?.getTime() ?? 0) - (a.participant.joinedAt?.getTime() ?? 0));
  return found[0]?.publication ?? null;
}
