// @ts-check
/**
 * The page of a document on the main screen: a picture that follows the number in the snapshot.
 *
 * Rule 1: the old page stays until the new one can be drawn: never a black screen.
 * Rule 2: a page counts as shown when its picture is decoded and on the screen; that is told at once.
 */

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./page-store.js").PageStore} PageStore */
/** @typedef {import("./room-figures.js").Figures} Figures */

const AGAIN_MS = 2000;

export class SlideView {
  /**
   * @param {HTMLImageElement} picture
   * @param {PageStore} store
   * @param {{thin: boolean, describe: (page: number) => string, shown: () => void}} options `thin`: small pictures first
   */
  constructor(picture, store, options) {
    this.picture = picture;
    this.store = store;
    this.options = options;
    this.key = "";
    /** @type {number|null} the page on the screen */
    this.page = null;
  }

  /** @param {Snapshot|null} snapshot @param {boolean} showing are pages on the main screen now? */
  draw(snapshot, showing) {
    const [document, slide] = [snapshot?.document, snapshot?.slide];
    const key = showing && document && slide ? `${document}/${slide}` : "";
    if (key === this.key) return;
    this.key = key;
    this.page = null;
    if (document && slide && key) void this.#load(document, slide, key);
    else {
      this.picture.hidden = true;
      this.picture.removeAttribute("src");
    }
  }

  /** @param {string} document @param {number} page @param {string} key */
  async #load(document, page, key) {
    try {
      const small = this.options.thin && !this.store.rate.fast;
      const held = this.store.have(document, page, "large") ?? (small ? this.store.have(document, page, "small") : undefined);
      await this.#put(held ?? (await this.store.want(document, page, small ? "small" : "large")), page, key);
      if (this.key !== key || this.store.have(document, page, "large") || !this.store.rate.fast) return;
      await this.#put(await this.store.want(document, page, "large"), page, key);
    } catch {
      if (this.key === key && this.page === null) setTimeout(() => this.key === key && void this.#load(document, page, key), AGAIN_MS);
    }
  }

  /** @param {string} url @param {number} page @param {string} key */
  async #put(url, page, key) {
    if (this.key !== key) return;
    const ready = new Image();
    ready.src = url;
    await ready.decode();
    if (this.key !== key) return;
    this.picture.src = url;
    this.picture.alt = this.options.describe(page);
    this.picture.hidden = false;
    if (this.page === page) return;
    this.page = page;
    this.options.shown();
  }

  /**
   * The figures of a heartbeat while pages are on the main screen: the page shown is acknowledged. Where no sound is
   * sent the page is all that there is to receive.
   * @param {Figures} figures
   * @param {boolean} soundSent
   * @returns {Figures}
   */
  addTo(figures, soundSent) {
    const away = figures.layer === "off"; // not in the media room
    if (!this.key || away) return figures;
    const { layer, ...rest } = figures;
    const receiving = soundSent ? rest.receiving : this.page !== null;
    return { ...rest, receiving, mode: "slides", ...(this.page === null ? {} : { slide: this.page }) };
  }
}
