// @ts-check
/**
 * Called to speak: the answers of a room that is not ready or has nothing to say, the end of a statement, its clock.
 *
 * Rule 1: the floor is given back by the operator's own press; the hall reads why among its messages.
 * Rule 2: an answer counts for the call it was given to: the next call asks anew.
 */
import { now } from "./clock.js";
import { byId, setAttribute, setText, show } from "./dom.js";
import { duration } from "./format.js";
import { t } from "./i18n.js";

const READY_S = 10; // what a room gets to turn its camera and to hand the microphone on; nothing happens when they are over

export class SiteSpeaking {
  /** @param {{send: (message: object) => boolean, fail: (words: string) => void, silence: () => void}} line `silence` closes the microphone */
  constructor(line) {
    this.line = line;
    /** @type {string|null} since when this site has the floor */
    this.since = null;
    this.cue = false;
    this.asked = ""; // the call that was answered with "please wait"
    this.wait = /** @type {HTMLButtonElement} */ (byId("cue-wait"));
    this.wait.addEventListener("click", () => this.#wait());
    addEventListener("keydown", (event) => this.#key(event));
    byId("cue-decline").addEventListener("click", () => this.#giveBack(t("We have nothing to say")));
    byId("speech-end").addEventListener("click", () => this.#giveBack(""));
  }

  /** @param {string} view @param {boolean} speaking is the microphone open? @param {string|null|undefined} since */
  draw(view, speaking, since) {
    this.since = since ?? null;
    const cue = view === "cue";
    this.cue = cue;
    show(this.wait, cue);
    show(byId("cue-decline"), cue);
    show(byId("speech-end"), speaking);
    const told = this.asked !== "" && this.asked === this.since;
    this.wait.disabled = told;
    setAttribute(this.wait, "aria-pressed", String(told));
    setText(byId("cue-wait-words"), told ? t("The hall waits") : t("Please wait"));
    show(byId("speaking-clock"), speaking && Boolean(this.since));
    this.tick();
  }

  /** The space bar is the operator's press, where nothing else has the focus. @param {KeyboardEvent} event */
  #key(event) {
    const elsewhere = event.target instanceof Element && event.target.closest("input, select, textarea, button, a, summary, dialog");
    if (event.key !== " " || !this.cue || elsewhere || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    byId("ready-to-speak").click();
  }

  /** To be called every second. */
  tick() {
    const left = this.cue && this.since ? READY_S - Math.floor((now() - Date.parse(this.since)) / 1000) : 0;
    show(byId("cue-count"), left > 0);
    setText(byId("cue-seconds"), String(Math.min(READY_S, left)));
    if (this.since) setText(byId("speaking-clock"), t("Speaking for {time}", { time: duration(now() - Date.parse(this.since)) }));
  }

  #wait() {
    if (!this.#say(t("Please wait a moment: we are getting ready to speak"))) return;
    this.asked = this.since ?? "";
    this.draw("cue", false, this.since);
  }

  /** @param {string} why told to the hall, where it is not plain */
  #giveBack(why) {
    this.line.silence();
    if (why && !this.#say(why)) return;
    if (!this.line.send({ type: "return-floor" })) this.#failed();
  }

  /** @param {string} text */
  #say(text) {
    const sent = this.line.send({ type: "message", text });
    if (!sent) this.#failed();
    return sent;
  }

  #failed() {
    this.line.fail(t("The line is down: not sent. Try again when it is back."));
  }
}
