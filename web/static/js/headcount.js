// @ts-check
/**
 * The sum of a headcount. Pure.
 *
 * Rule 1: present + excused + unexcused = expected. People beyond the invitation are counted apart.
 * Rule 2: a field left empty is unknown, not zero; with an unknown part there is no sum to check.
 */
import { t } from "./i18n.js";

/** @typedef {"present"|"members"|"excused"|"unexcused"|"extra"} Field */
/** @typedef {Record<Field, number|null>} Figures */
/** @typedef {{words: string, change: Partial<Figures>}} Fix */
/** @typedef {{state: "online"|"weak"|"lost"|"waiting", words: string, sum: string, fixes: Fix[], sendable: boolean, wrong: Field[]}} Verdict */

/** @param {Figures} figures @param {number} expected @returns {Verdict} */
export function verdictOf(figures, expected) {
  const { present, members, excused, unexcused } = figures;
  if (present === null) return verdict("waiting", t("Enter how many are present"), false);
  if (present > expected) {
    const over = present - expected;
    const fix = { words: t("{n} came beyond the invitation", { n: over }), change: { present: expected, excused: 0, unexcused: 0, extra: over } };
    return verdict("lost", t("{n} more than the {expected} summoned", { n: over, expected }), false, { fixes: [fix], wrong: ["present"] });
  }
  if (members !== null && members > present) return verdict("lost", t("More members than people present"), false, { wrong: ["members"] });
  if (excused === null || unexcused === null) return partial(present, excused, unexcused, expected);
  const sum = present + excused + unexcused;
  const text = `${present} + ${excused} + ${unexcused} = ${sum}`;
  if (sum === expected) return verdict("online", t("Adds up to the number summoned"), true, { sum: text });
  return wrongSum(figures, expected, sum, text);
}

/** @param {number} present @param {number|null} excused @param {number|null} unexcused @param {number} expected @returns {Verdict} */
function partial(present, excused, unexcused, expected) {
  const told = (excused ?? 0) + (unexcused ?? 0);
  const missing = expected - present;
  if (told > missing) return verdict("lost", t("{n} more than the {expected} summoned", { n: told - missing, expected }), false, { wrong: excused === null ? ["unexcused"] : ["excused"] });
  if (missing === 0) return verdict("online", t("Everybody summoned is present"), true);
  return verdict("weak", t("{n} absent: excused or not is not said yet", { n: missing - told }), true);
}

/** @param {Figures} figures @param {number} expected @param {number} sum @param {string} text @returns {Verdict} */
function wrongSum(figures, expected, sum, text) {
  const off = sum - expected;
  const excused = (figures.excused ?? 0) - off;
  const unexcused = (figures.unexcused ?? 0) - off;
  /** @type {Fix[]} */
  const fixes = [];
  if (excused >= 0) fixes.push({ words: t("Change excused to {n}", { n: excused }), change: { excused } });
  if (unexcused >= 0 && off < 0) fixes.push({ words: t("Change unexcused to {n}", { n: unexcused }), change: { unexcused } });
  if (off > 0 && (figures.present ?? 0) >= off) fixes.push({ words: t("{n} came beyond the invitation", { n: off }), change: { present: (figures.present ?? 0) - off, extra: (figures.extra ?? 0) + off } });
  const words = off > 0 ? t("{n} more than the {expected} summoned", { n: off, expected }) : t("{n} fewer than the {expected} summoned", { n: -off, expected });
  return verdict("lost", words, false, { sum: text, fixes: fixes.slice(0, 2), wrong: ["excused", "unexcused"] });
}

/**
 * @param {Verdict["state"]} state
 * @param {string} words
 * @param {boolean} sendable
 * @param {Partial<Verdict>} [more]
 * @returns {Verdict}
 */
function verdict(state, words, sendable, more = {}) {
  return { state, words, sendable, sum: "", fixes: [], wrong: [], ...more };
}
