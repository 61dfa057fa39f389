/** Checks as a table. */

import { h } from "../dom.js";
import { statePill } from "../states.js";
import { milliseconds, timeElement } from "../time.js";
import { dataTable } from "./parts.js";

/**
 * @param {any[]} checks
 * @param {string} label what they are
 */
export function checkTable(checks, label) {
  return dataTable(label, ["Time", "Result", "Response time", "Details"], checks.map(row));
}

function row({ checked_at: at, ok, latency_ms: latency, status_code, error }) {
  return h(
    "tr",
    h("td", timeElement(at, "second")),
    h("td", statePill(ok ? "up" : "down", ok ? "ok" : "failed")),
    h("td.numbers", milliseconds(latency)),
    h("td.any-text", error ?? (status_code ? `Status ${status_code}` : "–")),
  );
}
