// @ts-check
/**
 * The loudspeakers' test sound, and how much of it the microphone hears: what the hall would hear as an echo.
 *
 * Rule: a note counts as heard where its own pitch rises while it sounds; a voice lifts all pitches at all times.
 */

export const NOTES = [523, 659, 784];
const NOTE_S = 0.35;
const LATE_S = 0.3; // the way from loudspeaker to microphone, with the computer's own delay
const QUIET_MS = 350;
const RISE_DB = 10;
const STRONG_DB = -45; // of full scale

/** @typedef {"none"|"some"|"strong"} Echo */

/**
 * @param {number[]} before dB of each note's pitch before the sound
 * @param {number[]} during the loudest dB of each note's pitch while it sounds
 * @returns {Echo}
 */
export function judge(before, during) {
  const heard = NOTES.map((_, index) => index).filter((index) => during[index] - before[index] > RISE_DB && during[index] > -75);
  if (heard.length < 2) return "none";
  const level = heard.reduce((sum, index) => sum + during[index], 0) / heard.length;
  return level > STRONG_DB ? "strong" : "some";
}

/**
 * Plays the three notes aloud and listens for them in the microphone.
 * @param {MediaStreamTrack|null} microphone
 * @returns {Promise<Echo|null>} null where there is no microphone
 */
export async function playAndListen(microphone) {
  const context = new AudioContext();
  await context.resume();
  const ear = microphone ? listenTo(context, microphone) : null;
  const before = ear ? await ear(QUIET_MS / 1000, null) : [];
  const start = context.currentTime + 0.05;
  NOTES.forEach((pitch, index) => sound(context, pitch, start + index * NOTE_S));
  const during = ear ? await ear(NOTES.length * NOTE_S + LATE_S, start) : [];
  if (!ear) await new Promise((resolve) => setTimeout(resolve, 1000 * (NOTES.length * NOTE_S + 0.1)));
  await context.close();
  return ear ? judge(before, during) : null;
}

/** @param {AudioContext} context @param {number} pitch @param {number} at */
function sound(context, pitch, at) {
  const [tone, gain] = [context.createOscillator(), context.createGain()];
  tone.frequency.value = pitch;
  gain.gain.setValueAtTime(0.0001, at);
  gain.gain.exponentialRampToValueAtTime(0.25, at + 0.03);
  gain.gain.exponentialRampToValueAtTime(0.0001, at + NOTE_S - 0.02);
  tone.connect(gain).connect(context.destination);
  tone.start(at);
  tone.stop(at + NOTE_S);
}

/**
 * @param {AudioContext} context
 * @param {MediaStreamTrack} microphone
 * @returns {(seconds: number, start: number|null) => Promise<number[]>} the loudest dB of each note's pitch: all the
 * time, or from `start` on in each note's own time only
 */
function listenTo(context, microphone) {
  const analyser = context.createAnalyser();
  analyser.fftSize = 4096;
  analyser.smoothingTimeConstant = 0;
  context.createMediaStreamSource(new MediaStream([microphone])).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  return async (seconds, start) => {
    const loudest = NOTES.map(() => -200);
    for (const until = context.currentTime + seconds; context.currentTime < until; ) {
      await new Promise((resolve) => setTimeout(resolve, 25));
      analyser.getFloatFrequencyData(bins);
      NOTES.forEach((pitch, index) => {
        const since = start === null ? 0 : context.currentTime - start - index * NOTE_S;
        if (start !== null && (since < 0 || since > NOTE_S + LATE_S)) return;
        loudest[index] = Math.max(loudest[index], bins[Math.round((pitch * analyser.fftSize) / context.sampleRate)]);
      });
    }
    return loudest;
  };
}
