// @ts-check
/** Messages in the control room: the thread with all sites, and a line to one of them or to all. */
import { briefingUrl, get, post } from "./api.js";
import { byId, el, redraw, setText, show } from "./dom.js";
import { clock } from "./format.js";
import { t } from "./i18n.js";
import { nameOf } from "./page-data.js";
import { tell } from "./toast.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./site-papers.js").Message} Message */

export class HostMessages {
  /** @param {string} briefing */
  constructor(briefing) {
    this.briefing = briefing;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("messages-dialog"));
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
    for (const button of this.dialog.querySelectorAll("[data-phrase]")) button.addEventListener("click", () => void this.#write(button.textContent ?? ""));
    addEventListener("keydown", (event) => this.#key(event));
  }

  open() {
    this.dialog.showModal();
    this.input.focus();
    this.#seen();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const typing = event.target instanceof Element && event.target.closest("input, select, textarea, dialog");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.key.toLowerCase() !== "m") return;
    event.preventDefault();
    this.open();
  }

  /** @param {Snapshot} snapshot */
  draw(snapshot) {
    const sites = snapshot.sites ?? [];
    redraw(this.target, JSON.stringify(sites.map((site) => site.code)), () => [el("option", { value: "" }, t("All sites")), ...sites.map((site) => el("option", { value: site.code }, site.name))]);
    const running = ["open", "live", "break"].includes(snapshot.phase);
    for (const control of this.dialog.querySelectorAll("input, select, [data-phrase], [type=submit]")) /** @type {HTMLButtonElement} */ (control).disabled = !running;
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
      if (this.told >= 0 && !this.dialog.open) tell(`${nameOf(newest.site ?? "hub")}: ${newest.text}`, "online");
      this.told = newest.number;
    }
    this.told = Math.max(this.told, 0);
    if (this.dialog.open) this.#seen();
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
    const list = byId("message-list");
    redraw(list, String(this.messages.length), () => this.messages.map((message) => this.#line(message)));
    show(byId("messages-none"), this.messages.length === 0);
    list.scrollTop = list.scrollHeight;
  }

  /** @param {Message} message */
  #line(message) {
    const who = message.to_hub ? nameOf(message.site ?? "hub") : t("to {name}", { name: message.site ? nameOf(message.site) : t("all sites") });
    const words = [el("small", {}, `${clock(message.at)} · ${who}`), el("span", {}, message.text)];
    if (!message.to_hub) return el("li", { class: "mine" }, ...words);
    const answer = el("button", { class: "link-like small", type: "button", onclick: () => this.#answer(message.site ?? "") }, t("Answer"));
    return el("li", { class: "theirs" }, ...words, " ", answer);
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
