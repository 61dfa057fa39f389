/** What is copied from a monitor to somewhere else: the address of a heartbeat, a badge. */

import { h } from "../dom.js";
import { copyable, notice } from "./parts.js";

/**
 * Return the address that a job must call, and how it does.
 *
 * @param {import("./store.js").Monitor} monitor
 */
export function heartbeatAddress({ ping_path: path, state, period_seconds: period }) {
  const address = new URL(path, location.href).href;
  // One call that fails is no reason for an alarm, and one that hangs none for a stuck job.
  const curl = `curl -fsS -m 10 --retry 5 -o /dev/null ${address}`;
  return h(
    "div.stack",
    state === "pending" &&
      notice("info", "It waits for the first call; until then it can’t be late."),
    copyable("Address", address),
    copyable("At the end of a script", curl),
    copyable("Line of a crontab", `${when(period)} /path/to/job && ${curl}`),
    h("p.soft.small", "Whoever knows this address can call it: keep it as you keep a password."),
  );
}

/** Return when a job of this period runs, as cron has it. */
function when(seconds) {
  if (seconds >= 7 * 86_400) return "0 3 * * 0";
  if (seconds >= 86_400) return "0 3 * * *";
  if (seconds >= 7_200) return `0 */${Math.min(12, Math.floor(seconds / 3600))} * * *`;
  if (seconds >= 3600) return "0 * * * *";
  return seconds >= 120 ? `*/${Math.floor(seconds / 60)} * * * *` : "* * * * *";
}

/**
 * Return a monitor's badge as it looks, and its code.
 *
 * @param {import("./store.js").Monitor} monitor
 */
export function badgeCode({ id, name }) {
  const address = new URL(`/api/badge/${id}.svg`, location.href).href;
  const page = new URL(`/#monitor-${id}`, location.href).href;
  // Whatever a name has in it must not end the text between the brackets, or the attribute.
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
