// @ts-check
/** What the server wrote into this page for its script: one JSON block, read once. */

/** @typedef {import("./types.js").PageData} PageData */

/** @returns {PageData} */
function read() {
  const block = document.getElementById("page-data");
  if (!block) throw new Error("this page carries no data block");
  return JSON.parse(block.textContent || "{}");
}

export const page = read();

/**
 * The name of a site or of the hub, for people.
 * @param {string} code
 * @returns {string}
 */
export function nameOf(code) {
  if (code === "hub") return page.hub.name;
  return page.sites.find((site) => site.code === code)?.name ?? code;
}
