/**
 * Views by the address behind the #, so that they can be linked and Back works. A view with
 * something in it that is not saved is not left without asking.
 */

import { confirmed } from "../dialog.js";
import { fill } from "../dom.js";

/**
 * @typedef {object} View
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => void} [update] called when what the store knows has changed
 * @property {() => void} [close] called when it is left
 * @property {() => boolean} [dirty] whether leaving it would lose something
 * @property {() => void} [discard] called when it is left all the same
 * @property {Record<string, () => void>} [keys] what a key does here
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

  /** Go to a path; `leaving` says that what is typed here has been saved. */
  go(path, { leaving = false } = {}) {
    if (leaving) this.#leave();
    if (location.hash === `#${path}`) this.#show();
    else location.hash = path;
  }

  /** Keep the view, and have its address say what it shows now: no entry of its own for Back. */
  replace(path) {
    history.replaceState(history.state, "", `#${path}`);
    this.#hash = location.hash;
  }

  async #onhash() {
    // A link to a part of the page, as the skip link, is no view.
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
      const text = "What you have changed here is not saved yet.";
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
    // Screen readers hear where they are; a view may have put the focus somewhere better.
    if (!this.#outlet.contains(document.activeElement)) this.#outlet.focus({ preventScroll: true });
  }
}
