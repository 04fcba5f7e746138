// @ts-check
/**
 * The device part of the operator page: choice with preview, then what is sent.
 *
 * Rule 1: the camera is sent from joining on; the microphone is opened by the operator's own press only, and let go
 * when the floor goes.
 * Rule 2: a device that is missing or refused is told in clear words, and the site joins with what it has.
 * Rule 3: a camera that is pulled out and plugged in again comes back by itself; a microphone that went while the site
 * spoke waits for the operator's press, and the page says so.
 */
import { askOnce, DeviceChoice, deviceTrouble } from "./devices.js";
import { byId, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { LevelMeter } from "./level.js";
import { SITE_PICTURE, siteCamera, siteVoice } from "./sending.js";

/** @typedef {import("./room.js").BriefingRoom} BriefingRoom */

const OPEN_WITHIN_MS = 5000;

export class SiteDevices {
  /**
   * @param {BriefingRoom} room
   * @param {() => {sendsPicture: boolean, sound: MediaTrackConstraints, thin: boolean}} choices
   * @param {() => void} change
   */
  constructor(room, choices, change) {
    this.room = room;
    this.choices = choices;
    this.change = change;
    this.checking = true;
    this.wantsMicrophone = false;
    /** @type {Promise<void>} */
    this.opening = Promise.resolve();
    this.trouble = { camera: "", microphone: "" };
    this.meter = new LevelMeter(byId("check-level"));
    this.speakingMeter = new LevelMeter(byId("speaking-level"));
    this.preview = /** @type {HTMLVideoElement} */ (byId("preview"));
    this.selfView = /** @type {HTMLVideoElement} */ (byId("self-view"));
    this.cueView = /** @type {HTMLVideoElement} */ (byId("cue-view"));
    this.camera = new DeviceChoice("camera", /** @type {HTMLSelectElement} */ (byId("camera-select")), () => SITE_PICTURE, (track, trouble) => this.#cameraChanged(track, trouble), () => this.#plugged());
    this.microphone = new DeviceChoice("microphone", /** @type {HTMLSelectElement} */ (byId("microphone-select")), () => choices().sound, (track, trouble) => this.#microphoneChanged(track, trouble), () => this.#plugged());
    byId("camera-again").addEventListener("click", () => void this.camera.open());
    byId("microphone-again").addEventListener("click", () => void this.microphone.open());
  }

  /** Opens both devices for the check. */
  async check() {
    this.checking = true;
    this.room.send("camera", null);
    this.closeMicrophone();
    this.#draw();
    this.opening = this.#openBoth();
    await this.opening;
  }

  async #openBoth() {
    const [camera, microphone] = await askOnce(this.camera, this.microphone);
    await Promise.all([this.camera.open(camera), this.microphone.open(microphone)]);
  }

  /** Returns when the devices of the check are open or refused; a question that nobody answers is waited for so long only. */
  async opened() {
    await Promise.race([this.opening, new Promise((done) => setTimeout(done, OPEN_WITHIN_MS))]);
  }

  /** The operator sends the picture from now on, or not any more. @param {boolean} sends */
  sendPicture(sends) {
    if (this.checking) return;
    if (!sends) this.room.send("camera", null);
    else if (!this.room.localTrack("camera")) void this.camera.open();
    this.#draw();
  }

  /** The way the microphone hears has changed: what is open is opened again. */
  reopenMicrophone() {
    if (this.checking || this.micOpen) void this.microphone.open();
  }

  /** Opens again what was pulled out while it was wanted. */
  #plugged() {
    const wanted = this.checking ? !this.camera.track : this.choices().sendsPicture && !this.room.localTrack("camera");
    if (wanted && this.trouble.camera) void this.camera.open();
    if (!this.trouble.microphone) return;
    if (!this.checking) {
      if (this.microphone.select.value) this.trouble.microphone = t("A microphone is plugged in: press Ready again to open it.");
      this.change();
    } else if (!this.microphone.track) void this.microphone.open();
  }

  /** Ends the check: the camera is sent from now on, the microphone is let go. */
  join() {
    this.checking = false;
    this.meter.watch(null);
    this.microphone.close();
    const track = this.camera.take();
    if (!this.choices().sendsPicture) track?.stop();
    else if (track) this.#sendCamera(track);
    else if (!this.trouble.camera) void this.camera.open();
    this.#draw();
  }

  /** The operator's press while the site has the floor. */
  async openMicrophone() {
    this.wantsMicrophone = true;
    await this.microphone.open();
    this.wantsMicrophone = this.micOpen; // one that is plugged in later waits for another press
    this.change();
  }

  closeMicrophone() {
    this.wantsMicrophone = false;
    if (this.room.localTrack("microphone")) this.room.send("microphone", null);
    this.microphone.close();
    this.speakingMeter.watch(null);
  }

  get micOpen() {
    return this.room.localTrack("microphone") !== null;
  }

  /** Lets everything go: the page is closed, replaced, or the briefing is over. */
  stop() {
    this.closeMicrophone();
    this.room.send("camera", null);
    this.camera.close();
    this.#draw();
  }

  /** @param {MediaStreamTrack|null} track @param {string} trouble */
  #cameraChanged(track, trouble) {
    this.trouble.camera = trouble;
    if (!this.checking && track && !this.choices().sendsPicture) this.camera.close();
    else if (!this.checking && track) this.#sendCamera(/** @type {MediaStreamTrack} */ (this.camera.take()));
    this.#draw();
    this.change();
  }

  /** @param {MediaStreamTrack} track */
  #sendCamera(track) {
    track.onended = () => {
      this.trouble.camera = deviceTrouble("camera", new DOMException("unplugged", "NotFoundError"));
      this.room.send("camera", null);
      this.#draw();
      this.change();
    };
    this.room.send("camera", track, siteCamera(this.choices().thin));
  }

  /** @param {MediaStreamTrack|null} track @param {string} trouble */
  #microphoneChanged(track, trouble) {
    this.trouble.microphone = trouble;
    if (this.checking) this.meter.watch(track);
    else if (track && this.wantsMicrophone) {
      this.room.send("microphone", this.microphone.take(), siteVoice(this.choices().thin, !this.choices().sound.echoCancellation));
      track.onended = () => this.#silenced();
      this.speakingMeter.watch(track);
    } else if (!this.wantsMicrophone) this.microphone.close();
    this.#draw();
    this.change();
  }

  /** The microphone was pulled out while the site speaks. */
  #silenced() {
    this.trouble.microphone = deviceTrouble("microphone", new DOMException("unplugged", "NotFoundError"));
    this.wantsMicrophone = false;
    this.room.send("microphone", null);
    this.speakingMeter.watch(null);
    this.change();
  }

  #draw() {
    const picture = this.checking ? this.camera.track : this.room.localTrack("camera");
    for (const view of [this.preview, this.selfView, this.cueView]) showTrack(view, picture);
    show(byId("preview-none"), !picture);
    show(byId("self-none"), !picture);
    step("camera", Boolean(picture), this.trouble.camera, t("Picture is there"), t("No picture"));
    step("microphone", Boolean(this.microphone.track), this.trouble.microphone, t("Microphone is open"), t("No sound"));
  }
}

/** @param {HTMLVideoElement} view @param {MediaStreamTrack|null} track */
function showTrack(view, track) {
  const shown = view.srcObject instanceof MediaStream ? view.srcObject.getTracks()[0] : null;
  if (shown !== track) view.srcObject = track ? new MediaStream([track]) : null;
}

/** @param {"camera"|"microphone"} kind @param {boolean} good @param {string} trouble @param {string} yes @param {string} no */
function step(kind, good, trouble, yes, no) {
  const state = good ? "online" : trouble ? "lost" : "waiting";
  setAttribute(byId(`${kind}-step`), "data-state", state);
  const words = good ? yes : trouble ? no : t("Opening…");
  redraw(byId(`${kind}-badge`), state + words, () => [icon(good ? "check" : trouble ? "alert" : "clock"), words]);
  setText(byId(`${kind}-trouble`), trouble);
  show(byId(`${kind}-trouble`), Boolean(trouble));
  show(byId(`${kind}-again`), Boolean(trouble));
}
