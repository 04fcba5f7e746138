// @ts-check
/** What people wrote down: corrections, notes, make-up attendance, sign-offs, in one list, the newest first. */
import { byId, el, icon, setText, show } from "./dom.js";
import { count, stamp, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";
import { nameOf } from "./page-data.js";

/** @typedef {{at: string, site: string, state: string, mark: string, what: string, text: string, reason: string|null, actor: string}} Entry */

/** @param {any} data the attendance JSON */
export function drawLater(data) {
  const entries = [...data.notes.map((/** @type {any} */ row) => note(row, "")), ...data.sites.flatMap(ofSite)];
  entries.sort((a, b) => b.at.localeCompare(a.at));
  byId("later-rows").replaceChildren(...entries.map(row));
  show(byId("later-empty"), entries.length === 0);
  const signed = data.sites.filter((/** @type {any} */ site) => site.signed);
  const wrong = signed.filter((/** @type {any} */ site) => site.signed.answer === "wrong").length;
  setText(byId("signed-summary"), t("{n}/{all} sites have signed, {wrong} say that something is wrong", { n: signed.length, all: data.sites.length, wrong }));
  drawCalls(data);
}

/** @param {any} data each roll call in its own column, where there was more than one */
function drawCalls(data) {
  const calls = data.roll_call_rows;
  show(byId("calls-part"), calls.length > 1);
  if (calls.length < 2) return;
  const label = (/** @type {string|null} */ name) => ({ start: t("at the start"), middle: t("in the middle"), end: t("at the end") })[name ?? ""] ?? "";
  byId("calls-head").replaceChildren(el("th", {}, t("Site")), el("th", { class: "number" }, t("Summoned")), ...calls.map((/** @type {any} */ call) => el("th", { class: "number" }, `${t("Roll call {n}", { n: call.number })} ${label(call.label)}`, el("small", { class: "under" }, stamp(call.at)))));
  byId("calls-rows").replaceChildren(
    ...data.sites.map((/** @type {any} */ site) => {
      const told = new Map(site.roll_call_counts.map((/** @type {any} */ one) => [one.roll_call, one]));
      const cells = calls.map((/** @type {any} */ call) => el("td", { class: "number" }, told.has(call.number) ? count(told.get(call.number).present) : UNKNOWN));
      return el("tr", {}, el("th", { scope: "row" }, site.name), el("td", { class: "number" }, count(site.expected)), ...cells);
    }),
  );
}

/** @param {any} site @returns {Entry[]} */
function ofSite(site) {
  const counts = site.headcounts.filter((/** @type {any} */ one) => one.reason).map((/** @type {any} */ one) => make(one, site.name, "weak", "people", t("Headcount corrected"), figures(one), one.reason));
  const expected = site.expected_changes.map((/** @type {any} */ one) => make(one, site.name, "weak", "people", t("Number summoned changed"), count(one.expected), one.reason));
  const made = site.made_up_rows.map((/** @type {any} */ one) => make(one, site.name, "waiting", "play", one.corrected ? t("Made up later (corrected since)") : t("Made up later"), t("{n} made up on {day}", { n: one.persons, day: one.on }), one.reason));
  const phone = site.phone ? [make(site.phone, site.name, "waiting", "phone", t("Confirmed by phone"), site.phone.name, site.phone.reason)] : [];
  const signed = site.signed_rows.map((/** @type {any} */ one) => make(one, site.name, one.answer === "right" ? "online" : "lost", one.answer === "right" ? "check" : "alert", one.answer === "right" ? t("Signed: right") : t("Signed: something is wrong"), one.remark ?? "", null));
  return [...counts, ...expected, ...made, ...phone, ...signed, ...site.notes.map((/** @type {any} */ one) => note(one, site.name))];
}

/** @param {any} one */
function figures(one) {
  const parts = [[t("present"), one.present], [t("members"), one.members], [t("excused"), one.excused], [t("unexcused"), one.unexcused], [t("beyond"), one.extra]];
  return parts.filter(([, value]) => value !== null && value !== undefined).map(([name, value]) => `${value} ${name}`).join(", ");
}

/** @param {any} one @param {string} site @returns {Entry} */
function note(one, site) {
  return make(one, site, "ended", "doc", t("Note"), one.text, one.reason);
}

/** @param {any} one @param {string} site @param {string} state @param {string} mark @param {string} what @param {string} text @param {string|null} reason @returns {Entry} */
function make(one, site, state, mark, what, text, reason) {
  return { at: one.at, site, state, mark, what, text, reason, actor: one.actor };
}

/** @param {Entry} entry */
function row(entry) {
  const who = entry.actor.startsWith("site:") ? t("Operator of {name}", { name: nameOf(entry.actor.slice(5)) }) : entry.actor;
  return el("tr", {}, el("td", { class: "no-break" }, stamp(entry.at)), el("th", { scope: "row" }, entry.site || t("The whole briefing")), el("td", {}, el("span", { class: "badge", "data-state": entry.state }, icon(entry.mark), entry.what)), el("td", { class: "said" }, entry.text), el("td", { class: "said" }, entry.reason ?? ""), el("td", {}, who));
}
