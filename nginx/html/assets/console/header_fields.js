/** Fields with several controls: a request's headers, and the channels to notify. */

import { fill, h } from "../dom.js";
import { Field } from "./fields.js";
import { button } from "./parts.js";

/** The placeholder for a stored value that is not shown. */
export const MASK = "***";

export class HeadersField extends Field {
  #rows = [];
  #list;
  #add;

  constructor(name, label, { masked } = {}) {
    const list = h("div.stack-tight");
    const add = button("Add a header", () => this.#append("", "").focus());
    const hint = masked
      ? `${MASK} is a stored value. It is kept until you enter a new one.`
      : "Values are stored but never shown again.";
    super(name, label, add, { hint, group: true, body: h("div.stack-tight", list, h("div", add)) });
    this.#list = list;
    this.#add = add;
  }

  #append(name, value) {
    const title = h("input.input", {
      value: name,
      placeholder: "Name",
      "aria-label": "Header name",
      autocomplete: "off",
      spellcheck: "false",
    });
    const content = h("input.input", {
      value,
      placeholder: "Value",
      "aria-label": "Header value",
      autocomplete: "off",
      spellcheck: "false",
    });
    const row = { title, content };
    const remove = button(
      "✕",
      () => {
        this.#rows = this.#rows.filter((other) => other !== row);
        line.remove();
        this.#add.focus();
        this.element.dispatchEvent(new Event("input", { bubbles: true }));
      },
      { kind: "plain", label: "Remove this header" },
    );
    remove.classList.add("button-icon");
    const line = h("div.header-row", title, content, remove);
    this.#rows.push(row);
    this.#list.append(line);
    return title;
  }

  get value() {
    const named = this.#rows.filter(({ title, content }) => title.value || content.value);
    return Object.fromEntries(
      named.map(({ title, content }) => [title.value.trim(), content.value]),
    );
  }

  set value(headers) {
    this.#rows = [];
    fill(this.#list);
    for (const [name, value] of Object.entries(headers ?? {})) this.#append(name, value);
  }

  focus() {
    (this.#rows[0]?.title ?? this.#add).focus();
  }
}

/** All channels, or some of them. */
export class ChannelsField extends Field {
  #boxes = new Map();
  #all;
  #list;

  /** @param {{channels: {id: number, name: string}[] | null}} options null if unknown */
  constructor(name, label, { channels }) {
    const all = h("input", { type: "checkbox", on: { change: () => this.#draw() } });
    const list = h("div.choices");
    const body = h(
      "div.stack-tight",
      h("label.choice", all, "All channels, including future ones"),
      list,
    );
    const hint = channels
      ? !channels.length && "No channels yet."
      : "Channels can’t be loaded right now.";
    super(name, label, all, { group: true, body, hint });
    this.#all = all;
    this.#list = list;
    channels?.forEach((channel) => this.#box(channel.id, channel.name));
  }

  #box(id, name) {
    const box = h("input", { type: "checkbox" });
    this.#boxes.set(id, box);
    this.#list.append(h("label.choice", box, h("span.any-text", name)));
    return box;
  }

  #draw() {
    this.#list.hidden = this.#all.checked;
  }

  get value() {
    if (this.#all.checked) return null;
    return [...this.#boxes].filter(([, box]) => box.checked).map(([id]) => id);
  }

  set value(ids) {
    this.#all.checked = !ids;
    for (const box of this.#boxes.values()) box.checked = false;
    for (const id of ids ?? [])
      (this.#boxes.get(id) ?? this.#box(id, `Channel ${id}`)).checked = true;
    this.#draw();
  }
}
