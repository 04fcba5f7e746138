// @ts-check
/**
 * After the end the operator sees the own line of the attendance and answers for it: right, or what is wrong.
 *
 * Rule 1: the line is the server's, fetched; nothing of it is reckoned here, and unknown stays unknown.
 * Rule 2: an answer counts when the server has taken it; until then what was typed stays.
 */
import { briefingUrl, get, post } from "./api.js";
import { byId, el, icon, setAttribute, setText, show } from "./dom.js";
import { clock, count, hours, percent, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";

const AGAIN_MS = 3000; // the end is a moment old: the own connection is still being closed

export class SignOff {
  /** @param {string} code the site's */
  constructor(code) {
    this.code = code;
    this.briefing = "";
    /** @type {any} */
    this.line = null;
    byId("sign-right").addEventListener("click", () => void this.#send("right"));
    byId("sign-wrong").addEventListener("click", () => this.#ask());
    byId("sign-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#send("wrong");
    });
    byId("sign-remark").addEventListener("input", () => this.#enable());
  }

  /** @param {string|null} briefing the one that is over; null: there is nothing to answer for */
  draw(briefing) {
    show(byId("sign"), Boolean(briefing) && this.line !== null);
    if (!briefing || briefing === this.briefing) return;
    this.briefing = briefing;
    void this.#load(briefing);
  }

  /** @param {string} briefing */
  async #load(briefing) {
    try {
      this.line = await get(briefingUrl(briefing, `/sites/${this.code}/attendance`));
    } catch {
      setTimeout(() => void this.#load(briefing), AGAIN_MS);
      return;
    }
    this.#show();
    if (this.line.still_connected) setTimeout(() => void this.#load(briefing), AGAIN_MS);
  }

  #show() {
    const line = this.line;
    byId("sign-line").replaceChildren(...cells(line).map(([name, value, rest]) => el("div", {}, el("dt", {}, name), el("dd", {}, value, rest ? el("small", {}, rest) : null))));
    const signed = line.signed;
    setText(byId("sign-question"), signed ? t("Is this line right? You may answer again.") : t("Is this line right?"));
    show(byId("sign-done"), Boolean(signed));
    show(byId("sign-badge"), Boolean(signed));
    if (signed) this.#showAnswer(signed);
    this.#enable();
    show(byId("sign"), true);
  }

  /** @param {{at: string, answer: string, remark: string|null, changed_since: boolean}} signed */
  #showAnswer(signed) {
    const right = signed.answer === "right";
    const state = signed.changed_since ? "weak" : right ? "online" : "weak";
    for (const id of ["sign-badge", "sign-done"]) setAttribute(byId(id), "data-state", state);
    byId("sign-badge").replaceChildren(icon(right ? "check" : "alert"), right ? t("Signed: right") : t("Signed: something is wrong"));
    const time = clock(signed.at);
    const taken = right ? t("Signed at {time}: the line is right. You may close this page.", { time }) : t("Sent at {time}: “{remark}”. The office will look into it. You may close this page.", { time, remark: signed.remark ?? "" });
    setText(byId("sign-done"), signed.changed_since ? t("The office has changed figures of this line since. Please look again.") : taken);
  }

  #ask() {
    show(byId("sign-why"), true);
    setAttribute(byId("sign-wrong"), "aria-expanded", "true");
    byId("sign-remark").focus();
  }

  #enable() {
    const remark = /** @type {HTMLTextAreaElement} */ (byId("sign-remark")).value.trim();
    for (const id of ["sign-right", "sign-wrong"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = false;
    /** @type {HTMLButtonElement} */ (byId("sign-send")).disabled = !remark;
  }

  /** @param {"right"|"wrong"} answer */
  async #send(answer) {
    const remark = /** @type {HTMLTextAreaElement} */ (byId("sign-remark")).value.trim();
    for (const id of ["sign-right", "sign-wrong", "sign-send"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = true;
    show(byId("sign-trouble"), false);
    try {
      await post(briefingUrl(this.briefing, `/sites/${this.code}/sign-off`), answer === "wrong" ? { answer, remark } : { answer });
    } catch (error) {
      setText(byId("sign-trouble"), error instanceof Error ? error.message : String(error));
      show(byId("sign-trouble"), true);
      this.#enable();
      return;
    }
    show(byId("sign-why"), false);
    setAttribute(byId("sign-wrong"), "aria-expanded", "false");
    await this.#load(this.briefing);
  }
}

/** @param {any} line @returns {[string, string, string][]} name, value, the rest in small letters */
function cells(line) {
  const known = line.present !== null && line.present !== undefined;
  return [
    [t("Joined"), line.first_joined ? clock(line.first_joined) : UNKNOWN, ""],
    [t("Left"), line.last_left ? clock(line.last_left) : UNKNOWN, ""],
    [t("Interruptions"), count(line.interruptions), line.interruptions ? t("{time} in all", { time: hours(line.interrupted_seconds) }) : ""],
    [t("Attended"), hours(line.attended_seconds), percent(line.attended_share)],
    [t("Present / summoned"), known ? `${count(line.present)}/${count(line.expected)}` : `${UNKNOWN}/${count(line.expected)}`, known ? percent(line.rate) : t("no figure yet")],
    [t("Excused / unexcused"), `${count(line.excused)}/${count(line.unexcused)}`, ""],
  ];
}
