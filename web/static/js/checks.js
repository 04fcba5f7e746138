// @ts-check
/** The board of line checks: 25 lights, the worst and the missing first, each with the operator's telephone. */
import { briefingUrl, get, post } from "./api.js";
import { byId, el, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { clock, count, day, UNKNOWN } from "./format.js";
import { drawReady } from "./host-ready.js";
import { t } from "./i18n.js";
import { page } from "./page-data.js";

/** @typedef {import("./types.js").SiteEntry} SiteEntry */
/** @typedef {{verdict: "good"|"fair"|"poor"|null, at: string, sound: boolean|null, picture: boolean|null, speakers: boolean|null, rtt_ms: number|null, loss: number|null, rate_bps: number|null, up_bps: number|null, route: string|null, camera: string|null, microphone: string|null, device: string|null}} Check */
/** @typedef {SiteEntry & {check?: Check|null}} Checked */

const EVERY_MS = 5000;
/** @type {Checked[]} as they stand on the board */
let board = [];
let chosen = "";
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
    drawLights(sites);
    drawReady(snapshot);
    board = [...sites].sort((a, b) => ORDER.indexOf(lightOf(a)) - ORDER.indexOf(lightOf(b)));
    chosen ||= board[0]?.code ?? "";
    drawBoard();
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

/** @param {Checked[]} sites */
function drawLights(sites) {
  const rows = ["good", "fair", "poor", "none"].map((light) => ({ light, n: sites.filter((site) => lightOf(site) === light).length }));
  redraw(byId("lights"), JSON.stringify(rows), () => rows.map(({ light, n }) => el("li", { "data-state": MARK[light][0] }, icon(MARK[light][1]), words()[light], el("b", {}, String(n)))));
}

function drawBoard() {
  redraw(byId("rows"), JSON.stringify([chosen, board.map((site) => [site.code, site.check, site.contact_phone, site.connection])]), () => board.map(row));
  const site = board.find((one) => one.code === chosen);
  show(byId("one"), Boolean(site));
  if (!site) return;
  const [state, mark] = MARK[lightOf(site)];
  setText(byId("one-name"), site.name);
  setAttribute(byId("one-light"), "data-state", state);
  redraw(byId("one-light"), state, () => [icon(mark), words()[lightOf(site)]]);
  setAttribute(byId("one-meaning"), "data-state", state);
  redraw(byId("one-meaning"), state, () => [icon(mark), el("span", {}, meaning()[lightOf(site)])]);
  setText(byId("one-devices"), site.check ? devicesOf(site.check) : "");
  redraw(byId("one-phone"), `${site.contact_name}${site.contact_phone}`, () => (site.contact_phone ? [icon("phone"), " ", el("a", { class: "strong", href: `tel:${site.contact_phone.replace(/\s/g, "")}` }, site.contact_phone), ` · ${site.contact_name ?? ""}`] : [t("No phone number on file")]));
}

/** @returns {Record<string, string>} what each light will mean for the site */
const meaning = () => ({
  good: t("Enough for sound, documents and full picture both ways."),
  fair: t("Enough for sound, documents and a small picture."),
  poor: t("Not enough for a picture: this site gets the pages of the documents and sound. Have a telephone ready."),
  none: t("The site has not opened its link for this briefing yet: call the operator."),
});

/** @param {string} code */
function choose(code) {
  chosen = code;
  drawBoard();
}

/** @param {number} step */
function go(step) {
  const at = board.findIndex((site) => site.code === chosen);
  const next = board[Math.min(board.length - 1, Math.max(0, at + step))];
  if (next) choose(next.code);
  document.querySelector("tr[aria-current]")?.scrollIntoView({ block: "nearest" });
}

/** @param {Checked} site */
function row(site) {
  const [state, mark] = MARK[lightOf(site)];
  const light = el("td", {}, el("span", { class: "badge", "data-state": state }, icon(mark), words()[lightOf(site)]));
  const phone = el("td", {}, site.contact_name ?? "", site.contact_phone && el("a", { class: "under no-break", href: `tel:${site.contact_phone.replaceAll(" ", "")}` }, site.contact_phone));
  const cells = site.check ? measured(site.check) : [el("td", { colspan: 8, class: "muted" }, t("No check for this briefing yet"))];
  const again = measure && el("td", { class: "number" }, el("button", { class: "button small", type: "button", disabled: !site.connection, "data-testid": `measure-${site.code}`, "aria-label": t("Measure {name} again", { name: site.name }), onclick: () => void ask(site.code) }, t("Measure")));
  const name = el("button", { class: "link-like", type: "button", onclick: () => choose(site.code) }, site.name);
  return el("tr", { "data-state": state, "aria-current": site.code === chosen ? "true" : null, "data-testid": `check-${site.code}` }, light, el("th", { scope: "row" }, name), ...cells, phone, again);
}

/** @param {Check} check */
function measured(check) {
  const number = (/** @type {string} */ text) => el("td", { class: "number" }, text);
  const mbit = (/** @type {number|null} */ bps) => number(bps === null ? UNKNOWN : count(Math.round(bps / 1e5) / 10));
  const answer = (/** @type {boolean|null} */ value, /** @type {string} */ yes, /** @type {string} */ no) => el("td", {}, value === null ? UNKNOWN : value ? yes : el("b", {}, no));
  return [
    answer(check.sound, t("Heard"), t("No voice")),
    answer(check.picture, t("Yes"), t("No picture")),
    answer(check.speakers, t("Clearly"), t("Not clearly")),
    mbit(check.up_bps),
    mbit(check.rate_bps),
    number(check.rtt_ms === null ? UNKNOWN : count(check.rtt_ms)),
    number(check.loss === null ? UNKNOWN : count(Math.round(check.loss * 1000) / 10)),
    el("td", { class: "no-break", title: day(check.at) }, clock(check.at)),
  ];
}

/** @param {Check} check */
function devicesOf(check) {
  return [check.microphone, check.camera, check.device, check.route === "blocked" ? t("UDP is blocked") : check.route === "turn" ? "TURN" : null].filter(Boolean).join(" · ");
}

/** Asks every site whose page is open to measure its line, or one. @param {string} [site] */
async function ask(site) {
  try {
    const { asked } = await post(briefingUrl(page.briefing ?? "", "/line-checks/ask"), site ? { site } : {});
    setText(byId("measure-words"), t("{n} sites are measuring now; the results come in by themselves", { n: asked.length }));
    show(byId("measure-told"), true);
  } catch (error) {
    show(byId("list-trouble"), true);
    setText(byId("list-trouble-text"), error instanceof Error ? error.message : String(error));
  }
}

const measure = document.getElementById("measure-all"); // who only looks on has no such button
measure?.addEventListener("click", () => void ask());
addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    go(step);
  } else if (measure && event.key.toLowerCase() === "k" && !event.repeat) void ask(event.shiftKey ? undefined : chosen);
});
void draw();
