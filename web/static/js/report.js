// @ts-check
/** One briefing's attendance: totals, one row a site. Unknown is said, never shown as zero. */
import { briefingUrl, get } from "./api.js";
import { byId, el, icon, setAttribute, setText, show } from "./dom.js";
import { clock, count, day, hours, percent, percentUnder, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";
import { page } from "./page-data.js";
import { wireCorrect } from "./report-correct.js";
import { drawChecks } from "./report-checks.js";
import { drawLater } from "./report-later.js";
import { kindWords, phaseBadge } from "./states.js";
import { stripOf } from "./timeline.js";

const briefing = page.briefing ?? "";

/** @param {string} status @returns {[string, string, string]} state, icon, words */
function statusBadge(status) {
  return (
    /** @type {Record<string, [string, string, string]>} */ ({
      on_time: ["online", "check", t("On time")],
      late: ["weak", "clock", t("Late")],
      interrupted: ["weak", "alert", t("Interrupted")],
      left_early: ["weak", "alert", t("Left early")],
      sound_only: ["weak", "speaker", t("Sound only")],
      signal_only: ["lost", "alert", t("Signal only")],
      not_connected: ["lost", "unplug", t("Not connected")],
      confirmed_by_phone: ["waiting", "phone", t("Confirmed by phone")],
    })[status] ?? ["ended", "alert", status]
  );
}

const correct = wireCorrect(briefing, refresh);
await refresh();
setInterval(() => {
  if (document.body.dataset.provisional === "true" && !document.hidden) void refresh();
}, 10000);

async function refresh() {
  try {
    const [attendance, timeline] = await Promise.all([get(briefingUrl(briefing, "/attendance")), get(briefingUrl(briefing, "/timeline"))]);
    draw(attendance, timeline);
    show(byId("list-trouble"), false);
  } catch (error) {
    setText(byId("list-trouble-text"), error instanceof Error ? error.message : String(error));
    show(byId("list-trouble"), true);
  }
  document.body.dataset.ready = "true";
}

/** @param {any} data the attendance JSON @param {import("./timeline.js").Timeline} timeline */
function draw(data, timeline) {
  const { briefing: about, totals, sites, window } = data;
  document.body.dataset.provisional = String(Boolean(data.provisional));
  setText(byId("title"), about.title);
  const time = window.started_at ? `${day(window.started_at)}, ${clock(window.started_at)}${window.ended_at ? ` – ${clock(window.ended_at)}` : ""}` : "";
  setText(byId("subtitle"), [about.document_number, kindWords(about.kind), time].filter(Boolean).join(" · "));
  const badge = phaseBadge(about.phase);
  setAttribute(byId("phase"), "data-state", badge.state);
  byId("phase").replaceChildren(icon(badge.icon), badge.words);
  show(byId("provisional"), Boolean(data.provisional));
  byId("totals").replaceChildren(...totalCells(totals, window).map(([name, value, rest]) => el("div", {}, el("dt", {}, name), el("dd", {}, value, rest ? el("small", {}, rest) : null))));
  byId("rows").replaceChildren(...sites.map((/** @type {any} */ site) => row(site, timeline)));
  drawLater(data);
  drawChecks(data);
  correct.use(data);
  byId("sum-row").replaceChildren(...sumRow(totals, sites));
  setText(byId("seal"), t("Event {seq}, hash {hash}", { seq: data.head_seq ?? UNKNOWN, hash: data.head_hash ?? UNKNOWN }));
}

/** @param {any} totals @param {any} window @returns {[string, string, string][]} */
function totalCells(totals, window) {
  const complete = totals.sites_reported === totals.sites_expected;
  return [
    [t("Sites connected"), count(totals.sites_connected), `/${count(totals.sites_expected)}`],
    [t("Sites reported"), count(totals.sites_reported), `/${count(totals.sites_expected)}`],
    [t("Summoned"), count(totals.expected), ""],
    [t("Present"), count(totals.present), [totals.extra ? ` +${totals.extra}` : "", totals.made_up === null ? "" : ` ${t("+{n} made up", { n: count(totals.made_up) })}`].join("")],
    [complete ? t("Participation rate") : t("Participation rate (so far)"), percent(totals.rate), ""],
    [t("Length without breaks"), hours(window.seconds), ""],
  ];
}

/** @param {any} site @param {import("./timeline.js").Timeline} timeline */
function row(site, timeline) {
  const statuses = /** @type {string[]} */ (site.status ?? []);
  const worst = statuses.map((status) => statusBadge(status)[0]);
  const state = worst.includes("lost") ? "lost" : worst.includes("weak") ? "weak" : "online";
  const rate = site.present !== null && site.present !== undefined && site.expected ? site.present / site.expected : null;
  const number = (/** @type {string} */ text) => el("td", { class: "number" }, text);
  return el(
    "tr",
    { "data-state": state, "data-testid": `attendance-${site.code}` },
    el("th", { scope: "row" }, el("a", { href: `/staff/briefings/${briefing}/sites/${site.code}/print`, title: t("Sheet of this site, to print") }, site.name)),
    number(count(site.expected)),
    site.present === null || site.present === undefined ? el("td", { class: "number muted" }, t("no figure yet")) : el("td", { class: "number strong" }, count(site.present), site.made_up === null ? null : el("small", { class: "under muted" }, t("+{n} made up", { n: count(site.made_up) }))),
    number(count(site.members)),
    number(count(site.excused)),
    number(count(site.unexcused)),
    rate !== null && page.threshold && rate < page.threshold ? el("td", { class: "number strong", title: t("under {rate}", { rate: percent(page.threshold) }) }, `${percentUnder(rate, page.threshold)} ▼`) : number(percent(rate)),
    el("td", {}, stripOf(timeline, site.code)),
    number(site.first_joined ? clock(site.first_joined) : UNKNOWN),
    number(site.last_left ? clock(site.last_left) : UNKNOWN),
    number(count(site.interruptions)),
    el("td", { class: "number" }, hours(site.attended_seconds), el("small", { class: "under muted" }, percent(site.attended_share))),
    el("td", { class: "statuses" }, ...statuses.map((status) => el("span", { class: "badge", "data-state": statusBadge(status)[0] }, icon(statusBadge(status)[1]), statusBadge(status)[2])), signature(site)),
    el("td", { class: "number row-actions" }, el("button", { class: "button small", type: "button", "data-testid": `correct-${site.code}`, "aria-label": t("Correct or note: {name}", { name: site.name }), onclick: () => correct.open(site.code) }, icon("list"), t("Correct")), el("a", { class: "button small", href: briefingUrl(briefing, `/sites/${site.code}/log.csv`), download: true, "data-testid": `download-log-${site.code}`, "aria-label": t("Download the log of {name}", { name: site.name }) }, icon("download"), t("Log"))),
  );
}

/** @param {any} site what the site's operator answered after the end */
function signature(site) {
  if (!site.signed) return null;
  const right = site.signed.answer === "right";
  const words = right ? t("Signed") : t("Something is wrong");
  return el("span", { class: "badge outline", "data-state": right && !site.signed.changed_since ? "online" : "weak", "data-testid": `signed-${site.code}`, title: site.signed.remark ?? "" }, icon(right ? "check" : "alert"), site.signed.changed_since ? t("{words}, changed since", { words }) : words);
}

/** @param {any} totals @param {any[]} sites */
function sumRow(totals, sites) {
  const known = (/** @type {string} */ key) => {
    const values = sites.map((site) => site[key]).filter((value) => value !== null && value !== undefined);
    return values.length ? count(values.reduce((sum, value) => sum + value, 0)) : UNKNOWN;
  };
  const cells = [count(totals.expected), count(totals.present), known("members"), known("excused"), known("unexcused"), percent(totals.rate), "", "", "", known("interruptions"), ""];
  return [el("th", { scope: "row" }, t("All {n} sites", { n: sites.length })), ...cells.map((text) => el("td", { class: "number" }, text)), el("td"), el("td")];
}
