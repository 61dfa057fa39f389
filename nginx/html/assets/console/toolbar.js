/** The list's toolbar: a search field and filters. */

import { fill, h } from "../dom.js";
import { stateOf } from "../states.js";
import { SORTS, choices } from "./filters.js";
import { KINDS } from "./kinds.js";

const STATES = ["up", "down", "pending", "paused", "maintenance"];
const LABELS = { state: "State", kind: "Kind", group: "Group", tag: "Tag", sort: "Sort by" };

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
   * Update the choices if they have changed: an open select must not be redrawn.
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
      "All states",
      STATES.map((state) => [state, stateOf(state).word]),
    );
    this.#fill(filter, "kind", "All kinds", kinds);
    this.#fill(filter, "group", "All groups", own(groups));
    this.#fill(filter, "tag", "All tags", own(tags));
    this.#fill(filter, "sort", null, Object.entries(SORTS));
    this.#selects.group.hidden = !groups.length && !filter.group;
    this.#selects.tag.hidden = !tags.length && !filter.tag;
  }

  #fill(filter, name, any, options) {
    const chosen = filter[name];
    // A value from a link is a choice too, even if no monitor has it now.
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
