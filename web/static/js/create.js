// @ts-check
/** The form that makes a briefing: title, kind, number, planned start, and which sites with how many people. */
import { byId, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { count } from "./format.js";

/** @param {(path: string, body: object) => Promise<any>} post */
export function wireCreate(post) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("create-dialog"));
  const form = /** @type {HTMLFormElement} */ (byId("create-form"));
  /** @type {HTMLButtonElement} */ (byId("create-open")).disabled = false; // a press before the script is there would be lost
  byId("create-open").addEventListener("click", () => {
    show(byId("create-trouble"), false);
    dialog.showModal();
  });
  for (const button of dialog.querySelectorAll("[data-close]")) button.addEventListener("click", () => dialog.close());
  byId("create-all").addEventListener("click", () => tick(form, true));
  byId("create-none").addEventListener("click", () => tick(form, false));
  form.addEventListener("input", () => drawSum(form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void make(form, post);
  });
  drawSum(form);
}

/** @param {HTMLFormElement} form @param {boolean} on */
function tick(form, on) {
  for (const box of boxes(form)) box.checked = on;
  drawSum(form);
}

/** @param {HTMLFormElement} form @returns {HTMLInputElement[]} */
function boxes(form) {
  return [...form.querySelectorAll("input[name=site]")].map((box) => /** @type {HTMLInputElement} */ (box));
}

/** @param {HTMLFormElement} form @param {string} code @returns {HTMLInputElement} */
function numberOf(form, code) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(`expected-${code}`));
}

/** @param {HTMLFormElement} form */
function drawSum(form) {
  const ticked = boxes(form).filter((box) => box.checked);
  for (const box of boxes(form)) numberOf(form, box.value).disabled = !box.checked;
  const people = ticked.reduce((sum, box) => sum + (Number(numberOf(form, box.value).value) || 0), 0);
  setText(byId("create-sum"), t("{sites} sites, {people} people summoned", { sites: ticked.length, people: count(people) }));
  /** @type {HTMLButtonElement} */ (byId("create-submit")).disabled = ticked.length === 0;
}

/** @param {HTMLFormElement} form @param {(path: string, body: object) => Promise<any>} post */
async function make(form, post) {
  const data = new FormData(form);
  const ticked = boxes(form).filter((box) => box.checked);
  const start = String(data.get("starts_at") ?? "");
  const number = String(data.get("document_number") ?? "").trim();
  const body = {
    title: String(data.get("title") ?? "").trim(),
    kind: String(data.get("kind")),
    sites: ticked.map((box) => box.value),
    expected: Object.fromEntries(ticked.map((box) => [box.value, Number(numberOf(form, box.value).value) || 0])),
    ...(number ? { document_number: number } : {}),
    ...(start ? { starts_at: new Date(start).toISOString() } : {}),
  };
  const submit = /** @type {HTMLButtonElement} */ (byId("create-submit"));
  submit.disabled = true;
  try {
    const made = await post("/api/briefings", body);
    location.assign(`/host/briefings/${made.id}`);
  } catch (error) {
    setText(byId("create-trouble-text"), error instanceof Error ? error.message : String(error));
    show(byId("create-trouble"), true);
    submit.disabled = false;
  }
}
