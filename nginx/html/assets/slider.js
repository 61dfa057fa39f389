/** What is pointed at along a line of things: by pointer, by finger, by keys. */

import { set } from "./dom.js";

/**
 * Call `show` with the index under the pointer, of `count` of the same width; -1 when it leaves.
 *
 * @param {HTMLElement} element
 * @param {number} count
 * @param {(index: number) => void} show
 */
export function onPointer(element, count, show) {
  const point = (event) => {
    const box = element.getBoundingClientRect();
    const index = Math.floor(((event.clientX - box.left) / box.width) * count);
    show(Math.min(count - 1, Math.max(0, index)));
  };
  set(element, {
    on: { pointermove: point, pointerdown: point, pointerleave: () => show(-1) },
  });
}

/**
 * Let the keys of a slider choose one of `count`; -1 is none of them, by Escape or on leaving.
 *
 * @param {HTMLElement} element
 * @param {number | (() => number)} count
 * @param {number} page how far Page Up and Page Down go
 * @param {(index: number) => void} show
 */
export function onKeys(element, count, page, show) {
  const last = () => (typeof count === "function" ? count() : count) - 1;
  const here = () => Number(element.getAttribute("aria-valuenow"));
  const keys = {
    ArrowLeft: () => here() - 1,
    ArrowDown: () => here() - 1,
    ArrowRight: () => here() + 1,
    ArrowUp: () => here() + 1,
    PageDown: () => here() - page,
    PageUp: () => here() + page,
    Home: () => 0,
    End: last,
  };
  const onkey = (event) => {
    // Escape takes back what is pointed at, and reaches a dialog around it only if nothing is.
    if (event.key === "Escape" && element.dataset.at) {
      event.preventDefault();
      delete element.dataset.at;
      show(-1);
    }
    if (!Object.hasOwn(keys, event.key) || last() < 0) return;
    event.preventDefault();
    element.dataset.at = "chosen";
    show(Math.min(last(), Math.max(0, keys[event.key]())));
  };
  const leave = () => {
    delete element.dataset.at;
    show(-1);
  };
  set(element, { on: { keydown: onkey, blur: leave } });
}
