/**
 * Ninety days as bars. Good and bad days differ in height and stripes, not only in colour; the day
 * selected by pointer or arrow keys is described below.
 */

import { h, set, setText, svg } from "./dom.js";
import { onKeys, onPointer } from "./slider.js";
import { format, percent } from "./time.js";

const DAY = 86_400_000;
const HEIGHT = 32;
const WIDTH = 10;
const STEP = 13;

/** Kinds of days, by uptime: the lowest share, the bar's height, its stripes. */
const KINDS = [
  { from: 1, name: "up", height: HEIGHT, stripes: 0 },
  { from: 0.99, name: "some", height: 24, stripes: 1 },
  { from: 0, name: "more", height: 16, stripes: 3 },
];

/**
 * @typedef {object} Days
 * @property {(number | null)[]} days the share of each day that was up, the oldest first; null if
 *   unknown
 * @property {string} today the last of them, as "2026-11-25", in UTC
 */

/**
 * Return a row of bars and a line of words below it.
 *
 * @param {Days} data
 * @param {{words: string, label?: string, focusable?: boolean}} options `words` are shown below
 *   while no day is selected; a `focusable` row needs a label
 * @returns {HTMLElement}
 */
export function dayBars({ days, today }, { words, label = "", focusable = false }) {
  const said = h("span.days-said", words);
  const here = svg("rect.days-here", { width: STEP, height: HEIGHT, rx: 2, visibility: "hidden" });
  const row = h(
    "div.days-row",
    svg(
      "svg",
      {
        viewBox: `0 0 ${days.length * STEP - (STEP - WIDTH)} ${HEIGHT}`,
        preserveAspectRatio: "none",
        "aria-hidden": "true",
      },
      days.map((share, index) => bar(share, index * STEP)),
      here,
    ),
  );
  const show = (index) => {
    const text = index < 0 ? words : wordsOf({ days, today }, index);
    setText(said, text);
    set(here, {
      visibility: index < 0 ? "hidden" : "visible",
      x: index * STEP - (STEP - WIDTH) / 2,
    });
    if (focusable) {
      set(row, {
        "aria-valuenow": index < 0 ? days.length - 1 : index,
        "aria-valuetext": index < 0 ? summary(days) : text,
      });
    }
  };
  onPointer(row, days.length, show);
  if (focusable) {
    set(row, { role: "slider", tabindex: "0", "aria-label": label, "aria-valuemin": "0" });
    set(row, { "aria-valuemax": days.length - 1 });
    onKeys(row, days.length, 7, show);
  } else {
    set(row, { role: "img", "aria-label": `${days.length} days: ${summary(days)}` });
  }
  show(-1);
  return h(
    "figure.days",
    row,
    h("figcaption.days-ends", h("span", `${days.length} days ago`), said, h("span", "Today")),
  );
}

/** @returns {SVGElement[]} a day's bar, standing on the row's lower edge */
function bar(share, x) {
  if (share === null) {
    return [svg("rect.days-none", { x, y: HEIGHT - 4, width: WIDTH, height: 4, rx: 1.5 })];
  }
  const { name, height, stripes } = KINDS.find(({ from }) => share >= from) ?? KINDS.at(-1);
  const y = HEIGHT - height;
  const parts = [svg("rect", { class: `days-${name}`, x, y, width: WIDTH, height, rx: 2 })];
  for (let number = 0; number < stripes; number += 1) {
    parts.push(svg("rect.days-cut", { x, y: y + 4 + number * 4, width: WIDTH, height: 1.5 }));
  }
  return parts;
}

function wordsOf({ days, today }, index) {
  const at = Date.parse(`${today}T00:00:00Z`) - (days.length - 1 - index) * DAY;
  const share = days[index];
  return `${format(at, "utcDay")}: ${share === null ? "no data" : `${percent(share)} up`}`;
}

/** Summarize the days in a sentence: what is visible at a glance. */
function summary(days) {
  const known = days.filter((share) => share !== null);
  if (!known.length) return "no data yet";
  const bad = known.filter((share) => share < 1).length;
  const count = `${known.length} ${known.length === 1 ? "day" : "days"} of data`;
  return `${count}, ${bad ? `${bad} with an outage` : "none with an outage"}`;
}
