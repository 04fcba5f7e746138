// @ts-check
/** The board of line checks: 25 lights, the worst and the missing first, each with the operator's telephone. */
import { briefingUrl, get, post } from "./api.js";
import { byId, el, icon, redraw, setText, show } from "./dom.js";
import { clock, count, day, UNKNOWN } from "./format.js";
import { t } from "./i18n.js";
import { page } from "./page-data.js";

/** @typedef {import("./types.js").SiteEntry} SiteEntry */
/** @typedef {{verdict: "good"|"fair"|"poor"|null, at: string, sound: boolean|null, picture: boolean|null, speakers: boolean|null, rtt_ms: number|null, loss: number|null, rate_bps: number|null, up_bps: number|null, route: string|null, camera: string|null, microphone: string|null, device: string|null}} Check */
/** @typedef {SiteEntry & {check?: Check|null}} Checked */

const EVERY_MS = 5000;
const ORDER = ["poor", "none", "fair", "good"];
const MARK = /** @type {Record<string, [string, string]>} */ ({ good: ["good", "check"], fair: ["fair", "alert"], poor: ["poor", "unplug"], none: ["absent", "absent"] });

/** @param {Checked} site */
const lightOf = (site) => site.check?.verdict ?? "none";

/** @returns {Record<string, string>} */
const words = () => ({ good: t("Good"), fair: t("Fair"), poor: t("Poor"), none: t("Not checked") });

async function draw() {
  try {
    const { title, snapshot } = await get(briefingUrl(page.briefing ?? ""));
    show(byId("list-trouble"), false);
    setText(byId("title"), title);
    const sites = /** @type {Checked[]} */ (snapshot.sites ?? []);
    drawTotals(sites);
    const sorted = [...sites].sort((a, b) => ORDER.indexOf(lightOf(a)) - ORDER.indexOf(lightOf(b)));
    redraw(byId("rows"), JSON.stringify(sorted.map((site) => [site.code, site.check, site.contact_phone])), () => sorted.map(row));
  } catch (error) {
    show(byId("list-trouble"), true);
    setText(byId("list-trouble-text"), error instanceof Error ? error.message : String(error));
  }
  setTimeout(() => void draw(), EVERY_MS);
}

/** @param {Checked[]} sites */
function drawTotals(sites) {
  const checked = sites.filter((site) => site.check).length;
  const rows = [[t("Sites that have checked"), `${checked}/${sites.length}`], ...["good", "fair", "poor", "none"].map((light) => [words()[light], String(sites.filter((site) => lightOf(site) === light).length)])];
  redraw(byId("totals"), JSON.stringify(rows), () => rows.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/** @param {Checked} site */
function row(site) {
  const [state, mark] = MARK[lightOf(site)];
  const light = el("td", {}, el("span", { class: "badge", "data-state": state }, icon(mark), words()[lightOf(site)]));
  const phone = el("td", {}, site.contact_name ?? "", site.contact_phone && el("a", { class: "under no-break", href: `tel:${site.contact_phone.replaceAll(" ", "")}` }, site.contact_phone));
  const cells = site.check ? measured(site.check) : [el("td", { colspan: 9, class: "muted" }, t("No check for this briefing yet"))];
  return el("tr", { "data-state": state, "data-testid": `check-${site.code}` }, light, el("th", { scope: "row" }, site.name), ...cells, phone);
}

/** @param {Check} check */
function measured(check) {
  const number = (/** @type {string} */ text) => el("td", { class: "number" }, text);
  const mbit = (/** @type {number|null} */ bps) => number(bps === null ? UNKNOWN : count(Math.round(bps / 1e5) / 10));
  const answer = (/** @type {boolean|null} */ value, /** @type {string} */ yes, /** @type {string} */ no) => el("td", {}, value === null ? UNKNOWN : value ? yes : el("b", {}, no));
  const devices = [check.microphone, check.camera, check.device, check.route === "blocked" ? t("UDP is blocked") : check.route === "turn" ? "TURN" : null].filter(Boolean).join(" · ");
  return [
    answer(check.sound, t("Heard"), t("No voice")),
    answer(check.picture, t("Yes"), t("No picture")),
    answer(check.speakers, t("Clearly"), t("Not clearly")),
    mbit(check.up_bps),
    mbit(check.rate_bps),
    number(check.rtt_ms === null ? UNKNOWN : count(check.rtt_ms)),
    number(check.loss === null ? UNKNOWN : count(Math.round(check.loss * 1000) / 10)),
    el("td", { class: "no-break", title: day(check.at) }, clock(check.at)),
    el("td", { class: "small" }, devices || UNKNOWN),
  ];
}

/** Asks every site whose page is open to measure its line. */
async function measureAll() {
  try {
    const { asked } = await post(briefingUrl(page.briefing ?? "", "/line-checks/ask"));
    setText(byId("measure-words"), t("{n} sites are measuring now; the results come in by themselves", { n: asked.length }));
    show(byId("measure-told"), true);
  } catch (error) {
    show(byId("list-trouble"), true);
    setText(byId("list-trouble-text"), error instanceof Error ? error.message : String(error));
  }
}

const measure = document.getElementById("measure-all"); // who only looks on has no such button
measure?.addEventListener("click", () => void measureAll());
if (measure) addEventListener("keydown", (event) => event.key.toLowerCase() === "k" && !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat && void measureAll());
void draw();
