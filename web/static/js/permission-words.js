// @ts-check
/** How camera and microphone are allowed, in the words of the browser that is open; and browsers inside other programs. */
import { t } from "./i18n.js";

const AGENT = navigator.userAgent;
const IPHONE = /iPhone|iPad/.test(AGENT);

/**
 * @param {unknown} [error] what the browser said
 * @returns {string} what to press where the browser was told no
 */
export function allowWords(error) {
  if (error instanceof Error && /system/i.test(error.message)) return t("Windows keeps them from programs: open Settings, Privacy, Camera and Microphone, switch them on for desktop apps, then try again.");
  if (/Firefox\//.test(AGENT)) return t("Firefox: press the crossed-out camera or microphone beside the address, take the block away, then try again.");
  if (IPHONE) return t("Safari: press “aA” beside the address, Website Settings, allow camera and microphone, then try again.");
  if (/Android/.test(AGENT)) return t("Chrome on a telephone: press the icon left of the address, Permissions, allow camera and microphone, then try again.");
  if (/Edg\//.test(AGENT)) return t("Edge: press the lock left of the address, Permissions for this site, allow camera and microphone, then try again.");
  if (/coc_coc_browser/.test(AGENT)) return t("Cốc Cốc: press the lock left of the address, Site settings, allow camera and microphone, then try again.");
  return t("Press the icon left of the address, allow camera and microphone, then try again.");
}

/** Programs by what their built-in browsers say of themselves. Messenger says Facebook's marks too. @type {[RegExp, string][]} */
const PROGRAMS = [
  [/Zalo/i, "Zalo"],
  [/Messenger|FBMD|MessengerForiOS/i, "Messenger"],
  [/Instagram/i, "Instagram"],
  [/FBAN|FBAV|FB_IAB/, "Facebook"],
  [/TikTok|musical_ly|BytedanceWebview|trill_/i, "TikTok"],
  [/Viber/i, "Viber"],
  [/MicroMessenger/i, "WeChat"],
];

/** @returns {string} the program whose built-in browser this is, or "" */
export function insideOf() {
  const known = PROGRAMS.find(([mark]) => mark.test(AGENT));
  return known ? known[1] : /; wv\)/.test(AGENT) ? t("another program") : "";
}

/** @param {string} program @returns {string} where to go from there */
export function insideWords(program) {
  return IPHONE ? t("This page is open inside {program}, where camera and microphone often fail. Open it in Safari or Chrome: copy the link and paste it there.", { program }) : t("This page is open inside {program}, where camera and microphone often fail. Open it in Chrome.", { program });
}
