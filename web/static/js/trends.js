// @ts-check
/**
 * The rates over many briefings, as the server reckons them: by site and month, by kind, under the threshold.
 *
 * Rule 1: the address holds the question, so that a page can be kept and sent; nothing is reckoned here but means to draw.
 * Rule 2: imported figures stand in columns of their own, marked; a cell carries its number, colour only helps.
 */
import { get } from "./api.js";
import { byId, el, icon, setText, show } from "./dom.js";
import { count, percent, percentUnder, short, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";
import { page } from "./page-data.js";
import { prepare } from "./progress.js";
import { kindWords } from "./states.js";
import { course, spark } from "./trend-lines.js";

const PATH = "/api/reports/participation";
const FILES = ["xlsx", "docx", "csv"];
const MOST_CHANGES = 8;
/** @type {["kind", "from", "to", "threshold"]} */
const FIELDS = ["kind", "from", "to", "threshold"];

/** @param {string} name @returns {HTMLInputElement} */
const field = (name) => /** @type {HTMLInputElement} */ (byId(`trends-${name}`));

const asked = new URLSearchParams(location.search);
for (const name of FIELDS) field(name).value = asked.get(name) ?? (name === "threshold" ? String(Math.round((page.threshold ?? 0.9) * 100)) : "");
byId("trends-form").addEventListener("submit", (event) => {
  event.preventDefault();
  history.replaceState(null, "", `?${new URLSearchParams(FIELDS.map((name) => [name, field(name).value.trim()]).filter(([, value]) => value))}`);
  void refresh();
});
for (const kind of FILES) byId(`trends-${kind}`).addEventListener("click", (event) => void download(event));
await refresh();

/** Reads first, showing how far it is, then lets the file come. @param {Event} event */
async function download(event) {
  const link = /** @type {HTMLAnchorElement} */ (event.currentTarget);
  event.preventDefault();
  try {
    await prepare(`${PATH}/progress${query()}`);
    el("a", { href: link.href, download: true }).click();
    show(byId("list-trouble"), false);
  } catch (error) {
    trouble(error);
  }
}

/** @param {unknown} error */
function trouble(error) {
  setText(byId("list-trouble-text"), error instanceof Error ? error.message : String(error));
  show(byId("list-trouble"), true);
}

/** The question as the API takes it: months become their first and last days. */
function query() {
  const found = new URLSearchParams();
  const [kind, from, to, threshold] = FIELDS.map((name) => field(name).value.trim());
  if (kind) found.set("kind", kind);
  if (from) found.set("from", from.length === 7 ? `${from}-01` : from);
  if (to) found.set("to", to.length === 7 ? lastDay(to) : to);
  if (threshold) found.set("threshold", threshold);
  return found.toString() ? `?${found}` : "";
}

/** @param {string} month 2026-02 @returns {string} 2026-02-28 */
function lastDay(month) {
  const [year, number] = month.split("-").map(Number);
  return `${month}-${String(new Date(Date.UTC(year, number, 0)).getUTCDate()).padStart(2, "0")}`;
}

async function refresh() {
  for (const kind of FILES) byId(`trends-${kind}`).setAttribute("href", `${PATH}.${kind}${query()}`);
  try {
    await prepare(`${PATH}/progress${query()}`);
    draw(await get(`${PATH}${query()}`));
    show(byId("list-trouble"), false);
  } catch (error) {
    trouble(error);
  }
  document.body.dataset.ready = "true";
}

/** @param {any} data the participation JSON */
function draw(data) {
  const { briefings } = data;
  show(byId("trends-parts"), briefings.length > 0);
  show(byId("trends-empty"), briefings.length === 0);
  const threshold = whole(data.threshold);
  setText(byId("trends-subtitle"), briefings.length ? t("{n} briefings, {from} to {to} · {sites} sites · threshold {threshold}", { n: briefings.length, from: short(briefings[0].day), to: short(briefings[briefings.length - 1].day), sites: data.sites.length, threshold }) : "");
  drawWhole(data);
  setText(byId("trends-mark"), t("▼ under {rate}", { rate: threshold }));
  drawHeat(data);
  drawUnder(data);
  drawKinds(data);
  drawCauses(data);
  drawChanges(data);
}

/** @param {string} code @returns {string} */
function causeWords(code) {
  const words = { not_connected: t("Not connected"), interrupted: t("Interrupted (power or network)"), late: t("Late"), left_early: t("Left early"), signal_only: t("Signal only"), sound_only: t("Sound only"), unreported: t("No headcount reported"), unexcused: t("People absent without excuse") };
  return /** @type {Record<string, string>} */ (words)[code] ?? code;
}

/** @param {any} data */
function drawCauses(data) {
  show(byId("cause-part"), data.causes.length > 0);
  setText(byId("cause-low"), t("Under {rate}", { rate: whole(data.threshold) }));
  const row = (/** @type {any} */ cause) => el("tr", {}, el("th", { scope: "row" }, causeWords(cause.code)), el("td", { class: "number strong" }, count(cause.times)), el("td", { class: "number" }, count(cause.below)));
  byId("cause-rows").replaceChildren(...data.causes.map(row));
}

/** @param {any} data */
function drawWhole(data) {
  const rates = data.briefings.map((/** @type {any} */ one) => one.totals.rate);
  const known = rates.filter((/** @type {number|null} */ rate) => rate !== null);
  setText(byId("trends-whole"), known.length ? t("lowest {low} · latest {last}", { low: against(Math.min(...known), data.threshold), last: against(known[known.length - 1], data.threshold) }) : "");
  const points = data.briefings.map((/** @type {any} */ one) => ({ rate: one.totals.rate, label: short(one.day).slice(0, 5), imported: one.imported, title: one.title }));
  byId("trends-course").replaceChildren(course(points, data.threshold, t("Rate of all sites at each briefing")));
}

/** @param {any} data */
function drawHeat(data) {
  const months = data.months;
  const heading = (/** @type {any} */ month) => el("th", { scope: "col", class: month.imported ? "imported" : null }, monthWords(month.name), month.imported ? "*" : "");
  byId("heat-head").replaceChildren(el("th", {}, t("Site")), ...months.map(heading), el("th", { class: "mean" }, t("Mean")));
  const sites = [...data.sites].sort((a, b) => (meanOf(a) ?? 2) - (meanOf(b) ?? 2));
  byId("heat-rows").replaceChildren(...sites.map((site) => heatRow(site, months, data.threshold)));
  byId("heat-sum").replaceChildren(el("th", { scope: "row" }, t("All sites together")), ...months.map((/** @type {any} */ month) => el("td", {}, cell(month.rate))), el("td", { class: "mean" }, ""));
}

/** @param {any} site its rate over what was recorded here; where there is nothing else, over what was imported @returns {number|null} */
function meanOf(site) {
  return site.rate ?? site.imported?.rate ?? null;
}

/** @param {any} site @param {any[]} months @param {number} threshold */
function heatRow(site, months, threshold) {
  const cells = months.map((month) => {
    const found = site.months.find((/** @type {any} */ one) => one.month === month.name && one.imported === month.imported);
    const rate = found?.rate ?? null;
    if (rate === null) return el("td", { class: "none", title: found?.summoned ? t("no figure yet") : t("not summoned") }, UNKNOWN);
    const title = t("{name}, {month}: {present} of {expected}", { name: site.name, month: monthWords(month.name), present: found.present, expected: found.expected });
    return el("td", { class: `r${shade(rate, threshold)}${month.imported ? " imported" : ""}`, title }, cell(rate), rate < threshold ? el("span", { class: "down" }, "▼") : null);
  });
  const mean = meanOf(site);
  return el("tr", { "data-testid": `heat-${site.code}` }, el("th", { scope: "row" }, site.name), ...cells, el("td", { class: "mean" }, mean === null ? UNKNOWN : against(mean, threshold).replace(" %", ""), site.rate === null && mean !== null ? "*" : ""));
}

/** @param {number} rate @param {number} threshold @returns {string} 89,96 % where 90,0 % would hide that it is under 90 % */
function against(rate, threshold) {
  return rate < threshold ? percentUnder(rate, threshold) : percent(rate);
}

/** @param {number|null} rate @returns {string} whole percent, cut and not rounded: 89,6 is not yet 90 */
function cell(rate) {
  return rate === null ? UNKNOWN : String(Math.floor(rate * 100 + 1e-9));
}

/** @param {number} threshold 0..1, whole percent @returns {string} 90 % */
function whole(threshold) {
  return `${Math.round(threshold * 100)} %`;
}

/** @param {number} rate @param {number} threshold @returns {number} 1 (far under) to 5 */
function shade(rate, threshold) {
  if (rate < threshold) return rate < threshold - 0.05 ? 1 : 2;
  const above = (rate - threshold) / Math.max(1 - threshold, 0.01);
  return above < 0.3 ? 3 : above < 0.7 ? 4 : 5;
}

/** @param {any} data */
function drawUnder(data) {
  const sites = data.under.map((/** @type {string} */ code) => data.sites.find((/** @type {any} */ site) => site.code === code));
  setText(byId("under-title"), t("Under {rate} on the whole", { rate: whole(data.threshold) }));
  byId("under-badge").replaceChildren(icon(sites.length ? "alert" : "check"), t("{n} sites", { n: sites.length }));
  byId("under-badge").dataset.state = sites.length ? "weak" : "online";
  const imported = data.briefings.map((/** @type {any} */ one) => one.imported);
  const row = (/** @type {any} */ site) => el("tr", {}, el("th", { scope: "row" }, site.name), el("td", {}, spark(site.course, data.threshold, imported)), el("td", { class: "number" }, `${site.below}/${site.reported}`), el("td", { class: "number strong" }, percentUnder(site.rate, data.threshold)));
  byId("under-rows").replaceChildren(...sites.map(row));
}

/** @param {any} data */
function drawKinds(data) {
  const row = (/** @type {any} */ kind) => el("tr", {}, el("th", { scope: "row" }, kindWords(kind.name), kind.imported ? ` * (${t("imported figures")})` : ""), el("td", { class: "number" }, count(kind.briefings)), el("td", { class: "number" }, `${count(kind.present)}/${count(kind.expected)}`, kind.made_up === null ? null : el("small", { class: "under muted" }, t("+{n} made up", { n: count(kind.made_up) }))), el("td", { class: "number strong" }, percent(kind.rate)));
  byId("kind-rows").replaceChildren(...data.kinds.map(row));
}

/** @param {any} data */
function drawChanges(data) {
  const known = data.sites.filter((/** @type {any} */ site) => site.change !== null).sort((/** @type {any} */ a, /** @type {any} */ b) => Math.abs(b.change) - Math.abs(a.change));
  show(byId("change-part"), known.length > 0);
  const row = (/** @type {any} */ site) => el("tr", {}, el("th", { scope: "row" }, site.name), ...site.ends.map((/** @type {number} */ rate) => el("td", { class: "number" }, percent(rate).replace(" %", ""))), el("td", { class: "number strong" }, `${site.change >= 0 ? "+" : "−"}${percent(Math.abs(site.change)).replace(" %", "")}`));
  byId("change-rows").replaceChildren(...known.slice(0, MOST_CHANGES).map(row));
}

/** @param {string} month 2026-04 @returns {string} 4/26 */
function monthWords(month) {
  const [year, number] = month.split("-");
  return `${Number(number)}/${year.slice(2)}`;
}
