// @ts-check
/**
 * The operator page's one sentence: what the room must know now, from the snapshot and the two lines. Pure.
 *
 * Rule: the sentence changes only when the state does, never with the seconds (they stand elsewhere).
 */
import { t } from "./i18n.js";
import { nameOf } from "./page-data.js";
import { rungWords } from "./site-line.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./types.js").SiteEntry} SiteEntry */
/** @typedef {"check"|"waiting"|"live"|"cue"|"break"|"lost"|"replaced"|"ended"|"closed"} View */
/** @typedef {{view: View, state: string, icon: string, headline: string, detail: string, line: "online"|"weak"|"reconnecting"}} Standing */

/**
 * @typedef {object} Facts
 * @property {Snapshot|null} snapshot
 * @property {SiteEntry|null} own
 * @property {boolean} joined the operator has pressed the button
 * @property {import("./control-socket.js").SocketState} control
 * @property {string} media the room's state
 * @property {boolean} micOpen
 * @property {import("./site-line.js").Rung} rung how far down the ladder of a weak line this page is
 * @property {boolean} slides pages of a document are on the main screen
 * @property {import("./site-choices.js").Receive} receive
 * @property {boolean} asked two briefings are on: the operator is asked which one
 * @property {string} closed why the page was sent away: replaced, ended, cancelled, revoked …, or ""
 * @property {string} closedWords
 */

/** @param {Facts} facts @returns {Standing} */
export function standingOf(facts) {
  const { snapshot, own } = facts;
  if (facts.closed) return closed(facts);
  if (!facts.joined) return make("check", "waiting", "camera", t("Check the camera and the microphone"), t("Press Allow · speak, the lights move · play the test sound · Enter the briefing"), lineOf(facts));
  if (facts.control !== "open") return lost(facts);
  if (!snapshot && facts.asked) return make("waiting", "floor", "list", t("Two briefings are on for this site"), t("Choose the one that your room attends"), "online");
  if (!snapshot) return make("waiting", "waiting", "clock", t("No briefing is open yet"), t("Keep this page open: it comes in by itself"), "online");
  if (snapshot.phase === "ended" || snapshot.phase === "cancelled") return closed({ ...facts, closed: snapshot.phase });
  if (snapshot.phase === "break") return make("break", "waiting", "pause", t("Break"), t("The line stays connected"), lineOf(facts));
  if (snapshot.phase !== "live") return make("waiting", "waiting", "clock", t("In the waiting room"), counted(own), lineOf(facts));
  if (facts.media === "reconnecting") return make("live", "lost", "refresh", t("Picture and sound are coming back"), t("Nothing to press"), "reconnecting");
  return live(facts, snapshot);
}

/** @param {Facts} facts @param {Snapshot} snapshot @returns {Standing} */
function live(facts, snapshot) {
  const line = lineOf(facts);
  if (facts.own && snapshot.floor === facts.own.code) {
    if (facts.micOpen) return make("live", "floor", "mic", t("Speaking now"), t("The microphone is open: the hall and all sites hear you"), line);
    return make("cue", "floor", "hand", t("Get ready to speak"), t("Turn the camera to the speaker, bring the microphone near"), line);
  }
  if (isCalled(snapshot, facts.own) && (snapshot.calling?.mode === "in_turn" || (snapshot.calling?.number ?? 0) > 1)) return make("live", "floor", "list", t("The hall is calling the roll"), t("{name}, please report how many are present", { name: facts.own?.name ?? "" }), line);
  if (facts.own?.hand) return make("live", "floor", "hand", t("Hand raised, place {n}", { n: facts.own.hand }), counted(facts.own), line);
  if (facts.rung) return make("live", "weak", "alert", ...rungWords(facts.rung, facts.slides), line);
  if (facts.receive !== "all") return make("live", "online", "speaker", facts.receive === "sound" ? t("Listening, sound only") : t("Listening, sound and slides only"), t("As chosen here. {counted}", { counted: counted(facts.own) }), line);
  const heard = snapshot.floor ? nameOf(snapshot.floor) : nameOf("hub");
  return make("live", "online", "speaker", snapshot.floor ? t("Listening to {name}", { name: heard }) : t("Listening to the hall"), isCalled(snapshot, facts.own) ? t("The hall is calling the roll: {name}, please report how many are present", { name: facts.own?.name ?? "" }) : counted(facts.own), line);
}

/**
 * Does the hall wait for this site's number: called by name, or all at once and not yet answered?
 * @param {Snapshot} snapshot @param {SiteEntry|null} own
 */
export function isCalled(snapshot, own) {
  if (!snapshot.calling || !own || own.answered || (snapshot.phase !== "live" && snapshot.phase !== "break")) return false;
  return snapshot.calling.mode !== "in_turn" || snapshot.calling.called === own.code;
}

/** @param {Facts} facts @returns {Standing} */
function lost(facts) {
  const first = facts.control === "connecting";
  const headline = first ? t("Connecting…") : t("Line lost: connecting again");
  return make("lost", first ? "waiting" : "lost", first ? "clock" : "unplug", headline, t("The page tries by itself, nothing to press"), "reconnecting");
}

/** @param {Facts} facts @returns {Standing} */
function closed(facts) {
  const line = "reconnecting";
  if (facts.closed === "replaced") return make("replaced", "weak", "alert", t("Another machine took over"), t("This site now takes part on another machine or in another window"), line);
  if (facts.closed === "ended") return make("ended", "ended", "check", t("The briefing has ended"), t("The attendance log is closed. Thank you."), "online");
  if (facts.closed === "cancelled") return make("ended", "ended", "absent", t("The briefing was cancelled"), "", "online");
  return make("closed", "lost", "lock", t("This page may not take part"), facts.closedWords, line);
}

/** @param {Facts} facts @returns {"online"|"weak"|"reconnecting"} */
function lineOf(facts) {
  if (facts.joined && (facts.control !== "open" || facts.media === "reconnecting")) return "reconnecting";
  const live = facts.snapshot?.phase === "live"; // before that nothing is asked of the line
  return live && (facts.rung || (facts.receive === "all" && facts.own?.state === "weak")) ? "weak" : "online";
}

/** @param {SiteEntry|null} own */
function counted(own) {
  if (!own) return "";
  if (!own.headcount) return t("Headcount not reported yet");
  return t("Reported {present}/{expected} present", { present: own.headcount.present, expected: own.expected });
}

/**
 * @param {View} view
 * @param {string} state
 * @param {string} icon
 * @param {string} headline
 * @param {string} detail
 * @param {"online"|"weak"|"reconnecting"} line
 * @returns {Standing}
 */
function make(view, state, icon, headline, detail, line) {
  return { view, state, icon, headline, detail, line };
}
