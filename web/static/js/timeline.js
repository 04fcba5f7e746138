// @ts-check
/**
 * One site's presence as a strip: solid, hatched, striped, outlined, dotted, so that it reads without colour too.
 * The fills stand in the template (`report-patterns.html`).
 */

/** @typedef {{kind: string, from: string, to: string}} Stretch */
/** @typedef {{code: string, name: string, words: string, stretches: Stretch[]}} Strip */
/** @typedef {{started_at: string|null, seconds: number, sites: Strip[]}} Timeline */

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, NARROWEST] = [420, 18, 2];
const OUTLINED = new Set(["absent", "unknown"]);

/** @param {Timeline} timeline @param {string} code @returns {SVGElement|null} */
export function stripOf(timeline, code) {
  const strip = timeline.sites.find((one) => one.code === code);
  if (!strip || !timeline.started_at || !timeline.seconds) return null;
  const [zero, scale] = [Date.parse(timeline.started_at), WIDTH / (timeline.seconds * 1000)];
  const svg = make("svg", { class: "timeline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": strip.words });
  const ordered = [...strip.stretches].sort((a, b) => Number(OUTLINED.has(a.kind)) - Number(OUTLINED.has(b.kind)));
  for (const { kind, from, to } of ordered) {
    const x = (Date.parse(from) - zero) * scale;
    const width = Math.max((Date.parse(to) - Date.parse(from)) * scale, NARROWEST);
    svg.append(make("rect", { class: `t-${kind}`, x: x.toFixed(1), y: "3", width: width.toFixed(1), height: "12" }));
  }
  const title = make("title", {});
  title.textContent = strip.words;
  svg.prepend(title);
  return svg;
}

/** @param {string} name @param {Record<string, string>} attributes @returns {SVGElement} */
function make(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
