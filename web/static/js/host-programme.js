// @ts-check
/** The programme: what all sites see and hear now, and who has the floor how long. */
import { now } from "./clock.js";
import { byId, setText, show } from "./dom.js";
import { duration } from "./format.js";
import { t } from "./i18n.js";
import { nameOf } from "./page-data.js";
import { caption, drawStage } from "./stage.js";
import { phaseWords } from "./states.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */

const elements = {
  video: /** @type {HTMLVideoElement} */ (byId("stage-video")),
  audio: /** @type {HTMLAudioElement} */ (byId("stage-audio")),
  aside: /** @type {HTMLAudioElement} */ (byId("hub-audio")),
};

/** How long the site has been speaking; to be called every second. @param {Snapshot|null} snapshot */
export function drawFloorClock(snapshot) {
  const since = snapshot?.floor && snapshot.floor_since ? Date.parse(snapshot.floor_since) : null;
  setText(byId("floor-clock"), since === null ? "" : duration(now() - since));
}

/** @param {Snapshot} snapshot @param {import("./room.js").BriefingRoom} room @returns {string|undefined} the kind of picture that is on the main screen */
export function drawProgramme(snapshot, room) {
  const programme = drawStage(room, elements, snapshot, "hub");
  if (!programme) return undefined;
  setText(byId("stage-caption"), caption(programme));
  show(byId("stage-empty"), elements.video.classList.contains("is-empty"));
  const over = ["ended", "cancelled"].includes(snapshot.phase);
  setText(byId("stage-empty"), over ? phaseWords(snapshot.phase) : programme.picture.who === "hub" ? t("The hall is not sending a picture yet") : t("No picture from {name}", { name: nameOf(programme.picture.who) }));
  const floor = snapshot.floor;
  show(byId("floor-bar"), Boolean(floor));
  if (floor) setText(byId("floor-name"), t("{name} has the floor", { name: nameOf(floor) }));
  return programme.picture.source;
}
