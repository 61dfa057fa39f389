/** Arithmetic of charts: round ticks, labels that do not overlap, the nearest point. */

/**
 * Return about `count` round numbers from 0 on, the last of them at or above `top`.
 *
 * @param {number} top
 * @param {number} [count]
 * @returns {number[]}
 */
export function ticks(top, count = 4) {
  const rough = Math.max(top, 1e-9) / count;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * size >= rough) * size;
  return Array.from({ length: Math.ceil(top / step - 1e-9) + 1 }, (_, number) => number * step);
}

/**
 * Return positions for labels, each at least `distance` from the next and as close as possible to
 * its wanted position, between `low` and `high`.
 *
 * @param {number[]} wanted
 * @param {number} distance
 * @param {number} low
 * @param {number} high
 * @returns {number[]}
 */
export function spread(wanted, distance, low, high) {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b]);
  const placed = [...wanted];
  let edge = low;
  for (const index of order) {
    placed[index] = Math.max(placed[index], edge);
    edge = placed[index] + distance;
  }
  edge = high;
  for (const index of order.reverse()) {
    placed[index] = Math.min(placed[index], edge);
    edge = placed[index] - distance;
  }
  return placed;
}

/**
 * Return the index of the point nearest to `at`; the points are in order of time.
 *
 * @param {{at: number}[]} points
 * @param {number} at
 * @returns {number} -1 if there are none
 */
export function nearest(points, at) {
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].at < at) low = middle + 1;
    else high = middle;
  }
  if (low > 0 && at - points[low - 1].at < points[low].at - at) low -= 1;
  return points.length ? low : -1;
}
