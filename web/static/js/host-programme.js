// @ts-check
/** The programme: what all sites see and hear now, and the switches of its source. */
import { byId, el, redraw, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { nameOf } from "./page-data.js";
import { caption, drawStage } from "./stage.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{setStage: (left: string) => void, takeFloor: () => void}} ProgrammeActions */

const elements = {
  video: /** @type {HTMLVideoElement} */ (byId("stage-video")),
  audio: /** @type {HTMLAudioElement} */ (byId("stage-audio")),
  aside: /** @type {HTMLAudioElement} */ (byId("hub-audio")),
};

/** @param {ProgrammeActions} actions */
export function wireProgramme(actions) {
  byId("stage-hub").addEventListener("click", () => actions.setStage("hub"));
  byId("stage-slides").addEventListener("click", () => actions.setStage("slides"));
  const picker = /** @type {HTMLSelectElement} */ (byId("stage-site"));
  picker.addEventListener("change", () => {
    if (picker.value) actions.setStage(picker.value);
  });
  byId("take-floor").addEventListener("click", () => actions.takeFloor());
}

/** @param {Snapshot} snapshot @param {import("./room.js").BriefingRoom} room @returns {string|undefined} the kind of picture that is on the main screen */
export function drawProgramme(snapshot, room) {
  const programme = drawStage(room, elements, snapshot, "hub");
  if (!programme) return undefined;
  setText(byId("stage-caption"), caption(programme));
  show(byId("stage-empty"), elements.video.classList.contains("is-empty"));
  setText(byId("stage-empty"), programme.picture.who === "hub" ? t("The hall is not sending a picture yet") : t("No picture from {name}", { name: nameOf(programme.picture.who) }));
  const running = ["open", "live", "break"].includes(snapshot.phase);
  const left = snapshot.floor ?? snapshot.stage?.left ?? "hub";
  drawSwitch("stage-hub", left === "hub", running && !snapshot.floor);
  drawSwitch("stage-slides", left === "slides", running && !snapshot.floor);
  drawSites(snapshot, left, running && !snapshot.floor);
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
