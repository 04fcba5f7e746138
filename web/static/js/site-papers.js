// @ts-check
/** Documents and messages on the operator's page: what the hall sent, and what the site writes back. */
import { briefingUrl, get } from "./api.js";
import { byId, el, icon, redraw, setText, show } from "./dom.js";
import { clock, count } from "./format.js";
import { t } from "./i18n.js";
import { PageStore } from "./page-store.js";
import { SlideView } from "./slides.js";

/** @typedef {import("./types.js").Snapshot} Snapshot */
/** @typedef {{number: number, at: string, site: string|null, text: string, to_hub: boolean}} Message */

export class SitePapers {
  /**
   * @param {{send: (message: object) => boolean, beat: () => void, fail: (words: string) => void, pace: () => number, waits: () => boolean}} line
   * @param {import("./line-rate.js").LineRate} rate
   */
  constructor(line, rate) {
    this.line = line;
    this.dialog = /** @type {HTMLDialogElement} */ (byId("papers-dialog"));
    this.store = new PageStore({
      received: (document) => {
        line.send({ type: "document-received", document });
        this.#drawDocuments();
      },
      listed: () => this.#drawDocuments(),
      pace: line.pace,
      waits: line.waits,
    }, rate);
    this.slides = new SlideView(/** @type {HTMLImageElement} */ (byId("stage-slide")), this.store, {
      thin: true,
      describe: (page) => t("Page {n}", { n: page }),
      shown: line.beat,
    });
    /** @type {Message[]} */
    this.messages = [];
    this.counted = 0;
    this.seen = Number(sessionStorage.getItem("message-seen") ?? 0);
    this.briefing = "";
    this.input = /** @type {HTMLInputElement} */ (byId("message-text"));
    byId("papers-open").addEventListener("click", () => this.dialog.showModal());
    byId("message-dismiss").addEventListener("click", () => this.#dismiss());
    byId("message-form").addEventListener("submit", (event) => this.#send(event));
    for (const button of this.dialog.querySelectorAll("[data-phrase]")) button.addEventListener("click", () => this.#write(button.textContent ?? ""));
    this.dialog.querySelector("[data-close]")?.addEventListener("click", () => this.dialog.close());
  }

  /** @param {Snapshot|null} snapshot @param {boolean} showing are pages on the main screen now? */
  draw(snapshot, showing) {
    if (snapshot) this.store.follow(snapshot, typeof snapshot.documents === "string" ? snapshot.documents : "");
    this.slides.draw(snapshot, showing);
    show(byId("papers-open"), Boolean(snapshot) && snapshot?.phase !== "scheduled");
    if (!snapshot) return;
    this.briefing = snapshot.id;
    setText(byId("slide-place"), showing && snapshot.slide ? t("page {n}/{all}", { n: snapshot.slide, all: this.#pagesOf(snapshot.document) }) : "");
    const counted = snapshot.messages ?? 0;
    if (counted === this.counted) return;
    this.counted = counted;
    void this.#fetchMessages();
  }

  /** @param {string|null|undefined} document */
  #pagesOf(document) {
    return this.store.documents.find((one) => one.id === document)?.pages ?? "…";
  }

  async #fetchMessages() {
    try {
      this.messages = await get(briefingUrl(this.briefing, "/messages"));
      this.#drawMessages();
    } catch {
      this.counted = -1; // the next snapshot tries again
    }
  }

  #newest() {
    return [...this.messages].reverse().find((message) => !message.to_hub);
  }

  #drawMessages() {
    const newest = this.#newest();
    show(byId("hub-message"), Boolean(newest && newest.number > this.seen));
    if (newest) setText(byId("hub-message-text"), `${clock(newest.at)}  ${newest.text}`);
    redraw(byId("message-list"), String(this.messages.length), () =>
      this.messages.map((message) => el("li", { class: message.to_hub ? "mine" : "theirs" }, el("small", {}, `${clock(message.at)} · ${message.to_hub ? t("this site") : t("the hall")}`), el("span", {}, message.text))),
    );
    byId("message-list").lastElementChild?.scrollIntoView({ block: "nearest" });
  }

  #dismiss() {
    this.seen = this.#newest()?.number ?? 0;
    sessionStorage.setItem("message-seen", String(this.seen));
    this.#drawMessages();
  }

  /** @param {Event} event */
  #send(event) {
    event.preventDefault();
    if (this.#write(this.input.value.trim())) this.input.value = "";
  }

  /** @param {string} text */
  #write(text) {
    if (!text) return false;
    const sent = this.line.send({ type: "message", text });
    if (!sent) this.line.fail(t("The line is down: not sent. Try again when it is back."));
    return sent;
  }

  #drawDocuments() {
    const documents = this.store.documents;
    show(byId("papers-none"), documents.length === 0);
    redraw(byId("papers-list"), JSON.stringify(documents), () => documents.map((document) => el("li", {}, this.#download(document), el("span", {}, el("b", {}, document.name), el("small", { class: "under" }, sizeOf(document))))));
    show(byId("waiting-papers"), documents.length > 0);
    const here = documents.map((document) => document.received === true || this.store.complete.has(document.id));
    redraw(byId("waiting-list"), JSON.stringify([documents, here]), () =>
      documents.map((document, at) => el("li", { "data-testid": "waiting-document" }, el("span", {}, el("b", {}, document.name), el("small", { class: "under" }, here[at] ? t("{n} pages, ready on this machine", { n: count(document.pages) }) : t("{n} pages, on their way", { n: count(document.pages) }))), this.#download(document))),
    );
  }

  /** @param {import("./page-store.js").HeldDocument} document */
  #download(document) {
    const pace = this.store.rate.beside();
    const address = briefingUrl(this.briefing, `/documents/${document.id}/file${pace ? `?pace=${pace}` : ""}`);
    return el("a", { class: "button", href: address, download: document.name, "data-testid": "document-download" }, icon("download"), t("Download"));
  }
}

/** @param {import("./page-store.js").HeldDocument} document */
function sizeOf(document) {
  return t("{n} pages, {mb} MB", { n: count(document.pages), mb: count(Math.max(0.1, Math.round(document.bytes / 1e5) / 10)) });
}
