/** Incidents: open ones, and closed ones page by page. */

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { statePill } from "../states.js";
import { between, lastingElement, timeElement } from "../time.js";
import {
  button,
  changes,
  empty,
  linkButton,
  repeatable,
  section,
  showFailure,
  tableCard,
  viewHead,
} from "./parts.js";
import { askName } from "./who.js";

const PAGE = 25;

/**
 * Return incidents as a table.
 *
 * @param {import("./store.js").Incident[]} incidents
 * @param {{named?: boolean, acknowledge?: (incident: any) => unknown}} [options] `named`: with the
 *   monitor's name
 */
export function incidentTable(incidents, { named = true, acknowledge } = {}) {
  const heads = [named && "Monitor", "Cause", "Started", "Duration", "Acknowledged"].filter(Boolean);
  const rows = incidents.map((incident) => row(incident, named, acknowledge));
  const card = tableCard("Incidents", heads, rows);
  card.classList.toggle("incidents-named", named);
  return card;
}

function row(incident, named, acknowledge) {
  const { id, monitor_name: name, cause, opened_at: opened, closed_at: closed } = incident;
  const link = (text) => h("a.row-link.any-text", { href: `#/incidents/${id}` }, text);
  return h(
    "tr",
    named && h("td.cell-name", link(name)),
    h("td.any-text.cell-cause", named ? cause : link(cause)),
    h("td", timeElement(opened)),
    h(
      "td.numbers.nowrap",
      closed ? between(opened, closed) : statePill("down", lastingElement(opened)),
    ),
    h("td", seen(incident, acknowledge)),
  );
}

/** Return who has acknowledged an incident, or the button to do so. */
export function seen(incident, acknowledge) {
  const { acknowledged_at: at, acknowledged_by: by, closed_at: closed } = incident;
  if (at) return h("span.any-text", by ?? "yes,", " ", timeElement(at, "ago"));
  if (closed || !acknowledge) return h("span.soft", "–");
  const label = `Acknowledge: ${incident.monitor_name}`;
  return changes(button("Acknowledge", () => acknowledge(incident), { label }));
}

/**
 * Acknowledge an incident.
 *
 * @param {import("./store.js").Store} store
 * @param {number} id
 * @returns {Promise<any>} the incident; null if the person has changed their mind
 */
export async function acknowledge(store, id) {
  const by = await askName();
  if (by === null) return null;
  const path = `/api/incidents/${id}/acknowledge`;
  const { data } = await repeatable(() => post(path, by ? { by } : {}, { retries: 1 }));
  store.putIncident(data);
  return data;
}

export class IncidentsView {
  title = "Incidents";
  #context;
  #open = h("div");
  #closed = h("div", h("p.soft", "Loading …"));
  #more = button("Show earlier incidents", () => this.#next());
  #items = [];
  #cursor = null;
  #shown = "";
  #count = -1;
  #over = new AbortController();

  constructor(context) {
    this.#context = context;
    this.#more.hidden = true;
    this.element = h(
      "div.stack-loose",
      viewHead("Incidents"),
      section("Open", this.#open),
      section("Past", this.#closed, h("div.row.row-centre", this.#more)),
    );
    this.#read();
  }

  close() {
    this.#over.abort();
  }

  update() {
    const { store } = this.#context;
    const open = [...store.incidents.values()].sort((a, b) => b.id - a.id);
    const shown = JSON.stringify([open, store.known]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const ack = ({ id }) => acknowledge(store, id);
    if (open.length) fill(this.#open, incidentTable(open, { acknowledge: ack }));
    else fill(this.#open, store.known ? this.#nothing() : h("p.soft", "Loading …"));
    // If it is no longer open, it has been closed.
    if (this.#count > open.length) this.#read();
    this.#count = open.length;
  }

  #nothing() {
    const { size } = this.#context.store.monitors;
    return size
      ? empty("Nothing is down", "Incidents appear here as soon as a monitor goes down.")
      : empty(
          "No monitors yet",
          "Incidents are opened by monitors.",
          linkButton("Add a monitor", "#/monitors", "primary"),
        );
  }

  async #read() {
    try {
      const { data } = await get(`/api/incidents?state=closed&limit=${PAGE}`, {
        signal: this.#over.signal,
        retries: 1,
      });
      const last = data.items.at(-1)?.id ?? Infinity;
      const behind = this.#items.filter(({ id }) => id < last && data.next);
      if (!behind.length) this.#cursor = data.next;
      this.#items = [...data.items, ...behind];
      this.#draw();
    } catch (error) {
      if (!this.#over.signal.aborted) showFailure(this.#closed, error, () => this.#read());
    }
  }

  async #next() {
    const cursor = encodeURIComponent(this.#cursor);
    const { data } = await get(`/api/incidents?state=closed&limit=${PAGE}&cursor=${cursor}`, {
      retries: 1,
    });
    const known = new Set(this.#items.map(({ id }) => id));
    this.#items.push(...data.items.filter(({ id }) => !known.has(id)));
    this.#cursor = data.next;
    this.#draw();
  }

  #draw() {
    this.#more.hidden = !this.#cursor;
    fill(
      this.#closed,
      this.#items.length ? incidentTable(this.#items) : h("p.soft", "No incidents yet."),
    );
  }
}
