/** An immediate probe, and its result. */

import { post } from "../api.js";
import { fill, h } from "../dom.js";
import { statePill } from "../states.js";
import { milliseconds } from "../time.js";
import { timingBar } from "../timing.js";
import { MASK } from "./header_fields.js";
import { notice, repeatable } from "./parts.js";

/** The fields of a monitor that a probe takes. */
const FIELDS = [
  "url",
  "method",
  "headers",
  "body",
  "accepted_status_codes",
  "keyword",
  "keyword_absent",
  "json_path",
  "json_value",
  "follow_redirects",
  "verify_tls",
  "certificate_days",
  "timeout_seconds",
];

/**
 * Return a probe's result: in words, with its times as a bar.
 *
 * @param {{ok: boolean, error: string | null, status_code: number | null, timings: any,
 *   latency_ms: number | null}} result
 */
export function probeResult({ ok, error, status_code: status, timings, latency_ms: latency }) {
  const words = [status && `Status ${status}`, latency !== null && milliseconds(latency)].filter(
    Boolean,
  );
  return h(
    "div.probe.stack-tight",
    h(
      "p.row",
      statePill(ok ? "up" : "down", ok ? "Check passed" : "Check failed"),
      h("span.soft.numbers", words.join(", ")),
    ),
    error && h("p.any-text.row-error", error),
    timings?.total_ms ? timingBar(timings) : null,
  );
}

/**
 * Probe with a form's values, and show what was found.
 *
 * @param {Record<string, any>} values
 * @param {HTMLElement} place
 * @param {(error: Error) => void} onerror called for values that the API rejects
 */
export async function tryOut(values, place, onerror) {
  const asked = Object.fromEntries(
    FIELDS.filter((name) => name in values).map((name) => [name, values[name]]),
  );
  if (Object.values(asked.headers ?? {}).includes(MASK)) {
    const text =
      "A header has a stored value, which is not known here. Enter it again to test, or save and use “Check now”.";
    fill(place, notice("info", h("p", text)));
    return;
  }
  const seconds = Number(asked.timeout_seconds) || 10;
  fill(place, h("p.soft", { role: "status" }, `Checking ${asked.url || "the URL"} …`));
  try {
    const options = { timeout: (seconds + 5) * 1000, retries: 1 };
    const { data } = await repeatable(() => post("/api/probe", asked, options));
    fill(place, h("div", { role: "status" }, probeResult(data)));
  } catch (error) {
    if (error.status === 422) {
      fill(place);
      onerror(error);
    } else fill(place, notice("warn", h("p", error.message)));
  }
}
