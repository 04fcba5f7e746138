// @ts-check
/** The operator page of a site: the snapshot is drawn, presses go out on the control socket. */
import { now, everySecond, setServerTime } from "./clock.js";
import { ControlSocket, controlUrl } from "./control-socket.js";
import { byId, redraw, icon, setAttribute, setText, show } from "./dom.js";
import { clock, duration } from "./format.js";
import { errorText, t } from "./i18n.js";
import { LineRate } from "./line-rate.js";
import { livekit } from "./livekit.js";
import { nameOf, page } from "./page-data.js";
import { FigureKeeper } from "./room-figures.js";
import { BriefingRoom } from "./room.js";
import { SiteChoice } from "./site-choice.js";
import { SiteChoices } from "./site-choices.js";
import { SiteDevices } from "./site-devices.js";
import { rungOf } from "./site-line.js";
import { SiteLineCheck } from "./site-line-check.js";
import { SitePapers } from "./site-papers.js";
import { SitePhone } from "./site-phone.js";
import { HeadcountForm } from "./site-headcount.js";
import { SiteRoster } from "./site-roster.js";
import { SignOff } from "./site-sign.js";
import { SiteSpeaking } from "./site-speaking.js";
import { standingOf } from "./site-state.js";
import { caption, drawStage } from "./stage.js";
import { tell } from "./toast.js";
import { stayAwake } from "./wake.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */

const SOUND_WITHIN_MS = 90_000;
const code = page.code ?? "";
const elements = {
  video: /** @type {HTMLVideoElement} */ (byId("stage-video")),
  audio: /** @type {HTMLAudioElement} */ (byId("stage-audio")),
  aside: /** @type {HTMLAudioElement} */ (byId("hub-audio")),
};
/** @type {Snapshot|null} */
let snapshot = null;
let [joined, closed, closedWords] = [false, "", ""];
let [lostAt, joinedAt] = [0, 0];
let drawDue = false;
/** the briefing that is over and that this site may answer for; and whether its operator has asked to */
let over = page.to_sign ?? null;
let signing = false;
/** @type {unknown} */
let announced = null;

const room = new BriefingRoom({ change: roomChanged, needMedia: () => socket.askMedia() });
const figures = new FigureKeeper(room, elements.video, elements.audio);
/** @type {ControlSocket} */
const socket = new ControlSocket(controlUrl(), hello, {
  snapshot(news) {
    snapshot = news;
    setServerTime(news.now);
    redrawSoon();
  },
  media: (url, token) => void room.connect(url, token),
  back: () => room.letGo(),
  measure: () => {
    if (snapshot?.phase !== "live") checks.asked();
  },
  choice: (offered) => {
    other.offer(offered);
    redrawSoon();
  },
  refused,
  state: (state) => {
    if (state === "reconnecting") lostAt = lostAt || Date.now();
    if (state === "open") lostAt = 0;
    redrawSoon();
  },
  figures: async () => {
    const taken = papers.slides.addTo(await figures.take(), room.has("hub", "microphone"));
    if (taken.mode === "full") rate.carriesPicture();
    redrawSoon();
    return taken;
  },
});
const choices = new SiteChoices({ received: redrawSoon, camera: (sends) => devices.sendPicture(sends), microphone: () => devices.reopenMicrophone() });
const devices = new SiteDevices(room, () => choices, redrawSoon);
const other = new SiteChoice(goTo);
const checks = new SiteLineCheck(devices);
new SitePhone();
let slides = false; // pages of a document are on the main screen
const rate = new LineRate();
const papers = new SitePapers(
  {
    send: (message) => socket.send(message),
    beat: () => socket.beatNow(),
    fail: tell,
    pace: () => (room.state === "connected" && !room.has("hub", "microphone") ? 0 : rate.beside()),
    waits: soundComesFirst,
  },
  rate,
);
const speaking = new SiteSpeaking({ send: (message) => socket.send(message), fail: tell, silence: () => devices.closeMicrophone() });
const headcount = new HeadcountForm((message) => socket.send(message));
const roster = new SiteRoster(code, (present) => headcount.take(present));
const sign = new SignOff(code);

byId("join-button").addEventListener("click", join);
for (const sign of ["pointerenter", "focus"]) byId("join-button").addEventListener(sign, () => socket.prepare());
byId("join-sound").addEventListener("click", () => {
  choices.choose("sound");
  if (choices.sendsPicture) choices.picture.click();
  join();
});
byId("devices-open").addEventListener("click", recheck);
byId("raise-hand").addEventListener("click", raiseHand);
byId("ready-to-speak").addEventListener("click", () => void devices.openMicrophone());
byId("mic-off").addEventListener("click", () => {
  devices.closeMicrophone();
  draw();
});
byId("sign-open").addEventListener("click", () => {
  signing = !signing;
  draw();
});
byId("retry-now").addEventListener("click", () => socket.retryNow());
byId("take-over").addEventListener("click", takeOver);
byId("sound-unlock").addEventListener("click", () => void room.unlockSound().then(redrawSoon));

function join() {
  joined = true;
  joinedAt = performance.now();
  choices.thin = rate.thin;
  sessionStorage.setItem("joined", "yes");
  devices.join();
  socket.start();
  stayAwake();
  draw();
}

/** Shows the device check again, while the briefing goes on. */
function recheck() {
  choices.dialog.close();
  joined = false;
  setText(byId("join-words"), t("Back to the briefing"));
  void devices.check();
  draw();
}

function raiseHand() {
  const raised = Boolean(own()?.hand);
  if (!socket.send({ type: raised ? "lower-hand" : "raise-hand" })) tell(t("The line is down: not sent. Try again when it is back."));
}

function takeOver() {
  [closed, closedWords, lostAt] = ["", "", 0];
  devices.join();
  socket.start();
  draw();
}

/** Where the page comes in: the briefing that was chosen, else the one it is in, else where the site's link leads. */
function hello() {
  if (page.briefing) return { as: "site", briefing: page.briefing };
  const running = snapshot && ["open", "live", "break"].includes(snapshot.phase);
  return { as: "site", chooses: true, ...(running ? { briefing: snapshot?.id } : {}) };
}

/** The operator chose between two briefings. @param {string} briefing */
function goTo(briefing) {
  page.briefing = briefing;
  history.replaceState(null, "", `/site?briefing=${briefing}`); // a reload goes on there
  if (snapshot?.id !== briefing) {
    snapshot = null;
    devices.closeMicrophone();
    void room.close();
    socket.stop();
    socket.start();
  }
  draw();
}

/** @param {{code: string, message?: string, about?: string|null}} refusal @param {boolean} final */
function refused(refusal, final) {
  const words = errorText(refusal.code, refusal.message);
  if (final) {
    [closed, closedWords] = [refusal.code, words];
    other.offer([]);
    devices.stop();
    void room.close();
  } else if (refusal.about === "headcount") headcount.refused(words);
  else if (refusal.code === "not_open") snapshot = null;
  else if (refusal.code !== "server_stop" && refusal.code !== "lost") tell(words);
  redrawSoon();
}

/** On a thin line: the way into the room, and the hall's sound, go before its picture and pages that nobody needs yet. */
function soundComesFirst() {
  if (!rate.thin || performance.now() - joinedAt > SOUND_WITHIN_MS) return false;
  return room.state !== "connected" || (room.has("hub", "microphone") && !room.trackOf(elements.audio));
}

/** This site's own entry of the snapshot. */
function own() {
  if (!snapshot) return null;
  return snapshot.site ?? (snapshot.sites ?? []).find((site) => site.code === code) ?? null;
}

/** Media that has just come is told at once, not with the next regular heartbeat. */
function roomChanged() {
  const track = room.trackOf(elements.audio) ?? room.trackOf(elements.video);
  if (track && track !== announced) for (const ms of [700, 2000]) setTimeout(() => socket.beatNow(), ms);
  announced = track;
  redrawSoon();
}

function rung() {
  const { last } = figures;
  return rungOf({ connected: room.state === "connected", paused: room.isPaused(elements.video), layer: last.layer, loss: last.loss });
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
  const mine = own();
  if (snapshot && snapshot.floor !== code && (devices.micOpen || devices.wantsMicrophone)) devices.closeMicrophone();
  if (snapshot) [over, signing] = snapshot.phase === "ended" ? [{ id: snapshot.id, title: snapshot.title }, false] : [over, signing && snapshot.phase !== "live"];
  const standing = signing && over ? signingFor(over) : standingOf({ snapshot, own: mine, joined, control: socket.state, media: room.state, micOpen: devices.micOpen, rung: rung(), slides, receive: choices.receive, asked: other.open, closed, closedWords });
  setAttribute(document.body, "data-view", standing.view);
  setAttribute(byId("connection-state"), "data-state", standing.line);
  setText(byId("connection-words"), { online: t("Good line"), weak: t("Weak line"), reconnecting: t("Connecting again…") }[standing.line]);
  show(byId("connection-state"), !closed);
  setAttribute(byId("state-bar"), "data-state", standing.state);
  redraw(byId("state-icon"), standing.icon, () => [icon(standing.icon)]);
  setText(byId("headline"), standing.headline);
  setText(byId("detail"), devices.trouble.camera && standing.view === "live" && !standing.detail ? devices.trouble.camera : standing.detail);
  setText(byId("closed-words"), closedWords);
  drawTitle();
  drawProgramme();
  drawActions(standing.view);
  drawSign(standing.view);
  other.draw(snapshot);
  if (snapshot && mine) headcount.draw(snapshot, mine);
}

/** @param {{id: string, title: string}} briefing @returns {import("./site-state.js").Standing} */
function signingFor(briefing) {
  return { view: "ended", state: "ended", icon: "check", headline: t("The briefing has ended"), detail: briefing.title, line: "online" };
}

/** @param {string} view */
function drawSign(view) {
  const cancelled = !signing && (closed === "cancelled" || snapshot?.phase === "cancelled");
  const asked = view === "ended" && over && !cancelled;
  sign.draw(asked && over ? over.id : null);
  setText(byId("ended-words"), asked ? t("Please look at the line of this site and answer below.") : t("You may close this page."));
  show(byId("sign-open"), signing || (Boolean(over) && (view === "check" || view === "waiting")));
  redraw(byId("sign-open"), String(signing), () => [icon(signing ? "back" : "check"), signing ? t("Back") : t("Sign the last briefing")]);
}

function drawTitle() {
  setText(byId("briefing-title"), snapshot?.title ?? "");
  setText(byId("waiting-title"), snapshot?.title ?? "");
}

function drawProgramme() {
  const running = snapshot && ["open", "live"].includes(snapshot.phase) && !closed; // in the break nobody is overheard
  const programme = drawStage(room, elements, running ? snapshot : null, code, choices.receive === "all" && !soundComesFirst());
  slides = programme?.picture.source === "document" && choices.receive !== "sound";
  papers.draw(closed ? null : snapshot, slides);
  const empty = choices.receive === "sound" || elements.video.classList.contains("is-empty");
  setText(byId("stage-caption"), programme && choices.receive !== "sound" ? caption(programme) : "");
  show(byId("stage-empty"), empty);
  if (choices.receive !== "all") setText(byId("stage-empty"), t("No picture is received, as chosen here"));
  else setText(byId("stage-empty"), t("No picture from {name} yet", { name: nameOf(programme?.picture.who ?? "hub") }));
  document.body.classList.toggle("has-stage", !empty);
}

/** @param {string} view */
function drawActions(view) {
  const mine = own();
  const live = view === "live" || view === "lost";
  const hand = Boolean(mine?.hand);
  show(byId("raise-hand"), live && snapshot?.floor !== code);
  /** @type {HTMLButtonElement} */ (byId("raise-hand")).disabled = view === "lost" || snapshot?.phase !== "live";
  setAttribute(byId("raise-hand"), "aria-pressed", String(hand));
  setText(byId("raise-words"), hand ? t("Lower the hand") : t("Raise the hand"));
  show(byId("mic-off"), devices.micOpen);
  speaking.draw(view, devices.micOpen, snapshot?.floor_since);
  show(byId("speaking-level"), devices.micOpen);
  redraw(byId("mic-caption"), String(devices.micOpen), () => [icon(devices.micOpen ? "mic" : "mic-off"), document.createTextNode(devices.micOpen ? t("Microphone on") : t("Microphone off"))]);
  show(byId("retry-now"), view === "lost");
  show(byId("settings-open"), ["live", "waiting", "break"].includes(view) && !devices.micOpen);
  show(byId("picture-back"), view === "live" && choices.receive !== "all");
  show(byId("phone-lost"), view === "lost");
  show(byId("sound-unlock"), joined && !closed && !room.canPlaySound);
  const counting = Boolean(mine) && ["waiting", "live", "cue", "break", "lost"].includes(view);
  show(byId("headcount"), counting);
  if (!counting) headcount.open(false);
  roster.follow(counting && snapshot ? snapshot.id : "");
  show(byId("cue-trouble"), view === "cue" && Boolean(devices.trouble.microphone));
  setText(byId("cue-trouble"), devices.trouble.microphone);
}

function drawClocks() {
  speaking.tick();
  setText(byId("clock-now"), clock(now()));
  setText(byId("waiting-clock"), clock(now()));
  const planned = snapshot?.starts_at ? Date.parse(snapshot.starts_at) : 0;
  setText(byId("waiting-start"), planned ? t("The briefing starts at {time}", { time: clock(planned) }) : t("Waiting for the hall to start"));
  setText(byId("waiting-left"), planned > now() ? t("{time} to go", { time: duration(planned - now()) }) : "");
  setText(byId("lost-seconds"), lostAt ? t("Connecting again: {time}", { time: duration(Date.now() - lostAt) }) : t("Connecting…"));
}

everySecond(drawClocks);
void devices.check();
void livekit().then(() => rate.came());
const navigation = /** @type {PerformanceNavigationTiming|undefined} */ (performance.getEntriesByType("navigation")[0]);
if (sessionStorage.getItem("joined") && navigation && navigation.type !== "navigate") join(); // a reload goes on where it was
draw();
/** @type {HTMLButtonElement} */ (byId("join-button")).disabled = false; // a press before the script is there would be lost
document.body.dataset.ready = "true";
