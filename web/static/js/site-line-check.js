// @ts-check
/** The fourth step of the operator's check: the line itself, the own sound heard back, and what the room heard. */
import { byId, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { clock, count } from "./format.js";
import { t } from "./i18n.js";
import { measure, report } from "./line-check.js";

/** @typedef {import("./site-devices.js").SiteDevices} SiteDevices */
/** @typedef {"good"|"fair"|"poor"} Verdict */

const LIGHT = /** @type {Record<Verdict, string>} */ ({ good: "check", fair: "alert", poor: "unplug" });

export class SiteLineCheck {
  /** @param {SiteDevices} devices */
  constructor(devices) {
    this.devices = devices;
    /** @type {import("./line-check.js").Line|null} */
    this.line = null;
    /** @type {boolean|null} */
    this.speakers = null;
    this.running = false;
    /** @type {string} the address of what came back of the own sound */
    this.heard = "";
    byId("line-measure").addEventListener("click", () => void this.#run());
    byId("line-replay").addEventListener("click", () => void new Audio(this.heard).play().catch(() => {}));
    byId("speaker-test").addEventListener("click", () => show(byId("speaker-question"), true));
    byId("speaker-yes").addEventListener("click", () => this.#answered(true));
    byId("speaker-no").addEventListener("click", () => this.#answered(false));
  }

  /** @param {boolean} heard */
  #answered(heard) {
    this.speakers = heard;
    setAttribute(byId("speaker-yes"), "aria-pressed", String(heard));
    setAttribute(byId("speaker-no"), "aria-pressed", String(!heard));
    setText(byId("speaker-advice"), heard ? t("Good. Leave the volume as it is.") : t("Turn up the loudspeakers and the computer, check the cable, then play it again."));
    if (this.line) void this.#send();
  }

  async #run() {
    if (this.running) return;
    this.running = true;
    const button = /** @type {HTMLButtonElement} */ (byId("line-measure"));
    button.disabled = true;
    const steps = { down: t("Measuring the way down…"), up: t("Measuring the way up…"), media: t("Connecting picture and sound…"), listen: t("Please speak now: your sound goes to the server and back") };
    const { line, recording } = await measure(this.devices.microphone.track, (step) => this.#badge("waiting", "clock", steps[step]));
    this.line = line;
    if (this.heard) URL.revokeObjectURL(this.heard);
    this.heard = recording ? URL.createObjectURL(recording) : "";
    await this.#send();
    button.disabled = false;
    this.running = false;
  }

  async #send() {
    const name = (/** @type {"camera"|"microphone"} */ kind) => (this.devices[kind].track?.label ?? "").slice(0, 120) || null;
    const figures = { ...this.line, picture: Boolean(this.devices.camera.track), speakers: this.speakers, camera: name("camera"), microphone: name("microphone") };
    try {
      const { verdict, briefing } = await report(figures);
      this.#show(verdict, Boolean(briefing));
    } catch (error) {
      this.#badge("lost", "alert", error instanceof Error ? error.message : String(error));
    }
  }

  /** @param {Verdict|null} verdict @param {boolean} kept */
  #show(verdict, kept) {
    const words = { good: t("Good"), fair: t("Fair"), poor: t("Poor") };
    const meanings = {
      good: t("Enough for sound, slides and full picture."),
      fair: t("Enough for sound, slides and a small picture."),
      poor: t("Only sound and slides are sure. Have a telephone ready as a reserve."),
    };
    if (verdict) this.#badge(verdict, LIGHT[verdict], words[verdict]);
    else this.#badge("waiting", "alert", t("Not measured"));
    /** @type {import("./line-check.js").Line} */
    const line = this.line ?? {};
    const blocked = line.route === "blocked";
    setText(byId("line-figures"), [mbit(t("up {n} Mbit/s"), line.up_bps), mbit(t("down {n} Mbit/s"), line.rate_bps), line.rtt_ms === undefined ? "" : t("delay {n} ms", { n: line.rtt_ms }), line.loss === undefined ? "" : t("lost {n} %", { n: count(Math.round(line.loss * 1000) / 10) })].filter(Boolean).join(" · "));
    const sound = line.sound === false ? t("The server heard no voice: choose another microphone, or come nearer.") : line.sound ? t("The server hears your microphone.") : "";
    setText(byId("line-meaning"), [blocked ? t("Picture and sound do not get through this network. Tell the technician: UDP is blocked.") : verdict ? meanings[verdict] : "", sound, kept ? t("The hall has the result, {time}.", { time: clock(Date.now()) }) : t("No briefing is planned yet; check again before it starts.")].filter(Boolean).join(" "));
    show(byId("line-replay"), Boolean(this.heard));
    setText(byId("line-measure-words"), t("Measure again"));
  }

  /** @param {string} state @param {string} mark @param {string} words */
  #badge(state, mark, words) {
    setAttribute(byId("line-step"), "data-state", state);
    redraw(byId("line-badge"), state + words, () => [icon(mark), words]);
    setAttribute(byId("line-badge"), "data-verdict", state);
  }
}

/** @param {string} words with {n} left open @param {number|undefined} bps */
function mbit(words, bps) {
  return bps === undefined ? "" : words.replace("{n}", count(Math.round(bps / 1e5) / 10));
}
