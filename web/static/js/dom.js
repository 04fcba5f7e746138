// @ts-check
/** Small DOM helpers. Data enters the page as text only; nothing here takes markup. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string|number|boolean|null|undefined|((event: any) => void)>} [attributes] `on…` are listeners
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map((child) => /** @type {Node|string} */ (child)));
  return node;
}

/** @param {string} name @returns {HTMLElement} */
export function icon(name) {
  return el("i", { class: `icon icon-${name}`, "aria-hidden": "true" });
}

/**
 * @param {string} state
 * @param {string} iconName
 * @param {string} words
 */
export function badge(state, iconName, words) {
  return el("span", { class: "badge", "data-state": state }, icon(iconName), words);
}

/**
 * The element with this id; its absence is a mistake in the template.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`no element #${id} on this page`);
  return /** @type {T} */ (node);
}

/**
 * Changes the text only where it differs, so that screen readers and the cursor stay calm.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * @param {Element} node
 * @param {string} name
 * @param {string|null|undefined|false} value null takes the attribute away
 */
export function setAttribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
  } else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** @param {HTMLElement} node @param {boolean} shown */
export function show(node, shown) {
  if (node.hidden === shown) node.hidden = !shown;
}

/**
 * Replaces the children only where `key` says that something changed.
 * @param {HTMLElement} node
 * @param {string} key
 * @param {() => (Node|string)[]} make
 */
export function redraw(node, key, make) {
  if (node.dataset.drawn === key) return;
  node.dataset.drawn = key;
  node.replaceChildren(...make());
}
