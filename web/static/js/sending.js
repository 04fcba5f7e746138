// @ts-check
/** How pictures and sound are sent: the hall rich in layers, a site lean, so that a thin line carries it. */

/** @typedef {import("livekit-client").TrackPublishOptions} Options */

/**
 * What livekit-client calls a preset, made without it: it comes later than this.
 * @param {number} width @param {number} height @param {number} maxBitrate bit/s @param {number} maxFramerate
 * @returns {any}
 */
function layer(width, height, maxBitrate, maxFramerate) {
  return { width, height, aspectRatio: width / height, encoding: { maxBitrate, maxFramerate }, resolution: { width, height, frameRate: maxFramerate } };
}

/** 720p, with 360p and 180p beside it. @type {Options} */
export const HALL_CAMERA = {
  simulcast: true,
  videoCodec: "vp8",
  videoEncoding: { maxBitrate: 1_500_000, maxFramerate: 25 },
  videoSimulcastLayers: [layer(320, 180, 150_000, 15), layer(640, 360, 450_000, 20)],
};

/** 180p for the gallery; the 360p layer is sent while somebody asks for it (dynacast), as with the floor. @type {Options} */
const SITE_CAMERA = {
  simulcast: true,
  videoCodec: "vp8",
  videoEncoding: { maxBitrate: 500_000, maxFramerate: 20 },
  videoSimulcastLayers: [layer(320, 180, 140_000, 12)],
};

/** 40 kbit/s: what a thin line has beside a voice. @type {Options} */
const THIN_CAMERA = { simulcast: false, videoCodec: "vp8", videoEncoding: { maxBitrate: 40_000, maxFramerate: 5 } };

/** Speech; with headers of 17 packets a second it is 31 to 34 kbit/s on the wire, so that a line of 64 carries it. @type {Options} */
export const VOICE = { dtx: true, red: true, audioPreset: { maxBitrate: 20_000 } };

/** A hall's own mixer: nothing is taken for silence or noise. @type {Options} */
const HALL_VOICE = { dtx: false, red: true, audioPreset: { maxBitrate: 48_000 } };

/** A site's picture. @param {boolean} thin the line is @returns {Options} */
export const siteCamera = (thin) => (thin ? THIN_CAMERA : SITE_CAMERA);

/** A site's voice; copies of it are more than a thin line carries. @param {boolean} thin @param {boolean} plain the hall's own mixer @returns {Options} */
export const siteVoice = (thin, plain) => (thin ? { ...VOICE, red: false } : plain ? HALL_VOICE : VOICE);

/** Legible before smooth. @type {Options} */
export const SCREEN = {
  simulcast: false,
  videoCodec: "vp8",
  screenShareEncoding: { maxBitrate: 800_000, maxFramerate: 5 },
  videoEncoding: { maxBitrate: 800_000, maxFramerate: 5 },
};

export const HALL_PICTURE = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 25 } };
export const SITE_PICTURE = { width: { ideal: 640 }, height: { ideal: 360 }, frameRate: { ideal: 20 } };
export const SCREEN_PICTURE = { width: { max: 1920 }, height: { max: 1080 }, frameRate: { max: 5 } };
