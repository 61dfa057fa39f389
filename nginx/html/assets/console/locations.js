/** A monitor's state at each of its locations. */

import { h } from "../dom.js";
import { statePill } from "../states.js";
import { milliseconds, timeElement } from "../time.js";
import { dataTable } from "./parts.js";

/** @param {any[]} seen as the API's `seen_from` */
export function locationTable(seen) {
  return dataTable("Locations", ["Location", "State", "Last check", "Response time", "Error"], seen.map(row));
}

function row({ location, state, checked_at: at, latency_ms: latency, error, overdue }) {
  return h(
    "tr",
    h("td.any-text", location),
    // Results from there are old, and do not count.
    h("td", overdue ? statePill("unknown", "No results") : statePill(state)),
    h("td", at ? timeElement(at, "second") : "–"),
    h("td.numbers", milliseconds(latency)),
    h("td.any-text", error ?? "–"),
  );
}
