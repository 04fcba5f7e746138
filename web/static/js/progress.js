// @ts-check
/**
 * How far the server is with a long report: lines of `{done, whole}`, shown as they come.
 * What is asked for afterwards is drawn from figures that the server has kept, and comes at once.
 */
import { ApiError } from "./api.js";
import { byId, setText, show } from "./dom.js";
import { count } from "./format.js";
import { errorText, t } from "./i18n.js";

const SHOWN_AFTER_MS = 300;

/**
 * Resolves when all is read; shows nothing where that takes no time.
 * @param {string} path @returns {Promise<void>}
 */
export async function prepare(path) {
  const [box, words] = [byId("trends-progress"), byId("trends-progress-text")];
  const bar = /** @type {HTMLProgressElement} */ (byId("trends-progress-bar"));
  const soon = setTimeout(() => show(box, true), SHOWN_AFTER_MS);
  try {
    for await (const { done, whole } of lines(path)) {
      [bar.max, bar.value] = [Math.max(whole, 1), done];
      setText(words, t("Reading the logs: {done} of {whole} briefings …", { done: count(done), whole: count(whole) }));
    }
  } finally {
    clearTimeout(soon);
    show(box, false);
  }
}

/** @param {string} path @returns {AsyncGenerator<{done: number, whole: number}>} */
async function* lines(path) {
  const answer = await fetch(path, { credentials: "same-origin", headers: { "Accept-Language": document.documentElement.lang } }).catch(() => null);
  if (!answer) throw new ApiError("unreachable", t("The server cannot be reached. Check the line and try again."), 0);
  if (!answer.ok || !answer.body) {
    const told = await answer.json().catch(() => null);
    throw new ApiError(told?.code ?? "unknown", errorText(told?.code ?? "unknown", told?.message), answer.status);
  }
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) yield JSON.parse(part);
  }
}
