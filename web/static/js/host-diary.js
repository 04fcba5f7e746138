// @ts-check
/** The diary: who did what, in sentences with their times, the newest first; of all sites or of one. */
import { briefingUrl, get } from "./api.js";
import { byId, el, redraw, show } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { tell } from "./toast.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{seq: number, at: string, site: string|null, text: string}} Line */

const EVERY_MS = 2000;
const MOST = 500;

export class HostDiary {
  /** @param {string} briefing @param {() => boolean} inSight is the panel in sight? */
  constructor(briefing, inSight) {
    this.briefing = briefing;
    this.inSight = inSight;
    this.select = /** @type {HTMLSelectElement} */ (byId("diary-site"));
    /** @type {Line[]} */
    this.lines = [];
    this.told = -1; // the snapshot's number that the lines belong to
    this.busy = false;
    this.askedAt = -EVERY_MS;
    this.select.addEventListener("change", () => this.#again());
  }

  /** @param {string} code of one site alone; "" of all */
  of(code) {
    this.select.value = code;
    this.#again();
  }

  /** @param {Snapshot} snapshot */
  draw(snapshot) {
    const sites = snapshot.sites ?? [];
    const chosen = this.select.value;
    redraw(this.select, JSON.stringify(sites.map((site) => site.code)), () => [el("option", { value: "" }, t("All sites and the hall")), el("option", { value: "hub" }, t("The hall")), ...sites.map((site) => el("option", { value: site.code }, site.name))]);
    this.select.value = chosen;
    if (!this.inSight() || this.busy || snapshot.seq === this.told) return;
    const wait = EVERY_MS - (performance.now() - this.askedAt);
    this.busy = true;
    setTimeout(() => void this.#fetch(snapshot.seq), Math.max(0, wait));
  }

  #again() {
    this.lines = [];
    this.askedAt = -EVERY_MS;
    this.#show();
    if (!this.busy) void this.#fetch(this.told);
    else this.told = -1;
  }

  /** @param {number} number of the snapshot that asks */
  async #fetch(number) {
    this.busy = true;
    this.askedAt = performance.now();
    const site = this.select.value;
    const after = this.lines[0]?.seq ?? 0;
    try {
      const news = await get(briefingUrl(this.briefing, `/diary?after=${after}${site ? `&site=${encodeURIComponent(site)}` : ""}`));
      if (site === this.select.value) this.lines = [...news, ...this.lines].slice(0, MOST);
      this.told = site === this.select.value ? number : -1;
      this.#show();
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
    }
    this.busy = false;
    if (site !== this.select.value) void this.#fetch(number);
  }

  #show() {
    show(byId("diary-none"), this.lines.length === 0);
    redraw(byId("diary-list"), `${this.select.value}/${this.lines[0]?.seq}/${this.lines.length}`, () => this.lines.map((line) => el("li", {}, el("time", { datetime: line.at }, clock(line.at)), el("span", {}, line.text))));
  }
}
