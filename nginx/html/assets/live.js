/**
 * Live updates: server-sent events, and polling if they do not arrive.
 *
 * A page passes a function that reads everything, and one for each event. Everything is read again
 * when the server reports that events may be missing, once a minute to be sure (a connection that
 * is dead at the other end looks like a quiet one), and on a timer while there are no events.
 */

import { access } from "./api.js";
import { openStream } from "./stream.js";

/**
 * @typedef {"connecting" | "live" | "polling" | "offline"} Status "connecting": before the first
 *   answer; "offline": what is shown may be wrong by now
 *
 * @typedef {object} Options
 * @property {string} [path] of the events
 * @property {() => Promise<void>} read reads everything shown; throws if that fails
 * @property {Record<string, (data: any) => void>} [events] what to do for an event, by its name
 * @property {(status: Status, lastRead: number | null) => void} [onstatus] called when the status
 *   or the time of what is known (milliseconds) changes, from the first answer on
 * @property {number} [pollSeconds] between two reads without events
 * @property {number} [checkSeconds] the same while events come
 */

/** Seconds until a closed stream is tried again: at first, and at most. */
const RETRY = [2, 60];
/** Milliseconds after which a hidden page closes its connection: over HTTP/1.1 a browser has six
 * per server, and a seventh tab would wait forever. */
const HIDDEN_MS = 60_000;
/** Milliseconds until every cache on the way is up to date after a change. */
export const SETTLE_MS = 7_000;

export class Live {
  #options;
  #source = null;
  #open = false;
  #failed = false;
  #closed = false;
  #retry = RETRY[0];
  #reading = null;
  #again = false;
  #readTimer = 0;
  #openTimer = 0;
  #hideTimer = 0;
  #settleTimer = 0;
  #said = "";
  #lastRead = null;

  /** @param {Options} options */
  constructor(options) {
    this.#options = { path: "/api/events", pollSeconds: 15, checkSeconds: 60, ...options };
    document.addEventListener("visibilitychange", this.#onvisibility);
    addEventListener("online", this.#onwake);
    addEventListener("offline", this.#onwake);
    addEventListener("pageshow", this.#onwake);
    this.#connect();
    this.readNow();
  }

  /** @returns {Status} */
  get status() {
    if (this.#failed) return "offline";
    if (this.#lastRead === null) return "connecting";
    return this.#open ? "live" : "polling";
  }

  /** When everything was last known to be current, in milliseconds; null before that. */
  get lastRead() {
    return this.#lastRead;
  }

  /** Read everything now; a call during a read adds one more after it. */
  readNow() {
    if (this.#closed) return Promise.resolve();
    if (this.#reading) {
      this.#again = true;
      return this.#reading;
    }
    this.#reading = this.#read().finally(() => {
      this.#reading = null;
      if (this.#again) {
        this.#again = false;
        this.readNow();
      }
    });
    return this.#reading;
  }

  /** Stop: the page has moved on to something else. */
  close() {
    this.#closed = true;
    this.#disconnect();
    clearTimeout(this.#readTimer);
    clearTimeout(this.#openTimer);
    clearTimeout(this.#hideTimer);
    clearTimeout(this.#settleTimer);
    document.removeEventListener("visibilitychange", this.#onvisibility);
    removeEventListener("online", this.#onwake);
    removeEventListener("offline", this.#onwake);
    removeEventListener("pageshow", this.#onwake);
  }

  async #read() {
    clearTimeout(this.#readTimer);
    try {
      await this.#options.read();
      this.#failed = false;
      this.#lastRead = Date.now();
    } catch (error) {
      // A read that is cancelled because the page ends is not an error.
      if (this.#closed) return;
      this.#failed = true;
      // Where nothing is read, no events come either; a fault of the page's own shows here.
      if (error?.name !== "ApiError") console.error(error);
    }
    if (this.#closed) return;
    this.#plan();
    this.#say();
  }

  #plan() {
    clearTimeout(this.#readTimer);
    if (this.#closed) return;
    const { pollSeconds, checkSeconds } = this.#options;
    const often = this.#failed || !(this.#open || document.hidden);
    // Spread out, so that not all pages reconnect at once when the server is back.
    const spread = 0.9 + 0.2 * Math.random();
    this.#readTimer = setTimeout(
      () => this.readNow(),
      (often ? pollSeconds : checkSeconds) * spread * 1000,
    );
  }

  /** Start over: the session has changed. */
  restart() {
    this.#disconnect();
    this.#onwake();
  }

  #connect() {
    clearTimeout(this.#openTimer);
    if (this.#source || this.#closed) return;
    const source = openStream(this.#options.path, access.key);
    this.#source = source;
    source.addEventListener("open", () => {
      this.#open = true;
      this.#retry = RETRY[0];
      this.#plan();
      this.#say();
    });
    source.addEventListener("error", () => this.#onerror(source));
    // Sent first on every connection, and whenever the server had to drop events.
    source.addEventListener("resync", () => {
      this.readNow();
      // The data may come from a cache, and be older than the missed events.
      clearTimeout(this.#settleTimer);
      this.#settleTimer = setTimeout(() => this.readNow(), SETTLE_MS);
    });
    for (const [name, listener] of Object.entries(this.#options.events ?? {})) {
      source.addEventListener(name, (event) => {
        // An event says nothing about the rest, if that was never read.
        if (!this.#failed && this.#lastRead !== null) this.#lastRead = Date.now();
        listener(JSON.parse(event.data));
        this.#say();
      });
    }
  }

  #onerror(source) {
    if (source !== this.#source) return;
    const wasOpen = this.#open;
    this.#open = false;
    // The browser reconnects by itself after a lost connection, but never after an answer that
    // is not a stream, such as a 502 while the server restarts.
    if (source.readyState === EventSource.CLOSED) {
      this.#disconnect();
      this.#openTimer = setTimeout(() => this.#connect(), this.#retry * 1000);
      this.#retry = Math.min(this.#retry * 2, RETRY[1]);
    }
    if (wasOpen) this.readNow();
    this.#say();
  }

  #disconnect() {
    this.#source?.close();
    this.#source = null;
    this.#open = false;
  }

  #onvisibility = () => {
    clearTimeout(this.#hideTimer);
    if (!document.hidden) {
      this.#onwake();
    } else {
      this.#hideTimer = setTimeout(() => {
        this.#disconnect();
        clearTimeout(this.#openTimer);
        this.#plan();
      }, HIDDEN_MS);
    }
  };

  #onwake = () => {
    this.#connect();
    this.readNow();
  };

  #say() {
    if (this.#closed || this.status === "connecting") return;
    const now = `${this.status} ${this.#lastRead}`;
    if (now === this.#said) return;
    this.#said = now;
    this.#options.onstatus?.(this.status, this.#lastRead);
  }
}
