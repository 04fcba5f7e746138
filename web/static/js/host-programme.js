// @ts-check
/** The programme: what all sites see and hear now, and the switches of its source. */
import { now } from "./clock.js";
import { byId, el, redraw, setAttribute, setText, show } from "./dom.js";
import { duration } from "./format.js";
import { t } from "./i18n.js";
import { nameOf } from "./page-data.js";
import { caption, drawStage } from "./stage.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{setStage: (left: string, right?: string) => void, takeFloor: () => void}} ProgrammeActions */

const elements = {
  video: /** @type {HTMLVideoElement} */ (byId("stage-video")),
  audio: /** @type {HTMLAudioElement} */ (byId("stage-audio")),
  aside: /** @type {HTMLAudioElement} */ (byId("hub-audio")),
};

/** @type {Snapshot|null} */
let newest = null;

/** @param {ProgrammeActions} actions */
export function wireProgramme(actions) {
  byId("stage-hub").addEventListener("click", () => actions.setStage("hub"));
  byId("stage-slides").addEventListener("click", () => actions.setStage("slides"));
  const picker = /** @type {HTMLSelectElement} */ (byId("stage-site"));
  picker.addEventListener("change", () => {
    const stage = newest?.programme;
    if (picker.value && stage?.right && stage.left !== picker.value) actions.setStage(stage.left, picker.value);
    else if (picker.value) actions.setStage(picker.value);
  });
  byId("stage-split").addEventListener("click", () => newest && split(newest, actions));
  byId("take-floor").addEventListener("click", () => actions.takeFloor());
}

/**
 * Side by side: the slides, else the hall, and beside them the site on the main screen, else the hall.
 * @param {Snapshot} snapshot @param {ProgrammeActions} actions
 */
export function split(snapshot, actions) {
  const { left, right } = snapshot.programme ?? { left: "hub", right: null };
  const sites = [right, left].filter((place) => place && place !== "hub" && place !== "slides");
  const first = left === "slides" || snapshot.document ? "slides" : "hub";
  const second = sites[0] ?? (first === "slides" ? "hub" : null);
  if (second) actions.setStage(first, second);
  else byId("stage-site").focus(); // there is nothing yet to stand beside the hall: choose a site
}

/** How long the site has been speaking; to be called every second. @param {Snapshot|null} snapshot */
export function drawFloorClock(snapshot) {
  const since = snapshot?.floor && snapshot.floor_since ? Date.parse(snapshot.floor_since) : null;
  setText(byId("floor-clock"), since === null ? "" : duration(now() - since));
}

/** @param {Snapshot} snapshot @param {import("./room.js").BriefingRoom} room @returns {string|undefined} the kind of picture that is on the main screen */
export function drawProgramme(snapshot, room) {
  newest = snapshot;
  const programme = drawStage(room, elements, snapshot, "hub");
  if (!programme) return undefined;
  setText(byId("stage-caption"), caption(programme));
  show(byId("stage-empty"), elements.video.classList.contains("is-empty"));
  setText(byId("stage-empty"), programme.picture.who === "hub" ? t("The hall is not sending a picture yet") : t("No picture from {name}", { name: nameOf(programme.picture.who) }));
  const running = ["open", "live", "break"].includes(snapshot.phase);
  const left = snapshot.floor ?? snapshot.stage?.left ?? "hub";
  const right = snapshot.stage?.right ?? null;
  drawSwitch("stage-hub", left === "hub" && !right, running && !snapshot.floor);
  drawSwitch("stage-slides", left === "slides" && !right, running && !snapshot.floor);
  drawSwitch("stage-split", Boolean(right), running && !snapshot.floor);
  drawSites(snapshot, [right, left].find((place) => place && place !== "hub" && place !== "slides") ?? "", running && !snapshot.floor);
  const floor = snapshot.floor;
  show(byId("floor-bar"), Boolean(floor));
  if (floor) setText(byId("floor-name"), t("{name} has the floor", { name: nameOf(floor) }));
  return programme.picture.source;
}

/** @param {string} id @param {boolean} pressed @param {boolean} enabled */
function drawSwitch(id, pressed, enabled) {
  const button = /** @type {HTMLButtonElement} */ (byId(id));
  setAttribute(button, "aria-pressed", String(pressed));
  button.disabled = !enabled;
}

/** @param {Snapshot} snapshot @param {string} left @param {boolean} enabled */
function drawSites(snapshot, left, enabled) {
  const picker = /** @type {HTMLSelectElement} */ (byId("stage-site"));
  const sites = (snapshot.sites ?? []).filter((site) => site.connection || site.code === left);
  redraw(picker, JSON.stringify(sites.map((site) => site.code)), () => [el("option", { value: "" }, t("Picture of a site…")), ...sites.map((site) => el("option", { value: site.code }, site.name))]);
  const value = sites.some((site) => site.code === left) ? left : "";
  if (picker.value !== value && document.activeElement !== picker) picker.value = value;
  picker.disabled = !enabled;
}
