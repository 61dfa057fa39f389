/** What is asked of the list: a search, and choices. */

import { fill, h } from "../dom.js";
import { stateOf } from "../states.js";
import { SORTS, choices } from "./filters.js";
import { KINDS } from "./kinds.js";

const STATES = ["up", "down", "pending", "paused", "maintenance"];
const LABELS = { state: "State", kind: "Kind", group: "Group", tag: "Tag", sort: "Order" };

export class Toolbar {
  #narrow;
  #search;
  #selects = {};
  #shown = "";

  /**
   * @param {import("./filters.js").Filter} filter
   * @param {(changes: Partial<import("./filters.js").Filter>) => void} narrow
   */
  constructor(filter, narrow) {
    this.#narrow = narrow;
    const change = (name) => (event) => narrow({ [name]: event.target.value });
    this.#search = h("input.input", {
      type: "search",
      id: "search",
      value: filter.q,
      placeholder: "Find by name, target, group or tag",
      autocomplete: "off",
      spellcheck: "false",
      maxlength: "200",
      "aria-keyshortcuts": "/",
      on: { input: change("q"), keydown: (event) => this.#onkey(event) },
    });
    for (const [name, label] of Object.entries(LABELS)) {
      const on = { change: change(name) };
      this.#selects[name] = h("select.select", { "aria-label": label, on });
    }
    this.element = h(
      "div.toolbar",
      { role: "search" },
      h(
        "div.search.grow",
        h("label.visually-hidden", { for: "search" }, "Find monitors"),
        this.#search,
        h("kbd", { "aria-hidden": "true" }, "/"),
      ),
      Object.values(this.#selects),
    );
  }

  focus() {
    this.#search.focus();
  }

  #onkey(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (this.#search.value) this.#narrow({ q: "" });
    else this.#search.blur();
  }

  /**
   * Fill the choices, where they have changed: a select that is open must not be drawn anew.
   *
   * @param {import("./store.js").Store} store
   * @param {import("./filters.js").Filter} filter
   */
  update(store, filter) {
    if (this.#search.value !== filter.q) this.#search.value = filter.q;
    const { groups, tags } = choices(store);
    const shown = JSON.stringify([groups, tags, filter]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const own = (words) => words.map((word) => [word, word]);
    const kinds = Object.entries(KINDS).map(([kind, { word }]) => [kind, word]);
    this.#fill(
      filter,
      "state",
      "Every state",
      STATES.map((state) => [state, stateOf(state).word]),
    );
    this.#fill(filter, "kind", "Every kind", kinds);
    this.#fill(filter, "group", "Every group", own(groups));
    this.#fill(filter, "tag", "Every tag", own(tags));
    this.#fill(filter, "sort", null, Object.entries(SORTS));
    this.#selects.group.hidden = !groups.length && !filter.group;
    this.#selects.tag.hidden = !tags.length && !filter.tag;
  }

  #fill(filter, name, any, options) {
    const chosen = filter[name];
    // What a link asks for is a choice too, even if there is none of it now.
    if (chosen && !options.some(([value]) => value === chosen)) options.push([chosen, chosen]);
    const select = this.#selects[name];
    const every = any ? [["", any], ...options] : options;
    fill(
      select,
      every.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
    );
    select.classList.toggle("in-use", Boolean(any && chosen));
  }
}
