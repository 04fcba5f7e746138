// @ts-check
/**
 * Totals over a snapshot. Two rates are never mixed: sites connected, and persons present.
 *
 * Rule: a site that has not reported is unknown, not zero; the rate is over those that reported and says so.
 */
/** @typedef {import("./types.js").Snapshot} Snapshot */

const HERE = new Set(["waiting", "online", "weak", "unstable"]);

/** @param {Snapshot} snapshot */
export function totalsOf(snapshot) {
  const sites = snapshot.sites ?? [];
  const number = snapshot.roll_call ?? 0;
  const reported = sites.filter((site) => site.headcount);
  const expectedReported = add(reported.map((site) => site.expected));
  const present = add(reported.map((site) => site.headcount?.present ?? 0));
  return {
    all: sites.length,
    connected: sites.filter((site) => HERE.has(site.state)).length,
    reported: reported.length,
    answered: reported.filter((site) => (site.headcount?.roll_call ?? number) >= number).length,
    expected: add(sites.map((site) => site.expected)),
    expectedReported,
    present,
    extra: add(reported.map((site) => site.headcount?.extra ?? 0)),
    rate: expectedReported ? present / expectedReported : null,
    complete: reported.length === sites.length,
  };
}

/** @param {number[]} numbers */
function add(numbers) {
  return numbers.reduce((sum, n) => sum + n, 0);
}
