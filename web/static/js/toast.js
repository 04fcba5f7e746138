// @ts-check
/** One line of news that goes away by itself: a refusal, or that something was done. */
import { byId, setAttribute, setText, show } from "./dom.js";

/** @type {ReturnType<typeof setTimeout>|undefined} */
let timer;

/** @param {string} words @param {"lost"|"online"} [state] */
export function tell(words, state = "lost") {
  const box = byId("toast");
  setAttribute(box, "data-state", state);
  setText(byId("toast-text"), words);
  show(box, true);
  clearTimeout(timer);
  timer = setTimeout(() => show(box, false), 7000);
}
