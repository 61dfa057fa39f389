/** The status page's data: the summary, and the events since then. */

import { stateOf } from "../states.js";

/** Milliseconds for which an event overrides a summary, which may come from a cache. */
const SETTLED_MS = 15_000;

/**
 * @typedef {{id: number, name: string, kind: string, state: string, since: string | null,
 *   latency_ms: number | null, group: string | null, tags: string[]}} Monitor
 * @typedef {{id: number, monitor_id: number, monitor_name: string, opened_at: string,
 *   closed_at: string | null, cause: string, acknowledged_at: string | null,
 *   acknowledged_by: string | null}} Incident
 */

export class Model {
  /** @type {Map<number, Monitor>} in the order of the summary */
  monitors = new Map();
  /** @type {Incident[]} those that are open, newest first */
  incidents = [];
  /** @type {import("./maintenance.js").Period[]} in progress and planned */
  maintenance = [];
  /** @type {number} monitors that should have been checked over a minute ago */
  overdue = 0;
  #heard = new Map();
  #stated = new Map();

  /** Apply a summary from GET /api/status. */
  read(summary, now = Date.now()) {
    const known = this.monitors;
    this.overdue = summary.overdue ?? 0;
    this.maintenance = summary.maintenance ?? [];
    this.monitors = new Map(summary.monitors.map((monitor) => [monitor.id, monitor]));
    for (const monitor of this.monitors.values()) {
      monitor.group ??= null;
      monitor.tags ??= [];
      monitor.since ??= null;
      const at = this.#stated.get(monitor.id);
      const before = known.get(monitor.id);
      if (before && at !== undefined && now - at < SETTLED_MS) {
        Object.assign(monitor, { state: before.state, since: before.since });
      }
    }
    const open = new Map(summary.incidents.map((incident) => [incident.id, incident]));
    for (const [id, { incident, at }] of this.#heard) {
      if (now - at >= SETTLED_MS) this.#heard.delete(id);
      else if (incident.closed_at) open.delete(id);
      else open.set(id, incident);
    }
    this.incidents = [...open.values()].sort((a, b) => b.id - a.id);
  }

  /** Apply a `state` event; return false for a monitor that is not known yet. */
  onState({ monitor_id: id, state, since }, now = Date.now()) {
    const monitor = this.monitors.get(id);
    if (!monitor) return false;
    // A new object, so that a comparison with the old one shows the difference.
    this.monitors.set(id, { ...monitor, state, since });
    this.#stated.set(id, now);
    return true;
  }

  /** Apply an `incident` event. */
  onIncident({ action: _, ...incident }, now = Date.now()) {
    this.#heard.set(incident.id, { incident, at: now });
    const others = this.incidents.filter(({ id }) => id !== incident.id);
    if (!incident.closed_at) others.push(incident);
    this.incidents = others.sort((a, b) => b.id - a.id);
  }

  /** @returns {Map<string, number>} how many monitors are in which state */
  counts() {
    const counts = new Map();
    for (const { state } of this.monitors.values()) counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
  }

  /**
   * Return the overall state; `blind` if it is unknown, because no checks are made.
   *
   * @returns {{state: string, title: string, text: string, blind?: boolean}}
   */
  headline() {
    const counts = this.counts();
    const total = this.monitors.size;
    const of = (state) => counts.get(state) ?? 0;
    const monitors = `${total} ${total === 1 ? "monitor" : "monitors"}`;
    const text = of("up") === total ? monitors : `${monitors}: ${said(counts)}`;
    if (!total) return { state: "pending", title: "No monitors yet", text: "" };
    if (this.overdue) return this.#unchecked(text);
    if (of("down")) return { state: "down", title: this.#downTitle(of("down")), text };
    if (of("maintenance")) return { state: "maintenance", title: this.#maintenanceTitle(counts), text };
    if (of("up") === total) return { state: "up", title: "All systems are up", text };
    if (of("up")) return { state: "up", title: "All active monitors are up", text };
    if (of("pending")) return { state: "pending", title: "Waiting for the first checks", text };
    return { state: "paused", title: "Nothing is being checked", text };
  }

  #unchecked(text) {
    const { overdue, monitors } = this;
    const title =
      overdue >= monitors.size
        ? "Nothing is being checked"
        : `${overdue} of ${monitors.size} monitors are not being checked`;
    const note = "Their checks are overdue, so this status may be out of date.";
    return { state: "unknown", title, text: `${text}. ${note}`, blind: true };
  }

  /** If one is in maintenance, not all is well, but the rest may be. */
  #maintenanceTitle(counts) {
    const count = counts.get("maintenance");
    if (count + (counts.get("paused") ?? 0) === this.monitors.size) return "In maintenance";
    return `${count} of ${this.monitors.size} monitors ${count === 1 ? "is" : "are"} in maintenance`;
  }

  #downTitle(count) {
    const total = this.monitors.size;
    if (count === 1) {
      const [monitor] = [...this.monitors.values()].filter(({ state }) => state === "down");
      return `${monitor.name} is down`;
    }
    return count === total ? "Everything is down" : `${count} of ${total} monitors are down`;
  }

  /**
   * Return the monitors that match, by group: those without one last.
   *
   * @param {string} query words that must all be in the name, the group or a tag
   * @param {boolean} troubled only those that are neither up nor paused
   * @returns {{name: string | null, monitors: Monitor[]}[]}
   */
  groups(query, troubled) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const groups = new Map();
    for (const monitor of this.monitors.values()) {
      if (troubled && (monitor.state === "up" || monitor.state === "paused")) continue;
      const text = [monitor.name, monitor.group ?? "", ...monitor.tags].join("\n").toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      if (!groups.has(monitor.group)) groups.set(monitor.group, []);
      groups.get(monitor.group).push(monitor);
    }
    const order = new Intl.Collator(undefined, { numeric: true });
    return [...groups]
      .map(([name, monitors]) => ({ name, monitors }))
      .sort((a, b) => (a.name === null) - (b.name === null) || order.compare(a.name, b.name));
  }
}

/** The order in which states are counted: the most important first. */
const ORDER = ["down", "maintenance", "pending", "up", "paused"];

/**
 * Return "2 down, 9 up" for counts by state.
 *
 * @param {Map<string, number>} counts
 * @returns {string}
 */
export function said(counts) {
  const place = (state) => (ORDER.includes(state) ? ORDER.indexOf(state) : ORDER.length);
  return [...counts]
    .sort(([a], [b]) => place(a) - place(b))
    .map(([state, count]) => `${count} ${stateOf(state).word.toLowerCase()}`)
    .join(", ");
}
