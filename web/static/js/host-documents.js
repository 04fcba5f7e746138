// @ts-check
/**
 * Documents in the control room: handed in, shown page by page, followed by who has received them.
 *
 * Rule: presses come faster than answers: only the newest page number is sent, one request at a time.
 */
import { ApiError, briefingUrl, post } from "./api.js";
import { byId, el, icon, redraw, setAttribute, setText, show } from "./dom.js";
import { count } from "./format.js";
import { errorText, t } from "./i18n.js";
import { page } from "./page-data.js";
import { PageStore } from "./page-store.js";
import { SlideView } from "./slides.js";
import { tell } from "./toast.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {import("./page-store.js").HeldDocument} HeldDocument */

const MOST_BYTES = 50 * 1024 * 1024;
const SNAPSHOT_WITHIN_MS = 2000;
const FORWARD = ["ArrowRight", "PageDown"];
const BACK = ["ArrowLeft", "PageUp"];

export class HostDocuments {
  /** @param {string} briefing @param {{setStage: (left: string, right?: string) => void, came: () => void}} actions `came`: a document was handed in here */
  constructor(briefing, actions) {
    this.briefing = briefing;
    this.actions = actions;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("documents-dialog"));
    this.select = /** @type {HTMLSelectElement} */ (byId("document-select"));
    this.number = /** @type {HTMLInputElement} */ (byId("slide-number"));
    this.file = /** @type {HTMLInputElement} */ (byId("document-file"));
    this.store = new PageStore({ received: () => {}, listed: () => {} });
    const describe = (/** @type {number} */ page) => t("Page {n}", { n: page });
    this.slides = new SlideView(/** @type {HTMLImageElement} */ (byId("stage-slide")), this.store, { thin: false, describe, shown: () => {} });
    /** @type {Snapshot|null} */
    this.snapshot = null;
    /** @type {number|null} the page asked for and not yet in a snapshot */
    this.wanted = null;
    this.sending = false;
    this.#wire();
  }

  #wire() {
    byId("documents-open").addEventListener("click", () => this.dialog.showModal());
    byId("document-upload").addEventListener("click", () => this.file.click());
    byId("document-upload-more").addEventListener("click", () => this.file.click());
    byId("slide-back").addEventListener("click", () => this.turn(-1));
    byId("slide-next").addEventListener("click", () => this.turn(1));
    byId("slide-show").addEventListener("click", () => void (this.#isShown() ? this.#stop() : this.show()));
    this.number.addEventListener("change", () => this.#ask(Number(this.number.value)));
    this.file.addEventListener("change", () => {
      const file = this.file.files?.[0];
      this.file.value = "";
      if (file) this.#upload(file);
    });
    addEventListener("keydown", (event) => this.#key(event));
  }

  /** @returns {HeldDocument[]} */
  get documents() {
    return Array.isArray(this.snapshot?.documents) ? this.snapshot.documents : [];
  }

  /** The document that the panel is about: the one shown, else the chosen one. */
  get current() {
    const id = this.snapshot?.document ?? this.select.value;
    return this.documents.find((one) => one.id === id) ?? this.documents[0] ?? null;
  }

  #isShown() {
    return Boolean(this.snapshot?.document) && this.snapshot?.stage?.left === "slides";
  }

  /** Another kind of slides comes: the hub's own screen. */
  hide() {
    if (this.snapshot?.document) void this.#post({ slide: null });
  }

  /** Puts the chosen document on air. @param {string} [right] beside it */
  async show(right) {
    const document = this.current;
    if (!document) return;
    const slide = this.snapshot?.document === document.id ? (this.snapshot.slide ?? 1) : 1;
    if (await this.#post({ slide, document: document.id })) this.actions.setStage("slides", right);
  }

  async #stop() {
    this.actions.setStage("hub");
  }

  /** The page that is on air, or would be. @returns {{id: string, page: number, pages: number}|null} */
  get place() {
    const current = this.current;
    if (!current) return null;
    const page = this.snapshot?.document === current.id ? (this.wanted ?? this.snapshot.slide ?? 1) : 1;
    return { id: current.id, page, pages: current.pages };
  }

  /** @param {number} step */
  turn(step) {
    this.#ask((this.wanted ?? this.snapshot?.slide ?? 0) + step);
  }

  /** @param {number} page */
  #ask(page) {
    const document = this.documents.find((one) => one.id === this.snapshot?.document);
    if (!document || !Number.isInteger(page)) return;
    this.wanted = Math.min(document.pages, Math.max(1, page));
    this.number.value = String(this.wanted);
    void this.#sendWanted();
  }

  async #sendWanted() {
    if (this.sending) return;
    this.sending = true;
    for (let sent = 0; this.wanted !== null && this.wanted !== sent; ) {
      sent = this.wanted;
      if (!(await this.#post({ slide: sent }))) this.wanted = null;
    }
    this.sending = false;
    const answered = this.wanted;
    setTimeout(() => {
      if (this.wanted === answered) this.wanted = null; // somebody else turned the page meanwhile
    }, SNAPSHOT_WITHIN_MS);
  }

  /** @param {object} body */
  async #post(body) {
    try {
      await post(briefingUrl(this.briefing, "/slide"), body);
      return true;
    } catch (error) {
      tell(error instanceof Error ? error.message : String(error));
      return false;
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const typing = event.target instanceof Element && event.target.closest("input, select, textarea, dialog");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || page.follows || !this.#isShown()) return;
    const step = FORWARD.includes(event.key) ? 1 : BACK.includes(event.key) ? -1 : 0;
    if (!step) return;
    event.preventDefault();
    this.turn(step);
  }

  /** @param {File} file */
  #upload(file) {
    if (file.size > MOST_BYTES) {
      tell(errorText("document_too_large"));
      return;
    }
    this.actions.came();
    const request = new XMLHttpRequest();
    request.open("POST", briefingUrl(this.briefing, `/documents?name=${encodeURIComponent(file.name)}`));
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = (event) => this.#progress(t("Uploading: {share} %", { share: Math.round((100 * event.loaded) / Math.max(1, event.total)) }));
    request.upload.onload = () => this.#progress(t("Preparing the pages…"));
    request.onloadend = () => this.#uploaded(request, file.name);
    this.#progress(t("Uploading: {share} %", { share: 0 }));
    request.send(file);
  }

  /** @param {string} words "" when it is over */
  #progress(words) {
    for (const id of ["upload-progress", "upload-progress-more"]) {
      setText(byId(id), words);
      show(byId(id), Boolean(words));
    }
    for (const id of ["document-upload", "document-upload-more"]) /** @type {HTMLButtonElement} */ (byId(id)).disabled = Boolean(words);
  }

  /** @param {XMLHttpRequest} request @param {string} name */
  #uploaded(request, name) {
    this.#progress("");
    if (request.status === 201) {
      tell(t("{name} is there; the sites are fetching its pages", { name }), "online");
      return;
    }
    /** @type {any} */
    let told = null;
    try {
      told = JSON.parse(request.responseText);
    } catch {
      told = null;
    }
    const problem = new ApiError(told?.code ?? "unreachable", told?.message ?? t("The server cannot be reached. Check the line and try again."), request.status);
    tell(problem.message);
  }

  /** @param {Snapshot} snapshot @param {boolean} showing are pages on the main screen now? */
  draw(snapshot, showing) {
    this.snapshot = snapshot;
    if (snapshot.slide === this.wanted && !this.sending) this.wanted = null;
    const documents = this.documents;
    this.store.follow(snapshot, documents.map((one) => one.id).join("+"));
    this.slides.draw(snapshot, showing);
    const current = this.current;
    show(byId("documents-some"), documents.length > 0);
    show(byId("documents-open"), documents.length > 0);
    show(byId("documents-count"), documents.length > 0);
    setText(byId("documents-count"), String(documents.length));
    redraw(this.select, JSON.stringify(documents.map((one) => one.id)), () => documents.map((one) => el("option", { value: one.id }, one.name)));
    this.select.disabled = this.#isShown();
    if (current && snapshot.document && this.select.value !== current.id) this.select.value = current.id;
    const running = ["open", "live", "break"].includes(snapshot.phase);
    this.#drawTurn(snapshot, current, running);
    this.#drawList(snapshot, documents);
  }

  /** @param {Snapshot} snapshot @param {HeldDocument|null} current @param {boolean} running */
  #drawTurn(snapshot, current, running) {
    const shown = this.#isShown();
    const slide = this.wanted ?? snapshot.slide ?? 1;
    const pages = current?.pages ?? 1;
    for (const [id, can] of /** @type {[string, boolean][]} */ ([["slide-back", slide > 1], ["slide-next", slide < pages], ["slide-number", true]])) {
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = !shown || !running || !can;
    }
    if (document.activeElement !== this.number) this.number.value = String(snapshot.document ? slide : 1);
    this.number.max = String(pages);
    setText(byId("slide-count"), `/ ${pages}`);
    const button = /** @type {HTMLButtonElement} */ (byId("slide-show"));
    button.disabled = !running || Boolean(snapshot.floor);
    setAttribute(button, "aria-pressed", String(shown));
    redraw(button, String(shown), () => [icon(shown ? "stop" : "slides"), shown ? t("Stop showing") : t("Show to all")]);
  }

  /** @param {Snapshot} snapshot @param {HeldDocument[]} documents */
  #drawList(snapshot, documents) {
    const sites = snapshot.sites ?? [];
    redraw(byId("document-list"), JSON.stringify([documents, sites.length]), () =>
      documents.map((one) => {
        const has = Array.isArray(one.received) ? one.received : [];
        const missing = sites.filter((site) => !has.includes(site.code)).map((site) => site.name);
        const words = el("span", {}, el("b", {}, one.name), el("small", { class: "under" }, t("{n} pages, {mb} MB", { n: count(one.pages), mb: count(Math.max(0.1, Math.round(one.bytes / 1e5) / 10)) })), el("small", { class: "under", "data-testid": `received-${one.id}` }, t("Received by {n}/{all} sites", { n: has.length, all: sites.length }), missing.length && missing.length < sites.length ? ` · ${t("not yet: {names}", { names: missing.slice(0, 8).join(", ") + (missing.length > 8 ? "…" : "") })}` : ""));
        const download = el("a", { class: "button small", href: briefingUrl(this.briefing, `/documents/${one.id}/file`), download: one.name }, icon("download"), t("Download"));
        return el("li", {}, words, el("span", { class: "buttons" }, download, this.#withdraw(one)));
      }),
    );
  }

  /** Taking a document back needs a second press. @param {HeldDocument} one */
  #withdraw(one) {
    const button = el("button", { class: "button small danger", type: "button", "data-testid": `withdraw-${one.id}` }, t("Take back…"));
    let asked = false;
    button.addEventListener("click", async () => {
      if (!asked) {
        asked = true;
        button.textContent = t("Press again: it disappears at all sites");
        return;
      }
      button.disabled = true;
      const answer = await fetch(briefingUrl(this.briefing, `/documents/${one.id}`), { method: "DELETE", headers: { Accept: "application/json" } }).catch(() => null);
      if (!answer?.ok) tell(errorText((await answer?.json().catch(() => null))?.code ?? "unknown"));
    });
    return button;
  }
}
