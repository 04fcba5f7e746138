// @ts-check
/**
 * The pages of the briefing's documents, as pictures that this page holds.
 *
 * Rule 1: the page that is wanted now comes first; what is fetched ahead gives way to it at once.
 * Rule 2: ahead goes one picture after the other, the small ones first, so that sound keeps the line.
 * Rule 3: while a briefing runs on a line that is not fast, the next pages come first and the rest with long pauses
 * between. On a thin line everything comes at a pace beside the sound.
 */
import { briefingUrl, get } from "./api.js";
import { LineRate } from "./line-rate.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {"small"|"large"} Size */
/** @typedef {{id: string, name: string, pages: number, bytes: number, received: string[]|boolean}} HeldDocument */

const AGAIN_MS = 4000;
const AHEAD = 2;
const PAUSE_MS = 500;

/**
 * @typedef {object} Told
 * @property {(document: string) => void} received
 * @property {(documents: HeldDocument[]) => void} listed
 * @property {() => number} [pace] bytes a second that pages may take now; 0: as fast as they come
 * @property {() => boolean} [waits] something else needs the line first
 */

export class PageStore {
  /** @param {Told} told @param {LineRate} [rate] */
  constructor(told, rate = new LineRate()) {
    this.told = told;
    this.rate = rate;
    /** @type {Map<string, string>} */
    this.held = new Map();
    /** @type {HeldDocument[]} */
    this.documents = [];
    this.known = "";
    this.briefing = "";
    /** @type {Set<string>} */
    this.complete = new Set();
    /** @type {AbortController|null} */
    this.ahead = null;
    /** @type {Map<string, Promise<string>>} */
    this.coming = new Map();
    this.busy = 0;
    this.took = 0; // ms, the last picture
    /** @type {Snapshot|null} */
    this.snapshot = null;
  }

  /** Notes what the briefing now has, and goes on fetching ahead. @param {Snapshot} snapshot @param {string} documents changes when they do */
  follow(snapshot, documents) {
    const moved = this.snapshot?.slide !== snapshot.slide || this.snapshot?.phase !== snapshot.phase;
    [this.snapshot, this.briefing] = [snapshot, snapshot.id];
    if (documents !== this.known) {
      this.known = documents;
      void this.#list();
    } else if (moved) void this.#fetchAhead();
  }

  /** @param {string} document @param {number} page @param {Size} size @returns {string|undefined} the picture's address, where it is held */
  have(document, page, size) {
    return this.held.get(`${document}/${page}/${size}`);
  }

  /**
   * A picture that is wanted now.
   * @param {string} document
   * @param {number} page
   * @param {Size} size
   * @returns {Promise<string>}
   */
  async want(document, page, size) {
    this.busy += 1;
    const coming = this.coming.get(`${document}/${page}/${size}`);
    if (!coming) this.ahead?.abort();
    try {
      return await (coming ?? this.#fetch(document, page, size));
    } finally {
      this.busy -= 1;
      void this.#fetchAhead();
    }
  }

  /** @param {string} document @param {number} page @param {Size} size @param {AbortSignal} [signal] */
  async #fetch(document, page, size, signal) {
    const key = `${document}/${page}/${size}`;
    const held = this.held.get(key);
    if (held) return held;
    const coming = this.#load(document, page, size, key, signal);
    this.coming.set(key, coming);
    try {
      return await coming;
    } finally {
      if (this.coming.get(key) === coming) this.coming.delete(key);
    }
  }

  /** @param {string} document @param {number} page @param {Size} size @param {string} key @param {AbortSignal} [signal] */
  async #load(document, page, size, key, signal) {
    const began = performance.now();
    const address = briefingUrl(this.briefing, `/documents/${document}/pages/${page}/${size}.webp`);
    const pace = this.told.pace?.() ?? 0;
    const answer = await fetch(address, { credentials: "same-origin", signal, priority: signal ? "low" : "high", headers: pace ? { Pace: String(pace) } : {} });
    if (!answer.ok) throw new Error(String(answer.status));
    const picture = await answer.blob();
    this.took = performance.now() - began;
    if (!pace) this.rate.came(address);
    const url = this.held.get(key) ?? URL.createObjectURL(picture);
    this.held.set(key, url);
    return url;
  }

  async #list() {
    const known = this.known;
    try {
      this.documents = known ? await get(briefingUrl(this.briefing, "/documents")) : [];
    } catch {
      setTimeout(() => this.known === known && void this.#list(), AGAIN_MS);
      return;
    }
    const there = new Set(this.documents.map((document) => document.id));
    for (const [key, url] of [...this.held]) {
      if (there.has(key.split("/")[0])) continue;
      URL.revokeObjectURL(url);
      this.held.delete(key);
    }
    this.told.listed(this.documents);
    void this.#fetchAhead();
  }

  async #fetchAhead() {
    if (this.busy || (this.ahead && !this.ahead.signal.aborted)) return;
    const controller = new AbortController();
    this.ahead = controller;
    let failed = false;
    try {
      for (let next = this.#next(); next && !controller.signal.aborted; next = this.#next()) {
        if (next.patient || this.told.waits?.()) await new Promise((resolve) => setTimeout(resolve, next.patient ? Math.max(PAUSE_MS, 2 * this.took) : PAUSE_MS));
        if (this.told.waits?.()) continue;
        if (controller.signal.aborted) break;
        await this.#fetch(next.document, next.page, next.size, controller.signal);
        this.#tellComplete();
      }
    } catch {
      failed = !controller.signal.aborted;
    }
    if (this.ahead === controller) this.ahead = null;
    if (failed) setTimeout(() => void this.#fetchAhead(), AGAIN_MS);
  }

  /** @returns {{document: string, page: number, size: Size, patient: boolean}|null} what to fetch ahead now */
  #next() {
    const shown = this.snapshot?.document;
    const order = [...this.documents].sort((a, b) => Number(b.id === shown) - Number(a.id === shown));
    const slow = this.snapshot?.phase === "live" && !this.rate.fast && !this.told.pace?.();
    for (const size of /** @type {Size[]} */ (this.rate.fast ? ["small", "large"] : ["small"])) {
      for (const document of order) {
        const [soon, pages] = [this.#soon(document), Array.from({ length: document.pages }, (_, index) => index + 1)];
        const page = [...soon, ...pages].find((one) => !this.have(document.id, one, size));
        if (page !== undefined) return { document: document.id, page, size, patient: slow && !soon.includes(page) };
      }
    }
    return null;
  }

  /** @param {HeldDocument} document @returns {number[]} the pages that come next */
  #soon(document) {
    const slide = document.id === this.snapshot?.document ? (this.snapshot.slide ?? 1) : 0;
    return slide ? [slide, slide + 1, slide + AHEAD].filter((page) => page <= document.pages) : [];
  }

  #tellComplete() {
    for (const { id, pages, received } of this.documents) {
      if (this.complete.has(id) || received === true) continue;
      const all = Array.from({ length: pages }, (_, index) => this.have(id, index + 1, "small") ?? this.have(id, index + 1, "large"));
      if (!all.every(Boolean)) continue;
      this.complete.add(id);
      this.told.received(id);
    }
  }
}
