// @ts-check
/**
 * What the hall sends: one press publishes its camera and sound; slides are shared by sharing a screen.
 *
 * Rule: a camera or a microphone that fails does not keep the other one from being sent.
 */
import { DeviceChoice } from "./devices.js";
import { byId, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { LevelMeter } from "./level.js";
import { HALL_CAMERA, HALL_PICTURE, SCREEN, SCREEN_PICTURE, VOICE } from "./sending.js";

/** @typedef {import("./room.js").BriefingRoom} BriefingRoom */

export class Hall {
  /** @param {BriefingRoom} room @param {{shared: () => void, unshared: () => void}} told */
  constructor(room, told) {
    this.room = room;
    this.told = told;
    this.trouble = { camera: "", microphone: "" };
    this.on = false;
    this.memory = "hall";
    this.meter = new LevelMeter(byId("hall-level"));
    this.camera = this.#choice("camera", HALL_PICTURE);
    this.microphone = this.#choice("microphone", { echoCancellation: true, noiseSuppression: true, autoGainControl: true });
    byId("publish-hall").addEventListener("click", () => void (this.on ? this.#pause() : this.#start()));
    byId("hall-mute").addEventListener("click", () => void this.#toggleSound());
    byId("share-screen").addEventListener("click", () => void (this.room.localTrack("screen_share") ? this.#unshare() : this.#share()));
    for (const id of ["publish-hall", "share-screen"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = false;
    this.draw();
  }

  /** @param {"camera"|"microphone"} kind @param {MediaTrackConstraints} constraints */
  #choice(kind, constraints) {
    const select = /** @type {HTMLSelectElement} */ (byId(`${kind}-select`));
    return new DeviceChoice(kind, select, () => constraints, (track, trouble) => {
      this.trouble[kind] = trouble;
      if (this.on) this.#send(kind, track);
      this.draw();
    });
  }

  /** After a reload of the page the hall goes on, without another press. @param {string} briefing */
  goOn(briefing) {
    this.memory = `hall:${briefing}`;
    const navigation = /** @type {PerformanceNavigationTiming|undefined} */ (performance.getEntriesByType("navigation")[0]);
    if (sessionStorage.getItem(this.memory) && navigation?.type === "reload") void this.#start();
  }

  async #start() {
    sessionStorage.setItem(this.memory, "on");
    this.on = true;
    this.draw();
    await Promise.all([this.camera.open(), this.microphone.open()]);
    this.draw();
  }

  /** Sends nothing any more, slides included, and lets the devices go. */
  stop() {
    this.room.send("screen_share", null);
    this.#pause();
  }

  /** Stops the hall's camera and sound; slides go on. */
  #pause() {
    sessionStorage.removeItem(this.memory);
    this.on = false;
    for (const kind of /** @type {const} */ (["camera", "microphone"])) {
      this.room.send(kind, null);
      this[kind].close();
      this.trouble[kind] = "";
    }
    this.meter.watch(null);
    this.draw();
  }

  /** @param {"camera"|"microphone"} kind @param {MediaStreamTrack|null} track */
  #send(kind, track) {
    this.room.send(kind, track, kind === "camera" ? HALL_CAMERA : VOICE);
    if (kind === "microphone") this.meter.watch(track);
  }

  /** The microphone alone, off and on again. */
  async #toggleSound() {
    if (this.room.localTrack("microphone")) {
      this.room.send("microphone", null);
      this.microphone.close();
      this.meter.watch(null);
    } else await this.microphone.open();
    this.draw();
  }

  async #share() {
    /** @type {MediaStream} */
    let stream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: SCREEN_PICTURE, audio: false });
    } catch {
      return; // the host closed the picker
    }
    const track = stream.getVideoTracks()[0];
    track.contentHint = "detail";
    track.onended = () => this.#unshare();
    this.room.send("screen_share", track, SCREEN);
    this.told.shared();
    this.draw();
  }

  #unshare() {
    this.room.send("screen_share", null);
    this.told.unshared();
    this.draw();
  }

  draw() {
    const sound = Boolean(this.room.localTrack("microphone"));
    const screen = Boolean(this.room.localTrack("screen_share"));
    button("publish-hall", this.on, this.on ? "stop" : "play", this.on ? t("Stop the hall") : t("Send the hall's picture and sound"));
    button("hall-mute", this.on && !sound, sound ? "mic" : "mic-off", sound ? t("Microphone on") : t("Microphone off"));
    show(byId("hall-mute"), this.on);
    show(byId("hall-level"), this.on && sound);
    button("share-screen", screen, "slides", screen ? t("Stop sharing the screen") : t("Share the screen"));
    const elsewhere = !this.on && this.room.has("hub", "camera");
    show(byId("hall-elsewhere"), elsewhere);
    byId("publish-hall").classList.toggle("primary", !this.on && !elsewhere);
    const trouble = [this.trouble.camera, this.trouble.microphone].filter(Boolean).join(" ");
    show(byId("hall-trouble"), Boolean(trouble));
    setText(byId("hall-trouble-text"), trouble);
  }
}

/** @param {string} id @param {boolean} pressed @param {string} mark @param {string} words */
function button(id, pressed, mark, words) {
  const node = byId(id);
  setAttribute(node, "aria-pressed", String(pressed));
  redraw(node, mark + words, () => [icon(mark), document.createTextNode(words)]);
}
