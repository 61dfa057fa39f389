/**
 * Views by the address after the #, so that they can be linked and Back works. A view with unsaved
 * changes is not left without asking.
 */

import { confirmed } from "../dialog.js";
import { fill } from "../dom.js";

/**
 * @typedef {object} View
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => void} [update] called when the store has changed
 * @property {() => void} [close] called when it is left
 * @property {() => boolean} [dirty] whether leaving it would lose something
 * @property {() => void} [discard] called when it is left anyway
 * @property {Record<string, () => void>} [keys] keyboard shortcuts of the view
 *
 * @typedef {(params: string[], query: URLSearchParams) => View} MakeView
 */

export class Router {
  #routes;
  #outlet;
  #onshow;
  #hash = "";
  #asking = false;
  #scroll = new Map();
  /** @type {View | null} */
  view = null;

  /**
   * @param {[RegExp, MakeView][]} routes the first that matches the path is shown
   * @param {HTMLElement} outlet
   * @param {(path: string, view: View) => void} onshow
   */
  constructor(routes, outlet, onshow) {
    this.#routes = routes;
    this.#outlet = outlet;
    this.#onshow = onshow;
    addEventListener("hashchange", () => this.#onhash());
    addEventListener("beforeunload", (event) => {
      if (this.view?.dirty?.()) event.preventDefault();
    });
    this.#show();
  }

  /** Go to a path; `leaving` means that the input here has been saved. */
  go(path, { leaving = false } = {}) {
    if (leaving) this.#leave();
    if (location.hash === `#${path}`) this.#show();
    else location.hash = path;
  }

  /** Keep the view, and update its address without a history entry for Back. */
  replace(path) {
    history.replaceState(history.state, "", `#${path}`);
    this.#hash = location.hash;
  }

  async #onhash() {
    // A link within the page, such as the skip link, is not a view.
    if (location.hash && !location.hash.startsWith("#/")) {
      history.replaceState(null, "", this.#hash || "#/monitors");
      this.#outlet.focus();
      return;
    }
    const wanted = location.hash;
    if (wanted === this.#hash || this.#asking) return;
    if (this.view?.dirty?.()) {
      history.pushState(null, "", this.#hash);
      this.#asking = true;
      const text = "Your changes here have not been saved.";
      const sure = await confirmed("Leave without saving?", text, "Leave");
      this.#asking = false;
      if (!sure) return;
      this.view.discard?.();
      this.#leave();
      location.hash = wanted;
      return;
    }
    this.#show();
  }

  #leave() {
    this.view?.close?.();
    this.view = null;
  }

  #show() {
    const first = !this.#hash;
    if (!first) this.#scroll.set(this.#hash, scrollY);
    this.#leave();
    this.#hash = location.hash || "#/monitors";
    const [path, query = ""] = this.#hash.slice(1).split("?");
    const [pattern, make] = this.#routes.find(([candidate]) => candidate.test(path));
    const view = make(pattern.exec(path).slice(1), new URLSearchParams(query));
    this.view = view;
    fill(this.#outlet, view.element);
    this.#onshow(path, view);
    view.update?.();
    if (first) return;
    scrollTo(0, this.#scroll.get(this.#hash) ?? 0);
    // Screen readers announce the view; it may have set the focus to something better.
    if (!this.#outlet.contains(document.activeElement)) this.#outlet.focus({ preventScroll: true });
  }
}
