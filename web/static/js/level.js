// @ts-check
/** A microphone's level as a row of lights. It reads the track and never plays it. */
import { el } from "./dom.js";

const STEPS = 24;

export class LevelMeter {
  /** @param {HTMLElement} host an element of class `level` */
  constructor(host) {
    this.host = host;
    host.replaceChildren(...Array.from({ length: STEPS }, () => el("i")));
    /** @type {AudioContext|null} */
    this.context = null;
    this.frame = 0;
    /** The loudest share 0..1 since `watch`, for the words beside the lights. */
    this.peak = 0;
  }

  /** @param {MediaStreamTrack|null} track */
  watch(track) {
    cancelAnimationFrame(this.frame);
    void this.context?.close();
    this.context = null;
    this.peak = 0;
    this.#light(0);
    if (!track) return;
    this.context = new AudioContext();
    void this.context.resume();
    const analyser = this.context.createAnalyser();
    analyser.fftSize = 1024;
    this.context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const draw = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const decibels = 10 * Math.log10(power + 1e-9); // -60 dB is silence, -12 dB a near voice
      const share = Math.min(1, Math.max(0, (decibels + 60) / 48));
      this.peak = Math.max(this.peak * 0.995, share);
      this.#light(share);
      this.frame = requestAnimationFrame(draw);
    };
    draw();
  }

  /** @param {number} share */
  #light(share) {
    const lit = Math.round(share * STEPS);
    [...this.host.children].forEach((light, index) => {
      const name = index >= lit ? "" : index > STEPS * 0.88 ? "high" : "on";
      if (light.className !== name) light.className = name;
    });
  }
}
