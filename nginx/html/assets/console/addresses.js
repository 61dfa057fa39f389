/** Snippets to copy from a monitor: a heartbeat's address, a badge. */

import { h } from "../dom.js";
import { copyable, notice } from "./parts.js";

/**
 * Return the address that a job must call, and a command for it.
 *
 * @param {import("./store.js").Monitor} monitor
 */
export function heartbeatAddress({ ping_path: path, state, period_seconds: period }) {
  const address = new URL(path, location.href).href;
  // A single failed call must not raise an alarm, and a hanging one must not block the job.
  const curl = `curl -fsS -m 10 --retry 5 -o /dev/null ${address}`;
  return h(
    "div.stack",
    state === "pending" &&
      notice("info", "Waiting for the first call. Until then, no call can be late."),
    copyable("URL", address),
    copyable("At the end of a script", curl),
    copyable("Crontab line", `${when(period)} /path/to/job && ${curl}`),
    h("p.soft.small", "Anyone who knows this URL can call it. Treat it like a password."),
  );
}

/** Return the schedule of a job with this period, in cron's format. */
function when(seconds) {
  if (seconds >= 7 * 86_400) return "0 3 * * 0";
  if (seconds >= 86_400) return "0 3 * * *";
  if (seconds >= 7_200) return `0 */${Math.min(12, Math.floor(seconds / 3600))} * * *`;
  if (seconds >= 3600) return "0 * * * *";
  return seconds >= 120 ? `*/${Math.floor(seconds / 60)} * * * *` : "* * * * *";
}

/**
 * Return a preview of a monitor's badge, and its code.
 *
 * @param {import("./store.js").Monitor} monitor
 */
export function badgeCode({ id, name }) {
  const address = new URL(`/api/badge/${id}.svg`, location.href).href;
  const page = new URL(`/#monitor-${id}`, location.href).href;
  // No character of a name may end the text between the brackets, or the attribute.
  const label = name.replace(/\s+/g, " ");
  const text = label.replace(/[[\]\\]/g, "\\$&");
  const attribute = label.replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
  return h(
    "div.stack",
    h("div.row", h("img", { src: `/api/badge/${id}.svg`, alt: `Badge of ${name}`, height: "20" })),
    copyable("Markdown", `[![${text}](${address})](${page})`),
    copyable("HTML", `<a href="${page}"><img src="${address}" alt="${attribute}"></a>`),
  );
}
