// @ts-check
/**
 * Sentences. The key is the English sentence; the catalogue of the page's language gives what people read.
 * A sentence that is not in the catalogue shows in English: never an empty button.
 */
import { page } from "./page-data.js";

/** @type {Record<string, string>} */
const sentences = await load();

/** @returns {Promise<Record<string, string>>} */
async function load() {
  try {
    const answer = await fetch(page.catalogue);
    return answer.ok ? await answer.json() : {};
  } catch {
    return {};
  }
}

/**
 * @param {string} sentence in English, with {places}
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(sentence, values = {}) {
  const text = sentences[sentence] || sentence;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * The sentence for an error code, or the fallback the server sent with it.
 * @param {string} code
 * @param {string} [fallback]
 * @returns {string}
 */
export function errorText(code, fallback) {
  return fallback || sentences[`error:${code}`] || sentences["error:unknown"] || code;
}
