// @ts-check
/** The page's clock, set by the server's: snapshots carry `now`, so that a wrong PC clock shows no wrong time. */

let ahead = 0; // ms that the server is ahead of this PC

/** @param {string|undefined} serverNow RFC 3339 */
export function setServerTime(serverNow) {
  if (serverNow) ahead = Date.parse(serverNow) - Date.now();
}

/** @returns {number} ms since the epoch, by the server's clock where it is known */
export function now() {
  return Date.now() + ahead;
}

/**
 * Calls `draw` now and at every full second.
 * @param {() => void} draw
 */
export function everySecond(draw) {
  draw();
  setTimeout(() => everySecond(draw), 1000 - (now() % 1000));
}
