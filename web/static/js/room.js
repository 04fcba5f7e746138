// @ts-check
/**
 * The LiveKit room of a page. Pages say what each element shows and what this page sends; the room sees to it.
 *
 * Rule 1: autoSubscribe is off. A track is subscribed when an element is bound to it, at the best quality that any
 * of its elements asks for, and let go when the last one turns away.
 * Rule 2: what this page sends is kept here as tracks, and published again after every reconnection, as soon as the
 * server allows that source.
 * Rule 3: when the connection is lost for good, a new token is asked for (`needMedia`); the room never gives up by itself.
 * Rule 4: where only the control socket was away, the page gets another place in the room: the former one goes on until
 * the new one shows and sends the same.
 */
import { allowed, identityOf, newest } from "./room-rights.js";
import { livekit } from "./livekit.js";

/** @typedef {"camera"|"microphone"|"screen_share"} Source */
/** @typedef {"high"|"low"} Quality */
/** @typedef {import("livekit-client").Room} Room */
/** @typedef {{who: string, source: Source, quality: Quality}} Binding */
/** @typedef {{track: MediaStreamTrack, options: import("livekit-client").TrackPublishOptions, busy: boolean, published: boolean}} Sending */

const ASK_AGAIN_MS = 10_000;
const PATIENCE_MS = 8000;
const RETRY_MS = [1000, 2000, 4000, 8000, 15000];
const GOODBYE_MS = 200; // over a line that is dead, nobody hears it
const HANDOVER_MS = 6000;
const PUBLISH_AGAIN_MS = 2000;

/**
 * @typedef {object} RoomListeners
 * @property {() => void} change something that a page may want to draw has changed
 * @property {() => void} needMedia the connection is lost for good: ask for a new address and token
 */

export class BriefingRoom {
  /** @param {RoomListeners} listeners */
  constructor(listeners) {
    this.listeners = listeners;
    /** @type {typeof import("livekit-client")|null} it comes after the page */
    this.kit = null;
    void livekit().then((kit) => (this.kit = kit));
    /** @type {Room|null} */
    this.room = null;
    /** @type {Room|null} the place that is given up once the new one does the same */
    this.former = null;
    this.identity = "";
    this.losses = 0;
    this.wasConnected = false;
    /** @type {Map<HTMLMediaElement, Binding>} */
    this.bindings = new Map();
    /** @type {Map<HTMLMediaElement, import("livekit-client").Track>} */
    this.shown = new Map();
    /** @type {Map<Source, Sending>} */
    this.sending = new Map();
    /** @type {ReturnType<typeof setTimeout>|undefined} */
    this.retryTimer = undefined;
  }

  /** none (not yet told to connect), connecting, connected, reconnecting */
  get state() {
    if (!this.identity) return "none";
    if (this.#is("Connected") || this.former) return "connected";
    return this.wasConnected ? "reconnecting" : "connecting";
  }

  /** false where the browser waits for a press before it plays sound */
  get canPlaySound() {
    return this.room?.canPlaybackAudio ?? true;
  }

  /** To be called from a press. */
  async unlockSound() {
    await this.room?.startAudio();
  }

  /**
   * A `media` message. The same identity while connected needs nothing: LiveKit refreshes its own token. While the
   * room is being looked for again, the message says that it is there: in at once.
   * @param {string} url
   * @param {string} token
   */
  async connect(url, token) {
    const identity = identityOf(token);
    if (identity === this.identity && (this.#is("Connected") || this.#is("Connecting"))) return;
    clearTimeout(this.retryTimer);
    if (this.#is("Connected")) this.#moveOut();
    else await this.#leave();
    this.identity = identity;
    const { Room } = await livekit();
    if (this.identity !== identity || this.room) return; // told something else meanwhile, or the same again
    const room = new Room({ adaptiveStream: true, dynacast: true, stopLocalTrackOnUnpublish: false, disconnectOnPageLeave: true });
    this.room = room;
    this.#listen(room);
    this.listeners.change();
    try {
      await room.connect(url, token, { autoSubscribe: false, maxRetries: 1 });
      this.losses = 0;
      this.wasConnected = true;
    } catch {
      if (this.room === room) this.#lost();
    }
    this.#settle();
  }

  /**
   * The line was away for long: a connection that hangs is let go, and the next `media` message makes a new one.
   * Browsers open one WebSocket after the other to a server, so that one that hangs would keep all others waiting.
   */
  letGo() {
    if (!this.identity || !this.room || this.#is("Connected")) return;
    clearTimeout(this.retryTimer);
    this.identity = "lost";
    void this.#leave().then(() => this.#settle());
  }

  /** Leaves the room and forgets it: the briefing has ended, or another page took over. */
  async close() {
    clearTimeout(this.retryTimer);
    this.identity = "";
    this.wasConnected = false;
    await this.#leave();
    this.#settle();
  }

  /**
   * What this element shows from now on; null for nothing.
   * @param {HTMLMediaElement} element
   * @param {Binding|null} binding
   */
  bind(element, binding) {
    const old = this.bindings.get(element);
    if (JSON.stringify(old ?? null) === JSON.stringify(binding)) return;
    if (binding) this.bindings.set(element, binding);
    else this.bindings.delete(element);
    this.#settle();
  }

  /**
   * Sends this track from now on (again after every reconnection), or nothing of this source.
   * @param {Source} source
   * @param {MediaStreamTrack|null} track
   * @param {import("livekit-client").TrackPublishOptions} [options]
   */
  send(source, track, options = {}) {
    const old = this.sending.get(source);
    if (old && old.track === track) return;
    if (old) {
      this.sending.delete(source);
      old.track.stop();
      void this.room?.localParticipant.unpublishTrack(old.track, true).catch(() => {});
    }
    if (track) this.sending.set(source, { track, options, busy: false, published: false });
    this.#settle();
  }

  /** @param {Source} source @returns {boolean} */
  isSending(source) {
    return this.sending.get(source)?.published ?? false;
  }

  /** @param {Source} source @returns {MediaStreamTrack|null} */
  localTrack(source) {
    return this.sending.get(source)?.track ?? null;
  }

  /** @param {string} who @param {Source} source @returns {boolean} true where that track is published and not muted */
  has(who, source) {
    const found = this.#find(who, source);
    return Boolean(found && !found.isMuted);
  }

  /** @param {HTMLMediaElement} element @returns {import("livekit-client").Track|null} what the element shows now */
  trackOf(element) {
    return this.shown.get(element) ?? null;
  }

  /** @param {HTMLMediaElement} element @returns {boolean} true where it is meant to show something */
  isBound(element) {
    return this.bindings.has(element);
  }

  /** @param {HTMLMediaElement} element @returns {boolean} true where the relay paused this picture to spare the line */
  isPaused(element) {
    const binding = this.bindings.get(element);
    const publication = binding && this.#find(binding.who, binding.source);
    const track = /** @type {any} */ (publication?.track);
    return Boolean(this.kit && track && track.streamState === this.kit.Track.StreamState.Paused);
  }

  /** @param {"Connected"|"Connecting"} state */
  #is(state) {
    return Boolean(this.kit && this.room?.state === this.kit.ConnectionState[state]);
  }

  /** @param {Room} room */
  #listen(room) {
    const { RoomEvent } = /** @type {NonNullable<typeof this.kit>} */ (this.kit);
    const settle = () => this.#settle();
    const events = [RoomEvent.SignalConnected, RoomEvent.Connected, RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected, RoomEvent.TrackPublished, RoomEvent.TrackUnpublished, RoomEvent.TrackSubscribed, RoomEvent.TrackUnsubscribed, RoomEvent.TrackMuted, RoomEvent.TrackUnmuted, RoomEvent.TrackStreamStateChanged, RoomEvent.LocalTrackPublished, RoomEvent.ParticipantPermissionsChanged, RoomEvent.Reconnected];
    for (const event of events) room.on(event, settle);
    room.on(RoomEvent.Reconnecting, () => {
      clearTimeout(this.retryTimer);
      this.retryTimer = setTimeout(() => this.#askWhileAway(room), PATIENCE_MS);
    });
    const draw = () => this.listeners.change();
    for (const event of [RoomEvent.Reconnecting, RoomEvent.SignalReconnecting, RoomEvent.ConnectionStateChanged, RoomEvent.AudioPlaybackStatusChanged]) room.on(event, draw);
    room.on(RoomEvent.Disconnected, () => {
      if (this.room === room) this.#lost();
    });
  }

  #lost() {
    if (!this.identity) return;
    this.identity = "lost"; // the next media message connects, whatever it says
    const wait = RETRY_MS[Math.min(this.losses, RETRY_MS.length - 1)];
    this.losses += 1;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.#ask(), wait * (0.5 + Math.random() / 2));
    this.#settle();
  }

  /** LiveKit has been trying alone for a while: the answer tells whether the server is there at all. @param {Room} room */
  #askWhileAway(room) {
    if (this.room === room && !this.#is("Connected")) this.listeners.needMedia();
  }

  /** Asks for media, again and again until an answer comes. */
  #ask() {
    this.listeners.needMedia();
    this.retryTimer = setTimeout(() => this.#ask(), ASK_AGAIN_MS);
  }

  async #leave() {
    this.#forget();
    const old = this.#empty();
    if (!old) return;
    const left = old.disconnect(false).catch(() => {});
    await Promise.race([left, new Promise((done) => setTimeout(done, GOODBYE_MS))]);
  }

  /** @returns {Room|null} the room that was, of which nothing is heard any more */
  #empty() {
    const old = this.room;
    this.room = null;
    for (const item of this.sending.values()) item.published = item.busy = false;
    old?.removeAllListeners();
    return old;
  }

  /** What is shown and sent goes on from the former place until the new one has it all. */
  #moveOut() {
    this.#forget();
    const old = (this.former = this.#empty());
    setTimeout(() => {
      if (!old || this.former !== old) return;
      this.#forget();
      this.#settle();
    }, HANDOVER_MS);
  }

  #forget() {
    const old = this.former;
    this.former = null;
    void old?.disconnect(false).catch(() => {});
  }

  /** Does the new place show and send all that the former one did? */
  #hasMoved() {
    const shows = [...this.bindings].every(([element, { who, source }]) => {
      const publication = this.#find(who, source);
      return !publication || publication.track === this.shown.get(element);
    });
    return shows && this.#is("Connected") && [...this.sending.values()].every((item) => item.published);
  }

  /** Brings subscriptions, elements and publications in line with what is wanted. */
  #settle() {
    this.#subscribe();
    for (const [element, track] of [...this.shown]) {
      const binding = this.bindings.get(element);
      const now = binding && this.#find(binding.who, binding.source)?.track;
      if (!binding || (now !== track && !(this.former && !now))) this.#unshow(element, track);
    }
    for (const [element, binding] of this.bindings) this.#showIn(element, binding);
    for (const [source, item] of this.sending) void this.#publish(source, item);
    if (this.former && this.#hasMoved()) this.#forget();
    this.listeners.change();
  }

  #subscribe() {
    /** @type {Map<unknown, Quality>} */
    const wanted = new Map();
    for (const { who, source, quality } of this.bindings.values()) {
      const publication = this.#find(who, source);
      if (publication && wanted.get(publication) !== "high") wanted.set(publication, quality);
    }
    for (const participant of this.room?.remoteParticipants.values() ?? []) {
      for (const publication of participant.trackPublications.values()) {
        const quality = wanted.get(publication);
        if (publication.isDesired !== Boolean(quality)) publication.setSubscribed(Boolean(quality));
        if (quality && this.kit && publication.kind === this.kit.Track.Kind.Video && publication.isSubscribed) {
          publication.setVideoQuality(this.kit.VideoQuality[quality === "high" ? "HIGH" : "LOW"]);
        }
      }
    }
  }

  /** @param {HTMLMediaElement} element @param {Binding} binding */
  #showIn(element, binding) {
    const track = this.#find(binding.who, binding.source)?.track;
    const before = this.shown.get(element);
    if (!track || before === track) return;
    before?.detach(element);
    track.attach(element);
    this.shown.set(element, track);
  }

  /** @param {HTMLMediaElement} element @param {import("livekit-client").Track} track */
  #unshow(element, track) {
    track.detach(element);
    element.srcObject = null;
    this.shown.delete(element);
  }

  /** @param {Source} source @param {Sending} item */
  async #publish(source, item) {
    const me = this.room?.localParticipant;
    if (!me || !this.#is("Connected") || item.busy || item.published) return;
    if (!allowed(me.permissions, source)) return;
    item.busy = true;
    try {
      await me.publishTrack(item.track, { ...item.options, source: /** @type {any} */ (source) });
      item.published = true;
    } catch {
      item.published = false; // tried again soon, and at the next change, a permission's or the connection's
      setTimeout(() => this.#settle(), PUBLISH_AGAIN_MS);
    }
    item.busy = false;
    if (this.sending.get(source) !== item) await me.unpublishTrack(item.track, true)?.catch(() => {});
    this.listeners.change();
  }

  /**
   * The newest participant of `who` that has this source.
   * @param {string} who
   * @param {Source} source
   * @returns {import("livekit-client").TrackPublication|null}
   */
  #find(who, source) {
    return this.room ? newest(this.room, who, source) : null;
  }
}
