// @ts-check
/**
 * The device part of the operator page: choice with preview, then what is sent.
 *
 * Rule 1: the camera is sent from joining on; the microphone is opened by the operator's own press only, and let go
 * when the floor goes.
 * Rule 2: a device that is missing or refused is told in clear words, and the site joins with what it has.
 */
import { DeviceChoice, deviceTrouble } from "./devices.js";
import { byId, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { LevelMeter } from "./level.js";
import { SITE_CAMERA, SITE_PICTURE, VOICE } from "./sending.js";

/** @typedef {import("./room.js").BriefingRoom} BriefingRoom */

export class SiteDevices {
  /** @param {BriefingRoom} room @param {() => void} change */
  constructor(room, change) {
    this.room = room;
    this.change = change;
    this.checking = true;
    this.wantsMicrophone = false;
    this.trouble = { camera: "", microphone: "" };
    this.meter = new LevelMeter(byId("check-level"));
    this.speakingMeter = new LevelMeter(byId("speaking-level"));
    this.preview = /** @type {HTMLVideoElement} */ (byId("preview"));
    this.selfView = /** @type {HTMLVideoElement} */ (byId("self-view"));
    this.cueView = /** @type {HTMLVideoElement} */ (byId("cue-view"));
    this.camera = new DeviceChoice("camera", /** @type {HTMLSelectElement} */ (byId("camera-select")), SITE_PICTURE, (track, trouble) => this.#cameraChanged(track, trouble));
    this.microphone = new DeviceChoice("microphone", /** @type {HTMLSelectElement} */ (byId("microphone-select")), { echoCancellation: true, noiseSuppression: true, autoGainControl: true }, (track, trouble) => this.#microphoneChanged(track, trouble));
    byId("camera-again").addEventListener("click", () => void this.camera.open());
    byId("microphone-again").addEventListener("click", () => void this.microphone.open());
    byId("speaker-test").addEventListener("click", () => void playTestSound());
  }

  /** Opens both devices for the check. */
  async check() {
    this.checking = true;
    this.room.send("camera", null);
    this.closeMicrophone();
    this.#draw();
    await Promise.all([this.camera.open(), this.microphone.open()]);
  }

  /** Ends the check: the camera is sent from now on, the microphone is let go. */
  join() {
    this.checking = false;
    this.meter.watch(null);
    this.microphone.close();
    const track = this.camera.take();
    if (track) this.#sendCamera(track);
    else if (!this.trouble.camera) void this.camera.open();
    this.#draw();
  }

  /** The operator's press while the site has the floor. */
  async openMicrophone() {
    this.wantsMicrophone = true;
    await this.microphone.open();
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
    if (!this.checking && track) this.#sendCamera(/** @type {MediaStreamTrack} */ (this.camera.take()));
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
    this.room.send("camera", track, SITE_CAMERA);
  }

  /** @param {MediaStreamTrack|null} track @param {string} trouble */
  #microphoneChanged(track, trouble) {
    this.trouble.microphone = trouble;
    if (this.checking) this.meter.watch(track);
    else if (track && this.wantsMicrophone) {
      this.room.send("microphone", this.microphone.take(), VOICE);
      this.speakingMeter.watch(track);
    } else if (!this.wantsMicrophone) this.microphone.close();
    this.#draw();
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

/** Three soft notes from the room's loudspeakers. */
async function playTestSound() {
  const context = new AudioContext();
  await context.resume();
  [523, 659, 784].forEach((pitch, index) => {
    const [tone, gain] = [context.createOscillator(), context.createGain()];
    const start = context.currentTime + index * 0.35;
    tone.frequency.value = pitch;
    gain.gain.setValueAtTime(0.0001, start);
    gain.gain.exponentialRampToValueAtTime(0.25, start + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + 0.33);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.34);
    if (index === 2) tone.onended = () => void context.close();
  });
}
