// @ts-check
/** Figures and times as people here write them: decimal comma, 24 hours, unknown is a dash and never a zero. */
import { page } from "./page-data.js";

const LOCALE = page.lang === "en" ? "en-GB" : "vi-VN";
const ZONE = page.zone || "Asia/Ho_Chi_Minh";
const clockFormat = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", timeZone: ZONE, hourCycle: "h23" });
const dayFormat = new Intl.DateTimeFormat(LOCALE, { weekday: "long", day: "numeric", month: "numeric", year: "numeric", timeZone: ZONE });
const stampFormat = new Intl.DateTimeFormat(LOCALE, { day: "2-digit", month: "2-digit", hour: "2-digit", minute: "2-digit", timeZone: ZONE, hourCycle: "h23" });
const monthFormat = new Intl.DateTimeFormat("en-GB", { year: "numeric", month: "2-digit", timeZone: ZONE });
const countFormat = new Intl.NumberFormat(LOCALE);

export const UNKNOWN = "–";

/** @param {Date|string|number} when @returns {string} 09:42 */
export function clock(when) {
  return clockFormat.format(new Date(when));
}

/** @param {Date|string|number} when @returns {string} Thứ Tư, 14/4/2021 */
export function day(when) {
  const text = dayFormat.format(new Date(when));
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** @param {Date|string|number} when @returns {string} 2026-04, in the office's zone */
export function month(when) {
  const parts = Object.fromEntries(monthFormat.formatToParts(new Date(when)).map(({ type, value }) => [type, value]));
  return `${parts.year}-${parts.month}`;
}

/** @param {string} date 2026-04-14 @returns {string} 14/04/2026, without any zone: it is a day already */
export function short(date) {
  return date.split("-").reverse().join("/");
}

/** @param {Date|string|number} when @returns {string} 09:42 14/04 */
export function stamp(when) {
  return stampFormat.format(new Date(when)).replace(/(\d)-(\d)/, "$1/$2"); // Vietnamese ICU writes 14-04, people here 14/04
}

/** @param {number} ms @returns {string} 1:42:16, or 12:05 under an hour */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const tail = `${String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}`;
  return h ? `${h}:${tail}` : tail;
}

/** @param {number|null|undefined} seconds @returns {string} 2:37 in hours and minutes */
export function hours(seconds) {
  if (seconds === null || seconds === undefined) return UNKNOWN;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

/** @param {number|null|undefined} share 0..1 @returns {string} 86,3 %, halves up as in the reports */
export function percent(share) {
  return share === null || share === undefined || Number.isNaN(share) ? UNKNOWN : inPercent(share, 1);
}

/** @param {number} share 0..1 @param {number} limit 0..1 @returns {string} a share under the limit with as many decimals as show that it is: 89,96 %, never 90,0 % */
export function percentUnder(share, limit) {
  let places = 1;
  while (places < 6 && rounded(share, places) >= hundredfold(limit)) places += 1;
  return inPercent(share, places);
}

/** @param {number} share @returns {number} in percent; 23 of 80 are 28.75, not 28.749999999999996 */
const hundredfold = (share) => Number((share * 100).toFixed(9));

/** @param {number} share @param {number} places */
const rounded = (share, places) => Number(new Intl.NumberFormat("en", { useGrouping: false, maximumFractionDigits: places }).format(hundredfold(share)));

/** @param {number} share @param {number} places */
const inPercent = (share, places) => `${new Intl.NumberFormat(LOCALE, { minimumFractionDigits: places, maximumFractionDigits: places }).format(hundredfold(share))} %`;

/** @param {number|null|undefined} n @returns {string} */
export function count(n) {
  return n === null || n === undefined ? UNKNOWN : countFormat.format(n);
}
