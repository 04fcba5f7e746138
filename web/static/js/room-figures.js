// @ts-check
/**
 * The media figures of a heartbeat: what this page truly receives of the stage.
 *
 * Rule: a figure that is not known is left out, never sent as zero. Byte counters only ever grow while the page lives.
 */

/** @typedef {import("./room.js").BriefingRoom} BriefingRoom */

/**
 * @typedef {object} Figures
 * @property {boolean} [receiving]
 * @property {"full"|"audio"|"slides"|"none"} [mode]
 * @property {number} [audio_bytes]
 * @property {number} [video_bytes]
 * @property {number} [rtt_ms]
 * @property {number} [loss] 0..1 since the last heartbeat
 * @property {"high"|"mid"|"low"|"off"} [layer]
 */

const SETTLE_MS = 8000;

export class FigureKeeper {
  /**
   * @param {BriefingRoom} room
   * @param {HTMLVideoElement} video
   * @param {HTMLAudioElement} audio
   */
  constructor(room, video, audio) {
    this.room = room;
    this.video = video;
    this.audio = audio;
    /** @type {Map<string, {bytes: number, lost: number, packets: number}>} */
    this.seen = new Map();
    this.audioBytes = 0;
    this.videoBytes = 0;
    /** @type {Figures} */
    this.last = {};
    /** @type {{track: unknown, since: number}} */
    this.newest = { track: null, since: 0 };
  }

  /** @returns {Promise<Figures>} */
  async take() {
    if (this.room.state !== "connected") {
      this.last = this.room.state === "none" ? {} : { receiving: false, mode: "none", layer: "off" };
      return this.last;
    }
    if (!this.room.isBound(this.audio) && !this.room.isBound(this.video)) {
      this.last = {}; // nothing is asked for: whether it would arrive is unknown
      return this.last;
    }
    const [audio, video] = await Promise.all([this.#read(this.audio), this.#read(this.video)]);
    this.audioBytes += audio.bytes;
    this.videoBytes += video.bytes;
    const packets = audio.packets + video.packets + audio.lost + video.lost;
    /** @type {Figures} */
    const figures = { receiving: audio.bytes + video.bytes > 0, audio_bytes: this.audioBytes, video_bytes: this.videoBytes };
    if (this.#isSettled()) {
      figures.mode = video.bytes > 0 ? "full" : audio.bytes > 0 ? "audio" : "none";
      if (video.present) figures.layer = this.#layer(video);
    }
    if (packets > 0) figures.loss = Math.min(1, Math.max(0, (audio.lost + video.lost) / packets));
    const rtt = audio.rtt ?? video.rtt;
    if (rtt !== undefined) figures.rtt_ms = Math.round(rtt * 1000);
    this.last = figures;
    return figures;
  }

  /** A picture that has just come or changed starts small: what it settles to is not known for some seconds. */
  #isSettled() {
    const track = this.room.trackOf(this.video);
    if (track !== this.newest.track) this.newest = { track, since: performance.now() };
    return performance.now() - this.newest.since > SETTLE_MS;
  }

  /** @param {{bytes: number, height?: number}} video @returns {"high"|"mid"|"low"|"off"} */
  #layer(video) {
    if (this.room.isPaused(this.video) || video.bytes === 0) return "off";
    const height = video.height ?? this.video.videoHeight;
    if (height >= 540) return "high";
    const asked = this.video.clientHeight * 0.75; // a small screen asks for a small picture: that one is not reduced
    return height >= Math.min(270, asked) ? "mid" : "low";
  }

  /** @param {HTMLMediaElement} element */
  async #read(element) {
    /** @type {{bytes: number, packets: number, lost: number, rtt?: number, height?: number, present: boolean}} */
    const sum = { bytes: 0, packets: 0, lost: 0, present: false };
    const track = /** @type {any} */ (this.room.trackOf(element));
    /** @type {RTCStatsReport|undefined} */
    const report = await track?.receiver?.getStats?.().catch(() => undefined);
    if (!report) return sum;
    sum.present = true;
    report.forEach((entry) => {
      if (entry.type === "inbound-rtp") this.#count(`${track.sid}:${entry.ssrc}`, entry, sum);
      if (entry.type === "candidate-pair" && entry.nominated) sum.rtt = entry.currentRoundTripTime;
    });
    return sum;
  }

  /**
   * @param {string} key
   * @param {any} entry
   * @param {{bytes: number, packets: number, lost: number, height?: number}} sum
   */
  #count(key, entry, sum) {
    const before = this.seen.get(key) ?? { bytes: 0, lost: 0, packets: 0 };
    sum.bytes += Math.max(0, (entry.bytesReceived ?? 0) - before.bytes);
    sum.packets += Math.max(0, (entry.packetsReceived ?? 0) - before.packets);
    sum.lost += Math.max(0, (entry.packetsLost ?? 0) - before.lost);
    if (entry.frameHeight) sum.height = entry.frameHeight;
    this.seen.set(key, { bytes: entry.bytesReceived ?? 0, lost: entry.packetsLost ?? 0, packets: entry.packetsReceived ?? 0 });
  }
}
