/**
 * Form fields: a label, an input or a choice, a hint, and an error. A field returns its value in
 * the API's format; text that is not a number is sent as it was typed, and the API reports the
 * error.
 */

import { h, set, setText } from "../dom.js";

let count = 0;

/**
 * @typedef {object} Options
 * @property {string} [hint]
 * @property {string} [placeholder]
 * @property {string} [type] of the input
 * @property {string[]} [suggestions]
 * @property {boolean} [optional] an empty field is null, not ""
 */

export class Field {
  #error;

  /**
   * @param {string} name as the API has it
   * @param {string} label
   * @param {HTMLElement} control what gets the focus
   * @param {Options & {body?: HTMLElement, group?: boolean}} options
   */
  constructor(name, label, control, { hint, body = control, group } = {}) {
    const id = `field-${(count += 1)}`;
    this.name = name;
    this.label = label;
    this.control = control;
    this.#error = h("span.error.any-text", { id: `${id}-error`, hidden: true });
    const describedBy = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
    set(control, { id, "aria-describedby": describedBy });
    this.element = h(
      "div.field",
      group
        ? { role: "group", "aria-labelledby": `${id}-label`, "aria-describedby": describedBy }
        : {},
      group
        ? h("span.label", { id: `${id}-label` }, label)
        : h("label", { for: id, id: `${id}-label` }, label),
      body,
      hint && h("span.hint", { id: `${id}-hint` }, hint),
      this.#error,
    );
  }

  /** Show an error; "" for none. */
  fail(text) {
    setText(this.#error, text);
    this.#error.hidden = !text;
    set(this.control, { "aria-invalid": text ? "true" : null });
  }

  focus() {
    this.control.focus();
  }
}

export class TextField extends Field {
  #optional;

  /** @param {Options & {rows?: number}} options */
  constructor(name, label, options = {}) {
    const { rows, placeholder, type = "text", suggestions, optional } = options;
    const list = suggestions?.length ? h("datalist", { id: `list-${name}-${count}` }) : null;
    suggestions?.forEach((value) => list?.append(h("option", { value })));
    const control = rows
      ? h("textarea.textarea.mono", { rows, spellcheck: "false" })
      : h("input.input", { type, autocomplete: "off", spellcheck: "false", list: list?.id });
    set(control, { placeholder, "data-field": name });
    super(name, label, control, { ...options, body: list ? h("div", control, list) : control });
    this.#optional = optional;
  }

  get value() {
    const { value } = this.control;
    return this.#optional && !value ? null : value;
  }

  set value(value) {
    this.control.value = value ?? "";
  }
}

export class NumberField extends TextField {
  constructor(name, label, options = {}) {
    super(name, label, { ...options, optional: true });
    set(this.control, { inputmode: "decimal", class: "number-input" });
  }

  get value() {
    const text = this.control.value.trim();
    const number = Number(text.replace(",", "."));
    return !text ? null : Number.isFinite(number) ? number : text;
  }

  set value(value) {
    this.control.value = value ?? "";
  }
}

export class SelectField extends Field {
  /** @param {Options & {options: [string, string][]}} options value and words */
  constructor(name, label, options) {
    const choices = options.options.map(([value, text]) => h("option", { value }, text));
    super(name, label, h("select.select", { "data-field": name }, choices), options);
  }

  get value() {
    return this.control.value;
  }

  set value(value) {
    const known = [...this.control.options].some((option) => option.value === value);
    // Keep a value that another release has stored; do not change it silently.
    if (!known && value) this.control.append(h("option", { value }, value));
    this.control.value = value;
  }
}

export class CheckField extends Field {
  /** @param {Options & {inverted?: boolean}} options `inverted`: checked is false */
  constructor(name, label, options = {}) {
    const control = h("input", { type: "checkbox", "data-field": name });
    super(name, label, control, options);
    this.inverted = Boolean(options.inverted);
    this.element.classList.add("field-check");
  }

  get value() {
    return this.control.checked !== this.inverted;
  }

  set value(value) {
    this.control.checked = Boolean(value) !== this.inverted;
  }
}

/** Words with commas between them, as a list. */
export class TagsField extends TextField {
  constructor(name, label, options) {
    super(name, label, { hint: "Comma-separated.", ...options });
  }

  get value() {
    const words = this.control.value.split(",").map((word) => word.trim());
    return [...new Set(words.filter(Boolean))];
  }

  set value(words) {
    this.control.value = (words ?? []).join(", ");
  }
}

/** Accepted statuses: "200-299, 404", as a list of ranges and numbers. */
export class StatusesField extends TagsField {
  get value() {
    return super.value.map((word) => (/^\d{1,3}$/.test(word) ? Number(word) : word));
  }

  set value(codes) {
    super.value = codes?.map(String);
  }
}

/** An expected JSON value: true, 5 and "5" are different. */
export class JsonValueField extends TextField {
  get value() {
    const text = this.control.value;
    if (!text) return null;
    try {
      const value = JSON.parse(text);
      if (typeof value !== "object") return value;
    } catch {
      // Anything that is not JSON is text, so that nobody has to type quotes.
    }
    return text;
  }

  set value(value) {
    const plain = typeof value === "string" && !isJson(value);
    this.control.value =
      value === null || value === undefined ? "" : plain ? value : JSON.stringify(value);
  }
}

function isJson(text) {
  try {
    return typeof JSON.parse(text) !== "object";
  } catch {
    // Text, as above.
    return false;
  }
}
