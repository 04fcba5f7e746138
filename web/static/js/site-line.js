// @ts-check
/** The ladder of a weak line in words: what is reduced, what is kept, and that it comes back by itself. Pure. */
import { t } from "./i18n.js";

/** @typedef {"" | "small" | "paused" | "breaking"} Rung */

/**
 * @param {{connected: boolean, paused: boolean, layer?: string, loss?: number, receiving?: boolean}} seen
 * @returns {Rung}
 */
export function rungOf(seen) {
  if (!seen.connected) return "";
  if ((seen.loss ?? 0) > 0.2) return "breaking";
  if (seen.paused || seen.layer === "off") return "paused";
  return seen.layer === "low" || (seen.loss ?? 0) > 0.08 ? "small" : "";
}

/** @param {Rung} rung @param {boolean} slides are pages on the main screen? @returns {[string, string]} sentence and detail */
export function rungWords(rung, slides) {
  if (rung === "breaking") return [t("Very weak line: the sound breaks up"), t("Close other programs; if it lasts, come in by telephone (Settings)")];
  if (slides) return [t("Weak line: sound and slides are kept"), t("The picture comes back by itself")];
  if (rung === "paused") return [t("Weak line: picture paused, sound goes on"), t("The picture comes back by itself")];
  return [t("Weak line: small picture, sound goes on"), t("The picture gets sharp again by itself")];
}
