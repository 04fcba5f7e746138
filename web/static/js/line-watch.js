// @ts-check
/**
 * Whether the server can be reached, asked with small requests for as long as there is doubt.
 *
 * Rule 1: a question now and then, each given some seconds: a line with a long round trip answers too.
 * Rule 2: never asked with a WebSocket: browsers put off, by up to 5 s, those of a page whose WebSockets fail often.
 * Rule 3: any answer will do, also one that says that something is wrong over there.
 * Rule 4: a browser makes a new connection for a question that waits, six at most with and six without credentials, and
 * each knocks more and more seldom. So questions go in turns, and not too often: some connection is always a young one.
 */

const EVERY_MS = 1250;
const ANSWER_MS = 6000;
const LATE_MS = 1500;

export class LineWatch {
  /**
   * @param {string} url what is asked for
   * @param {() => boolean} doubt true while it is worth asking
   * @param {(wasDown: boolean) => void} answered an answer came; `wasDown`: after questions that got none, or got it late
   */
  constructor(url, doubt, answered) {
    this.url = url;
    this.doubt = doubt;
    this.answered = answered;
    /** true from the first question without an answer until the next answer */
    this.down = false;
    this.asked = 0;
    this.answeredAt = 0;
    /** @type {ReturnType<typeof setInterval>|undefined} */
    this.timer = undefined;
  }

  start() {
    this.timer ??= setInterval(() => void this.#look(), EVERY_MS);
  }

  stop() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.down = false;
  }

  async #look() {
    if (!this.doubt()) this.down = false;
    else await this.#ask();
  }

  async #ask() {
    this.asked += 1;
    const began = performance.now();
    const miss = () => {
      if (began > this.answeredAt) this.down = true; // else it hangs since before the line came back
    };
    const late = setTimeout(miss, LATE_MS);
    try {
      const credentials = this.asked % 2 ? "omit" : "same-origin";
      await fetch(this.url, { cache: "no-store", credentials, signal: AbortSignal.timeout(ANSWER_MS) });
      const wasDown = this.down;
      this.down = false;
      this.answeredAt = performance.now();
      if (this.timer !== undefined && this.doubt()) this.answered(wasDown);
    } catch {
      miss();
    } finally {
      clearTimeout(late);
    }
  }
}
