// @ts-check
/**
 * What the operator chooses: what to receive, what to send, how the microphone hears; kept on this machine.
 *
 * Rule: receiving and sending are independent of each other; no choice opens the microphone.
 */
import { byId, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {"all"|"slides"|"sound"} Receive */

const RECEIVE = "receive";
const SEND = "send-picture";
const HALL_SOUND = "hall-sound";

/** @param {string} key @param {string} otherwise */
function kept(key, otherwise) {
  try {
    return localStorage.getItem(key) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} key @param {string} value */
function keep(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // a browser that keeps nothing: chosen again next time
  }
}

export class SiteChoices {
  /** @param {{received: () => void, camera: (sends: boolean) => void, microphone: () => void}} changed */
  constructor(changed) {
    this.changed = changed;
    this.thin = false; // the line; a page that learns of it says so
    this.dialog = /** @type {HTMLDialogElement} */ (byId("settings-dialog"));
    this.picture = /** @type {HTMLInputElement} */ (byId("send-picture"));
    this.hall = /** @type {HTMLInputElement} */ (byId("hall-sound"));
    const stored = kept(RECEIVE, "all");
    this.receive = /** @type {Receive} */ (["all", "slides", "sound"].includes(stored) ? stored : "all");
    this.picture.checked = kept(SEND, "yes") === "yes";
    this.hall.checked = kept(HALL_SOUND, "no") === "yes";
    this.#draw();
    for (const choice of this.#radios()) choice.addEventListener("change", () => this.choose(/** @type {Receive} */ (choice.value)));
    this.picture.addEventListener("change", () => {
      keep(SEND, this.picture.checked ? "yes" : "no");
      changed.camera(this.picture.checked);
    });
    this.hall.addEventListener("change", () => {
      keep(HALL_SOUND, this.hall.checked ? "yes" : "no");
      changed.microphone();
    });
    byId("settings-open").addEventListener("click", () => this.dialog.showModal());
    for (const button of this.dialog.querySelectorAll("[data-close]")) button.addEventListener("click", () => this.dialog.close());
    byId("picture-back").addEventListener("click", () => this.choose("all"));
    this.#fullScreen();
  }

  /** @returns {boolean} */
  get sendsPicture() {
    return this.picture.checked;
  }

  /** How the microphone is asked for. @returns {MediaTrackConstraints} */
  get sound() {
    const clean = !this.hall.checked;
    return { echoCancellation: clean, noiseSuppression: clean, autoGainControl: clean };
  }

  /** @param {Receive} receive */
  choose(receive) {
    this.receive = receive;
    keep(RECEIVE, receive);
    this.#draw();
    this.changed.received();
  }

  #radios() {
    return /** @type {NodeListOf<HTMLInputElement>} */ (this.dialog.querySelectorAll("input[name=receive]"));
  }

  #draw() {
    for (const choice of this.#radios()) choice.checked = choice.value === this.receive;
  }

  #fullScreen() {
    const button = byId("full-screen");
    show(button, Boolean(document.fullscreenEnabled));
    const draw = () => {
      const on = Boolean(document.fullscreenElement);
      setText(byId("full-screen-words"), on ? t("Leave full screen") : t("Full screen"));
      setAttribute(button, "aria-pressed", String(on));
    };
    button.addEventListener("click", () => void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()).catch(() => {}));
    document.addEventListener("fullscreenchange", draw);
    draw();
  }
}
