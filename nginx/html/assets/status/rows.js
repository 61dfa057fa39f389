/**
 * Monitors by group. A thousand monitors are a thousand short rows; bars and figures are only
 * created for rows that come into view.
 */

import { dayBars } from "../bars.js";
import { fill, h, setText } from "../dom.js";
import { stateIcon, stateOf } from "../states.js";
import { format, lastingElement, milliseconds, percent } from "../time.js";
import { said } from "./model.js";

/** How many rows of a group are added at a time, as the viewer comes near its end. */
const CHUNK = 100;
const NEAR = { rootMargin: "600px 0px" };
const DAY = 86_400_000;

export class Rows {
  #container;
  #histories;
  #rows = new Map();
  #shape = "";
  #closed = new Set();
  #visible = new Set();
  #near = new IntersectionObserver((entries) => this.#onview(entries), NEAR);
  #ends = new IntersectionObserver((entries) => this.#onend(entries), NEAR);
  #pending = new Map();

  /**
   * @param {HTMLElement} container
   * @param {import("./history.js").Histories} histories
   */
  constructor(container, histories) {
    this.#container = container;
    this.#histories = histories;
  }

  /**
   * Show only these. Existing rows are kept: no focus is lost, and no bar redrawn.
   *
   * @param {{name: string | null, monitors: import("./model.js").Monitor[]}[]} groups
   * @param {Set<number>} known the monitors that still exist
   */
  show(groups, known) {
    const shape = JSON.stringify(
      groups.map(({ name, monitors }) => [name, monitors.map(({ id }) => id)]),
    );
    for (const [id, row] of this.#rows) {
      if (known.has(id)) continue;
      this.#near.unobserve(row.element);
      this.#rows.delete(id);
      this.#visible.delete(id);
    }
    for (const { monitors } of groups) for (const monitor of monitors) this.#update(monitor);
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#ends.disconnect();
      this.#pending.clear();
      fill(this.#container, groups.map((group) => this.#group(group, groups.length === 1)));
    } else {
      groups.forEach(({ monitors }, index) => {
        const group = this.#container.children[index];
        fill(group.querySelector(".group-sum"), summary(monitors));
      });
    }
    for (const id of this.#visible) this.#histories.want(id);
  }

  /** Show a monitor's history; `null` if it can't be read. */
  showHistory(id, history) {
    const row = this.#rows.get(id);
    if (row) row.showHistory(history);
  }

  #update(monitor) {
    const row = this.#rows.get(monitor.id);
    if (row) {
      row.update(monitor);
      return;
    }
    const made = new Row(monitor);
    this.#rows.set(monitor.id, made);
    this.#near.observe(made.element);
  }

  #group({ name, monitors }, alone) {
    const list = h("ul.rows");
    const title = name ?? (alone ? "Monitors" : "Other monitors");
    const group = h(
      "details.card.group",
      { open: !this.#closed.has(name) },
      h(
        "summary.group-head",
        h("h2.any-text", title),
        h("span.group-sum.soft.small", summary(monitors)),
      ),
      list,
    );
    group.addEventListener("toggle", () => {
      if (group.open) this.#closed.delete(name);
      else this.#closed.add(name);
    });
    this.#pending.set(list, monitors.map(({ id }) => id));
    this.#more(list);
    return group;
  }

  /** Add the next rows of a group, and watch for the viewer to come to their end. */
  #more(list) {
    const ids = this.#pending.get(list) ?? [];
    list.append(...ids.splice(0, CHUNK).map((id) => this.#rows.get(id).element));
    if (!ids.length) this.#pending.delete(list);
    else this.#ends.observe(list.lastElementChild);
  }

  #onend(entries) {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      this.#ends.unobserve(target);
      if (target.parentElement) this.#more(target.parentElement);
    }
  }

  #onview(entries) {
    for (const { target, isIntersecting } of entries) {
      const id = Number(target.dataset.id);
      if (!isIntersecting) {
        this.#visible.delete(id);
      } else if (this.#rows.has(id)) {
        this.#visible.add(id);
        const history = this.#histories.of(id);
        if (history) this.showHistory(id, history);
        this.#histories.want(id);
      }
    }
  }
}

/** A monitor's row. */
class Row {
  #monitor = null;
  #history = undefined;
  #icon = h("span.row-icon");
  #name = h("a.row-name.any-text");
  #tags = h("span.row.row-tags");
  #state = h("span.row-state");
  #days = h("div.row-days");

  constructor(monitor) {
    this.element = h(
      "li.monitor",
      { data: { id: monitor.id } },
      h(
        "div.monitor-head",
        this.#icon,
        h("div.grow.row", this.#name, this.#tags),
        this.#state,
      ),
      this.#days,
    );
    this.#name.href = `#monitor-${monitor.id}`;
    this.update(monitor);
  }

  update(monitor) {
    const before = this.#monitor;
    this.#monitor = monitor;
    setText(this.#name, monitor.name);
    if (before?.state !== monitor.state) fill(this.#icon, stateIcon(monitor.state));
    if (String(before?.tags) !== String(monitor.tags)) {
      fill(this.#tags, monitor.tags.map((tag) => h("span.tag", tag)));
    }
    fill(this.#state, words(monitor));
  }

  showHistory(history) {
    if (history === this.#history) return;
    this.#history = history;
    if (!history) {
      fill(this.#days, h("p.soft.small", "History is unavailable right now."));
      return;
    }
    fill(this.#days, dayBars(history, { words: uptimeWords(history) }));
  }
}

function words({ state, since, latency_ms: latency }) {
  const { word, tone } = stateOf(state);
  const text = [h("strong", { class: `tone-${tone}` }, word)];
  if (state === "down" && since) text.push(h("span", "for ", lastingElement(since)));
  else if (state === "up" && latency !== null && latency !== undefined) {
    text.push(h("span.soft.numbers", milliseconds(latency)));
  }
  return text;
}

/**
 * Return "99.98 % over 90 days", with since when it is known if that is less.
 *
 * @param {import("./history.js").History} history
 * @param {"24h" | "7d" | "30d" | "90d"} [range]
 * @returns {string}
 */
export function uptimeWords(history, range = "90d") {
  const ratio = history.uptime?.[range] ?? null;
  if (ratio === null) return "no data yet";
  const { days, name } = RANGES[range];
  const since = history.known_since && Date.parse(history.known_since);
  if (!since || Date.now() - since > days * DAY) return `${percent(ratio)} over ${name}`;
  const style = Date.now() - since < DAY ? "time" : "day";
  return `${percent(ratio)} since ${format(since, style)}`;
}

export const RANGES = {
  "24h": { days: 1, name: "24 hours" },
  "7d": { days: 7, name: "7 days" },
  "30d": { days: 30, name: "30 days" },
  "90d": { days: 90, name: "90 days" },
};

function summary(monitors) {
  const counts = new Map();
  for (const { state } of monitors) counts.set(state, (counts.get(state) ?? 0) + 1);
  const worst = ["down", "maintenance", "pending", "up"].find((state) => counts.has(state));
  return [stateIcon(worst ?? monitors[0].state), said(counts)];
}
