// @ts-check
/**
 * What this page's line carries, from what it has loaded over it. On a thin line pages of documents are asked for at a
 * pace that leaves the sound its room.
 *
 * Rule 1: only what came over the line counts: a picture out of the browser's cache says nothing.
 * Rule 2: what was asked for at a pace says nothing either: it took as long as it was meant to.
 */

const THIN_BPS = 200_000; // below this the smallest picture and sound do not both fit
const FAST_BPS = 640_000; // large pictures come within a second or two
const SOUND_BPS = 36_000; // with its headers
const USABLE = 0.9;
const LEAST_BPS = 10_000;
const LEAST_BYTES = 4000; // less comes in one go on any line
const MANY_BYTES = 30_000; // round trips count for little among so many
const DOUBT = 0.7; // few bytes look faster than they are: the first of them are not timed
const LIBRARY = "livekit-client";

export class LineRate {
  constructor() {
    /** bit/s; 0 is unknown */
    this.bps = ofThisPage();
  }

  get thin() {
    return this.bps > 0 && this.bps < THIN_BPS;
  }

  get fast() {
    return this.bps > FAST_BPS;
  }

  /** @returns {number} bytes a second that are left beside sound on a thin line; 0: as fast as it goes */
  beside() {
    return this.thin ? Math.round(Math.max(LEAST_BPS, USABLE * this.bps - SOUND_BPS) / 8) : 0;
  }

  /** Something came, as fast as it could. @param {string} [part] of its address; the media library, unless told otherwise */
  came(part = LIBRARY) {
    const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByType("resource"));
    const entry = entries.filter((one) => one.name.includes(part)).pop();
    performance.clearResourceTimings(); // a browser keeps 250 of them and then no more
    if (entry && entry.transferSize >= LEAST_BYTES) this.bps = rateOf([entry]);
  }

  /** A picture is arriving all the time: the line is not thin. */
  carriesPicture() {
    if (this.thin) this.bps = THIN_BPS;
  }
}

/** @returns {number} from the page itself and all that belongs to it; 0 where too little came over the line */
function ofThisPage() {
  const parts = /** @type {PerformanceResourceTiming[]} */ ([...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]);
  const came = parts.filter((part) => part.transferSize > 0);
  return came.reduce((sum, part) => sum + part.transferSize, 0) < LEAST_BYTES ? 0 : rateOf(came);
}

/**
 * @param {PerformanceResourceTiming[]} parts
 * @returns {number} bit/s over the time in which anything was on its way; of few bytes, in which it was arriving
 */
function rateOf(parts) {
  const bytes = parts.reduce((sum, part) => sum + part.transferSize, 0);
  const many = bytes >= MANY_BYTES;
  const times = parts.map((part) => ({ from: many ? part.requestStart : part.responseStart, to: part.responseEnd }));
  let [busy, until] = [0, 0];
  for (const { from, to } of times.sort((a, b) => a.from - b.from)) {
    busy += Math.max(0, to - Math.max(until, from));
    until = Math.max(until, to);
  }
  return ((many ? 1 : DOUBT) * 8000 * bytes) / Math.max(1, busy);
}
