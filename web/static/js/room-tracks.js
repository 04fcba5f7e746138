// @ts-check
/** Which of the tracks in a room is meant. Pure. */

/** @typedef {import("./room.js").Source} Source */

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
