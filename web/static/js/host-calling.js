// @ts-check
/** Calling the roll one site after the other: "điểm cầu X, có mặt". Beside the list of answers. */
import { byId, el, icon, redraw } from "./dom.js";
import { t } from "./i18n.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./types.js").SiteEntry} SiteEntry */
/**
 * @typedef {object} CallingActions
 * @property {(mode: string, label: string|null) => void} callRoll starts a roll call
 * @property {(code: string|null) => void} callNext calls the next site that has not answered
 * @property {(code: string) => {name: string, phone: string}|null} contact
 */

/** @param {Snapshot} snapshot @param {CallingActions} actions */
export function drawCalling(snapshot, actions) {
  const running = snapshot.phase === "live" || snapshot.phase === "break";
  const calling = snapshot.calling ?? null;
  const called = (snapshot.sites ?? []).find((site) => site.code === calling?.called) ?? null;
  const left = (snapshot.sites ?? []).filter((site) => !site.answered).length;
  const key = JSON.stringify([running, calling, called?.answered, left]);
  redraw(byId("calling"), key, () => {
    if (!running) return [];
    return calling?.mode === "in_turn" && left > 0 ? turn(called, left, nextOf(snapshot), actions) : [inTurn(actions)];
  });
}

/** @param {CallingActions} actions */
function inTurn(actions) {
  const label = el("select", { class: "input small", "aria-label": t("Which roll call"), "data-testid": "roll-label" },
    el("option", { value: "" }, t("Without a name")), el("option", { value: "start" }, t("At the start")),
    el("option", { value: "middle" }, t("In the middle")), el("option", { value: "end" }, t("At the end")));
  const chosen = () => /** @type {HTMLSelectElement} */ (label).value || null;
  const start = el("button", { class: "button small", type: "button", "data-testid": "roll-in-turn", onclick: () => actions.callRoll("in_turn", chosen()) }, icon("list"), t("Call in turn"));
  return el("span", { class: "buttons" }, label, start);
}

/** The first after the one called last that has not answered, and round again. @param {Snapshot} snapshot */
function nextOf(snapshot) {
  const sites = snapshot.sites ?? [];
  const after = sites.findIndex((site) => site.code === snapshot.calling?.called) + 1;
  return [...sites.slice(after), ...sites.slice(0, after)].find((site) => !site.answered)?.code ?? null;
}

/** @param {SiteEntry|null} called @param {number} left @param {string|null} following @param {CallingActions} actions */
function turn(called, left, following, actions) {
  const next = el("button", { class: "button small primary", type: "button", "data-testid": "call-next", onclick: () => actions.callNext(following) }, icon("list"), t("Call the next ({n} left)", { n: left }));
  if (!called) return [next];
  const person = called.answered ? null : actions.contact(called.code);
  const words = called.answered ? t("{name} has answered", { name: called.name }) : t("Now called: {name}", { name: called.name });
  const phone = person && el("a", { href: `tel:${person.phone}` }, `${person.name} ${person.phone}`);
  const who = el("b", { "data-testid": "called", "data-code": called.code }, words);
  return phone ? [who, phone, next] : [who, next];
}
