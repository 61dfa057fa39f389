/** The rows of the list of monitors: created once, and updated where they differ. */

import { fill, h } from "../dom.js";
import { statePill } from "../states.js";
import { lastingElement, milliseconds, percent, utc } from "../time.js";
import { targetOf } from "./store.js";

/** State, last check, uptime, group and tags. */
const CELLS = ["td", "td.number", "td.number", "td.cell-tags"];

export class Rows {
  /** @type {Map<number, {element: HTMLElement, box: HTMLInputElement, cells: HTMLElement[], shown: string}>} */
  #rows = new Map();
  #body;
  #onselect;

  /**
   * @param {HTMLElement} body the table's
   * @param {(id: number, chosen: boolean, range: boolean) => void} onselect `range`: and all
   *   between it and the one before
   */
  constructor(body, onselect) {
    this.#body = body;
    this.#onselect = onselect;
  }

  /**
   * Show these monitors, in this order.
   *
   * @param {import("./store.js").Monitor[]} monitors
   * @param {Map<number, number | null>} uptime
   * @param {Set<number>} selected
   */
  show(monitors, uptime, selected) {
    const wanted = new Set(monitors.map(({ id }) => id));
    for (const [id, { element }] of this.#rows) {
      if (wanted.has(id)) continue;
      element.remove();
      this.#rows.delete(id);
    }
    const focus = document.activeElement;
    let place = this.#body.firstElementChild;
    for (const monitor of monitors) {
      const row = this.#rows.get(monitor.id) ?? this.#make(monitor.id);
      this.#update(row, monitor, uptime.get(monitor.id));
      row.box.checked = selected.has(monitor.id);
      row.element.classList.toggle("chosen", row.box.checked);
      // Do not touch it if it is in place: moving an element takes its focus away.
      if (place === row.element) place = place.nextElementSibling;
      else this.#body.insertBefore(row.element, place);
    }
    if (this.#body.contains(focus)) focus.focus({ preventScroll: true });
  }

  #make(id) {
    let shift = false;
    const box = h("input", {
      type: "checkbox",
      on: {
        click: (event) => (shift = event.shiftKey),
        change: () => this.#onselect(id, box.checked, shift),
      },
    });
    const cells = CELLS.map((cell) => h(cell));
    const name = h("td.cell-name");
    const element = h("tr.monitor-row", h("td.cell-box", h("label.box", box)), name, cells);
    const row = { element, box, cells: [name, ...cells], shown: "" };
    this.#rows.set(id, row);
    return row;
  }

  #update(row, monitor, uptime) {
    const { id, name, state, since, group, tags = [], latency_ms: latency, error } = monitor;
    const shown = JSON.stringify([
      name,
      state,
      since,
      group,
      tags,
      latency,
      error,
      uptime,
      targetOf(monitor),
    ]);
    if (shown === row.shown) return;
    row.shown = shown;
    row.box.setAttribute("aria-label", `Select ${name}`);
    const [nameCell, stateCell, latencyCell, uptimeCell, groupCell] = row.cells;
    // Keep the focus of a user who moves from link to link.
    const link = nameCell.querySelector("a") ?? h("a.row-link.any-text");
    link.href = `#/monitors/${id}`;
    fill(link, name);
    if (!link.parentNode) fill(nameCell, link, h("div.row-target.soft.small.any-text"));
    fill(nameCell.lastElementChild, state === "down" && error ? error : targetOf(monitor));
    nameCell.lastElementChild.classList.toggle("row-error", state === "down" && Boolean(error));
    const paused = state === "paused";
    fill(
      stateCell,
      statePill(state),
      h("div.row-since.soft.small", { title: utc(since) }, "for ", lastingElement(since)),
    );
    fill(latencyCell, paused ? "–" : milliseconds(latency));
    fill(uptimeCell, uptime === undefined || uptime === null ? "–" : percent(uptime));
    fill(
      groupCell,
      group && h("span.group-name.soft.any-text", group),
      tags.map((tag) => h("span.tag", tag)),
    );
  }
}
