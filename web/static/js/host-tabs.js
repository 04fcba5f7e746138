// @ts-check
/**
 * Panels that share one place, one in sight at a time; arrow keys go from tab to tab.
 *
 * Rule: which one is in sight is the host's choice from the first press on; before it the page may propose one.
 */

export class Tabs {
  /** @param {HTMLElement} root has the tablist and the panels; `data-tab` names the one in sight @param {(name: string) => void} [changed] */
  constructor(root, changed = () => {}) {
    this.root = root;
    this.changed = changed;
    this.chosen = false;
    for (const tab of this.tabs) {
      tab.addEventListener("click", () => this.choose(tab.dataset.for ?? ""));
      tab.addEventListener("keydown", (event) => this.#key(event));
    }
    this.#draw();
  }

  /** @returns {HTMLElement[]} */
  get tabs() {
    return [...this.root.querySelectorAll(":scope > .tabs > [role=tab]")].map((tab) => /** @type {HTMLElement} */ (tab));
  }

  get name() {
    return this.root.dataset.tab ?? "";
  }

  /** @param {string} name */
  choose(name) {
    this.chosen = true;
    this.#show(name);
  }

  /** Until somebody chose one. @param {string} name */
  propose(name) {
    if (!this.chosen) this.#show(name);
  }

  /** @param {string} name */
  #show(name) {
    if (this.name === name) return;
    this.root.dataset.tab = name;
    this.#draw();
    this.changed(name);
  }

  #draw() {
    for (const tab of this.tabs) {
      const selected = tab.dataset.for === this.name;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    event.stopPropagation(); // not a page of the slides
    const shown = this.tabs.filter((tab) => tab.offsetParent !== null);
    const at = shown.findIndex((tab) => tab === event.currentTarget);
    const next = shown[(at + step + shown.length) % shown.length];
    this.choose(next.dataset.for ?? "");
    next.focus();
  }
}
