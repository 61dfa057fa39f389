/** The chart of a monitor's response times: the last checks as they come, or a range of time. */

import { get } from "../api.js";
import { LineChart } from "../chart.js";
import { fill, h, setText } from "../dom.js";
import { Live } from "../live.js";

const CHECKS = 100;
const HOUR = 3_600_000;
const RANGES = {
  "24h": { text: "24 h", ms: 24 * HOUR },
  "7d": { text: "7 days", ms: 7 * 24 * HOUR },
  "30d": { text: "30 days", ms: 30 * 24 * HOUR },
  "90d": { text: "90 days", ms: 90 * 24 * HOUR },
};
/** The live chart's minimum span in milliseconds: two checks are not a chart. */
const SHORTEST = 60_000;
/** Seconds between two reads of the live chart without events, and of a range. */
const POLL_SECONDS = 5;
const RANGE_SECONDS = 60;

export class ResponseTimes {
  #id;
  #signal;
  #live = null;
  #timer = 0;
  #chart = h("div");
  #note = h("p.soft.small", { role: "status" });
  #buttons = new Map();
  #range = "";

  /**
   * @param {import("./model.js").Monitor} monitor
   * @param {AbortSignal} signal
   */
  constructor({ id, kind }, signal) {
    this.#id = id;
    this.#signal = signal;
    if (kind === "heartbeat") {
      this.element = h("p.soft", "Heartbeat monitors have no response times.");
      return;
    }
    for (const [range, text] of [["live", "Live"], ...Object.entries(RANGES).map(textOf)]) {
      const choose = () => this.#choose(range);
      this.#buttons.set(range, h("button", { type: "button", on: { click: choose } }, text));
    }
    this.element = h(
      "div.stack",
      h("div.segments", { role: "group", "aria-label": "Range" }, [...this.#buttons.values()]),
      this.#chart,
      this.#note,
    );
    this.#choose("live");
  }

  close() {
    this.#live?.close();
    this.#live = null;
    clearTimeout(this.#timer);
  }

  #choose(range) {
    this.close();
    this.#range = range;
    for (const [name, button] of this.#buttons) {
      button.setAttribute("aria-pressed", String(name === range));
    }
    setText(this.#note, "");
    if (range === "live") this.#showLive();
    else this.#showRange(range);
  }

  #showLive() {
    const chart = new LineChart("Response times of the last checks", ["Response time"]);
    fill(this.#chart, chart.element);
    let points = [];
    const draw = () => {
      points = points.slice(-CHECKS);
      const to = Math.max(Date.now(), points.at(-1)?.at ?? 0);
      const from = Math.min(points[0]?.at ?? to, to - SHORTEST);
      chart.update({ points, from, to, gap: gapOf(points) });
      setText(this.#note, points.length ? counted(points) : "No checks yet.");
    };
    this.#live = new Live({
      path: `/api/events?monitor_id=${this.#id}`,
      pollSeconds: POLL_SECONDS,
      read: async () => {
        const path = `/api/monitors/${this.#id}/checks?limit=${CHECKS}`;
        const { data } = await get(path, { signal: this.#signal });
        points = data.items.map(pointOf).reverse();
        draw();
      },
      events: {
        check: (check) => {
          const point = pointOf(check);
          if (points.some(({ at }) => at === point.at)) return;
          points = [...points, point].sort((a, b) => a.at - b.at);
          draw();
        },
      },
      onstatus: (status) => {
        if (status === "offline") setText(this.#note, "Connection lost: the latest checks may be missing.");
      },
    });
  }

  async #showRange(range) {
    const chart = new LineChart(`Response times over ${RANGES[range].text}`, [
      "median",
      "p95",
      "p99",
    ]);
    fill(this.#chart, chart.element);
    const read = async () => {
      try {
        const path = `/api/monitors/${this.#id}/latency?range=${range}`;
        const { data } = await get(path, { signal: this.#signal, retries: 2 });
        if (this.#range !== range) return;
        const to = Date.now();
        const points = data.points.map((point) => ({
          at: Date.parse(point.at),
          values: [point.p50_ms, point.p95_ms, point.p99_ms],
          failed: point.failed,
          count: point.count,
        }));
        const gap = data.bucket_seconds * 1500;
        chart.update({ points, from: to - RANGES[range].ms, to, gap });
        setText(this.#note, points.length ? counted(points) : "No checks in this period.");
      } catch (error) {
        if (this.#signal.aborted || this.#range !== range) return;
        setText(this.#note, `The chart can’t be loaded right now: ${error.message}`);
      }
      this.#timer = setTimeout(read, RANGE_SECONDS * 1000);
    };
    await read();
  }
}

function textOf([range, { text }]) {
  return [range, text];
}

function pointOf({ checked_at: at, ok, latency_ms: latency, error }) {
  return {
    at: Date.parse(at),
    // The time of a failed check says nothing about the target's speed.
    values: [ok ? (latency ?? null) : null],
    failed: ok ? 0 : 1,
    note: error ?? undefined,
    count: 1,
  };
}

/** Return the milliseconds without a check over which no line is drawn. */
function gapOf(points) {
  const gaps = points.slice(1).map(({ at }, index) => at - points[index].at);
  gaps.sort((a, b) => a - b);
  return 4 * (gaps[gaps.length >> 1] ?? SHORTEST);
}

function counted(points) {
  const sum = (key) => points.reduce((total, point) => total + point[key], 0);
  const [count, failed] = [sum("count"), sum("failed")];
  const checks = `${count.toLocaleString()} ${count === 1 ? "check" : "checks"}`;
  return failed ? `${checks}, ${failed.toLocaleString()} failed (✕)` : `${checks}, none failed`;
}
