/** Import many monitors from a list of URLs. */

import { post } from "../api.js";
import { fill, h, setText } from "../dom.js";
import { statePill } from "../states.js";
import { toast } from "../toast.js";
import { keepDraft, readDraft } from "./draft.js";
import { NumberField, TagsField, TextField } from "./fields.js";
import { choices } from "./filters.js";
import { BATCH_LIMIT, readLines } from "./lines.js";
import {
  busy,
  button,
  changes,
  counted,
  linkButton,
  notice,
  tableCard,
  viewHead,
} from "./parts.js";
import { targetOf } from "./store.js";

const DRAFT = "import";
/** Number of lines to draw; the rest are only counted. */
const DRAWN = 200;
const DELAY_MS = 150;
const EXAMPLE =
  "https://example.com\nShop, https://shop.example.com/health\n# a comment\nexample.org";

export class ImportView {
  title = "Import";
  #context;
  #text;
  #interval = new NumberField("interval_seconds", "Check interval (seconds)", {});
  #group;
  #tags;
  #preview = h("div.stack");
  #faults = h("div", { role: "alert" });
  #add = changes(button("Add", null, { kind: "primary", submit: true }));
  /** @type {(import("./lines.js").Line & {known?: any})[]} */
  #lines = [];
  /** The API's answer for a line, by URL. */
  #refused = new Map();
  #timer = 0;

  constructor(context) {
    this.#context = context;
    const { groups, tags } = choices(context.store);
    this.#group = new TextField("group", "Group for all monitors", { optional: true, suggestions: groups });
    this.#tags = new TagsField("tags", "Tags for all monitors", { suggestions: tags });
    this.#text = new TextField("list", "URLs or hosts, one per line", {
      rows: 10,
      placeholder: EXAMPLE,
      hint: "Use “name, URL” to set a name. Text after # is ignored.",
    });
    const draft = readDraft(DRAFT) ?? {};
    this.#text.value = draft.text ?? "";
    this.#interval.value = draft.interval ?? 60;
    this.#group.value = draft.group;
    this.#tags.value = draft.tags;
    const oninput = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#read(), DELAY_MS);
    };
    const onsubmit = (event) => {
      event.preventDefault();
      busy(this.#add, () => this.#addAll());
    };
    this.element = h(
      "form.stack",
      { on: { submit: onsubmit, input: oninput }, novalidate: true },
      viewHead("Import a list"),
      h(
        "div.card.card-body.stack",
        this.#text.element,
        h("div.form-grid", this.#interval.element, this.#group.element, this.#tags.element),
      ),
      this.#faults,
      this.#preview,
      h("div.form-foot", this.#add, linkButton("Cancel", "#/monitors", "plain")),
    );
    this.#read();
  }

  dirty = () => Boolean(this.#text.value.trim());

  discard = () => keepDraft(DRAFT, null);

  close() {
    clearTimeout(this.#timer);
  }

  update() {
    this.#draw();
  }

  #read() {
    clearTimeout(this.#timer);
    const text = this.#text.value;
    const values = {
      text,
      interval: this.#interval.value,
      group: this.#group.value,
      tags: this.#tags.value,
    };
    keepDraft(DRAFT, text.trim() ? values : null);
    this.#lines = readLines(text);
    this.#draw();
  }

  #ready() {
    return this.#lines.filter(
      ({ fault, known, monitor }) => !fault && !known && !this.#refused.has(monitor.url),
    );
  }

  #draw() {
    const watched = new Map(
      [...this.#context.store.monitors.values()].map((monitor) => [targetOf(monitor), monitor]),
    );
    for (const line of this.#lines) line.known = line.monitor && watched.get(line.monitor.url);
    const ready = this.#ready().length;
    setText(this.#add, ready ? `Add ${counted(ready, "monitor")}` : "Add");
    if (!this.#lines.length) return fill(this.#preview);
    const known = this.#lines.filter((line) => !line.fault && line.known).length;
    const faulty = this.#lines.length - ready - known;
    const words = [
      `${counted(ready, "monitor")} to add`,
      known && `${known} already monitored`,
      faulty && `${faulty} invalid`,
    ];
    const rest = this.#lines.length - DRAWN;
    return fill(
      this.#preview,
      h("p", { role: "status" }, h("strong", words.filter(Boolean).join(", "))),
      tableCard(
        "Import preview",
        ["Line", "Name", "URL", " Result"],
        this.#sorted()
          .slice(0, DRAWN)
          .map((line) => this.#row(line)),
      ),
      rest > 0 && h("p.soft", `And ${counted(rest, "more line")}.`),
    );
  }

  /** Errors first: of a thousand lines, these need attention. */
  #sorted() {
    const wrong = (line) => (line.fault || this.#refused.has(line.monitor?.url) ? 0 : 1);
    return [...this.#lines].sort((a, b) => wrong(a) - wrong(b) || a.number - b.number);
  }

  #row({ number, text, monitor, fault, known }) {
    const wrong = fault || this.#refused.get(monitor?.url);
    const verdict = wrong
      ? [statePill("down", "skipped"), h("div.small.any-text", wrong)]
      : known
        ? [
            statePill("paused", "already monitored"),
            h("div.small", h("a.any-text", { href: `#/monitors/${known.id}` }, known.name)),
          ]
        : statePill("up", "will be added");
    return h(
      "tr",
      h("td.numbers", number),
      h("td.any-text", monitor?.name ?? "–"),
      h("td.any-text.mono", monitor?.url ?? text),
      h("td", verdict),
    );
  }

  async #addAll() {
    this.#refused.clear();
    for (const field of [this.#interval, this.#group, this.#tags]) field.fail("");
    this.#read();
    fill(this.#faults);
    const ready = this.#ready();
    if (!ready.length) return this.#text.focus();
    const common = {
      interval_seconds: this.#interval.value ?? 60,
      group: this.#group.value,
      tags: this.#tags.value,
    };
    let added = 0;
    try {
      for (let start = 0; start < ready.length; start += BATCH_LIMIT) {
        const part = ready.slice(start, start + BATCH_LIMIT);
        const monitors = part.map(({ monitor }) => ({ ...monitor, ...common }));
        const { data } = await post("/api/monitors/bulk", { monitors }, { timeout: 60_000 }).catch(
          (error) => {
            this.#explain(error, part);
            throw error;
          },
        );
        data.items.forEach((monitor) => this.#context.store.put(monitor));
        added += part.length;
      }
    } catch (error) {
      // None of this part was added, so the rest of it can be sent once the faulty lines are out.
      const some = added
        ? `${counted(added, "monitor")} added. `
        : "No monitors were added. ";
      fill(
        this.#faults,
        notice(
          "down",
          h(
            "p",
            some,
            error.status === 422
              ? "Errors are marked below. Fix or remove those lines, then press Add again."
              : error.message,
          ),
        ),
      );
      this.#draw();
      return undefined;
    }
    keepDraft(DRAFT, null);
    this.#text.value = "";
    toast(`${counted(added, "monitor")} added.`);
    return this.#context.router.go("/monitors?sort=newest", { leaving: true });
  }

  #explain(error, part) {
    for (const { field, detail } of error.fields ?? []) {
      const [, number, name] = /^monitors\.(\d+)\.?(.*)$/.exec(field) ?? [];
      const common = { interval_seconds: this.#interval, group: this.#group, tags: this.#tags };
      const line = part[Number(number)];
      // The settings that all lines share are invalid, not a line of the list.
      const shared = name && common[name.split(".")[0]];
      if (shared) shared.fail(detail);
      else if (line)
        this.#refused.set(line.monitor.url, name === "url" ? detail : `${name}: ${detail}`);
    }
  }
}
