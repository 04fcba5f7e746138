// @ts-check
/**
 * The control socket: one WebSocket that is kept open for ever. It knows nothing of the page.
 *
 * Rule 1: `hello` is the first frame; then a numbered `alive` every 5 s with the media figures it is given.
 * Rule 2: a lost line is tried again for ever, with growing, jittered delays. While the server cannot be reached it is
 * asked for by small requests instead, and the first answer brings a new socket at once; so does coming back on line.
 * Rule 3: a page that was replaced stops, and never fights back; only a person's press starts it again.
 * Rule 4: a question that gets no answer means that the line is dead, whatever the socket says: a fresh one is made.
 * What TCP still has to send again would come up to as long after the line's return as the line was away.
 * Rule 5: the way to the server may be made beforehand, when a press is about to come; without `hello` it counts nowhere.
 */
import { LineWatch } from "./line-watch.js";

const ALIVE_MS = 5000;
const CONNECT_MS = 16000;
const ANSWER_MS = 10000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15000;
const SILENT_MS = 7000; // every heartbeat is answered
const STALE_MS = 12000;
const CONNECTING_MS = 1000;
const AHEAD_MS = 8000; // the server waits 10 s for a hello
const BACK_MS = 200; // of which up to half is waited: a server that starts again is not run over
const FINAL = new Set(["replaced", "revoked", "ended", "cancelled", "login_needed", "wrong_link", "forbidden", "unknown_briefing"]);

/**
 * @typedef {"connecting"|"open"|"reconnecting"|"stopped"} SocketState
 *
 * @typedef {object} Listeners
 * @property {(snapshot: import("./types.js").Snapshot) => void} snapshot
 * @property {(url: string, token: string) => void} media
 * @property {() => void} [measure] the hall asks for a line check
 * @property {(briefings: import("./types.js").Offered[]) => void} [choice] what the site's link leads to, from two on; else none
 * @property {(refusal: {code: string, message?: string, [more: string]: any}, final: boolean) => void} refused
 * @property {(state: SocketState) => void} state
 * @property {() => void} [back] the line was away and is there again; a new socket comes next
 * @property {() => Promise<object>|object} figures the `media` part of the next heartbeat
 */

export class ControlSocket {
  /**
   * @param {string} url
   * @param {() => object} hello what is added to the first frame
   * @param {Listeners} listeners
   */
  constructor(url, hello, listeners) {
    this.url = url;
    this.hello = hello;
    this.listeners = listeners;
    /** @type {WebSocket|null} */
    this.socket = null;
    /** @type {WebSocket|null} made beforehand */
    this.ahead = null;
    /** @type {SocketState} */
    this.state = "stopped";
    this.page = crypto.randomUUID?.() ?? fallbackUuid();
    this.counter = 0;
    this.tries = 0;
    this.heardAt = 0;
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.retryTimer = undefined;
    /** @type {ReturnType<typeof setInterval>|undefined} */
    this.aliveTimer = undefined;
    this.triedAt = 0;
    this.watch = new LineWatch("/healthz", () => this.#isDoubtful(), (wasDown) => this.#reached(wasDown));
    addEventListener("online", () => this.retryNow());
    addEventListener("offline", () => this.#closed());
  }

  start() {
    if (this.state !== "stopped") return;
    this.tries = 0;
    this.#enter("connecting");
    this.#connect();
    this.watch.start();
  }

  /** A press that starts this is about to come: the line is made ready, for some seconds. */
  prepare() {
    if (this.state !== "stopped" || this.ahead) return;
    const socket = (this.ahead = new WebSocket(this.url));
    setTimeout(() => {
      if (this.ahead !== socket) return;
      this.ahead = null;
      socket.close();
    }, AHEAD_MS);
  }

  stop() {
    this.#enter("stopped");
    this.watch.stop();
    this.#drop();
  }

  /** Tries at once, whatever the delay was. Does nothing while connected or stopped. */
  retryNow() {
    if (this.state !== "reconnecting" && this.state !== "connecting") return;
    if (this.socket?.readyState === WebSocket.OPEN) return;
    this.tries = 0;
    this.#connect();
  }

  /** Asks for a fresh `media` message: the page lost the room. */
  askMedia() {
    if (!this.send({ type: "media" })) return;
    const [asked, socket] = [performance.now(), this.socket];
    setTimeout(() => {
      if (this.socket === socket && this.heardAt < asked) this.#closed();
    }, ANSWER_MS);
  }

  /**
   * @param {object} message
   * @returns {boolean} false where the line is down: nothing was sent
   */
  send(message) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    this.#drop();
    const ready = this.ahead && this.ahead.readyState <= WebSocket.OPEN ? this.ahead : null;
    this.ahead = null;
    const socket = ready ?? new WebSocket(this.url);
    this.socket = socket;
    this.heardAt = this.triedAt = performance.now();
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#heard(event.data);
    socket.onclose = () => {
      if (this.socket === socket) this.#closed();
    };
    this.retryTimer = setTimeout(() => {
      if (socket.readyState === WebSocket.CONNECTING) this.#closed();
    }, CONNECT_MS);
    if (socket.readyState === WebSocket.OPEN) this.#opened();
  }

  #opened() {
    clearTimeout(this.retryTimer);
    this.send({ type: "hello", page: this.page, ...this.hello() });
    this.aliveTimer = setInterval(() => void this.#beat(), ALIVE_MS);
  }

  /** Sends a heartbeat now, as when media has just come. */
  beatNow() {
    if (this.state === "open") void this.#beat();
  }

  async #beat() {
    const media = await this.listeners.figures();
    this.counter += 1;
    this.send({ type: "alive", n: this.counter, t_ms: Math.round(performance.now()), media });
  }

  /** @param {string} data */
  #heard(data) {
    this.heardAt = performance.now();
    /** @type {any} */
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.type === "snapshot") {
      this.tries = 0;
      this.#enter("open");
      this.listeners.snapshot(message);
    } else if (message.type === "media") this.listeners.media(message.url, message.token);
    else if (message.type === "measure") this.listeners.measure?.();
    else if (message.type === "choice") {
      this.#enter("open"); // the server waits for the answer
      this.listeners.choice?.(message.briefings);
    }
    else if (message.type === "refused") this.#refused(message);
  }

  /** @param {{code: string, message?: string}} refusal */
  #refused(refusal) {
    const final = FINAL.has(refusal.code);
    if (final) this.stop();
    else if (refusal.code === "not_open") this.#enter("open"); // the server keeps the socket and lets the site in later
    this.listeners.refused(refusal, final);
  }

  #closed() {
    if (this.state === "stopped") return;
    this.#drop();
    this.#enter("reconnecting");
    const growing = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 1.7 ** this.tries);
    this.tries += 1;
    this.#retryIn(growing);
  }

  /** @param {number} ms the delay, of which between half and the whole is waited */
  #retryIn(ms) {
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => {
      if (!this.watch.down) this.#connect();
    }, ms * (0.5 + Math.random() / 2));
  }

  /** Is it worth asking whether the server can be reached? */
  #isDoubtful() {
    if (this.state === "stopped") return false;
    if (this.socket?.readyState === WebSocket.OPEN) return performance.now() - this.heardAt > SILENT_MS;
    return !this.socket || performance.now() - this.triedAt > CONNECTING_MS;
  }

  /** The server can be reached, and our socket tells nothing of it. @param {boolean} wasDown */
  #reached(wasDown) {
    const stale = this.socket?.readyState === WebSocket.OPEN && performance.now() - this.heardAt > STALE_MS;
    if (!wasDown && !stale) return; // the line was never away: the socket has its reasons, and its own delays
    this.tries = 0;
    this.#drop();
    this.#enter("reconnecting");
    this.listeners.back?.();
    this.#retryIn(BACK_MS);
  }

  #drop() {
    clearTimeout(this.retryTimer);
    clearInterval(this.aliveTimer);
    const old = this.socket;
    this.socket = null;
    if (!old) return;
    old.onopen = old.onmessage = old.onclose = null;
    old.close();
  }

  /** @param {SocketState} state */
  #enter(state) {
    if (this.state === state) return;
    this.state = state;
    this.listeners.state(state);
  }
}

/** @returns {string} a random UUID on pages without a secure context */
function fallbackUuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** @returns {string} the address of the control socket of this server */
export function controlUrl() {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
}
