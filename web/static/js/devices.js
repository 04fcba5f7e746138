// @ts-check
/**
 * Cameras and microphones: choice, preview, memory, and clear words where one is missing or refused.
 *
 * Rule: camera and microphone are asked for apart, so that one that fails never takes the other with it.
 */
import { el } from "./dom.js";
import { t } from "./i18n.js";
import { allowWords } from "./permission-words.js";

/** @typedef {"camera"|"microphone"} DeviceKind */

const MEMORY = "devices";

/** @returns {Partial<Record<DeviceKind, {id: string, label: string}>>} */
function memory() {
  try {
    return JSON.parse(localStorage.getItem(MEMORY) ?? "{}") ?? {};
  } catch {
    return {};
  }
}

/** @param {DeviceKind} kind @param {MediaDeviceInfo} device */
function remember(kind, device) {
  try {
    localStorage.setItem(MEMORY, JSON.stringify({ ...memory(), [kind]: { id: device.deviceId, label: device.label } }));
  } catch {
    // a browser that keeps nothing: the operator picks again next time
  }
}

/**
 * What to tell the operator.
 * @param {DeviceKind} kind
 * @param {unknown} error
 * @returns {string}
 */
export function deviceTrouble(kind, error) {
  const camera = kind === "camera";
  const name = error instanceof Error ? error.name : "";
  if (!navigator.mediaDevices) return t("This address is not secure, so the browser gives no camera or microphone. Open the https link.");
  if (name === "NotAllowedError" || name === "SecurityError") {
    return `${camera ? t("The browser is not allowed to use the camera.") : t("The browser is not allowed to use the microphone.")} ${allowWords(error)}`;
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") {
    return camera ? t("No camera was found. Check the plug, then try again.") : t("No microphone was found. Check the plug, then try again.");
  }
  if (name === "NotReadableError" || name === "AbortError") {
    return camera ? t("The camera is in use by another program. Close it (Zalo, Zoom, Teams…), then try again.") : t("The microphone is in use by another program. Close it (Zalo, Zoom, Teams…), then try again.");
  }
  return camera ? t("The camera cannot be opened. Unplug it, plug it in again, then try again.") : t("The microphone cannot be opened. Unplug it, plug it in again, then try again.");
}

/**
 * One question for both kinds where the browser would otherwise ask twice.
 * @param {DeviceChoice} camera
 * @param {DeviceChoice} microphone
 * @returns {Promise<[MediaStreamTrack?, MediaStreamTrack?]>} nothing where they have to be asked for apart
 */
export async function askOnce(camera, microphone) {
  try {
    const names = /** @type {PermissionName[]} */ (/** @type {unknown} */ (["camera", "microphone"]));
    const states = await Promise.all(names.map((name) => navigator.permissions.query({ name })));
    if (states.some(({ state }) => state !== "prompt")) return [];
    const both = await navigator.mediaDevices.getUserMedia({ video: camera.constraints(), audio: microphone.constraints() });
    return [both.getVideoTracks()[0], both.getAudioTracks()[0]];
  } catch {
    return []; // one of them is missing or refused: asked apart, so that it does not take the other with it
  }
}

export class DeviceChoice {
  /**
   * @param {DeviceKind} kind
   * @param {HTMLSelectElement} select
   * @param {() => MediaTrackConstraints} constraints
   * @param {(track: MediaStreamTrack|null, trouble: string) => void} changed
   * @param {() => void} [plugged] a device was plugged in or pulled out; the list is new
   */
  constructor(kind, select, constraints, changed, plugged = () => {}) {
    this.kind = kind;
    this.select = select;
    this.constraints = constraints;
    this.changed = changed;
    /** @type {MediaStreamTrack|null} */
    this.track = null;
    this.attempt = 0;
    select.addEventListener("change", () => this.#chosen());
    navigator.mediaDevices?.addEventListener?.("devicechange", () => void this.#refill().then(plugged));
  }

  /** The id to ask for: the choice on screen, else the remembered one. */
  get deviceId() {
    return this.select.value || memory()[this.kind]?.id || "";
  }

  /**
   * Opens the chosen device, or any of its kind where that one is gone.
   * @param {MediaStreamTrack} [first] one that was asked for together with the other kind
   * @returns {Promise<MediaStreamTrack|null>} null where there is none; `changed` was told why
   */
  async open(first) {
    const attempt = ++this.attempt;
    this.close();
    try {
      const track = first ?? (await this.#ask());
      if (attempt !== this.attempt) {
        track.stop();
        return null;
      }
      this.track = track;
      track.onended = () => this.#ended(track);
      await this.#refill();
      this.#rememberCurrent();
      this.changed(track, "");
    } catch (error) {
      if (attempt !== this.attempt) return null;
      await this.#refill();
      this.changed(null, deviceTrouble(this.kind, error));
    }
    return this.track;
  }

  /** Lets the device go. */
  close() {
    if (this.track) {
      this.track.onended = null;
      this.track.stop();
    }
    this.track = null;
  }

  /** @returns {MediaStreamTrack|null} the open track, which from now on belongs to the caller */
  take() {
    const track = this.track;
    if (track) track.onended = null;
    this.track = null;
    return track;
  }

  /** @returns {Promise<MediaStreamTrack>} */
  async #ask() {
    if (!navigator.mediaDevices) throw new Error("no secure context");
    const [wanted, own] = [this.deviceId, this.constraints()];
    const ask = async (/** @type {MediaTrackConstraints} */ constraints) => {
      const stream = await navigator.mediaDevices.getUserMedia(this.kind === "camera" ? { video: constraints } : { audio: constraints });
      return stream.getTracks()[0];
    };
    if (!wanted) return ask(own);
    try {
      return await ask({ ...own, deviceId: { exact: wanted } });
    } catch (error) {
      const gone = error instanceof Error && (error.name === "OverconstrainedError" || error.name === "NotFoundError");
      if (!gone) throw error;
      return ask(own);
    }
  }

  /** @param {MediaStreamTrack} track */
  #ended(track) {
    if (this.track !== track) return;
    this.track = null;
    this.changed(null, deviceTrouble(this.kind, new DOMException("unplugged", "NotFoundError")));
  }

  #chosen() {
    this.#rememberCurrent();
    void this.open();
  }

  #rememberCurrent() {
    const id = this.select.value;
    const label = this.select.selectedOptions[0]?.textContent ?? "";
    if (id) remember(this.kind, /** @type {MediaDeviceInfo} */ ({ deviceId: id, label }));
  }

  async #refill() {
    const kind = this.kind === "camera" ? "videoinput" : "audioinput";
    const all = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
    const devices = all.filter((device) => device.kind === kind && device.deviceId);
    const current = this.track?.getSettings().deviceId ?? this.select.value ?? memory()[this.kind]?.id;
    const options = devices.map((device, index) => el("option", { value: device.deviceId }, device.label || `${index + 1}`));
    if (!options.length) options.push(el("option", { value: "" }, this.kind === "camera" ? t("No camera") : t("No microphone")));
    this.select.replaceChildren(...options);
    if (devices.some((device) => device.deviceId === current)) this.select.value = current ?? "";
  }
}
