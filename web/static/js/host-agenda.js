// @ts-check
/**
 * The agenda: where the briefing is, what comes next and how long is left; and the form that writes it.
 *
 * Rule: times follow from the planned start, or the true one, and the planned lengths; unknown lengths end the chain.
 */
import { briefingUrl, post, put } from "./api.js";
import { now } from "./clock.js";
import { byId, el, icon, redraw, setText, show } from "./dom.js";
import { clock, duration } from "./format.js";
import { t } from "./i18n.js";
import { nameOf, page } from "./page-data.js";
import { tell } from "./toast.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./types.js").AgendaItem} AgendaItem */

/** @param {Snapshot} snapshot @returns {(number|null)[]} when each item begins, ms since the epoch; null: not known */
export function timesOf(snapshot) {
  const items = snapshot.agenda ?? [];
  const planned = snapshot.started_at ?? snapshot.starts_at;
  let at = planned ? Date.parse(planned) : null;
  const times = items.map((item) => {
    const begins = at;
    at = at !== null && item.minutes !== null ? at + item.minutes * 60_000 : null;
    return begins;
  });
  const current = snapshot.agenda_item ?? 0;
  if (!current || !snapshot.agenda_since) return times;
  at = Date.parse(snapshot.agenda_since); // from here on by the clock
  for (let index = current - 1; index < items.length; index += 1) {
    times[index] = at;
    const minutes = items[index].minutes;
    at = at !== null && minutes !== null ? at + minutes * 60_000 : null;
  }
  return times;
}

export class HostAgenda {
  /** @param {string} briefing @param {{giveFloor: (code: string) => void}} actions */
  constructor(briefing, actions) {
    this.briefing = briefing;
    this.actions = actions;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("agenda-dialog"));
    this.rows = byId("agenda-rows");
    /** @type {Snapshot|null} */
    this.snapshot = null;
    byId("agenda-edit").addEventListener("click", () => this.#edit());
    byId("agenda-next").addEventListener("click", () => this.next());
    byId("agenda-add").addEventListener("click", () => this.#add({ title: "", minutes: null, site: null }).focus());
    byId("agenda-form").addEventListener("submit", (event) => void this.#save(event));
  }

  /** Goes on to the next item. */
  next() {
    const { agenda = [], agenda_item: at } = this.snapshot ?? {};
    if ((at ?? 0) < agenda.length && this.#running()) void this.#move((at ?? 0) + 1);
  }

  #running() {
    return ["live", "break"].includes(this.snapshot?.phase ?? "");
  }

  /** @param {Snapshot} snapshot */
  draw(snapshot) {
    this.snapshot = snapshot;
    const items = snapshot.agenda ?? [];
    const at = snapshot.agenda_item ?? 0;
    const over = ["ended", "cancelled"].includes(snapshot.phase);
    show(byId("agenda-none"), items.length === 0);
    show(byId("agenda-next"), this.#running() && at < items.length && !page.follows);
    show(byId("agenda-edit"), !over && !page.follows);
    const times = timesOf(snapshot);
    const online = new Set((snapshot.sites ?? []).filter((site) => site.connection).map((site) => site.code));
    const key = JSON.stringify([items, at, times, snapshot.phase, snapshot.floor, items.map((item) => item.site && online.has(item.site))]);
    redraw(byId("agenda-list"), key, () => items.map((item, index) => this.#line(item, index + 1, times[index], Boolean(item.site && online.has(item.site)))));
    this.tick();
  }

  /** How long the item has left; to be called every second. */
  tick() {
    const { agenda = [], agenda_item: at, agenda_since: since } = this.snapshot ?? {};
    const minutes = at ? agenda[at - 1]?.minutes : null;
    const left = since && minutes ? Date.parse(since) + minutes * 60_000 - now() : null;
    setText(byId("agenda-left"), left === null || !this.#running() ? "" : left >= 0 ? t("{time} left", { time: duration(left) }) : t("{time} over", { time: duration(-left) }));
  }

  /** @param {AgendaItem} item @param {number} number @param {number|null} begins @param {boolean} online */
  #line(item, number, begins, online) {
    const at = this.snapshot?.agenda_item ?? 0;
    const ends = number === at && begins !== null && item.minutes !== null ? begins + item.minutes * 60_000 : null;
    const words = number < at ? t("done") : ends !== null ? t("until {time}", { time: clock(ends) }) : item.minutes !== null ? t("{n} min", { n: item.minutes }) : "";
    const name = el("span", {}, item.title, item.site && el("small", { class: "under muted" }, nameOf(item.site)));
    const title = this.#running() && !page.follows ? el("button", { class: "link-like", type: "button", title: t("Go on to this item"), "data-testid": `agenda-go-${number}`, onclick: () => void this.#move(number) }, name) : name;
    const can = this.snapshot?.phase === "live" && online && this.snapshot.floor !== item.site && !page.follows;
    const invite = item.site && can ? el("button", { class: "button small", type: "button", "data-testid": `agenda-invite-${number}`, "aria-label": t("Give the floor to {name}", { name: nameOf(item.site) }), onclick: () => this.actions.giveFloor(item.site ?? "") }, icon("mic"), t("Invite")) : null;
    return el("li", { class: number < at ? "done" : null, "aria-current": number === at ? "step" : null, "data-testid": `agenda-item-${number}` }, el("span", { class: "when" }, begins === null ? "" : clock(begins)), title, invite ?? el("span", { class: "length" }, words));
  }

  /** @param {number} item */
  async #move(item) {
    try {
      await post(briefingUrl(this.briefing, "/agenda/step"), { item });
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
    }
  }

  #edit() {
    const items = this.snapshot?.agenda ?? [];
    this.rows.replaceChildren();
    for (const item of items.length ? items : [{ title: "", minutes: null, site: null }]) this.#add(item);
    this.dialog.showModal();
    this.rows.querySelector("input")?.focus();
  }

  /** @param {AgendaItem} item @returns {HTMLInputElement} its first field */
  #add(item) {
    const sites = this.snapshot?.sites ?? [];
    const title = el("input", { class: "input", name: "title", maxlength: 200, required: true, value: item.title, autocomplete: "off", "aria-label": t("Item"), placeholder: t("Item, as in the invitation") });
    const minutes = el("input", { class: "input", name: "minutes", type: "number", min: 0, max: 1440, value: item.minutes ?? "", "aria-label": t("Minutes"), placeholder: t("Minutes") });
    const site = el("select", { name: "site", "aria-label": t("Site that speaks") }, el("option", { value: "" }, t("The hall")), ...sites.map((one) => el("option", { value: one.code, selected: one.code === item.site }, one.name)));
    const row = el("li", {}, title, minutes, site);
    row.append(el("button", { class: "button small", type: "button", "aria-label": t("Move up"), title: t("Move up"), onclick: () => row.previousElementSibling?.before(row) }, "↑"), el("button", { class: "button small danger", type: "button", "aria-label": t("Remove the item"), title: t("Remove the item"), onclick: () => row.remove() }, "×"));
    this.rows.append(row);
    return title;
  }

  /** @param {Event} event */
  async #save(event) {
    event.preventDefault();
    const value = (/** @type {Element} */ row, /** @type {string} */ name) => /** @type {HTMLInputElement} */ (row.querySelector(`[name=${name}]`)).value.trim();
    const items = [...this.rows.children].map((row) => ({ title: value(row, "title"), minutes: value(row, "minutes") === "" ? null : Number(value(row, "minutes")), site: value(row, "site") || null }));
    try {
      await put(briefingUrl(this.briefing, "/agenda"), { items });
      this.dialog.close();
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
    }
  }
}
