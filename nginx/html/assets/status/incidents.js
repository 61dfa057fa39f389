/** Incidents: open ones, and past ones page by page. */

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { stateIcon, statePill } from "../states.js";
import { between, format, lastingElement, timeElement } from "../time.js";

const PAGE = 10;

/**
 * Return an open incident as a card.
 *
 * @param {import("./model.js").Incident} incident
 * @returns {HTMLElement}
 */
export function openIncident(incident) {
  const { monitor_id: id, monitor_name: name, cause, opened_at: opened } = incident;
  return h(
    "article.card.incident.tone-down",
    h(
      "div.row.row-apart",
      h("h2.any-text", h("a", { href: `#monitor-${id}` }, name), " is down"),
      statePill("down", ["for ", lastingElement(opened)]),
    ),
    h("p.any-text.incident-cause", cause),
    h(
      "p.soft.small",
      "Since ",
      timeElement(opened),
      incident.acknowledged_at && [" · acknowledged ", by(incident), timeElement(incident.acknowledged_at)],
    ),
  );
}

function by({ acknowledged_by: name }) {
  return name ? ["by ", h("span.any-text", name), ", "] : "";
}

/**
 * Return an incident as a line of a list.
 *
 * @param {import("./model.js").Incident} incident
 * @param {boolean} named whether to include the monitor's name
 * @returns {HTMLElement}
 */
function line(incident, named) {
  const { closed_at: closed, opened_at: opened, monitor_id: id } = incident;
  return h(
    "li.past-line",
    stateIcon(closed ? "up" : "down"),
    h(
      "div.grow",
      named && h("a.row-name.any-text", { href: `#monitor-${id}` }, incident.monitor_name),
      h("p.any-text", { class: named && "soft" }, incident.cause),
      h(
        "p.soft.small",
        timeElement(opened, "time"),
        closed
          ? [" – ", timeElement(closed, sameDay(opened, closed) ? "time" : "moment")]
          : " – now",
        ` · ${between(opened, closed)}`,
      ),
    ),
  );
}

function sameDay(one, other) {
  return format(one, "date") === format(other, "date");
}

/** A list of incidents that grows by pages. */
export class PastIncidents {
  #path;
  #named;
  #list;
  #more;
  #cursor = null;
  #items = [];
  #shown = "";
  #signal;

  /**
   * @param {HTMLElement} list where it goes
   * @param {HTMLButtonElement} more the button for the next page
   * @param {{query?: string, named?: boolean, signal?: AbortSignal}} [options]
   */
  constructor(list, more, { query = "state=closed", named = true, signal } = {}) {
    this.#list = list;
    this.#more = more;
    this.#named = named;
    this.#signal = signal;
    this.#path = `/api/incidents?limit=${PAGE}&${query}`;
    more.addEventListener("click", () => this.#next());
  }

  /** How many there are so far. */
  get count() {
    return this.#items.length;
  }

  /** Read the first page again; keep the later pages. */
  async read() {
    const { data } = await get(this.#path, { signal: this.#signal });
    const last = data.items.at(-1)?.id ?? Infinity;
    const behind = this.#items.filter(({ id }) => id < last && data.next);
    if (!behind.length) this.#cursor = data.next;
    this.#items = [...data.items, ...behind];
    this.#draw();
  }

  async #next() {
    this.#more.disabled = true;
    try {
      const cursor = encodeURIComponent(this.#cursor);
      const { data } = await get(`${this.#path}&cursor=${cursor}`, { signal: this.#signal, retries: 1 });
      const known = new Set(this.#items.map(({ id }) => id));
      const before = this.#items.length;
      this.#items.push(...data.items.filter(({ id }) => !known.has(id)));
      this.#cursor = data.next;
      this.#draw();
      // The first new incident is now where the button was.
      this.#list.querySelectorAll(".past-line")[before]?.querySelector("a")?.focus();
    } catch (error) {
      this.#more.textContent = `${error.message} Try again`;
    } finally {
      this.#more.disabled = false;
    }
  }

  #draw() {
    this.#more.hidden = !this.#cursor;
    const shown = JSON.stringify(this.#items);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const days = new Map();
    for (const incident of this.#items) {
      const day = format(incident.opened_at, "date");
      if (!days.has(day)) days.set(day, []);
      days.get(day).push(incident);
    }
    fill(
      this.#list,
      [...days].map(([day, incidents]) =>
        h(
          "section.past-day",
          h("h3.small.soft", day),
          h("ul.past-lines", incidents.map((incident) => line(incident, this.#named))),
        ),
      ),
    );
  }
}
