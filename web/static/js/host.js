// @ts-check
/** The control room: the snapshot is drawn, presses go to the API. The page keeps no state of the briefing. */
import { briefingUrl, post, put } from "./api.js";
import { everySecond, setServerTime } from "./clock.js";
import { ControlSocket, controlUrl } from "./control-socket.js";
import { byId, setAttribute, setText, show } from "./dom.js";
import { openCancel, openEnd, wireDialogs } from "./host-dialogs.js";
import { Gallery } from "./host-gallery.js";
import { Hall } from "./host-hall.js";
import { HostMessages } from "./host-messages.js";
import { HostAgenda } from "./host-agenda.js";
import { HostDiary } from "./host-diary.js";
import { HostDocuments } from "./host-documents.js";
import { drawCalling } from "./host-calling.js";
import { drawClocks, drawHead, drawTotals } from "./host-head.js";
import { HallNearby } from "./host-listening.js";
import { wireKeys } from "./host-keys.js";
import { HostPreview } from "./host-preview.js";
import { drawFloorClock, drawProgramme } from "./host-programme.js";
import { drawReady } from "./host-ready.js";
import { drawQueue, drawRollCall } from "./host-side.js";
import { SiteCard } from "./host-site.js";
import { Tabs } from "./host-tabs.js";
import { errorText, t } from "./i18n.js";
import { page } from "./page-data.js";
import { FigureKeeper } from "./room-figures.js";
import { BriefingRoom } from "./room.js";
import { tell } from "./toast.js";
import { stayAwake } from "./wake.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */

const briefing = page.briefing ?? "";
/** @type {Snapshot|null} */
let snapshot = null;
let drawDue = false;

const room = new BriefingRoom({ change: redrawSoon, needMedia: () => socket.askMedia() });
const figures = new FigureKeeper(room, /** @type {HTMLVideoElement} */ (byId("stage-video")), /** @type {HTMLAudioElement} */ (byId("stage-audio")));
const socket = new ControlSocket(controlUrl(), () => ({ briefing, as: "hub" }), {
  snapshot(news) {
    snapshot = news;
    setServerTime(news.now);
    redrawSoon();
  },
  media: (url, token) => void room.connect(url, token),
  back: () => room.letGo(),
  refused,
  state: redrawSoon,
  figures: () => figures.take(),
});

/** @param {string} rest @param {object} [body] @param {string} [done] */
async function ask(rest, body = {}, done) {
  try {
    await post(briefingUrl(briefing, rest), body);
    if (done) tell(done, "online");
    return true;
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** @param {string} code @param {object} body */
async function correct(code, body) {
  try {
    await put(briefingUrl(briefing, `/sites/${code}/headcount`), body);
    return true;
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    return false;
  }
}

/** @param {string} code */
function contact(code) {
  const site = page.sites.find((one) => one.code === code);
  return site?.contact_phone ? { name: site.contact_name ?? "", phone: site.contact_phone } : null;
}

/** @param {string} left @param {string} [right] beside it */
function setStage(left, right) {
  void ask("/stage", right ? { left, right } : { left });
}

const actions = {
  contact,
  correct,
  giveFloor: (/** @type {string} */ site) => void ask("/floor", { site }),
  takeFloor: () => void ask("/floor", { site: null }),
  callRoll: (/** @type {string} */ mode, /** @type {string|null} */ label) => void ask("/roll-calls", label ? { mode, label } : { mode }, t("The sites are asked for their headcount")),
  callNext: (/** @type {string|null} */ site) => void ask("/roll-calls/next", site ? { site } : {}), // by name: two hosts' presses call one site
  lowerHand: (/** @type {string} */ code) => void ask(`/sites/${code}/hand/lower`),
  confirm: (/** @type {string} */ code) => void ask(`/sites/${code}/headcount/confirm`),
  setStage,
  muteAll: () => void ask("/floor", { site: null }, t("Only the hall is heard now")),
  lowerAll: () => (snapshot?.sites ?? []).filter((site) => site.hand).forEach((site) => void ask(`/sites/${site.code}/hand/lower`)),
  open: (/** @type {string} */ code) => snapshot && card.open(code, snapshot),
  preview: (/** @type {string} */ code) => preview.choose("site", code),
  write: (/** @type {string} */ code) => messages.open(code),
  diary: (/** @type {string} */ code) => (rightTabs.choose("diary"), diary.of(code)),
  remind: (/** @type {string[]} */ codes) => void Promise.all(codes.map((site) => ask("/messages", { site, text: t("Please report your headcount") }))).then((sent) => sent.every(Boolean) && tell(t("{n} sites are reminded", { n: codes.length }), "online")),
  phone: (/** @type {string} */ code, /** @type {string} */ name, /** @type {string} */ reason) => ask(`/sites/${code}/phone`, { name, reason }),
};

const card = new SiteCard(actions);
const gallery = new Gallery(byId("gallery"), byId("urgent-title"), byId("calm-title"), room, actions);
const leftTabs = new Tabs(byId("left-tabs"));
const rightTabs = new Tabs(byId("right-tabs"), redrawSoon);
const wide = matchMedia("(min-width: 1700px) and (min-height: 900px)"); // as in control-side.css: the roll call has a place of its own
const besideRoll = () => wide.matches && rightTabs.name === "roll" && rightTabs.propose("messages");
wide.addEventListener("change", () => wide.matches && rightTabs.name === "roll" && rightTabs.choose("messages"));
besideRoll();
const documents = new HostDocuments(briefing, { setStage, came: () => leftTabs.choose("documents") });
const messages = new HostMessages(briefing, rightTabs);
const agenda = new HostAgenda(briefing, actions);
const diary = new HostDiary(briefing, () => byId("diary-panel").offsetParent !== null);
const preview = new HostPreview(room, { setStage, document: () => documents.place, showDocument: (right) => void documents.show(right), nextPage: () => documents.turn(1) });
const hall = new Hall(room, { shared: () => void (documents.hide(), actions.setStage("slides")), unshared: () => snapshot?.stage?.left === "slides" && actions.setStage("hub") });

const nearby = new HallNearby(briefing, [/** @type {HTMLAudioElement} */ (byId("stage-audio")), /** @type {HTMLAudioElement} */ (byId("hub-audio"))]);

byId("take-floor").addEventListener("click", actions.takeFloor);
byId("invite-first").addEventListener("click", inviteFirst);
byId("mute-all").addEventListener("click", actions.muteAll);
byId("lower-all").addEventListener("click", actions.lowerAll);
byId("gallery-pictures").addEventListener("click", () => (gallery.toggle(), redrawSoon()));
document.addEventListener("visibilitychange", redrawSoon);
wireDialogs({ end: async () => void (await ask("/end")), pause: async () => void (await ask("/break")), cancel: async () => void (await ask("/cancel")) });
for (const name of ["open", "start", "break", "resume"]) byId(`phase-${name}`).addEventListener("click", () => void ask(`/${name}`));
byId("phase-end").addEventListener("click", () => snapshot && openEnd(snapshot));
byId("phase-cancel").addEventListener("click", openCancel);
byId("roll-call").addEventListener("click", startRollCall);
byId("sound-unlock").addEventListener("click", () => void room.unlockSound().then(redrawSoon));
wireKeys({
  c: () => press("#confirm-all"),
  g: () => press("#gallery-pictures"),
  l: () => press("#listen-here"),
  j: () => (rightTabs.choose("diary"), byId("diary-list").focus()),
  m: () => messages.open(),
  "/": () => byId("gallery-find").focus(),
  ...(page.follows ? {} : steering()),
});

/** The keys of whoever steers; office staff have none of them. @returns {Record<string, () => unknown>} */
function steering() {
  return {
    p: inviteFirst,
    t: () => snapshot?.floor && actions.takeFloor(),
    x: () => snapshot?.phase === "live" && actions.muteAll(),
    d: () => ["live", "break"].includes(snapshot?.phase ?? "") && startRollCall(),
    n: () => press("[data-testid=call-next]"),
    a: () => agenda.next(),
    1: () => preview.choose("hub"),
    2: () => preview.choose("slides"),
    3: () => preview.choose("site"),
    4: () => preview.choose("split"),
    enter: () => preview.take(),
    o: () => press("#slide-show"),
    u: () => press("#document-upload"),
    h: () => press("#publish-hall"),
    i: () => press("#hall-mute"),
    s: () => press("#share-screen"),
  };
}

function startRollCall() {
  void ask("/roll-calls", {}, t("The sites are asked for their headcount"));
}

/** Gives the floor to the first site in the queue. */
function inviteFirst() {
  const first = (snapshot?.sites ?? []).find((site) => site.hand === 1);
  if (first && snapshot?.phase === "live") actions.giveFloor(first.code);
}

/** What the left panel shows until somebody chose: the devices till the hall is on air, then what steers the course. */
function proposedTab() {
  if (!hall.on && !room.has("hub", "camera")) return "hall";
  return snapshot?.agenda?.length ? "agenda" : documents.documents.length ? "documents" : "hall";
}

/** Presses a button that is there to be pressed. @param {string} selector */
function press(selector) {
  const button = /** @type {HTMLButtonElement|null} */ (document.querySelector(selector));
  if (button && !button.disabled && button.offsetParent !== null) button.click();
}

/** @param {{code: string, message?: string}} refusal @param {boolean} final */
function refused(refusal, final) {
  if (refusal.code === "server_stop") return; // the line comes back by itself
  tell(errorText(refusal.code, refusal.message));
  if (final) void room.close();
  if (refusal.code === "login_needed") location.assign("/");
}

function redrawSoon() {
  if (drawDue) return;
  drawDue = true;
  queueMicrotask(() => {
    drawDue = false;
    draw();
  });
}

function draw() {
  drawLine();
  if (!snapshot) return;
  setAttribute(document.body, "data-phase", snapshot.phase);
  drawHead(snapshot);
  drawTotals(snapshot);
  messages.draw(snapshot);
  documents.draw(snapshot, drawProgramme(snapshot, room) === "document");
  gallery.draw(snapshot);
  drawQueue(snapshot, actions);
  drawRollCall(snapshot, actions);
  if (["scheduled", "open"].includes(snapshot.phase)) drawReady(snapshot);
  preview.draw(snapshot);
  agenda.draw(snapshot);
  diary.draw(snapshot);
  const over = ["ended", "cancelled"].includes(snapshot.phase);
  if (page.follows || over) leftTabs.propose("agenda");
  else leftTabs.propose(proposedTab());
  if (over && leftTabs.name === "hall") leftTabs.choose("agenda"); // the devices are gone
  drawCalling(snapshot, actions);
  if (snapshot.phase === "ended" || snapshot.phase === "cancelled") closeMedia();
  hall.draw();
  nearby.draw();
  /** @type {HTMLButtonElement} */ (byId("mute-all")).disabled = snapshot.phase !== "live";
  show(byId("lower-all"), (snapshot.sites ?? []).filter((site) => site.hand).length > 1);
  if (card.dialog.open) card.draw(snapshot);
  document.body.dataset.ready = "true";
}

/** Lets camera, microphone and the media room go: the briefing is over. */
function closeMedia() {
  if (hall.on || room.localTrack("screen_share")) hall.stop();
  if (room.state !== "none") void room.close();
}

function drawLine() {
  const state = socket.state !== "open" || room.state === "reconnecting" ? "reconnecting" : "online";
  const node = byId("connection-state");
  setAttribute(node, "data-state", state);
  setText(byId("connection-words"), state === "online" ? t("Connected") : t("Connecting again…"));
  show(byId("sound-unlock"), !room.canPlaySound);
}

everySecond(() => (drawClocks(snapshot), drawFloorClock(snapshot), agenda.tick()));
socket.start();
stayAwake();
if (!page.follows) hall.goOn(briefing);
