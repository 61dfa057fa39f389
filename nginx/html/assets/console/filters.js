/** Which monitors are shown, and in which order; all of it is in the address. */

import { targetOf } from "./store.js";

/** @typedef {{q: string, state: string, kind: string, tag: string, group: string, sort: string}} Filter */

export const SORTS = {
  state: "Problems first",
  name: "Name",
  newest: "Newest first",
  latency: "Slowest first",
  uptime: "Lowest uptime first",
};
const DEFAULT_SORT = "state";
const ORDER = ["down", "pending", "maintenance", "up", "paused"];
const names = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/**
 * @param {URLSearchParams} query
 * @returns {Filter}
 */
export function filterOf(query) {
  const sort = query.get("sort");
  const filter = { sort: Object.hasOwn(SORTS, sort) ? sort : DEFAULT_SORT };
  for (const name of ["q", "state", "kind", "tag", "group"]) filter[name] = query.get(name) ?? "";
  return filter;
}

/**
 * @param {Filter} filter
 * @returns {string} the path of the list that shows this
 */
export function pathOf(filter) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value && !(name === "sort" && value === DEFAULT_SORT)) query.set(name, value);
  }
  const text = query.toString();
  return text ? `/monitors?${text}` : "/monitors";
}

/** Return whether the filter does more than sort. */
export function isNarrowed({ sort: _, ...rest }) {
  return Object.values(rest).some(Boolean);
}

/**
 * Return the monitors that match, in order.
 *
 * @param {import("./store.js").Store} store
 * @param {Filter} filter
 * @returns {import("./store.js").Monitor[]}
 */
export function matching(store, filter) {
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = [...store.monitors.values()].filter(
    (monitor) =>
      (!filter.state || monitor.state === filter.state) &&
      (!filter.kind || monitor.kind === filter.kind) &&
      (!filter.tag || monitor.tags?.includes(filter.tag)) &&
      (!filter.group || monitor.group === filter.group) &&
      (!words.length || has(monitor, words)),
  );
  return found.sort(comparison(store, filter.sort));
}

function has(monitor, words) {
  const { name, group, tags = [] } = monitor;
  const text = [name, targetOf(monitor), group ?? "", ...tags].join("\n").toLowerCase();
  return words.every((word) => text.includes(word));
}

function comparison(store, sort) {
  const byName = (a, b) => names.compare(a.name, b.name) || a.id - b.id;
  const place = ({ state }) => (ORDER.indexOf(state) + 1 || ORDER.length) - 1;
  const uptime = ({ id }) => store.uptime.get(id) ?? 2;
  switch (sort) {
    case "name":
      return byName;
    case "newest":
      return (a, b) => b.id - a.id;
    case "latency":
      return (a, b) => (b.latency_ms ?? -1) - (a.latency_ms ?? -1) || byName(a, b);
    case "uptime":
      return (a, b) => uptime(a) - uptime(b) || byName(a, b);
    default:
      return (a, b) => place(a) - place(b) || byName(a, b);
  }
}

/**
 * Return the available choices, sorted.
 *
 * @param {import("./store.js").Store} store
 * @returns {{groups: string[], tags: string[]}}
 */
export function choices(store) {
  const groups = new Set();
  const tags = new Set();
  const locations = new Set();
  for (const { group, tags: own = [], locations: from = [] } of store.monitors.values()) {
    if (group) groups.add(group);
    own.forEach((tag) => tags.add(tag));
    from.forEach((location) => locations.add(location));
  }
  const sorted = (set) => [...set].sort(names.compare);
  return { groups: sorted(groups), tags: sorted(tags), locations: sorted(locations) };
}
