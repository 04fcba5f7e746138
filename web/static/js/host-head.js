// @ts-check
/** The top of the control room: title, phase and its buttons, clocks, totals. */
import { now } from "./clock.js";
import { byId, el, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { clock, count, duration, percent } from "./format.js";
import { t } from "./i18n.js";
import { kindWords, phaseBadge, STATE_ICON, stateCount } from "./states.js";
import { totalsOf } from "./totals.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./types.js").SiteState} SiteState */

/** Which buttons each phase offers. @type {Record<string, string[]>} */
const BUTTONS = { scheduled: ["open", "cancel"], open: ["start", "cancel"], live: ["break", "end"], break: ["resume", "end"], ended: [], cancelled: [] };

/** @param {Snapshot} snapshot */
export function drawHead(snapshot) {
  setText(byId("title"), snapshot.title);
  setText(byId("subtitle"), [snapshot.document_number, kindWords(snapshot.kind)].filter(Boolean).join(" · "));
  const live = snapshot.phase === "live";
  const badge = phaseBadge(snapshot.phase);
  const node = byId("phase");
  setAttribute(node, "data-phase", snapshot.phase);
  setAttribute(node, "class", live ? "on-air" : "badge phase");
  setAttribute(node, "data-state", badge.state);
  redraw(node, snapshot.phase, () => [live ? el("i", { class: "pulse" }) : icon(badge.icon), badge.words]);
  for (const name of ["open", "start", "break", "resume", "end", "cancel"]) show(byId(`phase-${name}`), (BUTTONS[snapshot.phase] ?? []).includes(name));
  show(byId("to-report"), snapshot.phase === "ended");
}

/** @param {Snapshot|null} snapshot to be called every second */
export function drawClocks(snapshot) {
  setText(byId("clock-now"), clock(now()));
  const started = snapshot?.started_at ? Date.parse(snapshot.started_at) : null;
  const planned = snapshot?.starts_at ? Date.parse(snapshot.starts_at) : null;
  const until = snapshot?.ended_at ? Date.parse(snapshot.ended_at) : now();
  const paused = snapshot?.break_since ? Date.parse(snapshot.break_since) : null;
  if (paused !== null) {
    setText(byId("clock-label"), t("Break for"));
    setText(byId("clock-elapsed"), duration(now() - paused));
  } else if (started !== null) {
    setText(byId("clock-label"), t("Running for"));
    setText(byId("clock-elapsed"), duration(until - started));
  } else if (planned !== null) {
    setText(byId("clock-label"), planned > now() ? t("Starts at {time}, in", { time: clock(planned) }) : t("Planned for {time}, late by", { time: clock(planned) }));
    setText(byId("clock-elapsed"), duration(Math.abs(planned - now())));
  }
  show(byId("clock-box"), started !== null || planned !== null);
}

/** @param {Snapshot} snapshot */
export function drawTotals(snapshot) {
  const sum = totalsOf(snapshot);
  figure("total-connected", count(sum.connected), `/${sum.all}`);
  figure("total-reported", count(sum.reported), `/${sum.all}`);
  setText(byId("total-expected"), count(sum.expected));
  figure("total-present", sum.reported ? count(sum.present) : "–", sum.extra ? ` +${sum.extra}` : "");
  setText(byId("total-rate"), percent(sum.rate));
  setText(byId("total-rate-label"), sum.complete ? t("Participation rate") : t("Participation rate (so far)"));
  drawTrouble(snapshot);
  drawMedia(snapshot);
}

/** @param {string} id @param {string} main @param {string} rest */
function figure(id, main, rest) {
  redraw(byId(id), main + rest, () => [document.createTextNode(main), el("small", {}, rest)]);
}

/** @param {Snapshot} snapshot */
function drawTrouble(snapshot) {
  const states = /** @type {SiteState[]} */ (["lost", "unstable", "absent", "weak", "waiting"]);
  const over = ["ended", "cancelled"].includes(snapshot.phase); // nobody is missing any more
  const counts = over ? [] : states.map((state) => ({ state, n: (snapshot.sites ?? []).filter((site) => site.state === state).length })).filter(({ n }) => n > 0);
  redraw(byId("total-trouble"), JSON.stringify([over, counts]), () =>
    over
      ? ["–"]
      : counts.length
      ? counts.map(({ state, n }) => el("span", { class: "badge", "data-state": state }, icon(STATE_ICON[state]), stateCount(n)[state]))
      : [el("span", { class: "badge", "data-state": "online" }, icon("check"), t("All well"))],
  );
}

/** @param {Snapshot} snapshot */
function drawMedia(snapshot) {
  const states = /** @type {Record<string, [string, string, string]>} */ ({
    applied: ["online", "check", t("Working")],
    pending: ["waiting", "clock", t("Being applied")],
    failed: ["lost", "alert", t("Failed, trying again")],
  });
  const media = snapshot.media ?? "applied";
  const [state, mark, words] = states[media] ?? states.applied;
  const node = byId("media-status");
  setAttribute(node, "data-state", state);
  setAttribute(node, "data-media", media);
  redraw(node, media, () => [icon(mark), words]);
}
