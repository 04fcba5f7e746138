// @ts-check
/** The office gives a site its list of people: read and shown by the server first, then saved as it was shown. */
import { post, put } from "./api.js";
import { byId, el, setAttribute, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { nameOf } from "./page-data.js";

/** @typedef {{number: number, name: string, post: string}} Person */

const PAUSE_MS = 400;

const site = /** @type {HTMLSelectElement} */ (byId("rosters-site"));
const file = /** @type {HTMLInputElement} */ (byId("rosters-file"));
const text = /** @type {HTMLTextAreaElement} */ (byId("rosters-text"));
const save = /** @type {HTMLButtonElement} */ (byId("rosters-save"));
/** @type {Blob|null} */
let chosen = null;
/** @type {ReturnType<typeof setTimeout>|undefined} */
let timer;

const address = () => `/api/sites/${encodeURIComponent(site.value)}/roster`;

/** @param {string} words @param {"online"|"lost"|"waiting"} state */
function say(words, state) {
  const news = byId("rosters-news");
  setText(news, words);
  setAttribute(news, "data-state", state);
  show(news, Boolean(words));
}

/** @param {Blob|null} list what was chosen or pasted; the newest alone counts */
async function preview(list) {
  chosen = list;
  save.disabled = true;
  show(byId("rosters-preview"), false);
  say("", "waiting");
  if (!list) return;
  try {
    const people = /** @type {Person[]} */ (await post(address(), list));
    if (chosen !== list) return;
    byId("rosters-rows").replaceChildren(...people.map((person) => el("tr", {}, el("td", { class: "number" }, String(person.number)), el("td", {}, person.name), el("td", {}, person.post))));
    show(byId("rosters-preview"), people.length > 0);
    say(people.length ? t("{n} people read. Saving replaces the list of {name}.", { n: people.length, name: nameOf(site.value) }) : t("No names found"), people.length ? "waiting" : "lost");
    save.disabled = people.length === 0;
  } catch (error) {
    if (chosen === list) say(error instanceof Error ? error.message : String(error), "lost");
  }
}

/** @param {Event} event */
async function store(event) {
  event.preventDefault();
  if (!chosen || save.disabled) return;
  const code = site.value;
  save.disabled = true;
  try {
    const people = /** @type {Person[]} */ (await put(address(), chosen));
    setText(byId(`count-${code}`), String(people.length));
    [chosen, file.value, text.value] = [null, "", ""];
    show(byId("rosters-preview"), false);
    say(t("Saved: {n} people for {name}", { n: people.length, name: nameOf(code) }), "online");
  } catch (error) {
    save.disabled = false;
    say(error instanceof Error ? error.message : String(error), "lost");
  }
}

file.addEventListener("change", () => {
  clearTimeout(timer);
  text.value = "";
  void preview(file.files?.[0] ?? null);
});
text.addEventListener("input", () => {
  chosen = null;
  file.value = "";
  save.disabled = true;
  clearTimeout(timer);
  timer = setTimeout(() => void preview(text.value.trim() ? new Blob([text.value]) : null), PAUSE_MS);
});
site.addEventListener("change", () => void preview(chosen));
byId("rosters-form").addEventListener("submit", (event) => void store(event));
