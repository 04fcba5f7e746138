// @ts-check
/**
 * Which page of this machine plays the speaker: the hall screen, where it is open in this browser, else the control room.
 *
 * Rule: never both by themselves; a press decides otherwise until the page is loaded again.
 */
import { byId, icon, redraw, setAttribute } from "./dom.js";
import { t } from "./i18n.js";

const GONE_MS = 5000;
const TELL_MS = 2000;

/** @param {string} briefing @returns {string} */
const channelName = (briefing) => `hall-screen:${briefing}`;

/** For the hall screen: says that it is here. @param {string} briefing */
export function tellPresence(briefing) {
  const channel = new BroadcastChannel(channelName(briefing));
  const tell = (/** @type {boolean} */ here) => channel.postMessage(here);
  tell(true);
  setInterval(() => tell(true), TELL_MS);
  addEventListener("pagehide", () => tell(false));
}

export class HallNearby {
  /** @param {string} briefing @param {HTMLAudioElement[]} sounds */
  constructor(briefing, sounds) {
    this.sounds = sounds;
    this.heardAt = -GONE_MS;
    /** @type {boolean|null} what was pressed; null: nothing was */
    this.chosen = null;
    const channel = new BroadcastChannel(channelName(briefing));
    channel.addEventListener("message", (event) => {
      this.heardAt = event.data ? performance.now() : -GONE_MS;
      this.draw();
    });
    setInterval(() => this.draw(), TELL_MS);
    byId("listen-here").addEventListener("click", () => {
      this.chosen = !this.listens;
      this.draw();
    });
    this.draw();
  }

  get listens() {
    return this.chosen ?? performance.now() - this.heardAt >= GONE_MS;
  }

  draw() {
    const { listens } = this;
    for (const sound of this.sounds) sound.muted = !listens;
    const button = byId("listen-here");
    setAttribute(button, "aria-pressed", String(listens));
    redraw(button, String(listens), () => [icon("speaker"), listens ? t("Sound on this machine") : t("No sound here")]);
  }
}
