// @ts-check
/**
 * What stands on the main screen of a page, from the snapshot alone.
 *
 * Rule 1: the site that has the floor is seen and heard by all; the speaker sees and hears the hall, never itself.
 * Rule 2: the hall never plays its own sound; the sites keep hearing the hall while another site speaks.
 * Rule 3: slides that are not being shared give way to the hall's camera: no black screen. A document's page, where
 * one is shown, comes as a picture of its own (slides.js) and needs no video.
 */
import { nameOf } from "./page-data.js";
import { t } from "./i18n.js";

/** @typedef {import("./room.js").BriefingRoom} BriefingRoom */
/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{who: string, source: "camera"|"screen_share"|"document"}} Picture */
/** @typedef {{picture: Picture, sound: string|null, aside: string|null}} Programme */

/**
 * @param {Snapshot} snapshot
 * @param {string} me "hub" or this page's site
 * @param {boolean} slidesShared
 * @returns {Programme}
 */
export function programmeOf(snapshot, me, slidesShared) {
  const floor = snapshot.floor && snapshot.floor !== me ? snapshot.floor : null;
  const hub = me === "hub" ? null : "hub";
  if (floor) return { picture: { who: floor, source: "camera" }, sound: floor, aside: hub };
  const left = snapshot.floor === me ? "hub" : (snapshot.stage?.left ?? "hub");
  if (left === "slides" && snapshot.document && snapshot.slide) return { picture: { who: "hub", source: "document" }, sound: hub, aside: null };
  if (left === "slides" && slidesShared) return { picture: { who: "hub", source: "screen_share" }, sound: hub, aside: null };
  const site = left !== "hub" && left !== "slides" && left !== me;
  return { picture: { who: site ? left : "hub", source: "camera" }, sound: hub, aside: null };
}

/**
 * Binds the three elements of the main screen.
 * @param {BriefingRoom} room
 * @param {{video: HTMLVideoElement, audio: HTMLAudioElement, aside: HTMLAudioElement}} elements
 * @param {Snapshot|null} snapshot null clears the stage
 * @param {string} me
 * @param {boolean} [pictures] false: this page receives no video
 * @returns {Programme|null}
 */
export function drawStage(room, elements, snapshot, me, pictures = true) {
  const programme = snapshot && programmeOf(snapshot, me, room.has("hub", "screen_share"));
  const source = programme?.picture.source;
  room.bind(elements.video, programme && pictures && source !== "document" ? { who: programme.picture.who, source: source ?? "camera", quality: "high" } : null);
  room.bind(elements.audio, programme?.sound ? { who: programme.sound, source: "microphone", quality: "high" } : null);
  room.bind(elements.aside, programme?.aside ? { who: programme.aside, source: "microphone", quality: "high" } : null);
  const shows = Boolean(programme && (pictures || source === "document") && (source === "document" || room.has(programme.picture.who, source ?? "camera")));
  elements.video.classList.toggle("is-empty", !shows);
  elements.video.classList.toggle("is-whole", source === "screen_share" || source === "document");
  return programme;
}

/** @param {Programme} programme @returns {string} the name under the picture */
export function caption(programme) {
  return programme.picture.source === "camera" ? nameOf(programme.picture.who) : t("Slides");
}
