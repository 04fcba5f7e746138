// @ts-check
/** The line checks of a briefing, site by site, the newest of each first: who checked, with what, and how it went. */
import { byId, el, icon, setText, show } from "./dom.js";
import { count, percent, stamp, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";

/** @param {any} data the attendance JSON */
export function drawChecks(data) {
  const rows = data.sites.flatMap((/** @type {any} */ site) => [...site.line_checks].reverse().map((/** @type {any} */ check) => row(site, check)));
  show(byId("checks-part"), rows.length > 0);
  byId("checks-rows").replaceChildren(...rows);
  const checked = data.sites.filter((/** @type {any} */ site) => site.line_checks.length).length;
  setText(byId("checks-summary"), t("{n}/{all} sites have checked", { n: checked, all: data.sites.length }));
}

/** @param {any} site @param {any} check */
function row(site, check) {
  const [state, mark, words] = /** @type {Record<string, [string, string, string]>} */ ({ good: ["good", "check", t("Good")], fair: ["fair", "alert", t("Fair")], poor: ["poor", "unplug", t("Poor")] })[check.verdict] ?? ["ended", "alert", t("Not judged")];
  const number = (/** @type {string} */ text) => el("td", { class: "number" }, text);
  const answer = (/** @type {boolean|null} */ works, /** @type {string} */ yes, /** @type {string} */ no) => el("td", {}, works === null ? UNKNOWN : works ? yes : el("b", {}, no));
  const mbit = (/** @type {number|null} */ bps) => (bps === null ? UNKNOWN : count(Math.round(bps / 1e5) / 10));
  const echo = { none: t("No echo"), some: t("A little"), strong: t("Strong") }[/** @type {"none"|"some"|"strong"} */ (check.echo)] ?? UNKNOWN;
  const route = { udp: "UDP", tcp: "TCP", turn: "TURN", blocked: t("UDP is blocked") }[/** @type {"udp"|"tcp"|"turn"|"blocked"} */ (check.route)] ?? UNKNOWN;
  const pressing = (/** @type {string} */ text, /** @type {boolean} */ bad) => el("td", {}, bad ? el("b", {}, text) : text);
  return el(
    "tr",
    { "data-testid": `line-check-${site.code}` },
    el("th", { scope: "row" }, site.name),
    el("td", { class: "no-break" }, stamp(check.at)),
    el("td", {}, el("span", { class: "badge", "data-state": state }, icon(mark), words)),
    answer(check.sound, t("Heard"), t("No voice")),
    answer(check.picture, t("Yes"), t("No picture")),
    answer(check.speakers, t("Clearly"), t("Not clearly")),
    pressing(echo, check.echo === "strong"),
    number(check.up_bps === null && check.rate_bps === null ? UNKNOWN : `${mbit(check.up_bps)} / ${mbit(check.rate_bps)}`),
    number(check.rtt_ms === null ? UNKNOWN : count(check.rtt_ms)),
    number(percent(check.loss)),
    pressing(route, check.route === "blocked"),
    el("td", { class: "said" }, check.operator ?? UNKNOWN),
    el("td", { class: "said small" }, [check.microphone, check.camera, check.device].filter(Boolean).join(" · ") || UNKNOWN),
  );
}
