// @ts-check
/**
 * Measures the line to our own server: bytes both ways, then the own sound sent to the server and heard back from it.
 *
 * Rule 1: two connections of this site in a private room: one sends, one hears; nobody else is there.
 * Rule 2: what could not be measured is left out, never guessed; media that does not get through is said so.
 */
import { post } from "./api.js";
import { livekit } from "./livekit.js";

/** @typedef {{rtt_ms?: number, jitter_ms?: number, loss?: number, rate_bps?: number, up_bps?: number, route?: string, sound?: boolean}} Line */
/** @typedef {{line: Line, recording: Blob|null, answered: boolean}} Measured `answered`: our own media server is there */
/** @typedef {{url: string, send: string, hear: string}} Way */

const SIZES = [65_536, 524_288, 2_097_152];
const LONG_ENOUGH_MS = 900;
const MEDIA_WITHIN_MS = 12_000;
const LISTEN_MS = 5000;
const VOICE = 0.01; // root mean square of the loudest 20 ms; a quiet room stays under a tenth of it

/**
 * @param {MediaStreamTrack|null} microphone null: only the line is measured, with a silent track
 * @param {(step: "down"|"up"|"media"|"listen") => void} progress
 * @returns {Promise<Measured>}
 */
export async function measure(microphone, progress) {
  /** @type {Line} */
  const line = {};
  progress("down");
  line.rate_bps = await timed(async (size) => (await (await fetch(`/api/line-check/bytes?n=${size}`, { cache: "no-store" })).arrayBuffer()).byteLength);
  progress("up");
  line.up_bps = await timed(async (size) => {
    const answer = await fetch("/api/line-check/bytes", { method: "POST", body: new Uint8Array(size), headers: { "Content-Type": "application/octet-stream" } });
    return (await answer.json()).bytes;
  });
  progress("media");
  /** @type {Blob|null} */
  let recording = null;
  /** @type {Way|null} */
  const way = await post("/api/line-check/room").catch(() => null);
  try {
    if (way) recording = await hear(way, microphone, line, () => progress("listen"));
  } catch {
    line.route = "blocked";
  }
  for (const key of /** @type {(keyof Line)[]} */ (Object.keys(line))) if (line[key] === undefined || Number.isNaN(line[key])) delete line[key];
  return { line, recording, answered: way !== null };
}

/**
 * Bits a second, by the first size that takes long enough to be told from the delay.
 * @param {(size: number) => Promise<number>} move
 * @returns {Promise<number|undefined>}
 */
async function timed(move) {
  /** @type {number|undefined} */
  let rate;
  try {
    for (const size of SIZES) {
      const began = performance.now();
      const moved = await move(size);
      const took = Math.max(1, performance.now() - began);
      rate = Math.round((8000 * moved) / took);
      if (took > LONG_ENOUGH_MS) break;
    }
  } catch {
    return rate;
  }
  return rate;
}

/**
 * @param {Way} way
 * @param {MediaStreamTrack|null} microphone
 * @param {Line} line
 * @param {() => void} listening
 * @returns {Promise<Blob|null>} what came back of the own sound
 */
async function hear({ url, send, hear: hearing }, microphone, line, listening) {
  const { Room, RoomEvent, Track } = await livekit();
  const [sender, hearer] = [new Room(), new Room()];
  const silent = microphone ? null : silence();
  const voice = (microphone ?? /** @type {{track: MediaStreamTrack}} */ (silent).track).clone();
  try {
    /** @type {Promise<any>} */
    const coming = new Promise((resolve) => hearer.on(RoomEvent.TrackSubscribed, resolve));
    await within(Promise.all([sender.connect(url, send), hearer.connect(url, hearing)]));
    await within(sender.localParticipant.publishTrack(voice, { source: Track.Source.Microphone, dtx: false, red: false }));
    const track = await within(coming);
    listening();
    const recording = record(track.mediaStreamTrack);
    const loudest = await listen(track.mediaStreamTrack);
    await read(track.receiver, line);
    if (microphone) line.sound = loudest > VOICE;
    return microphone ? await recording() : null;
  } finally {
    voice.stop();
    void silent?.context.close();
    await Promise.all([sender.disconnect(), hearer.disconnect()]).catch(() => {});
  }
}

/** @template T @param {Promise<T>} promise @returns {Promise<T>} */
function within(promise) {
  return Promise.race([promise, new Promise((_, reject) => setTimeout(() => reject(new Error("too slow")), MEDIA_WITHIN_MS))]);
}

/**
 * Takes the sound for LISTEN_MS without playing it aloud.
 * @param {MediaStreamTrack} track
 * @returns {Promise<number>} the loudest moment, root mean square 0..1
 */
async function listen(track) {
  const stream = new MediaStream([track]);
  const sink = new Audio();
  sink.muted = true;
  sink.srcObject = stream; // Chromium decodes only what somebody plays
  void sink.play().catch(() => {});
  const context = new AudioContext();
  await context.resume();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  let loudest = 0;
  for (const until = performance.now() + LISTEN_MS; performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    analyser.getFloatTimeDomainData(samples);
    loudest = Math.max(loudest, Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length));
  }
  await context.close();
  sink.srcObject = null;
  return loudest;
}

/** @param {RTCRtpReceiver} receiver @param {Line} line */
async function read(receiver, line) {
  const report = await receiver.getStats();
  /** @type {Map<string, any>} */
  const all = new Map();
  report.forEach((entry) => all.set(entry.id, entry));
  for (const entry of all.values()) {
    if (entry.type === "inbound-rtp") {
      const packets = (entry.packetsReceived ?? 0) + Math.max(0, entry.packetsLost ?? 0);
      if (packets) line.loss = Math.max(0, entry.packetsLost ?? 0) / packets;
      if (entry.jitter !== undefined) line.jitter_ms = Math.round(entry.jitter * 1000);
    } else if (entry.type === "candidate-pair" && entry.nominated) {
      if (entry.currentRoundTripTime !== undefined) line.rtt_ms = Math.round(entry.currentRoundTripTime * 1000);
      const local = all.get(entry.localCandidateId);
      line.route = local?.candidateType === "relay" ? "turn" : local?.protocol === "tcp" ? "tcp" : "udp";
    }
  }
}

/** @param {MediaStreamTrack} track @returns {() => Promise<Blob|null>} ends it */
function record(track) {
  if (typeof MediaRecorder === "undefined") return async () => null;
  /** @type {Blob[]} */
  const parts = [];
  const recorder = new MediaRecorder(new MediaStream([track]));
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.start();
  return () =>
    new Promise((resolve) => {
      recorder.onstop = () => resolve(new Blob(parts, { type: recorder.mimeType }));
      recorder.stop();
    });
}

/** @returns {{context: AudioContext, track: MediaStreamTrack}} a track that nobody hears, and that is sent all the same */
function silence() {
  const context = new AudioContext();
  void context.resume();
  const [tone, faint, out] = [context.createOscillator(), context.createGain(), context.createMediaStreamDestination()];
  faint.gain.value = VOICE / 100;
  tone.connect(faint).connect(out);
  tone.start();
  return { context, track: out.stream.getAudioTracks()[0] };
}

/** @param {object} figures @returns {Promise<{verdict: "good"|"fair"|"poor"|null, briefing: string|null}>} */
export const report = (figures) => post("/api/line-checks", figures);
