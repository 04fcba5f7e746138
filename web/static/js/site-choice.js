// @ts-check
/**
 * Two briefings at once for this site: its operator is asked which one the room attends.
 *
 * Rule 1: nothing covers a briefing that runs: there a line at the top offers the choice, and a press opens it.
 * Rule 2: who is in no briefing yet is asked at once, and enters by the answer.
 */
import { byId, el, redraw, setText, show } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("./types.js").Offered} Offered */

export class SiteChoice {
  /** @param {(briefing: string) => void} chosen */
  constructor(chosen) {
    this.chosen = chosen;
    /** @type {Offered[]} */
    this.offered = [];
    this.asked = false;
    this.stays = false; // until another briefing comes or goes
    this.dialog = /** @type {HTMLDialogElement} */ (byId("choice-dialog"));
    this.notice = byId("choice-notice");
    byId("choice-open").addEventListener("click", () => this.#open());
    byId("choice-stay").addEventListener("click", () => {
      this.stays = true;
      this.dialog.close();
      show(this.notice, false);
    });
    this.dialog.addEventListener("cancel", (event) => {
      if (!this.here) event.preventDefault();
    });
    /** the briefing that this page is in, or "" */
    this.here = "";
  }

  /** Is an answer needed before this page is in any briefing? */
  get open() {
    return this.offered.length > 1;
  }

  /** @param {Offered[]} offered */
  offer(offered) {
    this.offered = offered;
    this.asked = this.stays = false;
  }

  /** @param {import("./types.js").Snapshot|null} snapshot */
  draw(snapshot) {
    this.here = snapshot?.id ?? "";
    const other = this.offered.find((one) => one.id !== this.here);
    const offering = this.open && other !== undefined;
    show(this.notice, offering && Boolean(snapshot) && !this.stays);
    setText(byId("choice-words"), offering ? t("Another briefing is on for this site: {title}", { title: other.title }) : "");
    if (!offering && this.dialog.open) this.dialog.close();
    const atOnce = !snapshot || snapshot.phase === "open";
    if (offering && atOnce && !this.asked) this.#open();
  }

  #open() {
    this.asked = true;
    show(byId("choice-stay"), Boolean(this.here));
    redraw(byId("choice-list"), JSON.stringify([this.offered, this.here]), () => this.offered.map((one) => this.#button(one)));
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** @param {Offered} one */
  #button(one) {
    const about = [one.document_number, one.id === this.here ? t("this page is in it") : ""].filter(Boolean).join(" · ");
    const button = el("button", { class: "button primary large", type: "button", "data-testid": `choose-${one.id}` }, el("span", {}, one.title, about ? el("small", {}, about) : ""));
    button.addEventListener("click", () => {
      this.offered = [];
      this.dialog.close();
      this.chosen(one.id);
    });
    return button;
  }
}
