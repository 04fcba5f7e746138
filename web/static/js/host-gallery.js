// @ts-check
/**
 * The gallery: one tile a site, trouble first.
 *
 * Rule: tiles are made once and moved by CSS `order` only, so that pictures go on playing and the focus stays.
 */
import { byId, el, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { count, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";
import { STATE_ICON, stateWords, urgency } from "./states.js";

/** @typedef {import("./types.js").SiteEntry} SiteEntry */
/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{giveFloor: (code: string) => void, open: (code: string) => void, contact: (code: string) => {name: string, phone: string}|null}} GalleryActions */

/** @typedef {object} Tile
 * @property {HTMLElement} root
 * @property {HTMLVideoElement} video
 * @property {HTMLElement} badge
 * @property {HTMLElement} hand
 * @property {HTMLElement} people
 * @property {HTMLElement} none
 * @property {HTMLElement} contact
 * @property {HTMLButtonElement} give
 * @property {HTMLElement} name
 */

const URGENT_FIRST = 10; // places before the second heading
const CALM_FIRST = 2000;
const COLUMNS = 5; // as in control.css
const URGENT_WEIGHT = 1.35; // as in control.css

export class Gallery {
  /**
   * @param {HTMLElement} host
   * @param {HTMLElement} urgentTitle
   * @param {HTMLElement} calmTitle
   * @param {import("./room.js").BriefingRoom} room
   * @param {GalleryActions} actions
   */
  constructor(host, urgentTitle, calmTitle, room, actions) {
    this.host = host;
    this.urgentTitle = urgentTitle;
    this.calmTitle = calmTitle;
    this.room = room;
    this.actions = actions;
    /** @type {Map<string, Tile>} */
    this.tiles = new Map();
    this.off = false;
    this.find = /** @type {HTMLInputElement} */ (byId("gallery-find"));
    this.sort = /** @type {HTMLSelectElement} */ (byId("gallery-sort"));
    /** @type {Snapshot|null} */
    this.snapshot = null;
    for (const control of [this.find, this.sort]) control.addEventListener("input", () => this.snapshot && this.draw(this.snapshot));
    this.find.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Enter opens the first site that was found; Escape gives the search up. @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape") {
      this.find.value = "";
      this.find.blur();
    } else if (event.key === "Enter") {
      const found = [...this.tiles].filter(([, tile]) => !tile.root.hidden).sort(([, a], [, b]) => Number(a.root.style.order) - Number(b.root.style.order))[0];
      if (found) this.actions.open(found[0]);
    } else return;
    event.preventDefault();
    if (this.snapshot) this.draw(this.snapshot);
  }

  /** Pictures on or off, at a press: the rest of the tiles stays. */
  toggle() {
    this.off = !this.off;
  }

  /** @param {Snapshot} snapshot */
  draw(snapshot) {
    this.snapshot = snapshot;
    const sites = snapshot.sites ?? [];
    const running = ["open", "live", "break"].includes(snapshot.phase);
    const [sought, sort] = [plain(this.find.value), this.sort.value];
    const names = [...sites].sort((a, b) => a.name.localeCompare(b.name, "vi")).map((site) => site.code);
    let [urgent, shown] = [0, 0];
    sites.forEach((site, index) => {
      const tile = this.tiles.get(site.code) ?? this.#make(site);
      const found = ` ${plain(site.name)} ${site.code.replaceAll("-", " ")}`.includes(` ${sought}`); // where a word begins
      show(tile.root, found);
      const place = urgency(site, snapshot.phase);
      const inTrouble = place !== null && snapshot.floor !== site.code;
      tile.root.classList.toggle("is-urgent", inTrouble);
      const apart = inTrouble && sort === "trouble";
      if (found) [urgent, shown] = [urgent + Number(apart), shown + 1];
      const calm = sort === "name" ? names.indexOf(site.code) : site.hand ? site.hand : 100 + index;
      tile.root.style.order = String(apart ? URGENT_FIRST + Number(place) * 100 + index : CALM_FIRST + calm);
      this.#draw(tile, site, snapshot);
    });
    show(byId("gallery-none"), shown === 0 && sites.length > 0);
    setText(byId("gallery-none"), t("No site is called like “{words}”. Escape shows all of them.", { words: this.find.value }));
    const button = byId("gallery-pictures");
    setAttribute(button, "aria-pressed", String(this.off));
    redraw(button, String(this.off), () => [icon(this.off ? "play" : "pause"), this.off ? t("Show the pictures") : t("Pause the pictures")]);
    show(this.urgentTitle, urgent > 0);
    setText(this.urgentTitle.querySelector("[data-n]") ?? this.urgentTitle, t("Needs attention: {n} sites", { n: urgent }));
    const words = sought ? t("{n} sites found", { n: shown }) : running && sort === "trouble" ? t("All well: {n} sites", { n: shown - urgent }) : t("All {n} sites", { n: shown });
    setText(this.calmTitle.querySelector("[data-n]") ?? this.calmTitle, words);
    setAttribute(this.calmTitle, "data-kind", sought || sort !== "trouble" ? "plain" : "calm");
    show(this.calmTitle, shown > urgent);
    this.host.classList.toggle("has-urgent", urgent > 0);
    this.host.classList.toggle("is-crowded", urgent > COLUMNS);
    this.#fit(Math.ceil(urgent / COLUMNS), Math.ceil((shown - urgent) / COLUMNS));
  }

  /**
   * Tells the style how many rows share the height, so that all tiles are in sight where the screen is large enough.
   * @param {number} urgent rows in trouble, drawn higher while there is one
   * @param {number} calm rows
   */
  #fit(urgent, calm) {
    const weight = calm + (urgent === 1 ? URGENT_WEIGHT : urgent);
    const gaps = urgent + calm + Number(urgent > 0) + Number(calm > 0) - 1;
    const titles = Number(urgent > 0) + Number(calm > 0);
    for (const [name, value] of Object.entries({ weight: weight || 1, gaps, titles })) this.host.style.setProperty(`--${name}`, String(value));
  }

  /** @param {Tile} tile @param {SiteEntry} site @param {Snapshot} snapshot */
  #draw(tile, site, snapshot) {
    const floor = snapshot.floor === site.code;
    setAttribute(tile.root, "data-state", site.state);
    setAttribute(tile.root, "data-floor", floor ? "true" : null);
    const over = ["ended", "cancelled"].includes(snapshot.phase) && site.state !== "absent"; // it is gone with all others: no alarm
    const words = floor ? t("Speaking") : over ? t("Ended") : stateWords(site.state);
    redraw(tile.badge, words + floor, () => [icon(floor ? "mic" : over ? "check" : STATE_ICON[site.state]), words]);
    setAttribute(tile.badge, "data-state", floor ? "floor" : over ? "ended" : site.state);
    tile.root.classList.toggle("has-hand", Boolean(site.hand));
    redraw(tile.hand, String(site.hand), () => [icon("hand"), String(site.hand)]);
    show(tile.hand, Boolean(site.hand));
    setAttribute(tile.hand, "title", site.hand ? [t("Asks for the floor, place {n}", { n: site.hand }), site.topic].filter(Boolean).join(": ") : null);
    setText(tile.name, site.name);
    this.#drawPeople(tile, site);
    const connected = site.state !== "absent" && site.state !== "lost";
    const wanted = connected && !this.off && !document.hidden;
    const shown = wanted && this.room.has(site.code, "camera");
    this.room.bind(tile.video, wanted ? { who: site.code, source: "camera", quality: "low" } : null);
    show(tile.none, !shown);
    setText(tile.none, connected && this.off ? t("Pictures paused") : connected ? t("No picture") : over ? "" : site.state === "lost" ? t("Line lost") : t("Page not open"));
    const live = snapshot.phase === "live";
    tile.give.disabled = !live || !connected || floor;
    show(tile.give, live && connected && !floor);
  }

  /** @param {Tile} tile @param {SiteEntry} site */
  #drawPeople(tile, site) {
    const present = site.headcount ? count(site.headcount.present) : UNKNOWN;
    const mark = site.headcount?.confirmed ? "check" : site.headcount ? "clock" : "";
    redraw(tile.people, `${present}/${site.expected}/${mark}`, () => [
      icon("people"),
      el("b", {}, present),
      `/${site.expected}`,
      ...(mark ? [el("span", { class: "mark", title: mark === "check" ? t("Headcount confirmed") : t("Headcount not confirmed yet") }, icon(mark))] : []),
    ]);
  }

  /** @param {SiteEntry} site @returns {Tile} */
  #make(site) {
    const video = el("video", { muted: true, playsinline: true, autoplay: true });
    video.muted = true;
    const badge = el("span", { class: "badge" });
    const hand = el("span", { class: "tile-hand", hidden: true });
    const none = el("div", { class: "none" });
    const name = el("button", { class: "tile-name", type: "button", title: site.name, onclick: () => this.actions.open(site.code) });
    const people = el("p", { class: "tile-people", title: t("Present / summoned") });
    const give = el("button", { class: "button small give", type: "button", "data-testid": `give-floor-${site.code}`, "aria-label": t("Give the floor to {name}", { name: site.name }), onclick: () => this.actions.giveFloor(site.code) }, icon("mic"), t("Invite"));
    const reach = this.actions.contact(site.code);
    const contact = el("p", { class: "contact" }, icon("phone"), reach && el("a", { href: `tel:${reach.phone.replace(/\s/g, "")}` }, reach.phone), reach && el("span", { class: "muted" }, reach.name));
    if (!reach) contact.replaceChildren(el("span", { class: "muted" }, t("No phone number on file")));
    const root = el("article", { class: "tile", "aria-label": site.name, "data-testid": `site-tile-${site.code}` }, el("div", { class: "tile-picture" }, video, none, hand, give), badge, el("div", { class: "tile-foot" }, el("h3", {}, name), people), contact);
    const tile = { root, video, badge, hand, people, none, contact, give, name };
    this.tiles.set(site.code, tile);
    this.host.append(root);
    return tile;
  }
}

/** @param {string} text @returns {string} without accents, lower case: whoever types quickly leaves them out */
function plain(text) {
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/đ/gi, "d").toLowerCase().trim();
}
