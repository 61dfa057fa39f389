/** Times in the viewer's zone, with UTC on hover; durations, shares and milliseconds in words. */

import { h, setText } from "./dom.js";

const ZONED = { hour12: false };
const FORMATS = {
  time: new Intl.DateTimeFormat(undefined, { ...ZONED, hour: "2-digit", minute: "2-digit" }),
  second: new Intl.DateTimeFormat(undefined, {
    ...ZONED,
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }),
  day: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" }),
  date: new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" }),
  moment: new Intl.DateTimeFormat(undefined, {
    ...ZONED,
    day: "numeric",
    month: "short",
    hour: "2-digit",
    minute: "2-digit",
  }),
  utcDay: new Intl.DateTimeFormat(undefined, {
    timeZone: "UTC",
    day: "numeric",
    month: "short",
    year: "numeric",
  }),
};

/**
 * @typedef {"time"|"second"|"day"|"date"|"moment"|"utcDay"} Style "moment" is day and time; with
 * "utcDay" the day is UTC's, not the viewer's.
 */

/**
 * @param {string | number | Date} at
 * @param {Style} [style]
 * @returns {string}
 */
export function format(at, style = "moment") {
  const date = new Date(at);
  if (style === "moment" && date.getFullYear() !== new Date().getFullYear()) {
    return `${FORMATS.date.format(date)}, ${FORMATS.time.format(date)}`;
  }
  return FORMATS[style].format(date);
}

/**
 * @param {string | number | Date} at
 * @returns {string} as "2026-11-25 08:30:00 UTC"
 */
export function utc(at) {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/**
 * Return a <time> with UTC as its title.
 *
 * @param {string | number | Date} at
 * @param {Style | "ago"} [style] "ago" is kept up to date while the element is on the page
 * @returns {HTMLElement}
 */
export function timeElement(at, style = "moment") {
  const date = new Date(at);
  const text = style === "ago" ? ago(date) : format(date, style);
  const element = h("time", { datetime: date.toISOString(), title: utc(date) }, text);
  if (style === "ago") element.dataset.ago = "";
  return element;
}

/**
 * Return how long something has lasted, kept up to date while the element is on the page.
 *
 * @param {string} since
 * @returns {HTMLElement}
 */
export function lastingElement(since) {
  return h("span.numbers", { data: { since } }, lasting(since));
}

/** Seconds matter in the first minute, and minutes in the first day. */
function lasting(since) {
  const seconds = (Date.now() - Date.parse(since)) / 1000;
  return duration(seconds, seconds < 3_600 ? 1 : 2);
}

// One timer for all: a thousand monitors do not need a thousand timers.
setInterval(() => {
  for (const element of document.querySelectorAll("[data-since]")) {
    setText(element, lasting(element.dataset.since));
  }
  for (const element of document.querySelectorAll("time[data-ago]")) {
    setText(element, ago(new Date(element.getAttribute("datetime"))));
  }
}, 10_000);

/**
 * Return how long ago something was: "just now", "3 min ago", "2 days ago".
 *
 * @param {Date} at
 * @param {number} [now] milliseconds
 * @returns {string}
 */
export function ago(at, now = Date.now()) {
  // A viewer's clock may be a little behind the server's; nothing has happened "in 2 s".
  const seconds = Math.max(0, (now - at.getTime()) / 1000);
  return seconds < 10 ? "just now" : `${duration(seconds, 1)} ago`;
}

const UNITS = [
  [86_400, "day", "days"],
  [3_600, "h", "h"],
  [60, "min", "min"],
  [1, "s", "s"],
];

/**
 * Return a duration in its largest units: "2 days 4 h", "3 min 20 s".
 *
 * @param {number} seconds
 * @param {number} [parts] how many units at most
 * @returns {string}
 */
export function duration(seconds, parts = 2) {
  let rest = Math.max(0, Math.round(seconds));
  const words = [];
  for (const [size, one, many] of UNITS) {
    const count = Math.floor(rest / size);
    // Only adjacent units: "1 day 5 s" would be more exact than useful.
    if (!count && words.length) break;
    if (count) words.push(`${count} ${count === 1 ? one : many}`);
    rest -= count * size;
    if (words.length === parts) break;
  }
  return words.join(" ") || "0 s";
}

/**
 * Return the time from one moment to another, or to now.
 *
 * @param {string} from
 * @param {string | null} [to]
 * @returns {string}
 */
export function between(from, to) {
  return duration(((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000);
}

/**
 * Return a share as a percentage, truncated, not rounded: 100 % means that nothing was missing.
 *
 * @param {number | null | undefined} ratio 0 to 1
 * @returns {string}
 */
export function percent(ratio) {
  if (ratio === null || ratio === undefined) return "no data";
  if (ratio >= 1) return "100 %";
  const digits = ratio > 0.999 ? 3 : 2;
  // The small addition corrects binary rounding: 0.9995 * 100000 is 99949.99….
  const cut = Math.floor(ratio * 100 * 10 ** digits + 1e-6) / 10 ** digits;
  return `${cut.toFixed(digits)} %`;
}

/**
 * @param {number | null | undefined} value
 * @returns {string} as "8.4 ms", "128 ms", "1.25 s"
 */
export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 999.5) return `${(value / 1000).toFixed(value >= 9995 ? 1 : 2)} s`;
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ms`;
}
