// @ts-check
/** The guarded actions: ending and cancelling a briefing. Ending asks for the typed word, and says what is unfinished. */
import { byId, setText, show } from "./dom.js";
import { t } from "./i18n.js";
import { answered } from "./host-side.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */

const WORD = "KETTHUC";

/** @param {string} typed @returns {boolean} true for KET THUC, in any case, with or without its accents */
export function isEndWord(typed) {
  const plain = typed.normalize("NFD").replace(/[\u0300-\u036f\s]/g, "");
  return plain.toUpperCase() === WORD;
}

/** @param {{end: () => Promise<void>, pause: () => Promise<void>, cancel: () => Promise<void>}} actions */
export function wireDialogs(actions) {
  const end = /** @type {HTMLDialogElement} */ (byId("end-dialog"));
  const cancel = /** @type {HTMLDialogElement} */ (byId("cancel-dialog"));
  const word = /** @type {HTMLInputElement} */ (byId("end-word"));
  const confirm = /** @type {HTMLButtonElement} */ (byId("end-confirm"));
  for (const button of document.querySelectorAll("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog")?.close());
  word.addEventListener("input", () => {
    confirm.disabled = !isEndWord(word.value);
  });
  byId("end-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isEndWord(word.value)) return;
    end.close();
    void actions.end();
  });
  byId("end-pause").addEventListener("click", () => {
    end.close();
    void actions.pause();
  });
  byId("cancel-confirm").addEventListener("click", () => {
    cancel.close();
    void actions.cancel();
  });
}

/** @param {Snapshot} snapshot */
export function openEnd(snapshot) {
  const word = /** @type {HTMLInputElement} */ (byId("end-word"));
  word.value = "";
  /** @type {HTMLButtonElement} */ (byId("end-confirm")).disabled = true;
  const missing = (snapshot.sites ?? []).filter((site) => !answered(site, snapshot.roll_call ?? 0));
  show(byId("end-unfinished"), missing.length > 0);
  const names = missing.slice(0, 6).map((site) => site.name).join(", ") + (missing.length > 6 ? "…" : "");
  setText(byId("end-missing"), t("{n} sites have not reported their headcount: {names}", { n: missing.length, names }));
  show(byId("end-pause"), snapshot.phase === "live");
  /** @type {HTMLDialogElement} */ (byId("end-dialog")).showModal();
  word.focus();
}

export function openCancel() {
  /** @type {HTMLDialogElement} */ (byId("cancel-dialog")).showModal();
}
