// @ts-check
/** The words and icons of a site's state: colour never stands alone. */
import { t } from "./i18n.js";

/** @typedef {import("./types.js").SiteState} SiteState */

/** @type {Record<SiteState, string>} */
export const STATE_ICON = { absent: "absent", waiting: "clock", online: "check", weak: "alert", unstable: "alert", lost: "unplug" };

/** @param {SiteState} state @returns {string} */
export function stateWords(state) {
  return {
    absent: t("Not here yet"),
    waiting: t("Waiting room"),
    online: t("Online"),
    weak: t("Weak line"),
    unstable: t("Unstable"),
    lost: t("Lost"),
  }[state];
}

/** @param {number} n @returns {Record<SiteState, string>} the words of the totals bar */
export function stateCount(n) {
  return {
    absent: t("{n} not here", { n }),
    waiting: t("{n} waiting", { n }),
    online: t("{n} online", { n }),
    weak: t("{n} weak", { n }),
    unstable: t("{n} unstable", { n }),
    lost: t("{n} lost", { n }),
  };
}

/** @param {string} phase @returns {string} */
export function phaseWords(phase) {
  return (
    {
      scheduled: t("Planned"),
      open: t("Getting ready"),
      live: t("In session"),
      break: t("Break"),
      ended: t("Ended"),
      cancelled: t("Cancelled"),
    }[phase] ?? phase
  );
}

/** @param {string} kind @returns {string} */
export function kindWords(kind) {
  return { resolution: t("Resolution briefing"), class: t("Class"), meeting: t("Meeting") }[kind] ?? kind;
}

const PHASE_STATE = /** @type {Record<string, string>} */ ({ scheduled: "waiting", open: "waiting", live: "online", break: "weak", ended: "ended", cancelled: "ended" });
const PHASE_ICON = /** @type {Record<string, string>} */ ({ scheduled: "clock", open: "clock", live: "check", break: "pause", ended: "check", cancelled: "absent" });

/** @param {string} phase @returns {{state: string, icon: string, words: string}} */
export function phaseBadge(phase) {
  return { state: PHASE_STATE[phase] ?? "ended", icon: PHASE_ICON[phase] ?? "check", words: phaseWords(phase) };
}

const ORDER = /** @type {SiteState[]} */ (["lost", "unstable", "absent", "weak", "waiting"]);

/**
 * How urgent a site is in this phase: 0 is the worst, null needs nothing.
 * @param {import("./types.js").SiteEntry} site
 * @param {import("./types.js").Phase} phase
 * @returns {number|null}
 */
export function urgency(site, phase) {
  if (site.state === "online") return null;
  if (site.state === "waiting" && phase !== "live" && phase !== "break") return null;
  if (!["open", "live", "break"].includes(phase)) return null; // before the opening and after the end nobody is missed
  const place = ORDER.indexOf(site.state);
  return place < 0 ? null : place;
}
