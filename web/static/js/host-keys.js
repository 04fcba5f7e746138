// @ts-check
/**
 * The control room's keys: one letter an action; `?` shows them all.
 *
 * Rule: no key acts while somebody types, in a dialog, or held with Ctrl, Alt or Cmd. Break and end have none, on purpose.
 */
import { byId } from "./dom.js";

/** @param {Record<string, () => unknown>} actions by key, lower case */
export function wireKeys(actions) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("keys-dialog"));
  byId("keys-open").addEventListener("click", () => dialog.showModal());
  addEventListener("keydown", (event) => {
    const typing = event.target instanceof Element && event.target.closest("input, select, textarea, dialog");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key === "?") {
      event.preventDefault();
      dialog.showModal();
      return;
    }
    const pressed = event.target instanceof Element && event.target.closest("button, a, summary, [tabindex]");
    if (event.key === "Enter" && pressed) return; // it presses what has the focus
    const act = actions[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault(); // a key that moves the focus into a field is not typed there
    act();
  });
}
