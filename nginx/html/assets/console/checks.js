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
  const located = checks.some(({ location }) => location);
  const heads = ["Time", located && "From", "Result", "Response time", "Details"].filter(Boolean);
  return dataTable(
    label,
    heads,
    checks.map((check) => row(check, located)),
  );
}

function row({ checked_at: at, location, ok, latency_ms: latency, status_code, error }, located) {
  return h(
    "tr",
    h("td", timeElement(at, "second")),
    located && h("td.any-text", location ?? "–"),
    h("td", statePill(ok ? "up" : "down", ok ? "ok" : "failed")),
    h("td.numbers", milliseconds(latency)),
    h("td.any-text", error ?? (status_code ? `Status ${status_code}` : "–")),
  );
}
