// @ts-check
/**
 * What stands on the main screen of a page, from the snapshot alone.
 *
 * Rule 1: the site that has the floor is seen and heard by all, beside the slides where they are on; the speaker sees
 * and hears the hall, never itself.
 * Rule 2: the hall never plays its own sound; the sites keep hearing the hall while another site speaks.
 * Rule 3: slides that are not being shared give way to the hall's camera: no black screen. A document's page, where
 * one is shown, comes as a picture of its own (slides.js) and needs no video.
 */
import { el, show } from "./dom.js";
import { nameOf } from "./page-data.js";
import { t } from "./i18n.js";

/** @typedef {import("./room.js").BriefingRoom} BriefingRoom */
/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{who: string, source: "camera"|"screen_share"|"document"}} Picture */
/** @typedef {{picture: Picture, beside: Picture|null, sound: string|null, aside: string|null}} Programme */

/**
 * @param {Snapshot} snapshot
 * @param {string} me "hub" or this page's site
 * @param {boolean} slidesShared
 * @returns {Programme} `picture` and what stands beside it, the slides first; `sound`, and the hall's `aside` it
 */
export function programmeOf(snapshot, me, slidesShared) {
  const floor = snapshot.floor && snapshot.floor !== me ? snapshot.floor : null;
  const hub = me === "hub" ? null : "hub";
  const wanted = [floor ?? snapshot.stage?.left ?? "hub", snapshot.stage?.left, snapshot.stage?.right].map((place) => (place === me ? "hub" : place));
  const slides = wanted.includes("slides") ? slidesOf(snapshot, slidesShared) : null;
  /** @type {Picture[]} */
  const cameras = [...new Set(wanted)].filter((place) => place && place !== "slides").map((who) => ({ who: String(who), source: "camera" }));
  const [picture, beside] = [...(slides ? [slides] : []), ...cameras];
  return { picture: picture ?? { who: "hub", source: "camera" }, beside: beside ?? null, sound: floor ?? hub, aside: floor ? hub : null };
}

/** @param {Snapshot} snapshot @param {boolean} shared @returns {Picture|null} the slides, where there are any to see */
function slidesOf(snapshot, shared) {
  if (snapshot.document && snapshot.slide) return { who: "hub", source: "document" };
  return shared ? { who: "hub", source: "screen_share" } : null;
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
  const [first, second] = source === "document" ? [programme?.beside, null] : [programme?.picture, programme?.beside];
  const beside = besideOf(elements.video);
  show(beside, Boolean(second));
  bindPicture(room, elements.video, pictures ? first : null);
  bindPicture(room, beside, pictures ? second : null);
  const frame = elements.video.parentElement;
  frame?.classList.toggle("is-split", Boolean(pictures && programme?.beside));
  frame?.classList.toggle("has-slides", source === "document" || source === "screen_share");
  elements.video.classList.toggle("on-right", Boolean(source === "document" && first));
  room.bind(elements.audio, programme?.sound ? { who: programme.sound, source: "microphone", quality: "high" } : null);
  room.bind(elements.aside, programme?.aside ? { who: programme.aside, source: "microphone", quality: "high" } : null);
  const shows = Boolean(programme && (pictures || source === "document") && (source === "document" || room.has(programme.picture.who, source ?? "camera")));
  elements.video.classList.toggle("is-empty", !shows);
  elements.video.classList.toggle("is-whole", source === "screen_share" || source === "document");
  return programme;
}

/**
 * @param {BriefingRoom} room @param {HTMLVideoElement} element @param {Picture|null|undefined} picture
 */
function bindPicture(room, element, picture) {
  room.bind(element, picture && picture.source !== "document" ? { who: picture.who, source: picture.source, quality: "high" } : null);
}

/** @param {HTMLVideoElement} video @returns {HTMLVideoElement} the second picture of this stage, made when it is first asked for */
function besideOf(video) {
  const there = video.parentElement?.querySelector(":scope > video.on-right[data-beside]");
  if (there) return /** @type {HTMLVideoElement} */ (there);
  const made = el("video", { class: "on-right", "data-beside": true, "data-testid": "stage-beside", playsinline: true, autoplay: true, hidden: true });
  made.muted = true;
  video.after(made);
  return made;
}

/** @param {Programme} programme @returns {string} the names under the pictures */
export function caption(programme) {
  return [programme.picture, programme.beside].flatMap((one) => (one ? [one.source === "camera" ? nameOf(one.who) : t("Slides")] : [])).join(" · ");
}
