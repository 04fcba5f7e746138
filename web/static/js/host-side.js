// @ts-check
/** The right-hand column of the control room: raised hands in their order, and the roll call. */
import { byId, el, icon, redraw, setText, show } from "./dom.js";
import { count, percent, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";
import { stateWords } from "./states.js";
import { totalsOf } from "./totals.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./types.js").SiteEntry} SiteEntry */
/** @typedef {{giveFloor: (code: string) => void, lowerHand: (code: string) => void, confirm: (code: string) => void, open: (code: string) => void, remind: (codes: string[]) => void}} SideActions */

/** @param {Snapshot} snapshot @param {SideActions} actions */
export function drawQueue(snapshot, actions) {
  const raised = (snapshot.sites ?? []).filter((site) => site.hand).sort((a, b) => Number(a.hand) - Number(b.hand));
  setText(byId("queue-title"), t("Raised hands ({n})", { n: raised.length }));
  show(byId("queue-empty"), raised.length === 0);
  const live = snapshot.phase === "live";
  const first = raised[0];
  const invite = /** @type {HTMLButtonElement} */ (byId("invite-first"));
  invite.disabled = !live || !first;
  redraw(invite, first?.name ?? "", () => [icon("mic"), el("span", {}, first ? t("Invite: {name}", { name: first.name }) : t("Invite"))]);
  const key = JSON.stringify([live, snapshot.floor, raised.map((site) => [site.code, site.topic, site.name])]);
  redraw(byId("queue"), key, () => raised.map((site, index) => queueLine(site, index + 1, live && snapshot.floor !== site.code, actions)));
}

/** @param {SiteEntry} site @param {number} place @param {boolean} can @param {SideActions} actions */
function queueLine(site, place, can, actions) {
  const invite = el("button", { class: `button small${place === 1 ? " primary" : ""}`, type: "button", disabled: !can, "data-testid": `queue-give-floor-${site.code}`, onclick: () => actions.giveFloor(site.code) }, icon("mic"), t("Invite"));
  const lower = el("button", { class: "button small icon-only", type: "button", "data-testid": `lower-hand-${site.code}`, "aria-label": t("Lower the hand of {name}", { name: site.name }), title: t("Lower the hand"), onclick: () => actions.lowerHand(site.code) }, icon("hand-off"));
  return el("li", { "data-testid": `hand-${site.code}` }, el("span", { class: "order" }, String(place)), el("span", { class: "who" }, el("b", {}, site.name), site.topic && el("small", {}, site.topic)), invite, lower);
}

/** @param {Snapshot} snapshot @param {SideActions} actions */
export function drawRollCall(snapshot, actions) {
  const sites = snapshot.sites ?? [];
  const sum = totalsOf(snapshot);
  const running = snapshot.phase === "live" || snapshot.phase === "break";
  const before = snapshot.phase === "scheduled" || snapshot.phase === "open";
  show(byId("ready"), before);
  show(byId("roll"), !before);
  setText(byId("roll-tab-words"), before ? t("Preparation") : t("Roll call"));
  const number = snapshot.roll_call ?? 0;
  setText(byId("roll-title"), number > 0 ? t("Roll call {n}", { n: number }) : t("Roll call"));
  setText(byId("roll-figures"), t("{reported}/{all} sites have reported", { reported: sum.answered, all: sites.length }));
  setText(byId("roll-rate"), sum.reported ? `${count(sum.present)}/${count(sum.expectedReported)} · ${percent(sum.rate)}` : UNKNOWN);
  byId("roll-meter").style.setProperty("--share", `${sites.length ? (100 * sum.answered) / sites.length : 0}%`);
  const button = byId("roll-call");
  /** @type {HTMLButtonElement} */ (button).disabled = !running;
  const missing = sites.filter((site) => !answered(site, number));
  const remind = byId("remind");
  const reached = missing.filter((site) => site.connection).map((site) => site.code);
  show(remind, running && reached.length > 0);
  redraw(remind, String(reached.length), () => [icon("send"), t("Remind {n} sites", { n: reached.length })]);
  remind.onclick = () => actions.remind(reached);
  const waiting = sites.filter((site) => answered(site, number) && !site.headcount?.confirmed);
  const done = sites.filter((site) => answered(site, number) && site.headcount?.confirmed);
  const all = byId("confirm-all");
  show(all, waiting.length > 1);
  redraw(all, String(waiting.length), () => [icon("check"), t("Confirm all {n}", { n: waiting.length })]);
  all.onclick = () => waiting.forEach((site) => actions.confirm(site.code));
  const key = JSON.stringify([snapshot.phase, number, sites.map((site) => [site.code, site.state, site.headcount])]);
  redraw(byId("roll-list"), key, () => [...waiting.map((site) => waitingLine(site, actions)), ...missing.map((site) => missingLine(site, actions, running)), ...done.map((site) => doneLine(site, actions))]);
}

/**
 * A site has answered when its headcount belongs to the roll call that runs now.
 * @param {SiteEntry} site
 * @param {number} number
 */
export function answered(site, number) {
  const own = site.headcount;
  return Boolean(own && (own.roll_call === undefined || own.roll_call === null || own.roll_call >= number));
}

/** @param {SiteEntry} site @param {SideActions} actions */
function name(site, actions) {
  return el("button", { class: "link-like", type: "button", onclick: () => actions.open(site.code) }, site.name);
}

/** @param {SiteEntry} site @param {SideActions} actions */
function waitingLine(site, actions) {
  const confirm = el("button", { class: "button small", type: "button", "data-testid": `confirm-headcount-${site.code}`, "aria-label": t("Confirm the headcount of {name}", { name: site.name }), onclick: () => actions.confirm(site.code) }, icon("check"), t("Confirm"));
  return el("li", { "data-state": "waiting" }, name(site, actions), el("b", { class: "figure" }, figure(site)), confirm);
}

/** @param {SiteEntry} site @param {SideActions} actions @param {boolean} running */
function missingLine(site, actions, running) {
  return el("li", { "data-state": "absent" }, name(site, actions), el("span", { class: "figure muted" }, site.state === "online" || !running ? t("not reported") : stateWords(site.state).toLocaleLowerCase()), site.contact_phone && el("a", { class: "no-break call", href: `tel:${site.contact_phone.replace(/\s/g, "")}` }, icon("phone"), site.contact_phone));
}

/** @param {SiteEntry} site @param {SideActions} actions */
function doneLine(site, actions) {
  return el("li", { "data-state": "online" }, name(site, actions), el("b", { class: "figure" }, figure(site)), el("span", { class: "badge", "data-state": "online" }, icon("check"), t("Confirmed")));
}

/** @param {SiteEntry} site */
function figure(site) {
  const extra = site.headcount?.extra ? ` +${site.headcount.extra}` : "";
  return `${count(site.headcount?.present)}/${count(site.expected)}${extra}`;
}
