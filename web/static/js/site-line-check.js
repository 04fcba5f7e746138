// @ts-check
/** The fourth step of the operator's check: the line itself, the own sound heard back, and what the room heard. */
import { byId, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { playAndListen } from "./echo.js";
import { clock, count } from "./format.js";
import { t } from "./i18n.js";
import { measure, report } from "./line-check.js";
import { page } from "./page-data.js";

/** @typedef {import("./site-devices.js").SiteDevices} SiteDevices */
/** @typedef {"good"|"fair"|"poor"} Verdict */

const OPERATOR = "operator";
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
    this.answered = true;
    /** @type {import("./echo.js").Echo|null} */
    this.echo = null;
    this.operator = /** @type {HTMLInputElement} */ (byId("operator-name"));
    this.operator.value = localStorage.getItem(OPERATOR) ?? "";
    this.operator.addEventListener("change", () => this.#named());
    /** @type {string} the address of what came back of the own sound */
    this.heard = "";
    byId("line-measure").addEventListener("click", () => void this.#all());
    byId("line-replay").addEventListener("click", () => void new Audio(this.heard).play().catch(() => {}));
    byId("speaker-test").addEventListener("click", () => void this.#play());
    byId("speaker-yes").addEventListener("click", () => this.#answered(true));
    byId("speaker-no").addEventListener("click", () => this.#answered(false));
  }

  /** The hall asks for figures now; sites take turns, so that they do not measure each other. */
  asked() {
    setTimeout(() => void this.#run(), Math.random() * Math.min(20_000, 800 * page.sites.length));
  }

  #named() {
    localStorage.setItem(OPERATOR, this.operator.value.trim());
    if (this.line) void this.#send();
  }

  async #play() {
    show(byId("speaker-question"), true);
    const button = /** @type {HTMLButtonElement} */ (byId("speaker-test"));
    button.disabled = true;
    this.echo = await playAndListen(this.devices.microphone.track);
    button.disabled = false;
    const words = { none: t("The microphone does not hear the loudspeakers: no echo to fear."), some: t("The microphone hears the loudspeakers a little: turn them down somewhat while you speak."), strong: t("The microphone hears the loudspeakers loudly: the hall would hear an echo. Move the microphone away, turn its back to them, turn them down, then play it again.") };
    setText(byId("echo-words"), this.echo ? words[this.echo] : "");
    setAttribute(byId("echo-words"), "data-echo", this.echo);
    if (this.line) void this.#send();
  }

  /** @param {boolean} heard */
  #answered(heard) {
    this.speakers = heard;
    setAttribute(byId("speaker-yes"), "aria-pressed", String(heard));
    setAttribute(byId("speaker-no"), "aria-pressed", String(!heard));
    setText(byId("speaker-advice"), heard ? t("Good. Leave the volume as it is.") : t("Turn up the loudspeakers and the computer, check the cable, then play it again."));
    if (this.line) void this.#send();
  }

  /** The one button: what was not yet done by hand, then the line. */
  async #all() {
    const button = /** @type {HTMLButtonElement} */ (byId("line-measure"));
    if (this.running || button.disabled) return;
    button.disabled = true;
    await this.devices.opened();
    if (this.speakers === null && this.echo === null) {
      this.#badge("waiting", "clock", t("Playing the test sound…"));
      await this.#play();
    }
    await this.#run();
  }

  async #run() {
    if (this.running) return;
    this.running = true;
    const button = /** @type {HTMLButtonElement} */ (byId("line-measure"));
    button.disabled = true;
    const steps = { down: t("Measuring the way down…"), up: t("Measuring the way up…"), media: t("Connecting picture and sound…"), listen: t("Please speak now: your sound goes to the server and back") };
    await this.devices.opened();
    const { line, recording, answered } = await measure(this.devices.microphone.track, (step) => this.#badge("waiting", "clock", steps[step]));
    [this.line, this.answered] = [line, answered];
    if (this.heard) URL.revokeObjectURL(this.heard);
    this.heard = recording ? URL.createObjectURL(recording) : "";
    await this.#send();
    button.disabled = false;
    this.running = false;
  }

  async #send() {
    const name = (/** @type {"camera"|"microphone"} */ kind) => (this.devices[kind].track?.label ?? "").slice(0, 120) || null;
    const figures = { ...this.line, picture: Boolean(this.devices.camera.track), speakers: this.speakers, echo: this.echo, operator: this.operator.value.trim() || null, camera: name("camera"), microphone: name("microphone") };
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
    const way = { udp: "UDP", tcp: "TCP", turn: "TURN", blocked: t("UDP is blocked") }[/** @type {"udp"|"tcp"|"turn"|"blocked"} */ (line.route)];
    const figures = [mbit(t("up {n} Mbit/s"), line.up_bps), mbit(t("down {n} Mbit/s"), line.rate_bps), ms(t("delay {n} ms"), line.rtt_ms), ms(t("jitter {n} ms"), line.jitter_ms), line.loss === undefined ? "" : t("lost {n} %", { n: count(Math.round(line.loss * 1000) / 10) }), way];
    setText(byId("line-figures"), figures.filter(Boolean).join(" · "));
    const sound = line.sound === false ? t("The server heard no voice: choose another microphone, or come nearer.") : line.sound ? t("The server hears your microphone.") : "";
    const told = kept ? t("The hall has the result, {time}.", { time: clock(Date.now()) }) : t("No briefing is planned yet; check again before it starts.");
    setText(byId("line-meaning"), [this.#meaning(line.route, verdict ? meanings[verdict] : ""), sound, told].filter(Boolean).join(" "));
    show(byId("line-replay"), Boolean(this.heard));
    setText(byId("line-measure-words"), t("Measure again"));
  }

  /** @param {string|undefined} route @param {string} verdict */
  #meaning(route, verdict) {
    if (!this.answered) return t("The server for picture and sound does not answer just now. Measure again in a minute; if it stays so, call the hall.");
    if (route === "blocked") return t("Picture and sound do not get through this network. Take another network, such as a telephone's 4G, or ask the technician to let UDP out to {server}.", { server: location.hostname });
    return route === "turn" ? t("UDP is blocked here: picture and sound take the detour (TURN), a little later. {verdict}", { verdict }) : verdict;
  }

  /** @param {string} state @param {string} mark @param {string} words */
  #badge(state, mark, words) {
    setAttribute(byId("line-step"), "data-state", state);
    redraw(byId("line-badge"), state + words, () => [icon(mark), words]);
    setAttribute(byId("line-badge"), "data-verdict", state);
  }
}

/** @param {string} words with {n} left open @param {number|undefined} value */
function ms(words, value) {
  return value === undefined ? "" : words.replace("{n}", count(value));
}

/** @param {string} words with {n} left open @param {number|undefined} bps */
function mbit(words, bps) {
  return bps === undefined ? "" : words.replace("{n}", count(Math.round(bps / 1e5) / 10));
}
