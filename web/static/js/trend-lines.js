// @ts-check
/** Rates as lines: one large with its numbers, and small ones beside a site. Drawn from numbers only. */
import { percent, percentUnder } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [930, 172, 44, 20, 20, 26];

/** @typedef {{rate: number|null, label: string, imported: boolean, title: string}} Point */

/** @param {Point[]} points oldest first @param {number} threshold 0..1 @param {string} words @returns {SVGElement} */
export function course(points, threshold, words) {
  const known = points.map((point) => point.rate).filter((rate) => rate !== null);
  const floor = Math.max(0, Math.floor((Math.min(threshold, ...known) - 0.02) * 20) / 20);
  const x = (/** @type {number} */ n) => (points.length < 2 ? WIDTH / 2 : LEFT + 20 + (n * (WIDTH - LEFT - RIGHT - 40)) / (points.length - 1));
  const y = (/** @type {number} */ rate) => TOP + ((1 - Math.min(rate, 1)) / (1 - floor)) * (HEIGHT - TOP - BOTTOM);
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words, class: "course" });
  for (const rate of new Set([1, (1 + floor) / 2, floor])) {
    svg.append(make("path", { d: `M${LEFT} ${y(rate)}H${WIDTH - RIGHT}`, class: "line" }), text(`${Math.round(rate * 100)}`, 34, y(rate) + 4, "axis"));
  }
  svg.append(make("path", { d: `M${LEFT} ${y(threshold)}H${WIDTH - RIGHT}`, class: "threshold" }), text(`${Math.round(threshold * 100)}`, 34, y(threshold) + 4, "axis low"));
  for (const stretch of stretches(points)) svg.append(make("path", { d: stretch.map(({ n, rate }, i) => `${i ? "L" : "M"}${x(n).toFixed(1)} ${y(rate).toFixed(1)}`).join(""), class: "rates" }));
  const every = Math.ceil(points.length / 16);
  points.forEach((point, n) => {
    if (point.rate === null) return;
    const words = point.rate < threshold ? percentUnder(point.rate, threshold) : percent(point.rate);
    const dot = make("circle", { cx: x(n).toFixed(1), cy: y(point.rate).toFixed(1), r: "4.5", class: point.imported ? "dot imported" : "dot" });
    const title = make("title", {});
    title.textContent = `${point.label} ${point.title}: ${words}`;
    dot.append(title);
    svg.append(dot);
    if (n % every === 0) svg.append(text(words.replace(" %", ""), x(n), y(point.rate) - 10, "figure"), text(point.label + (point.imported ? "*" : ""), x(n), HEIGHT - 6, "day"));
  });
  return svg;
}

/** @param {(number|null)[]} rates @param {number} threshold @param {boolean[]} imported of each rate @returns {SVGElement} */
export function spark(rates, threshold, imported) {
  const [width, height] = [84, 24];
  const floor = Math.min(threshold, ...rates.filter((rate) => rate !== null)) - 0.02;
  const y = (/** @type {number} */ rate) => 2 + ((1 - Math.min(rate, 1)) / (1 - floor)) * (height - 4);
  const x = (/** @type {number} */ n) => (rates.length < 2 ? width / 2 : (n * width) / (rates.length - 1));
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, width: String(width), height: String(height), "aria-hidden": "true", class: "spark" });
  svg.append(make("path", { d: `M0 ${y(threshold).toFixed(1)}H${width}`, class: "threshold" }));
  const points = rates.map((rate, n) => ({ rate, label: "", imported: imported[n], title: "" }));
  for (const stretch of stretches(points)) svg.append(make("path", { d: stretch.map(({ n, rate }, i) => `${i ? "L" : "M"}${x(n).toFixed(1)} ${y(rate).toFixed(1)}`).join(""), class: "rates low" }));
  return svg;
}

/** @param {Point[]} points @returns {{n: number, rate: number}[][]} runs of known rates: an unknown one breaks the line, imported and recorded are not joined */
function stretches(points) {
  /** @type {{n: number, rate: number}[][]} */
  const found = [[]];
  points.forEach((point, n) => {
    if (point.rate === null || (n > 0 && points[n - 1].imported !== point.imported)) found.push([]);
    if (point.rate !== null) found[found.length - 1].push({ n, rate: point.rate });
  });
  return found.filter((stretch) => stretch.length > 1);
}

/** @param {string} words @param {number} x @param {number} y @param {string} kind */
function text(words, x, y, kind) {
  const node = make("text", { x: x.toFixed(1), y: y.toFixed(1), class: kind });
  node.textContent = words;
  return node;
}

/** @param {string} name @param {Record<string, string>} attributes @returns {SVGElement} */
function make(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}
