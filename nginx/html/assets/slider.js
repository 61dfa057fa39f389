/** Selecting one of a row of items: by pointer, by touch, by keyboard. */

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
 * Let a slider's keys choose one of `count`; -1 for none, on Escape or when the focus leaves.
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
    // Escape clears the selection, and only reaches a surrounding dialog if there is none.
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
