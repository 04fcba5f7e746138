// @ts-check
/**
 * What comes next: chosen and looked at here, and put on air by one more press.
 *
 * Rule 1: the choice is this page's own; what is on air is the snapshot's alone.
 * Rule 2: what was on air comes next after it, so that the way back is one press too.
 * Rule 3: while a page of a document is on air, the page after it comes next.
 */
import { byId, el, redraw, setAttribute, setText, show } from "./dom.js";
import { briefingUrl } from "./api.js";
import { t } from "./i18n.js";
import { nameOf, page } from "./page-data.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {"hub"|"slides"|"site"|"split"} Kind */
/**
 * @typedef {object} PreviewActions
 * @property {(left: string, right?: string) => void} setStage
 * @property {() => {id: string, page: number, pages: number}|null} document the chosen document and its page
 * @property {(right?: string) => void} showDocument puts its page on air, `right` beside it
 * @property {() => void} nextPage
 */

const KINDS = /** @type {Kind[]} */ (["hub", "slides", "site", "split"]);

/** @param {string|null|undefined} place */
const isSite = (place) => Boolean(place) && place !== "hub" && place !== "slides";

export class HostPreview {
  /** @param {import("./room.js").BriefingRoom} room @param {PreviewActions} actions */
  constructor(room, actions) {
    this.room = room;
    this.actions = actions;
    this.video = /** @type {HTMLVideoElement} */ (byId("preview-video"));
    this.picture = /** @type {HTMLImageElement} */ (byId("preview-slide"));
    this.picker = /** @type {HTMLSelectElement} */ (byId("stage-site"));
    /** @type {Kind|null} */
    this.kind = null;
    this.site = "";
    /** @type {Snapshot|null} */
    this.snapshot = null;
    for (const kind of KINDS) {
      const button = byId(`preview-${kind}`);
      button.addEventListener("click", () => this.choose(kind));
      button.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || this.kind !== kind || event.repeat) return;
        event.preventDefault(); // it is chosen already: Enter puts it on air, as everywhere
        this.take();
      });
    }
    this.picker.addEventListener("change", () => this.choose(this.kind === "split" ? "split" : "site", this.picker.value));
    byId("preview-take").addEventListener("click", () => this.take());
  }

  /** Can anything be put on air now? */
  get ready() {
    return ["scheduled", "open", "live", "break"].includes(this.snapshot?.phase ?? "") && !this.snapshot?.floor && !page.follows;
  }

  /** @param {Kind} kind @param {string} [site] */
  choose(kind, site) {
    if (!this.ready) return;
    this.kind = kind;
    if (site !== undefined) this.site = site;
    if (kind === "site" && !this.site) this.picker.focus();
    if (this.snapshot) this.draw(this.snapshot);
  }

  /** @returns {[string, string?]|null} what would be on air; null: nothing is chosen */
  #wanted() {
    const site = this.site || null;
    if (this.kind === "hub") return ["hub"];
    if (this.kind === "slides") return ["slides"];
    if (this.kind === "site") return site ? [site] : null;
    if (this.kind !== "split") return null;
    const first = this.#hasSlides() ? "slides" : "hub";
    const second = site ?? (first === "slides" ? "hub" : null);
    return second ? [first, second] : null;
  }

  #hasSlides() {
    return Boolean(this.actions.document()) || this.room.has("hub", "screen_share");
  }

  take() {
    const wanted = this.ready ? this.#wanted() : null;
    const before = this.snapshot?.programme;
    if (!wanted || !before) return;
    const [left, right] = wanted;
    if (this.#turns()) return this.actions.nextPage();
    const held = left === "slides" && !this.room.has("hub", "screen_share") && !this.snapshot?.document ? this.actions.document() : null;
    if (held) this.actions.showDocument(right);
    else this.actions.setStage(left, right);
    const [kind, site] = /** @type {[Kind, string]} */ (before.right ? ["split", isSite(before.right) ? before.right : ""] : isSite(before.left) ? ["site", before.left] : [before.left, this.site]);
    [this.kind, this.site] = [kind, site];
  }

  /** A page of the document is on air, and the slides are chosen again: the next press turns the page. */
  #turns() {
    const { programme, document } = this.snapshot ?? {};
    return this.kind === "slides" && Boolean(document) && programme?.left === "slides" && !programme.right;
  }

  /** @param {Snapshot} snapshot */
  draw(snapshot) {
    this.snapshot = snapshot;
    const sites = (snapshot.sites ?? []).filter((site) => site.connection || site.code === this.site);
    redraw(this.picker, JSON.stringify(sites.map((site) => site.code)), () => [el("option", { value: "" }, t("Picture of a site…")), ...sites.map((site) => el("option", { value: site.code }, site.name))]);
    if (document.activeElement !== this.picker || this.site) this.picker.value = this.site;
    this.picker.disabled = !this.ready;
    const wanted = this.#wanted();
    for (const kind of KINDS) {
      const button = /** @type {HTMLButtonElement} */ (byId(`preview-${kind}`));
      setAttribute(button, "aria-pressed", String(this.kind === kind));
      button.disabled = !this.ready;
    }
    /** @type {HTMLButtonElement} */ (byId("preview-take")).disabled = !this.ready || !wanted || this.#onAir(wanted);
    this.#drawPicture(wanted);
  }

  /** @param {[string, string?]} wanted */
  #onAir([left, right]) {
    const { programme } = this.snapshot ?? {};
    if (this.#turns()) return (this.actions.document()?.page ?? 0) >= (this.actions.document()?.pages ?? 0);
    return programme?.left === left && (programme.right ?? undefined) === right;
  }

  /** @param {[string, string?]|null} wanted */
  #drawPicture(wanted) {
    const [left, right] = wanted ?? [];
    const held = this.actions.document();
    const slides = left === "slides" && held && !this.room.has("hub", "screen_share") ? held : null;
    const number = slides ? Math.min(slides.pages, slides.page + (this.#turns() ? 1 : 0)) : 0;
    show(this.picture, Boolean(slides));
    if (slides) {
      const address = briefingUrl(this.snapshot?.id ?? "", `/documents/${slides.id}/pages/${number}/small.webp`);
      if (this.picture.getAttribute("src") !== address) this.picture.src = address;
      setAttribute(this.picture, "alt", t("Page {n}", { n: number }));
    }
    const source = left === "slides" ? "screen_share" : "camera";
    const who = left === "slides" ? "hub" : left;
    this.room.bind(this.video, who && !slides && !document.hidden ? { who, source, quality: "high" } : null);
    const shown = Boolean(slides) || Boolean(who && this.room.has(who, source));
    show(byId("preview-empty"), !shown);
    setText(byId("preview-empty"), wanted ? t("No picture") : t("Choose with 1 to 4 what comes next"));
    const words = [left, right].flatMap((place) => (place ? [place === "slides" ? (slides ? t("Slides, page {n}/{all}", { n: number, all: slides.pages }) : t("Slides")) : nameOf(place)] : []));
    setText(byId("preview-name"), words.join(" + "));
  }
}
