// @ts-check
/** The card of one site: whom to call, what it reported, and what the host may enter for it, always with a reason. */
import { byId, setAttribute, setText, show } from "./dom.js";
import { count, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";
import { page } from "./page-data.js";
import { stateWords } from "./states.js";

/** @typedef {import("./types.js").SiteEntry} SiteEntry */
/** @typedef {import("./types.js").Snapshot} Snapshot */

/**
 * @typedef {object} CardActions
 * @property {(code: string) => void} preview the site's picture comes next
 * @property {(code: string) => void} giveFloor
 * @property {(code: string) => void} write a message to it
 * @property {(code: string) => void} diary of it alone
 * @property {(code: string, figures: object) => Promise<boolean>} correct
 * @property {(code: string, name: string, reason: string) => Promise<boolean>} phone
 * @property {(code: string) => {name: string, phone: string}|null} contact
 */

const FIELDS = /** @type {const} */ (["present", "members", "excused", "unexcused", "extra"]);

export class SiteCard {
  /** @param {CardActions} actions */
  constructor(actions) {
    this.actions = actions;
    this.code = "";
    this.dialog = /** @type {HTMLDialogElement} */ (byId("site-dialog"));
    for (const [id, act] of /** @type {[string, (code: string) => void][]} */ ([["card-stage", actions.preview], ["card-invite", actions.giveFloor], ["card-message", actions.write], ["card-diary", actions.diary]])) {
      byId(id).addEventListener("click", () => {
        this.dialog.close();
        act(this.code);
      });
    }
    byId("card-count").addEventListener("submit", (event) => void this.#submit(event, (form) => this.#correct(form)));
    byId("card-phone").addEventListener("submit", (event) => void this.#submit(event, (form) => actions.phone(this.code, text(form, "name"), text(form, "reason"))));
  }

  /** @param {string} code @param {Snapshot} snapshot */
  open(code, snapshot) {
    this.code = code;
    /** @type {HTMLFormElement} */ (byId("card-count")).reset();
    /** @type {HTMLFormElement} */ (byId("card-phone")).reset();
    const told = (snapshot.sites ?? []).find((one) => one.code === code)?.headcount;
    for (const name of FIELDS) /** @type {HTMLInputElement} */ (byId(`card-${name}`)).value = String(told?.[name] ?? "");
    this.draw(snapshot);
    this.dialog.showModal();
  }

  /** @param {Snapshot} snapshot */
  draw(snapshot) {
    const site = (snapshot.sites ?? []).find((one) => one.code === this.code);
    if (!site) return;
    setText(byId("card-title"), site.name);
    setAttribute(byId("card-state"), "data-state", site.state);
    setText(byId("card-state"), stateWords(site.state));
    const reach = this.actions.contact(site.code);
    setText(byId("card-contact"), reach ? `${reach.name} · ${reach.phone}` : t("No phone number on file"));
    setText(byId("card-figures"), figures(site));
    const running = snapshot.phase === "live" || snapshot.phase === "break";
    show(byId("card-stage"), Boolean(site.connection) && ["open", "live"].includes(snapshot.phase) && !snapshot.floor && !page.follows);
    show(byId("card-invite"), Boolean(site.connection) && snapshot.phase === "live" && snapshot.floor !== site.code && !page.follows);
    show(byId("card-message"), ["open", "live", "break"].includes(snapshot.phase) && !page.follows);
    show(byId("card-count"), running || snapshot.phase === "ended");
    show(byId("card-phone"), running || snapshot.phase === "ended");
  }

  /** @param {SubmitEvent|Event} event @param {(form: HTMLFormElement) => Promise<boolean>} act */
  async #submit(event, act) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    if (await act(form)) this.dialog.close();
  }

  /** @param {HTMLFormElement} form */
  #correct(form) {
    /** @type {Record<string, number|string>} */
    const body = { reason: text(form, "reason") };
    for (const name of FIELDS) {
      const value = text(form, name);
      if (value !== "") body[name] = Number(value);
    }
    return this.actions.correct(this.code, body);
  }
}

/** @param {HTMLFormElement} form @param {string} name */
function text(form, name) {
  return String(new FormData(form).get(name) ?? "").trim();
}

/** @param {SiteEntry} site */
function figures(site) {
  const own = site.headcount;
  if (!own) return t("Summoned {expected}, headcount not reported yet", { expected: site.expected });
  const parts = { expected: site.expected, present: own.present, excused: count(own.excused), unexcused: count(own.unexcused), extra: own.extra ?? UNKNOWN };
  return t("Summoned {expected}, present {present}, excused {excused}, unexcused {unexcused}, beyond the invitation {extra}", parts);
}
