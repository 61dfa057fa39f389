/**
 * A line chart of response times. Lines differ in their dashes and are labelled, so that it can be
 * read without colour; arrow keys move from point to point, and a table has the same data.
 */

import { fill, h, set, svg } from "./dom.js";
import { nearest, spread, ticks } from "./scale.js";
import { onKeys } from "./slider.js";
import { format, milliseconds, timeElement, utc } from "./time.js";

const HEIGHT = 220;
const MARGIN = { top: 10, right: 56, bottom: 24, left: 50 };
const DAY = 86_400_000;

/**
 * @typedef {object} Point
 * @property {number} at milliseconds
 * @property {(number | null)[]} values one for each series, in milliseconds
 * @property {number} failed how many of its checks failed
 * @property {string} [note] why, for one check
 *
 * @typedef {object} Data
 * @property {Point[]} points in order of time
 * @property {number} from the chart's left edge, milliseconds
 * @property {number} to
 * @property {number} gap milliseconds without a point over which no line is drawn
 */

export class LineChart {
  #names;
  #points = [];
  #data = null;
  #at = -1;
  #width = 0;
  #plot;
  #layer;
  #cursor;
  #tip;
  #table;

  /**
   * @param {string} label what it shows, for screen readers
   * @param {string[]} names of the series, the most important first
   */
  constructor(label, names) {
    this.#names = names;
    this.#layer = svg("g");
    this.#cursor = svg("g", { visibility: "hidden" });
    const canvas = svg("svg", { height: HEIGHT, "aria-hidden": "true" }, this.#layer, this.#cursor);
    this.#tip = h("div.chart-tip", { hidden: true });
    // A slider: it moves through a range by arrow keys, and announces its value.
    this.#plot = h(
      "div.chart-plot",
      {
        role: "slider",
        tabindex: "0",
        "aria-label": label,
        "aria-valuemin": "0",
        "aria-valuemax": "0",
        "aria-valuenow": "0",
        on: {
          pointermove: (event) => this.#point(event),
          pointerdown: (event) => this.#point(event),
          pointerleave: () => this.#show(-1),
        },
      },
      canvas,
    );
    onKeys(this.#plot, () => this.#points.length, 10, (index) => this.#show(index));
    this.#table = h("div.table-scroll", { tabindex: "0", role: "region", "aria-label": label });
    const details = h("details.chart-table", h("summary", "Show as a table"), this.#table);
    details.addEventListener("toggle", () => details.open && this.#fillTable());
    /** What to put on the page. */
    this.element = h("figure.chart", this.#plot, this.#tip, details);
    new ResizeObserver(([entry]) => {
      const width = Math.round(entry.contentRect.width);
      if (width !== this.#width) {
        this.#width = width;
        this.#draw();
        // The selected point has moved; in a chart without a width it had no place at all.
        this.#show(this.#at);
      }
    }).observe(this.#plot);
  }

  /** @param {Data} data */
  update(data) {
    const at = this.#points[this.#at]?.at;
    this.#data = data;
    this.#points = data.points;
    set(this.#plot, { "aria-valuemax": Math.max(0, data.points.length - 1) });
    this.#draw();
    // Keep the selected point while new points arrive.
    this.#show(at === undefined ? -1 : data.points.findIndex((point) => point.at === at));
    if (this.#table.childElementCount) this.#fillTable();
  }

  #x(at) {
    const { from, to } = this.#data;
    const width = this.#width - MARGIN.left - MARGIN.right;
    return MARGIN.left + ((at - from) / Math.max(1, to - from)) * width;
  }

  #y(value, top) {
    return HEIGHT - MARGIN.bottom - (value / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  }

  #top() {
    const highest = Math.max(1, ...this.#points.flatMap((point) => point.values));
    return ticks(highest).at(-1);
  }

  #draw() {
    if (!this.#data || !this.#width) return;
    const top = this.#top();
    const lines = this.#names.map((_, series) => this.#runs(series, top));
    fill(
      this.#layer,
      ticks(top).map((tick) => this.#gridLine(tick, top)),
      this.#timeLabels(),
      lines[0].map((run) => svg("path.chart-area", { d: area(run, HEIGHT - MARGIN.bottom) })),
      // Draw the most important line last, on top of the others.
      lines.map((runs, series) => this.#line(runs, series)).reverse(),
      this.#points.filter((point) => point.failed).map((point) => this.#fault(point)),
      this.#lineNames(lines),
    );
  }

  #gridLine(tick, top) {
    const y = this.#y(tick, top);
    const x2 = this.#width - MARGIN.right;
    return [
      svg("line.chart-grid", { x1: MARGIN.left, x2, y1: y, y2: y }),
      svg("text.chart-axis", { x: MARGIN.left - 8, y: y + 4, "text-anchor": "end" }, short(tick)),
    ];
  }

  #timeLabels() {
    const { from, to } = this.#data;
    const count = Math.max(1, Math.min(5, Math.floor(this.#width / 130)));
    const style = to - from > 2 * DAY ? "day" : to - from > DAY / 24 ? "time" : "second";
    return Array.from({ length: count + 1 }, (_, number) => {
      const at = from + ((to - from) * number) / count;
      const anchor = number === 0 ? "start" : number === count ? "end" : "middle";
      const place = { x: this.#x(at), y: HEIGHT - 6, "text-anchor": anchor };
      return svg("text.chart-axis", place, format(at, style));
    });
  }

  /** Return a series as runs of points without a gap between them. */
  #runs(series, top) {
    const runs = [];
    let last = -Infinity;
    for (const { at, values } of this.#points) {
      const value = values[series];
      if (value === null || value === undefined) {
        last = -Infinity;
        continue;
      }
      if (at - last > this.#data.gap) runs.push([]);
      runs.at(-1).push([this.#x(at), this.#y(value, top)]);
      last = at;
    }
    return runs;
  }

  #line(runs, series) {
    return runs.map((run) =>
      run.length > 1
        ? svg("path.chart-line", { class: `chart-line-${series}`, d: path(run) })
        : svg("circle.chart-dot", { cx: run[0][0], cy: run[0][1], r: 2 }),
    );
  }

  #fault({ at }) {
    const x = this.#x(at);
    const y = HEIGHT - MARGIN.bottom - 6;
    return svg("path.chart-fault", { d: `M${x - 4} ${y - 4}l8 8m0-8l-8 8` });
  }

  #lineNames(lines) {
    const ends = lines.map((runs) => runs.at(-1)?.at(-1));
    const known = ends.flatMap((end, series) => (end ? [[series, end[1]]] : []));
    const places = spread(known.map(([, y]) => y), 14, MARGIN.top, HEIGHT - MARGIN.bottom);
    return known.map(([series], index) => {
      const place = { x: this.#width - MARGIN.right + 8, y: places[index] + 4 };
      // A single line needs no name; its current value is more useful.
      const last = this.#points.findLast((point) => point.values[series] !== null);
      const alone = this.#names.length === 1;
      return svg("text.chart-label", place, alone ? milliseconds(last.values[0]) : this.#names[series]);
    });
  }

  #point(event) {
    if (!this.#data) return;
    const x = event.clientX - this.#plot.getBoundingClientRect().left;
    const share = (x - MARGIN.left) / (this.#width - MARGIN.left - MARGIN.right);
    const { from, to } = this.#data;
    this.#show(nearest(this.#points, from + share * (to - from)));
  }

  /** Select a point; -1 for none. */
  #show(index) {
    this.#at = index;
    const point = this.#points[index];
    this.#tip.hidden = !point || !this.#width;
    set(this.#cursor, { visibility: point && this.#width ? "visible" : "hidden" });
    const lines = point ? this.#words(point) : [];
    set(this.#plot, {
      "aria-valuenow": Math.max(0, point ? index : this.#points.length - 1),
      "aria-valuetext": point ? lines.join(", ") : `${this.#points.length} points`,
    });
    if (!point || !this.#width) return;
    const x = this.#x(point.at);
    const top = this.#top();
    fill(
      this.#cursor,
      svg("line.chart-cross", { x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }),
      point.values.map(
        (value) =>
          value !== null && svg("circle.chart-dot", { cx: x, cy: this.#y(value, top), r: 3.5 }),
      ),
    );
    fill(this.#tip, h("strong", lines[0]), h("span.soft", utc(point.at)));
    for (const line of lines.slice(1)) this.#tip.append(h("span.any-text", line));
    const left = x > this.#width / 2;
    this.#tip.style.left = left ? "auto" : `${x + 12}px`;
    this.#tip.style.right = left ? `${this.#width - x + 12}px` : "auto";
  }

  #words({ at, values, failed, note }) {
    const words = [format(at, this.#data.to - this.#data.from > DAY / 2 ? "moment" : "second")];
    values.forEach((value, series) => {
      if (value !== null) words.push(`${this.#names[series]}: ${milliseconds(value)}`);
    });
    if (failed) words.push(note ?? `${failed} failed`);
    return words;
  }

  #fillTable() {
    fill(
      this.#table,
      h(
        "table.table",
        h("thead", h("tr", ["Time", ...this.#names, "Failed"].map((n) => h("th", { scope: "col" }, n)))),
        h(
          "tbody",
          this.#points.map(({ at, values, failed }) =>
            h(
              "tr",
              h("td", timeElement(at)),
              values.map((value) => h("td", milliseconds(value))),
              h("td", failed),
            ),
          ),
        ),
      ),
    );
  }
}

function short(value) {
  return value >= 1000 ? `${value / 1000} s` : `${Number(value.toFixed(2))} ms`;
}

function path(run) {
  return run.map(([x, y], index) => `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

function area(run, bottom) {
  return `${path(run)}L${run.at(-1)[0].toFixed(1)} ${bottom}L${run[0][0].toFixed(1)} ${bottom}Z`;
}
