// @ts-check
/**
 * The headcount form of the operator page: the number present always at hand, the rest in a panel above it.
 *
 * Rule: what was typed stays on this machine, over a reload too, until the server's snapshot shows it.
 */
import { byId, el, redraw, setAttribute, setText, show } from "./dom.js";
import { percent } from "./format.js";
import { verdictOf } from "./headcount.js";
import { t } from "./i18n.js";
import { isCalled } from "./site-state.js";

/** @typedef {import("./headcount.js").Field} Field */
/** @typedef {import("./headcount.js").Figures} Figures */
/** @typedef {import("./types.js").SiteEntry} SiteEntry */

/** @type {Field[]} */
const FIELDS = ["present", "members", "excused", "unexcused", "extra"];

const NEWS_MS = 8000;

export class HeadcountForm {
  /** @param {(message: object) => boolean} send */
  constructor(send) {
    this.send = send;
    this.expected = 0;
    /** @type {Figures|null} */
    this.sent = null;
    this.sentFor = 0;
    this.newest = 0;
    this.briefing = "";
    this.touched = false;
    this.openedFor = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.newsTimer = undefined;
    this.form = /** @type {HTMLFormElement} */ (byId("headcount"));
    this.form.addEventListener("submit", (event) => this.#submit(event));
    this.form.addEventListener("input", () => this.#typed());
    for (const button of this.form.querySelectorAll("[data-step]")) button.addEventListener("click", () => this.#step(/** @type {HTMLElement} */ (button)));
    byId("headcount-more").addEventListener("click", () => this.open(byId("headcount-panel").hidden));
    byId("headcount-later").addEventListener("click", () => this.open(false));
    const bar = byId("state-bar"); // the panel stands on it, however many rows it has
    new ResizeObserver(() => document.body.style.setProperty("--bar", `${bar.offsetHeight}px`)).observe(bar);
  }

  /** @param {boolean} open */
  open(open) {
    show(byId("headcount-panel"), open);
    setAttribute(byId("headcount-more"), "aria-expanded", String(open));
    document.body.classList.toggle("has-panel", open);
  }

  /** @param {import("./types.js").Snapshot} snapshot @param {SiteEntry} own */
  draw(snapshot, own) {
    this.expected = own.expected;
    if (snapshot.id !== this.briefing) this.#restore(snapshot.id);
    setText(byId("headcount-expected"), `/${own.expected}`);
    setText(byId("panel-expected"), String(own.expected));
    const running = snapshot.phase === "live" || snapshot.phase === "break";
    /** @type {HTMLFieldSetElement} */ (byId("headcount-fields")).disabled = !running && snapshot.phase !== "open";
    if (!this.touched) this.#fill(own.headcount);
    const number = (this.newest = snapshot.roll_call ?? 0);
    if (this.sent && this.#holds(own.headcount, this.sent, this.sentFor)) this.#arrived();
    else if (!this.sent && this.touched && this.#holds(own.headcount, this.figures, number) && this.#note === (own.headcount?.note ?? this.#note)) this.#settle("");
    const asked = isCalled(snapshot, own);
    this.form.classList.toggle("is-asked", asked);
    if (asked && (number > 1 || snapshot.calling?.mode === "in_turn") && this.openedFor < number) {
      this.openedFor = number;
      this.#say("", "waiting");
      this.open(true);
    }
    this.#judge();
  }

  /** The number present as the ticked names make it; the operator looks and sends. @param {number} present */
  take(present) {
    this.#input("present").value = String(present);
    this.#typed();
  }

  get #key() {
    return `headcount:${this.briefing}`;
  }

  get #note() {
    return /** @type {HTMLInputElement} */ (byId("headcount-note")).value.trim();
  }

  /** What was typed for this briefing before the page was loaded again. @param {string} briefing */
  #restore(briefing) {
    [this.briefing, this.touched, this.sent, this.openedFor] = [briefing, false, null, 0];
    const kept = localStorage.getItem(this.#key);
    if (!kept) return;
    this.#fill(JSON.parse(kept));
    this.touched = true;
    this.#say(t("Typed here before, not sent yet"), "weak");
  }

  /** Does the server have these numbers, for this roll call or a newer one? @param {SiteEntry["headcount"]} headcount @param {Figures} figures @param {number} number */
  #holds(headcount, figures, number) {
    return Boolean(headcount) && (headcount?.roll_call ?? number) >= number && FIELDS.every((field) => figures[field] === (headcount?.[field] ?? null));
  }

  /** @param {string} words */
  #settle(words) {
    this.touched = false;
    localStorage.removeItem(this.#key);
    this.#say(words, "online");
  }

  /** The server refused the numbers that were sent. @param {string} words */
  refused(words) {
    this.sent = null;
    this.#say(words, "lost");
    this.#judge();
  }

  /** @returns {Figures} */
  get figures() {
    const figures = /** @type {Figures} */ ({});
    for (const field of FIELDS) {
      const text = this.#input(field).value.trim();
      figures[field] = /^\d{1,5}$/.test(text) ? Number(text) : null;
    }
    return figures;
  }

  /** @param {Field} field */
  #input(field) {
    return /** @type {HTMLInputElement} */ (byId(`headcount-${field}`));
  }

  /** @param {(Figures & {note?: string|null})|SiteEntry["headcount"]} headcount */
  #fill(headcount) {
    for (const field of FIELDS) this.#input(field).value = headcount?.[field] === null || headcount?.[field] === undefined ? "" : String(headcount[field]);
    /** @type {HTMLInputElement} */ (byId("headcount-note")).value = headcount?.note ?? "";
  }

  #typed() {
    this.touched = true;
    localStorage.setItem(this.#key, JSON.stringify({ ...this.figures, note: this.#note }));
    this.#say("", "waiting");
    this.#judge();
    if (verdictOf(this.figures, this.expected).fixes.length) this.open(true);
  }

  /** @param {HTMLElement} button */
  #step(button) {
    const input = this.#input(/** @type {Field} */ (button.dataset.for));
    const start = input.value.trim() === "" ? (button.dataset.for === "present" ? this.expected + (Number(button.dataset.step) > 0 ? -1 : 1) : 0) : Number(input.value) || 0;
    input.value = String(Math.max(0, start + Number(button.dataset.step)));
    this.#typed();
  }

  #judge() {
    const figures = this.figures;
    const verdict = verdictOf(figures, this.expected);
    const box = byId("headcount-verdict");
    setAttribute(box, "data-state", verdict.state);
    setText(byId("headcount-sum"), verdict.sum);
    setText(byId("headcount-words"), verdict.words);
    setText(byId("headcount-rate"), figures.present === null || !verdict.sendable || !this.expected ? "" : t("Participation rate {rate}", { rate: percent(figures.present / this.expected) }));
    for (const field of FIELDS) setAttribute(this.#input(field), "aria-invalid", verdict.wrong.includes(field) ? "true" : null);
    redraw(byId("headcount-fixes"), JSON.stringify(verdict.fixes), () => verdict.fixes.map((fix) => el("button", { class: "button", type: "button", onclick: () => this.#apply(fix.change) }, fix.words)));
    const fields = /** @type {HTMLFieldSetElement} */ (byId("headcount-fields"));
    /** @type {HTMLButtonElement} */ (byId("headcount-send")).disabled = !verdict.sendable || Boolean(this.sent) || fields.disabled;
  }

  /** @param {Partial<Figures>} change */
  #apply(change) {
    for (const [field, value] of Object.entries(change)) this.#input(/** @type {Field} */ (field)).value = String(value);
    this.#typed();
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    const figures = this.figures;
    if (!verdictOf(figures, this.expected).sendable) return;
    const note = this.#note;
    const known = Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== null));
    if (!this.send({ type: "headcount", ...known, ...(note ? { note } : {}) })) {
      this.#say(t("The line is down: not sent. Try again when it is back."), "lost");
      return;
    }
    [this.sent, this.sentFor] = [figures, this.newest];
    this.#say(t("Sending…"), "waiting");
    this.#judge();
  }

  #arrived() {
    this.sent = null;
    this.#settle(t("The hall has your headcount"));
    this.open(false);
  }

  /** @param {string} words @param {string} state */
  #say(words, state) {
    const node = byId("headcount-news");
    setText(node, words);
    setAttribute(node, "data-state", state);
    show(node, Boolean(words));
    clearTimeout(this.newsTimer);
    if (state === "online") this.newsTimer = setTimeout(() => show(node, false), NEWS_MS);
  }
}
