/** The form of a monitor, of any kind. */

import { fill, h } from "../dom.js";
import { choices } from "./filters.js";
import { DEFAULTS, KINDS, partsOf } from "./kinds.js";
import { notice } from "./parts.js";

export class MonitorForm {
  #context;
  #channels;
  #fixed;
  #kind = "";
  #values;
  #fields = new Map();
  #body = h("div.stack");
  #kinds = [];
  #faults = h("div", { role: "alert" });
  #start = "";

  /**
   * @param {import("./main.js").Context} context
   * @param {object} options
   * @param {Record<string, any>} options.values what it starts with; `kind` is one of them
   * @param {any[] | null} options.channels
   * @param {boolean} [options.fixed] the monitor exists: its kind is fixed, its headers are masked
   * @param {() => void} [options.oninput]
   */
  constructor(context, { values, channels, fixed = false, oninput }) {
    this.#context = context;
    this.#channels = channels;
    this.#fixed = fixed;
    this.#values = values;
    this.element = h(
      "div.stack",
      { on: { input: () => oninput?.(), change: () => oninput?.() } },
      fixed ? null : this.#kindChoice(),
      this.#faults,
      this.#body,
    );
    this.#draw(values.kind ?? "http");
    this.settle();
  }

  #kindChoice() {
    this.#kinds = Object.entries(KINDS).map(([kind, { word, text }]) => {
      const choose = () => {
        this.#values = { ...this.#values, ...this.value };
        this.#draw(kind);
      };
      const input = h("input", {
        type: "radio",
        name: "kind",
        value: kind,
        on: { change: choose },
      });
      return h("label.kind", input, h("span", h("strong", word), h("span.soft.small", text)));
    });
    return h("fieldset.kinds", h("legend.visually-hidden", "Kind"), this.#kinds);
  }

  #draw(kind) {
    this.#kind = kind;
    for (const label of this.#kinds) {
      const input = label.querySelector("input");
      input.checked = input.value === kind;
    }
    const known = {
      ...choices(this.#context.store),
      channels: this.#channels,
      masked: this.#fixed,
    };
    const parts = partsOf(kind, known);
    this.#fields = new Map(
      parts.flatMap(({ fields }) => fields).map((field) => [field.name, field]),
    );
    this.value = this.#values;
    fill(
      this.#body,
      parts.map((part) => this.#drawPart(part)),
    );
  }

  #drawPart({ title, fields, open }) {
    const grid = h(
      "div.form-grid",
      fields.map(({ element }) => element),
    );
    if (open) return h("section.card.form-part", h("h2.part-title", title), grid);
    // Values that differ from the defaults must not be hidden.
    const changed = fields.some(({ name, value }) => !same(value, DEFAULTS[name] ?? null));
    return h("details.card.form-part", { open: changed }, h("summary.part-title", title), grid);
  }

  /** @returns {Record<string, any>} as the API wants it */
  get value() {
    const values = { kind: this.#kind };
    for (const [name, field] of this.#fields) {
      // Leave out an empty number: the API has a default, or reports that it is missing.
      if (field.value !== null || !(name in DEFAULTS) || DEFAULTS[name] === null)
        values[name] = field.value;
    }
    return values;
  }

  set value(values) {
    for (const [name, field] of this.#fields)
      field.value = name in values ? values[name] : DEFAULTS[name];
  }

  /** Return the label of a field, by its name in the API. */
  labelOf(name) {
    return this.#fields.get(name)?.label ?? name;
  }

  /** Mark the current values as stored. */
  settle() {
    this.#start = JSON.stringify(this.value);
  }

  get dirty() {
    return this.#start !== JSON.stringify(this.value);
  }

  focus() {
    [...this.#fields.values()][0].focus();
  }

  /**
   * Show the errors at their fields, and focus the first one.
   *
   * @param {import("../api.js").ApiError | null} error null to clear them
   */
  showError(error) {
    fill(this.#faults);
    for (const field of this.#fields.values()) field.fail("");
    if (!error) return;
    const other = [];
    let first = null;
    for (const { field: path, detail } of error.fields) {
      const [name, ...rest] = path.split(".");
      const field = this.#fields.get(name);
      if (!field) other.push(`${path}: ${detail}`);
      else {
        field.fail(rest.length ? `${rest.join(".")}: ${detail}` : detail);
        first ??= field;
      }
    }
    if (!first && !other.length) other.push(error.message);
    if (other.length)
      fill(
        this.#faults,
        notice(
          "down",
          other.map((text) => h("p", text)),
        ),
      );
    if (first) {
      const folded = first.element.closest("details");
      if (folded) folded.open = true;
      first.focus();
    } else this.#faults.scrollIntoView({ block: "center" });
  }
}

/** Return whether two values are the same JSON. */
export function same(one, other) {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}
