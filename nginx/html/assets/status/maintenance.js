/** Maintenance: in progress, and planned for the coming days. */

import { fill, h } from "../dom.js";
import { stateIcon, statePill } from "../states.js";
import { format, timeElement } from "../time.js";

/** Maximum monitors named per line, and planned lines: nightly work would fill the page. */
const NAMED = 5;
const PLANNED = 10;

/**
 * @typedef {{id: number, name: string, starts_at: string, ends_at: string, monitors: number[],
 *   monitor_count: number}} Period
 */

/**
 * Draw the periods if they have changed.
 *
 * @param {HTMLElement} place
 * @param {Period[]} periods the earliest first
 * @param {Map<number, {name: string}>} monitors
 * @param {number} [now] milliseconds
 */
export function showMaintenance(place, periods, monitors, now = Date.now()) {
  const there = periods.filter(({ ends_at: end }) => Date.parse(end) > now);
  const running = there.filter(({ starts_at: start }) => Date.parse(start) <= now);
  const planned = there.filter((period) => !running.includes(period)).slice(0, PLANNED);
  place.hidden = !there.length;
  const names = ({ monitors: ids }) => ids.map((id) => monitors.get(id)?.name);
  const shown = JSON.stringify([running, planned, there.map(names)]);
  if (place.dataset.shown === shown) return;
  place.dataset.shown = shown;
  fill(
    place,
    running.map((period) => card(period, monitors)),
    planned.length && h("h2.small.soft", "Planned maintenance"),
    planned.length &&
      h(
        "ul.past-lines",
        planned.map((period) =>
          h(
            "li.past-line",
            stateIcon("maintenance"),
            h(
              "div.grow",
              h("p.any-text", h("strong", period.name), ": ", concerned(period, monitors)),
              h("p.soft.small", times(period)),
            ),
          ),
        ),
      ),
  );
}

function card(period, monitors) {
  return h(
    "article.card.incident.tone-info",
    h(
      "div.row.row-apart",
      h("h2.any-text", period.name),
      statePill("maintenance", ["until ", timeElement(period.ends_at, ending(period))]),
    ),
    h("p.any-text", concerned(period, monitors)),
    h("p.soft.small", "Since ", timeElement(period.starts_at)),
  );
}

function times(period) {
  return [timeElement(period.starts_at), " – ", timeElement(period.ends_at, ending(period))];
}

function ending({ starts_at: start, ends_at: end }) {
  return format(start, "date") === format(end, "date") ? "time" : "moment";
}

function concerned({ monitors: ids, monitor_count: count }, monitors) {
  if (count >= monitors.size && count > 1) return "all monitors";
  const known = ids.filter((id) => monitors.has(id)).slice(0, NAMED);
  const links = known.flatMap((id, place) => [
    place ? ", " : "",
    h("a", { href: `#monitor-${id}` }, monitors.get(id).name),
  ]);
  const more = count - known.length;
  return more > 0 ? [links, known.length ? " and " : "", `${more.toLocaleString()} more`] : links;
}
