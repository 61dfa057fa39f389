/** The tab's icon: the state's outline, so that states differ without colour. */

import { stateOf } from "../states.js";

// A tab has no style sheet: use colours that are visible on light and dark.
const COLOURS = { up: "#2f9e6a", down: "#d9434e", warn: "#d9952b", info: "#5b8bd6", idle: "#8b909b" };
let shown = "";

/**
 * @param {string} state
 * @param {string} tone
 */
export function showFavicon(state, tone) {
  const { shape } = stateOf(state);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">` +
    `<path d="${shape}" fill="${COLOURS[tone]}" fill-rule="evenodd"/></svg>`;
  if (svg === shown) return;
  shown = svg;
  const link = document.querySelector('link[rel="icon"]');
  link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
