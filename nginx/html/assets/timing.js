/** A check's phases as one bar: DNS, connect, TLS, first byte, rest. */

import { h } from "./dom.js";
import { milliseconds } from "./time.js";

const PHASES = [
  ["dns_ms", "DNS"],
  ["connect_ms", "Connect"],
  ["tls_ms", "TLS"],
  ["first_byte_ms", "First byte"],
];

/**
 * @typedef {{dns_ms: number | null, connect_ms: number | null, tls_ms: number | null,
 *   first_byte_ms: number | null, total_ms: number | null}} Timings
 */

/**
 * Return the phases of a check, with the rest as the last one.
 *
 * @param {Timings} timings
 * @returns {{name: string, ms: number, number: number}[]} `number` is that of its pattern
 */
export function phases(timings) {
  const parts = PHASES.flatMap(([key, name], number) =>
    timings[key] === null || timings[key] === undefined ? [] : [{ name, ms: timings[key], number }],
  );
  const rest = (timings.total_ms ?? 0) - parts.reduce((sum, { ms }) => sum + ms, 0);
  if (rest > 0.05) parts.push({ name: "Rest", ms: rest, number: PHASES.length });
  return parts;
}

/**
 * Return a bar of the phases, with their names and times below.
 *
 * @param {Timings} timings
 * @param {{longest?: number}} [options] `longest`: milliseconds that the full width stands for,
 *   so that two bars can be compared
 * @returns {HTMLElement}
 */
export function timingBar(timings, { longest } = {}) {
  const parts = phases(timings);
  const total = Math.max(timings.total_ms ?? 0, 0.001);
  const bar = h("div.timing-bar", { "aria-hidden": "true" });
  for (const { ms, number } of parts) {
    const piece = h(`span.timing-${number}`);
    piece.style.flexGrow = String(ms);
    bar.append(piece);
  }
  bar.style.width = longest ? `${Math.min(100, (total / longest) * 100)}%` : "100%";
  return h(
    "div.timing",
    bar,
    h(
      "ul.timing-names",
      parts.map(({ name, ms, number }) =>
        h("li", h(`i.timing-${number}`, { "aria-hidden": "true" }), name, " ", h("b", milliseconds(ms))),
      ),
      h("li", "Total ", h("b", milliseconds(timings.total_ms))),
    ),
  );
}
