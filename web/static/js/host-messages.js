// @ts-check
/** Messages in the control room: the thread with all sites, and a line to one of them or to all. */
import { briefingUrl, get, post } from "./api.js";
import { byId, el, redraw, setAttribute, setText, show } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { nameOf } from "./page-data.js";
import { tell } from "./toast.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./site-papers.js").Message} Message */

export class HostMessages {
  /** @param {string} briefing @param {import("./host-tabs.js").Tabs} tabs */
  constructor(briefing, tabs) {
    this.briefing = briefing;
    this.tabs = tabs;
    this.panel = byId("messages-panel");
    this.phrases = /** @type {HTMLDetailsElement} */ (byId("phrases"));
    this.target = /** @type {HTMLSelectElement} */ (byId("message-target"));
    this.input = /** @type {HTMLInputElement} */ (byId("message-text"));
    this.memory = `messages-seen:${briefing}`;
    /** @type {Message[]} */
    this.messages = [];
    this.counted = 0;
    this.told = -1; // the newest number that a toast told; -1: the page has just come
    byId("messages-open").addEventListener("click", () => this.open());
    byId("message-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#write(this.input.value.trim());
    });
    for (const button of this.panel.querySelectorAll("[data-phrase]")) button.addEventListener("click", () => this.#phrase(button.textContent ?? ""));
    this.panel.addEventListener("focusin", () => this.#seen());
    this.panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.phrases.open = false;
      if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    });
  }

  get inSight() {
    return this.panel.offsetParent !== null && !document.hidden;
  }

  /** @param {string} [site] to whom; else to whoever was chosen */
  open(site) {
    if (site !== undefined) this.target.value = site;
    this.tabs.choose("messages");
    this.input.focus();
    this.panel.scrollIntoView({ block: "nearest" });
    this.#seen();
  }

  /** @param {string} words */
  #phrase(words) {
    this.phrases.open = false;
    this.input.focus();
    void this.#write(words);
  }

  /** @param {Snapshot} snapshot */
  draw(snapshot) {
    const sites = snapshot.sites ?? [];
    redraw(this.target, JSON.stringify(sites.map((site) => site.code)), () => [el("option", { value: "" }, t("All sites")), ...sites.map((site) => el("option", { value: site.code }, site.name))]);
    const running = ["open", "live", "break"].includes(snapshot.phase);
    for (const control of this.panel.querySelectorAll("input, select, [data-phrase], [type=submit]")) /** @type {HTMLButtonElement} */ (control).disabled = !running;
    const counted = snapshot.messages ?? 0;
    if (counted === this.counted) return;
    this.counted = counted;
    void this.#fetch();
  }

  async #fetch() {
    try {
      this.#take(await get(briefingUrl(this.briefing, "/messages")));
    } catch {
      this.counted = -1; // the next snapshot tries again
    }
  }

  /** @param {Message[]} messages */
  #take(messages) {
    this.messages = messages;
    const newest = messages.filter((message) => message.to_hub).pop();
    if (newest && newest.number > this.told) {
      if (this.told >= 0 && !this.inSight) tell(`${nameOf(newest.site ?? "hub")}: ${newest.text}`, "online");
      this.told = newest.number;
    }
    this.told = Math.max(this.told, 0);
    this.#draw();
  }

  #seen() {
    sessionStorage.setItem(this.memory, String(this.messages.length ? this.messages[this.messages.length - 1].number : 0));
    this.#draw();
  }

  #draw() {
    const seen = Number(sessionStorage.getItem(this.memory) ?? 0);
    const unread = this.messages.filter((message) => message.to_hub && message.number > seen).length;
    show(byId("messages-unread"), unread > 0);
    setText(byId("messages-unread"), String(unread));
    show(byId("messages-new"), unread > 0);
    setText(byId("messages-new"), String(unread));
    setAttribute(byId("tab-messages"), "title", unread ? t("Messages ({n} new)", { n: unread }) : null);
    const list = byId("message-list");
    redraw(list, `${this.messages.length}/${seen}`, () => this.messages.map((message) => this.#line(message, seen)));
    show(byId("messages-none"), this.messages.length === 0);
    list.scrollTop = list.scrollHeight;
  }

  /** @param {Message} message @param {number} seen the newest number that was seen */
  #line(message, seen) {
    const who = message.to_hub ? nameOf(message.site ?? "hub") : t("to {name}", { name: message.site ? nameOf(message.site) : t("all sites") });
    const fresh = message.to_hub && message.number > seen;
    const words = [el("small", {}, [who, clock(message.at), fresh ? t("new") : ""].filter(Boolean).join(" · ")), el("span", {}, message.text)];
    if (!message.to_hub) return el("li", { class: "mine" }, ...words);
    const answer = el("button", { class: "link-like small", type: "button", onclick: () => this.#answer(message.site ?? "") }, t("Answer"));
    return el("li", { class: fresh ? "theirs is-new" : "theirs" }, ...words, " ", answer);
  }

  /** @param {string} site */
  #answer(site) {
    this.target.value = site;
    this.input.focus();
  }

  /** @param {string} text */
  async #write(text) {
    if (!text) return;
    try {
      this.#take(await post(briefingUrl(this.briefing, "/messages"), { site: this.target.value || null, text }));
      this.counted = -1;
      this.input.value = "";
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
    }
  }
}
