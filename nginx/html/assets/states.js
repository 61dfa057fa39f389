/** The states of monitors: a word, a shape and a tone for each. */

import { h, svg } from "./dom.js";

/**
 * @typedef {{word: string, tone: "up"|"down"|"warn"|"info"|"idle", shape: string}} State
 * `shape` is an SVG path in a box of 16 by 16: no two states have the same outline.
 */

/** @type {Record<string, State>} */
const STATES = {
  up: {
    word: "Up",
    tone: "up",
    shape: "M8 .5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Zm3.9 5.4-4.6 5.2a.9.9 0 0 1-1.3 0L4 9l1.3-1.3 1.3 1.4 4-4.4Z",
  },
  down: {
    word: "Down",
    tone: "down",
    shape: "M8.9 1.1a1 1 0 0 0-1.8 0L.4 13.5a1 1 0 0 0 .9 1.5h13.4a1 1 0 0 0 .9-1.5ZM7.1 5.5h1.8v4.4H7.1Zm0 5.6h1.8v1.8H7.1Z",
  },
  pending: {
    word: "Not checked yet",
    tone: "idle",
    shape: "M8 .5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Zm0 1.7a5.8 5.8 0 1 1 0 11.6A5.8 5.8 0 0 1 8 2.2ZM7.2 4.5v4l2.9 1.8.8-1.3-2.2-1.3V4.5Z",
  },
  paused: {
    word: "Paused",
    tone: "idle",
    shape: "M2.5 1h11A1.5 1.5 0 0 1 15 2.5v11a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 1 13.5v-11A1.5 1.5 0 0 1 2.5 1ZM5 4.5v7h2v-7Zm4 0v7h2v-7Z",
  },
  maintenance: {
    word: "In maintenance",
    tone: "info",
    shape: "M8 0l8 8-8 8-8-8Zm-.9 4.2v1.8h1.8v-1.8Zm0 3v4.6h1.8v-4.6Z",
  },
};

const OTHER =
  "M8 .5a7.5 7.5 0 1 0 0 15 7.5 7.5 0 0 0 0-15Zm-2.6 5.7C5.4 4.6 6.5 3.5 8.1 3.5c1.6 0 2.7 1 2.7 2.4 0 1-.5 1.6-1.2 2.1-.6.4-.7.7-.7 1.3H7.2c0-1.3.4-1.8 1.2-2.4.5-.4.7-.6.7-1 0-.5-.4-.9-1-.9-.7 0-1.1.5-1.1 1.2ZM7.1 10.7h1.9v1.9H7.1Z";

/**
 * Return the description of a state; an unknown one, of a newer release, is shown by its name.
 *
 * @param {string} name
 * @returns {State}
 */
export function stateOf(name) {
  if (Object.hasOwn(STATES, name)) return STATES[name];
  const word = String(name).replaceAll("_", " ");
  return { word: word.charAt(0).toUpperCase() + word.slice(1), tone: "idle", shape: OTHER };
}

/**
 * Return a state's symbol, which is only visual: its word must be beside it.
 *
 * @param {string} name
 * @returns {SVGElement}
 */
export function stateIcon(name) {
  const { shape, tone } = stateOf(name);
  return svg(
    "svg.state-icon",
    { class: `tone-${tone}`, viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: shape, fill: "currentColor", "fill-rule": "evenodd" }),
  );
}

/**
 * Return a state's symbol and word.
 *
 * @param {string} name
 * @param {import("./dom.js").Child} [word] instead of the state's own
 * @returns {HTMLElement}
 */
export function statePill(name, word) {
  const state = stateOf(name);
  return h("span.pill", { class: `tone-${state.tone}` }, stateIcon(name), h("span", word ?? state.word));
}
