// @ts-check
/** Before the start: what is there and what is missing, from the snapshot alone; for the control room and the board. */
import { byId, el, icon, redraw, setText } from "./dom.js";
import { count } from "./format.js";
import { t } from "./i18n.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{name: string, good: boolean, words: string}} Point */

const NAMED = 4;

/** @param {Snapshot} snapshot @returns {Point[]} */
export function pointsOf(snapshot) {
  const sites = snapshot.sites ?? [];
  const here = sites.filter((site) => site.connection);
  const checked = sites.filter((site) => site.check);
  const poor = checked.filter((site) => site.check?.verdict === "poor");
  const documents = Array.isArray(snapshot.documents) ? snapshot.documents : [];
  const received = documents.length ? Math.min(...documents.map((one) => (Array.isArray(one.received) ? one.received.length : 0))) : 0;
  const { audio, video } = snapshot.hub ?? {};
  const all = sites.length;
  return [
    { name: "camera", good: Boolean(video), words: video ? t("The hall's camera is on air") : t("The hall sends no picture yet") },
    { name: "microphone", good: Boolean(audio), words: audio ? t("The hall's microphone is on air") : t("The hall's microphone is not open yet") },
    { name: "sites", good: here.length === all, words: here.length === all ? t("All {n} sites are here", { n: all }) : t("{n}/{all} sites are here; missing: {names}", { n: here.length, all, names: some(sites.filter((site) => !site.connection)) }) },
    { name: "checked", good: checked.length === all, words: checked.length === all ? t("All {n} sites have checked their line", { n: all }) : t("{n}/{all} sites have checked their line", { n: checked.length, all }) },
    ...(poor.length ? [{ name: "poor", good: false, words: t("Poor line, sound and documents only: {names}", { names: some(poor) }) }] : []),
    { name: "documents", good: documents.length > 0 && received >= here.length, words: documents.length ? t("{n} documents are here, {received}/{all} sites have all their pages", { n: documents.length, received: count(received), all }) : t("No document was added yet") },
    { name: "agenda", good: (snapshot.agenda ?? []).length > 0, words: (snapshot.agenda ?? []).length ? t("The agenda has {n} items", { n: (snapshot.agenda ?? []).length }) : t("There is no agenda yet") },
  ];
}

/** @param {import("./types.js").SiteEntry[]} sites */
function some(sites) {
  return sites.slice(0, NAMED).map((site) => site.name).join(", ") + (sites.length > NAMED ? ` (+${sites.length - NAMED})` : "");
}

/** @param {Snapshot} snapshot */
export function drawReady(snapshot) {
  const points = pointsOf(snapshot);
  setText(byId("ready-count"), t("{n}/{all} ready", { n: points.filter((point) => point.good).length, all: points.length }));
  redraw(byId("ready-list"), JSON.stringify(points), () => points.map((point) => el("li", { "data-state": point.good ? "good" : "fair", "data-testid": `ready-${point.name}`, "data-good": String(point.good) }, icon(point.good ? "check" : "alert"), el("span", {}, el("span", { class: "sr-only" }, point.good ? t("Done:") : t("Missing:")), " ", point.words))));
}
