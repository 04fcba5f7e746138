// @ts-check
/**
 * Names on the operator's page: ticked by the operator, or checked in by telephone with the room's code.
 *
 * Rule 1: ticks make a number in the form; nothing is declared until the operator sends it.
 * Rule 2: ticks that the server has not taken yet stay on this machine, over a reload too, and are sent again.
 */
import { ApiError, briefingUrl, get, post, put } from "./api.js";
import { byId, el, icon, redraw, setText, show } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {{number: number, name: string, post: string}} Person */
/** @typedef {{id: number, name: string, post: string, state: "waiting"|"present"|"refused", by: "operator"|"self"}} Attendee */

const LOOK_MS = 5000;
const SELDOM = 12; // with the panel shut, one look in so many: the line is for the briefing

/** @param {{name: string, post: string}} one */
const keyOf = (one) => `${one.name}\n${one.post}`;

/** @param {string} text without marks, so that "nguyen" finds "Nguyễn" */
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").replace(/đ/gi, "d").toLowerCase();

export class SiteRoster {
  /** @param {string} code @param {(present: number) => void} counted the number of people present has changed */
  constructor(code, counted) {
    this.code = code;
    this.counted = counted;
    this.briefing = "";
    /** @type {Person[]} */
    this.people = [];
    /** @type {Attendee[]} */
    this.attendees = [];
    /** @type {Set<number>} */
    this.ticked = new Set();
    this.unsent = false;
    this.busy = false;
    this.search = /** @type {HTMLInputElement} */ (byId("roster-search"));
    this.dialog = /** @type {HTMLDialogElement} */ (byId("code-dialog"));
    this.#listen();
    let beats = 0;
    setInterval(() => {
      if (this.unsent || !byId("headcount-panel").hidden || ++beats % SELDOM === 0) void this.#look();
    }, LOOK_MS);
  }

  #listen() {
    const section = byId("roster");
    section.addEventListener("input", (event) => event.stopPropagation()); // no number was typed into the form
    section.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target === this.search) event.preventDefault();
    });
    this.search.addEventListener("input", () => this.#draw());
    byId("roster-all").addEventListener("click", () => this.#tickShown());
    byId("roster-qr").addEventListener("click", () => void this.#showCode());
    byId("headcount-more").addEventListener("click", () => void this.#load());
    this.dialog.querySelector("[data-close]")?.addEventListener("click", () => this.dialog.close());
  }

  /** @param {string} briefing the one that this site counts for now, or "" */
  follow(briefing) {
    if (briefing === this.briefing) return;
    this.briefing = briefing;
    if (!briefing) return this.dialog.close();
    [this.people, this.attendees, this.ticked, this.unsent] = [[], [], new Set(), false];
    const kept = localStorage.getItem(this.#key);
    if (kept) [this.ticked, this.unsent] = [new Set(JSON.parse(kept)), true];
    void this.#load();
  }

  get #key() {
    return `roster:${this.briefing}`;
  }

  get #url() {
    return briefingUrl(this.briefing, `/sites/${encodeURIComponent(this.code)}`);
  }

  async #load() {
    if (!this.briefing) return;
    const people = await get(`/api/sites/${encodeURIComponent(this.code)}/roster`).catch(() => null);
    if (people) this.people = people;
    await this.#look();
  }

  /** Sends what is unsent, else asks who is there now. */
  async #look() {
    if (!this.briefing || this.busy) return;
    const [briefing, before] = [this.briefing, this.ticked];
    this.busy = true;
    try {
      const answer = this.unsent ? await this.#send() : await get(`${this.#url}/attendees`);
      if (briefing === this.briefing && before === this.ticked) this.#adopt(answer.attendees);
      this.#trouble("");
    } catch (error) {
      this.#failed(error);
    } finally {
      this.busy = false;
    }
    this.#draw();
    if (this.unsent && this.ticked !== before) await this.#look();
  }

  /** The ticks as they are; who came by telephone and is not ticked any more is declined. */
  async #send() {
    const ticked = this.ticked;
    let answer = await put(`${this.#url}/attendees`, { present: [...ticked] });
    const off = new Set(this.people.filter((person) => !ticked.has(person.number)).map(keyOf));
    for (const one of /** @type {Attendee[]} */ (answer.attendees)) {
      if (one.by === "self" && one.state === "present" && off.has(keyOf(one))) answer = await post(`${this.#url}/attendees/${one.id}`, { accepted: false });
    }
    return answer;
  }

  /** @param {Attendee[]} attendees */
  #adopt(attendees) {
    this.attendees = attendees;
    const here = new Set(attendees.filter((one) => one.state === "present").map(keyOf));
    this.ticked = new Set(this.people.filter((person) => here.has(keyOf(person))).map((person) => person.number));
    this.unsent = false;
    localStorage.removeItem(this.#key);
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!this.unsent) return;
    if (error instanceof ApiError && error.status >= 400 && error.status < 500) {
      this.unsent = false; // the list is another one by now: the server's ticks hold
      localStorage.removeItem(this.#key);
    }
    this.#trouble(error instanceof ApiError && error.status ? error.message : t("Not sent yet: the ticks are kept here and sent when the line is back."));
  }

  /** @param {string} words */
  #trouble(words) {
    setText(byId("roster-trouble"), words);
    show(byId("roster-trouble"), Boolean(words));
  }

  /** @param {Iterable<number>} numbers */
  #tick(numbers) {
    this.ticked = new Set(numbers);
    this.unsent = true;
    localStorage.setItem(this.#key, JSON.stringify([...this.ticked]));
    this.#draw();
    this.counted(this.present);
    void this.#look();
  }

  /** Ticked, and accepted from outside the list. */
  get present() {
    const listed = new Set(this.people.map(keyOf));
    return this.ticked.size + this.attendees.filter((one) => one.state === "present" && !listed.has(keyOf(one))).length;
  }

  #shown() {
    const wanted = plain(this.search.value.trim());
    return this.people.filter((person) => plain(`${person.name} ${person.post}`).includes(wanted));
  }

  #tickShown() {
    const shown = this.#shown().map((person) => person.number);
    const all = shown.every((number) => this.ticked.has(number));
    const others = [...this.ticked].filter((number) => !shown.includes(number));
    this.#tick(all ? others : [...others, ...shown]);
  }

  #draw() {
    const shown = this.#shown();
    show(byId("roster-names"), this.people.length > 0);
    setText(byId("roster-count"), t("{n}/{all} ticked", { n: this.ticked.size, all: this.people.length }));
    setText(byId("roster-all"), shown.length > 0 && shown.every((person) => this.ticked.has(person.number)) ? t("Untick all") : t("Tick all"));
    redraw(byId("roster-list"), JSON.stringify(shown), () => shown.map((person) => this.#row(person)));
    for (const box of /** @type {NodeListOf<HTMLInputElement>} */ (byId("roster-list").querySelectorAll("input"))) box.checked = this.ticked.has(Number(box.dataset.number));
    const waiting = this.attendees.filter((one) => one.state === "waiting");
    show(byId("checkins"), waiting.length > 0);
    setText(byId("checkins-count"), waiting.length ? t("{n} waiting to be accepted", { n: waiting.length }) : "");
    setText(byId("waiting-people"), waiting.length ? `+${waiting.length}` : "");
    redraw(byId("checkin-list"), JSON.stringify(waiting), () => waiting.map((one) => this.#checkIn(one)));
  }

  /** @param {Person} person */
  #row(person) {
    const box = el("input", { type: "checkbox", "data-number": person.number, "data-testid": `roster-tick-${person.number}` });
    box.addEventListener("change", () => this.#tick(box.checked ? [...this.ticked, person.number] : [...this.ticked].filter((number) => number !== person.number)));
    return el("li", {}, el("label", {}, box, el("span", {}, person.name, person.post && el("small", {}, person.post))));
  }

  /** @param {Attendee} one */
  #checkIn(one) {
    const answer = (/** @type {boolean} */ accepted) => () => void this.#decide(one, accepted);
    const yes = el("button", { class: "button small primary", type: "button", "data-testid": `checkin-accept-${one.id}`, onclick: answer(true) }, icon("check"), t("Accept"));
    const no = el("button", { class: "button small", type: "button", "data-testid": `checkin-decline-${one.id}`, onclick: answer(false) }, t("Decline"));
    return el("li", {}, el("span", {}, one.name, one.post && el("small", {}, one.post)), yes, no);
  }

  /** @param {Attendee} one @param {boolean} accepted */
  async #decide(one, accepted) {
    try {
      const answer = await post(`${this.#url}/attendees/${one.id}`, { accepted });
      if (this.unsent) this.attendees = answer.attendees;
      else this.#adopt(answer.attendees);
      this.#trouble("");
      this.#draw();
      this.counted(this.present);
    } catch (error) {
      this.#trouble(error instanceof Error ? error.message : String(error));
    }
  }

  async #showCode() {
    try {
      const code = await post(`${this.#url}/check-in`);
      /** @type {HTMLImageElement} */ (byId("code-picture")).src = `data:image/svg+xml,${encodeURIComponent(code.svg)}`;
      setText(byId("code-address"), code.url);
      this.dialog.showModal();
    } catch (error) {
      this.#trouble(error instanceof Error ? error.message : String(error));
    }
  }
}
