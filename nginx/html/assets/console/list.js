/** The list of monitors: search, filters, order, selection. */

import { fill, h, setText } from "../dom.js";
import { stateOf } from "../states.js";
import { QuickAdd } from "./add.js";
import { BulkBar } from "./bulk.js";
import { filterOf, isNarrowed, matching, pathOf } from "./filters.js";
import { button, changes, counted, empty, linkButton, viewHead } from "./parts.js";
import { Rows } from "./rows.js";
import { Toolbar } from "./toolbar.js";

/** Rows to add at first, and per click on the button below: a thousand at once are slow. */
const PAGE = 100;
const COLUMNS = [
  ["name", "Monitor"],
  ["state", "State"],
  ["latency", "Last check"],
  ["uptime", "Uptime, 24 h"],
  [null, "Group and tags"],
];

export class ListView {
  title = "Monitors";
  #context;
  #filter;
  #limit = PAGE;
  #found = [];
  #selected = new Set();
  #last = null;
  #heads = [];
  #rows;
  #all = h("input", { type: "checkbox", on: { change: () => this.#selectAll(this.#all.checked) } });
  #said = h("p.soft.small", { role: "status" });
  #more = button("", () => this.#showMore());
  #none = h("div");
  #table;
  #bulk;
  #tools;
  #add;

  constructor(context, _, query) {
    this.#context = context;
    this.#filter = filterOf(query);
    this.#add = new QuickAdd(context);
    this.#tools = new Toolbar(this.#filter, (changes) => this.#narrow(changes));
    const body = h("tbody");
    this.#rows = new Rows(body, (id, chosen, range) => this.#select(id, chosen, range));
    this.#table = h("table.table.monitors-table", h("thead", this.#makeHead()), body);
    this.#bulk = new BulkBar(
      context,
      () => this.#chosen(),
      () => this.#selectAll(false),
    );
    this.element = h(
      "div.stack",
      viewHead(
        "Monitors",
        changes(linkButton("Import a list", "#/import")),
        changes(linkButton("New monitor", "#/add")),
      ),
      this.#add.element,
      this.#tools.element,
      this.#said,
      this.#none,
      h("div.card.table-card", this.#table),
      h("div.row.row-centre", this.#more),
      this.#bulk.element,
    );
  }

  keys = { "/": () => this.#tools.focus(), n: () => this.#add.focus() };

  close() {
    this.#add.close();
  }

  update() {
    const { store } = this.#context;
    for (const id of this.#selected) if (!store.monitors.has(id)) this.#selected.delete(id);
    this.#found = matching(store, this.#filter);
    this.#tools.update(store, this.#filter);
    this.#drawOrder();
    const { size } = store.monitors;
    const shown = this.#found.slice(0, this.#limit);
    this.#rows.show(shown, store.uptime, this.#selected);
    this.#table.parentElement.hidden = !shown.length;
    this.#tools.element.hidden = !size;
    this.#more.hidden = shown.length === this.#found.length;
    const rest = this.#found.length - shown.length;
    setText(this.#more, `Show ${Math.min(PAGE, rest)} more of ${rest.toLocaleString()}`);
    this.#drawNone(size);
    const text = isNarrowed(this.#filter)
      ? `${this.#found.length.toLocaleString()} of ${counted(size, "monitor")}`
      : this.#summary(size);
    setText(this.#said, text);
    this.#drawSelection();
  }

  #summary(size) {
    if (!size) return "";
    const counts = new Map();
    for (const { state } of this.#found) counts.set(state, (counts.get(state) ?? 0) + 1);
    const parts = [...counts].map(
      ([state, count]) => `${count.toLocaleString()} ${stateOf(state).word.toLowerCase()}`,
    );
    return `${counted(size, "monitor")}: ${parts.join(", ")}`;
  }

  #drawNone(size) {
    this.#none.hidden = this.#found.length > 0;
    if (this.#found.length) return;
    if (!this.#context.store.known) fill(this.#none, h("p.soft", "Loading …"));
    else if (size) {
      const all = button("Clear filters", () =>
        this.#narrow({ q: "", state: "", kind: "", tag: "", group: "" }),
      );
      fill(this.#none, empty("No monitors match", "Try a different search, or clear the filters.", all));
    } else {
      const text =
        "Enter a URL or host above: it is checked once, and you see the result before you add it. ";
      const other = h("a", { href: "#/add?kind=heartbeat" }, "a heartbeat for a cron job");
      fill(this.#none, empty("Add your first monitor", [text, "Or add ", other, "."]));
    }
  }

  #makeHead() {
    const heads = COLUMNS.map(([sort, text]) => {
      const number = sort === "latency" || sort === "uptime";
      const head = h("th", { scope: "col", class: number && "number" }, sort ? null : text);
      if (sort) {
        const order = () => this.#narrow({ sort });
        head.append(h("button.sort", { type: "button", on: { click: order } }, text));
        this.#heads.push([sort, head]);
      }
      return head;
    });
    const box = h("label.box", this.#all);
    return h("tr", h("th.cell-box", { scope: "col" }, box), heads);
  }

  #drawOrder() {
    for (const [sort, head] of this.#heads) {
      const direction = sort === "latency" ? "descending" : "ascending";
      if (this.#filter.sort === sort) head.setAttribute("aria-sort", direction);
      else head.removeAttribute("aria-sort");
    }
  }

  #narrow(changes) {
    Object.assign(this.#filter, changes);
    this.#limit = PAGE;
    this.#context.router.replace(pathOf(this.#filter));
    this.update();
  }

  #showMore() {
    const first = this.#limit;
    this.#limit += PAGE;
    this.update();
    this.#table.querySelectorAll("a.row-link")[first]?.focus();
  }

  #chosen() {
    return this.#found.filter(({ id }) => this.#selected.has(id));
  }

  #select(id, chosen, range) {
    const ids = this.#found.map((monitor) => monitor.id);
    const [from, to] = [ids.indexOf(range ? this.#last : id), ids.indexOf(id)].sort(
      (a, b) => a - b,
    );
    for (const each of ids.slice(from < 0 ? to : from, to + 1)) {
      if (chosen) this.#selected.add(each);
      else this.#selected.delete(each);
    }
    this.#last = id;
    this.update();
  }

  /** All matches, including those that are not drawn yet. */
  #selectAll(chosen) {
    this.#selected = new Set(chosen ? this.#found.map(({ id }) => id) : []);
    this.update();
  }

  #drawSelection() {
    const { length } = this.#chosen();
    this.#all.checked = length > 0 && length === this.#found.length;
    this.#all.indeterminate = length > 0 && !this.#all.checked;
    this.#all.setAttribute(
      "aria-label",
      `Select all ${this.#found.length.toLocaleString()} matching monitors`,
    );
    this.#bulk.show(length, this.#found.length);
  }
}
