// @ts-check
/**
 * The hall's own screen: the main screen alone, for projector and loudspeakers. It controls nothing.
 *
 * Rule 1: what it shows and plays is what the control room shows: it is one more connection of the hub.
 * Rule 2: nothing covers the picture; what a technician needs goes away by itself.
 */
import { ControlSocket, controlUrl } from "./control-socket.js";
import { byId, setText, show } from "./dom.js";
import { tellPresence } from "./host-listening.js";
import { errorText, t } from "./i18n.js";
import { nameOf, page } from "./page-data.js";
import { PageStore } from "./page-store.js";
import { FigureKeeper } from "./room-figures.js";
import { BriefingRoom } from "./room.js";
import { SlideView } from "./slides.js";
import { drawStage } from "./stage.js";
import { phaseWords } from "./states.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */

const elements = {
  video: /** @type {HTMLVideoElement} */ (byId("stage-video")),
  audio: /** @type {HTMLAudioElement} */ (byId("stage-audio")),
  aside: /** @type {HTMLAudioElement} */ (byId("hub-audio")),
};
/** @type {Snapshot|null} */
let snapshot = null;
let refusal = "";

const room = new BriefingRoom({ change: draw, needMedia: () => socket.askMedia() });
const figures = new FigureKeeper(room, elements.video, elements.audio);
const store = new PageStore({ received: () => {}, listed: () => {} });
const slides = new SlideView(/** @type {HTMLImageElement} */ (byId("stage-slide")), store, { thin: false, describe: (number) => t("Page {n}", { n: number }), shown: () => {} });
/** @type {ControlSocket} */
const socket = new ControlSocket(controlUrl(), () => ({ briefing: page.briefing, as: "hub" }), {
  snapshot(news) {
    snapshot = news;
    draw();
  },
  media: (url, token) => void room.connect(url, token),
  back: () => room.letGo(),
  refused(told, final) {
    if (told.code === "server_stop") return;
    refusal = final ? errorText(told.code, told.message) : "";
    if (final) void room.close();
    draw();
  },
  state: () => draw(),
  figures: () => figures.take(),
});

byId("sound-unlock").addEventListener("click", () => void room.unlockSound().then(draw));
byId("full-screen").addEventListener("click", () => void document.documentElement.requestFullscreen?.().catch(() => {}));
addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey) void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.().catch(() => {}));
});

/** @type {ReturnType<typeof setTimeout>|undefined} */
let hiding;
function awake() {
  document.body.classList.remove("is-quiet");
  clearTimeout(hiding);
  hiding = setTimeout(() => document.body.classList.add("is-quiet"), 4000);
}
for (const kind of ["pointermove", "keydown", "focusin"]) addEventListener(kind, awake);
awake();

/** @param {import("./stage.js").Programme|null} programme @returns {string} what stands on the screen where there is no picture */
function emptyWords(programme) {
  if (refusal) return refusal;
  if (!snapshot) return t("Connecting…");
  if (programme && programme.picture.who !== "hub") return t("{name} sends no picture, sound only", { name: nameOf(programme.picture.who) });
  if (snapshot.phase === "live") return t("The hall is not sending a picture yet");
  return `${snapshot.title}\n${phaseWords(snapshot.phase)}`;
}

function draw() {
  const running = snapshot && ["open", "live"].includes(snapshot.phase) && !refusal ? snapshot : null;
  const programme = drawStage(room, elements, running, "hub");
  if (snapshot) store.follow(snapshot, Array.isArray(snapshot.documents) ? snapshot.documents.map((one) => one.id).join("+") : "");
  slides.draw(running, programme?.picture.source === "document");
  const empty = !programme || elements.video.classList.contains("is-empty");
  show(byId("stage-empty"), empty);
  setText(byId("stage-empty"), emptyWords(programme));
  const speaker = running?.floor ?? "";
  setText(byId("stage-caption"), speaker ? t("{name} has the floor", { name: nameOf(speaker) }) : "");
  show(byId("sound-unlock"), Boolean(running) && !room.canPlaySound);
  const away = socket.state === "reconnecting" || room.state === "reconnecting";
  show(byId("hall-away"), away && !refusal);
}

socket.start();
tellPresence(page.briefing ?? "");
navigator.wakeLock?.request("screen").catch(() => {});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") navigator.wakeLock?.request("screen").catch(() => {});
});
draw();
