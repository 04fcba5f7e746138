// @ts-check
/** How camera and microphone are allowed, in the words of the browser that is open; and browsers inside other programs. */
import { t } from "./i18n.js";

const AGENT = navigator.userAgent;

/** @returns {string} what to press where the browser was told no */
export function allowWords() {
  if (/Firefox\//.test(AGENT)) return t("Firefox: press the crossed-out camera or microphone beside the address, take the block away, then try again.");
  if (/iPhone|iPad/.test(AGENT)) return t("Safari: press “aA” beside the address, Website Settings, allow camera and microphone, then try again.");
  if (/Android/.test(AGENT)) return t("Chrome on a telephone: press the icon left of the address, Permissions, allow camera and microphone, then try again.");
  return t("Press the icon left of the address, allow camera and microphone, then try again.");
}

/** @returns {string} the program whose built-in browser this is, or "" */
export function insideOf() {
  if (/Zalo/i.test(AGENT)) return "Zalo";
  if (/FBAN|FBAV|FB_IAB|Messenger/i.test(AGENT)) return "Facebook";
  return /Instagram|TikTok|BytedanceWebview|MicroMessenger|; wv\)/i.test(AGENT) ? t("another program") : "";
}
