// @ts-check
/** The list of briefings, for the host (control rooms) and for staff (reports), and the form that makes one. */
import { get, post } from "./api.js";
import { byId, el, icon, redraw, setText, show } from "./dom.js";
import { clock, count, day, hours, month, percent } from "./format.js";
import { t } from "./i18n.js";
import { page } from "./page-data.js";
import { kindWords, phaseBadge } from "./states.js";

/**
 * @typedef {object} Line
 * @property {string} id
 * @property {string} title
 * @property {string} kind
 * @property {string|null} document_number
 * @property {string} phase
 * @property {string} created_at
 * @property {string|null} starts_at
 * @property {string|null} started_at
 * @property {string|null} ended_at
 */
/** @typedef {{sites: number, connected: number|null, expected: number, present: number|null, rate: number|null}} Figures what a briefing came to, or stands at */

const MOST_ASKED = 12;
const staff = document.body.dataset.role === "staff";
const GROUPS = [
  { title: t("Running"), phases: ["live", "break", "open"] },
  { title: t("Coming"), phases: ["scheduled"] },
  { title: t("Over"), phases: ["ended", "cancelled"] },
];
/** @type {Line[]} */
let all = [];
/** @type {Map<string, Figures>} */
const figures = new Map();
let counted = -1; // briefings that were over when the totals were fetched

for (const id of ["find", "find-kind", "find-phase", "find-month"]) byId(id).addEventListener("input", draw);
await refresh();
setInterval(() => void refresh(), 20000);

async function refresh() {
  try {
    const answer = await get("/api/briefings");
    all = Array.isArray(answer) ? answer : (answer.briefings ?? []);
    show(byId("list-trouble"), false);
  } catch (error) {
    setText(byId("list-trouble-text"), error instanceof Error ? error.message : String(error));
    show(byId("list-trouble"), true);
  }
  draw();
  await Promise.all([fetchTotals(), fetchRunning()]).catch(() => {}); // the list stands without them
  draw();
}

/** Of those that are over: once, and again when one more is. */
async function fetchTotals() {
  const over = all.filter((line) => line.ended_at).length;
  if (over === counted) return;
  const totals = /** @type {Record<string, any>} */ (await get("/api/reports/totals"));
  for (const line of all) {
    const own = totals[line.id];
    if (own && line.ended_at) figures.set(line.id, { sites: own.sites_expected, connected: own.sites_connected, expected: own.expected, present: own.present, rate: own.rate });
  }
  counted = over;
}

/** Of those that are not: as they stand now. */
async function fetchRunning() {
  const lines = all.filter((line) => !line.ended_at && line.phase !== "cancelled").slice(0, MOST_ASKED);
  await Promise.all(
    lines.map(async (line) => {
      const { totals } = (await get(`/api/briefings/${encodeURIComponent(line.id)}`)).snapshot;
      figures.set(line.id, { sites: totals.sites, connected: totals.connected, expected: totals.expected, present: totals.present, rate: totals.rate });
    }),
  );
}

function draw() {
  drawMonths();
  const found = all.filter(isWanted);
  const rows = GROUPS.flatMap(({ title, phases }) => {
    const lines = found.filter((line) => phases.includes(line.phase));
    if (!lines.length) return [];
    return [el("tr", { class: "group" }, el("th", { colspan: 7, scope: "rowgroup" }, title)), ...lines.map(row)];
  });
  byId("briefings").replaceChildren(...rows);
  const n = (/** @type {string[]} */ phases) => all.filter((line) => phases.includes(line.phase)).length;
  setText(byId("list-summary"), t("{running} running, {coming} coming, {over} over", { running: n(["live", "break", "open"]), coming: n(["scheduled"]), over: n(["ended", "cancelled"]) }));
  const first = document.getElementById("first-run"); // the host's list alone has it
  const guided = Boolean(first) && all.length === 0 && byId("list-trouble").hidden;
  if (first) show(first, guided);
  show(byId("list-empty"), rows.length === 0 && !guided);
  setText(byId("list-empty-text"), all.length ? t("No briefing matches the search") : staff ? t("There is no briefing yet") : t("There is no briefing yet. Make the first one."));
  document.body.dataset.ready = "true";
}

/** @param {string} id @returns {string} */
function chosen(id) {
  return /** @type {HTMLInputElement} */ (byId(id)).value;
}

/** @param {Line} line */
function isWanted(line) {
  const [kind, phase, month] = [chosen("find-kind"), chosen("find-phase"), chosen("find-month")];
  const fits = (!kind || line.kind === kind) && (!phase || (line.phase === "break" ? "live" : line.phase) === phase) && (!month || monthOf(line) === month);
  return fits && plain(`${line.title} ${line.document_number ?? ""}`).includes(plain(chosen("find")));
}

/** @param {Line} line @returns {string} 2026-04: of its start, planned or made known */
function monthOf(line) {
  return month(line.started_at ?? line.starts_at ?? line.created_at);
}

/** The months that have a briefing, the newest first; what was chosen stays chosen. */
function drawMonths() {
  const months = [...new Set(all.map(monthOf))].sort().reverse();
  redraw(byId("find-month"), months.join(), () => [el("option", { value: "" }, t("All months")), ...months.map((one) => el("option", { value: one, selected: one === chosen("find-month") }, t("Month {month}", { month: one.split("-").reverse().join("/") })))]);
}

/** @param {string} text without accents, lower case */
function plain(text) {
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").replace(/đ/gi, "d").toLowerCase().trim();
}

/** @param {Line} line */
function row(line) {
  const badge = phaseBadge(line.phase);
  const over = line.phase === "ended" || line.phase === "cancelled";
  const href = staff || over ? `/staff/briefings/${line.id}` : `/host/briefings/${line.id}`;
  return el(
    "tr",
    { "data-state": badge.state, "data-testid": `briefing-${line.id}` },
    el("td", {}, el("span", { class: "badge", "data-state": badge.state }, icon(badge.icon), untilStart(line) ?? badge.words)),
    el("td", {}, el("a", { class: "strong", href }, line.title), line.document_number && el("small", { class: "muted under" }, line.document_number)),
    el("td", {}, kindWords(line.kind)),
    el("td", {}, when(line), el("small", { class: "muted under" }, length(line))),
    sitesCell(line),
    presentCell(line),
    el("td", { class: "number" }, next(line, href)),
  );
}

/** "In 4:18" for a planned one. @param {Line} line @returns {string|null} */
function untilStart(line) {
  const ms = line.phase === "scheduled" && line.starts_at ? Date.parse(line.starts_at) - Date.now() : 0;
  if (ms <= 0) return null;
  return ms < 86_400_000 ? t("In {time} (hours:minutes)", { time: hours(ms / 1000) }) : t("In {n} days", { n: Math.ceil(ms / 86_400_000) });
}

/** @param {Line} line */
function sitesCell(line) {
  const own = figures.get(line.id);
  return el("td", { class: "number no-break" }, ...(own ? [el("b", {}, count(own.connected)), `/${own.sites}`] : []));
}

/** @param {Line} line */
function presentCell(line) {
  const own = figures.get(line.id);
  if (!own) return el("td", {});
  if (own.present === null) return el("td", { class: "muted" }, t("{n} summoned", { n: count(own.expected) }));
  const low = own.rate !== null && own.rate < (page.threshold ?? 0);
  const meter = el("span", { class: "meter", "data-low": low ? "true" : null }, el("i", {}));
  meter.style.setProperty("--share", `${Math.round(100 * Math.min(1, own.rate ?? 0))}%`);
  return el("td", { class: "rate" }, el("b", {}, el("span", {}, `${count(own.present)}/${count(own.expected)}`), el("span", {}, `${low ? "▼ " : ""}${percent(own.rate)}`)), meter);
}

/** @param {Line} line */
function when(line) {
  const time = line.started_at ?? line.starts_at;
  return time ? `${day(time)}, ${clock(time)}` : t("No planned time");
}

/** @param {Line} line */
function length(line) {
  if (!line.started_at) return line.starts_at ? t("planned") : "";
  const seconds = ((line.ended_at ? Date.parse(line.ended_at) : Date.now()) - Date.parse(line.started_at)) / 1000;
  return t("{time} (hours:minutes)", { time: hours(seconds) });
}

/** @param {Line} line @param {string} href */
function next(line, href) {
  const over = line.phase === "ended" || line.phase === "cancelled";
  const running = ["open", "live", "break"].includes(line.phase);
  if (staff && running) return el("a", { class: "button small primary", href: `/host/briefings/${line.id}`, "data-testid": `follow-${line.id}` }, icon("people"), t("Follow along"));
  if (staff || over) return el("a", { class: "button small", href }, icon("chart"), t("Report"));
  return el("a", { class: `button small${line.phase === "scheduled" ? "" : " primary"}`, href }, icon("play"), t("Control room"));
}

if (!staff) {
  const { wireCreate } = await import("./create.js");
  wireCreate(post);
}
