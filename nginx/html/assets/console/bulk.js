/** Actions on many monitors at once. */

import { post } from "../api.js";
import { openDialog } from "../dialog.js";
import { h, setText } from "../dom.js";
import { toast } from "../toast.js";
import { TagsField } from "./fields.js";
import { button, changes, counted, listed } from "./parts.js";

/** Maximum number of monitors per request. */
const BATCH_LIMIT = 1000;
const DONE = { pause: "Paused", resume: "Resumed", delete: "Deleted", tag: "Tagged" };
const QUESTIONS = {
  pause: ["Pause", "Checks stop until you resume them, and nobody is notified of an outage."],
  resume: ["Resume", "Checks restart immediately."],
  delete: ["Delete", "This also deletes their checks and incidents. It can’t be undone."],
};

export class BulkBar {
  #context;
  #chosen;
  #clear;
  #said = h("strong.numbers");

  /**
   * @param {import("./main.js").Context} context
   * @param {() => import("./store.js").Monitor[]} chosen
   * @param {() => void} clear
   */
  constructor(context, chosen, clear) {
    this.#context = context;
    this.#chosen = chosen;
    this.#clear = clear;
    this.element = h(
      "div.bulk",
      { role: "region", "aria-label": "Selected monitors", hidden: true },
      this.#said,
      h("span.grow"),
      changes(button("Pause", () => this.#ask("pause"))),
      changes(button("Resume", () => this.#ask("resume"))),
      changes(button("Tag", () => this.#askTags())),
      changes(button("Delete", () => this.#ask("delete"), { kind: "danger" })),
      button("Clear", clear, { kind: "plain" }),
    );
  }

  show(count, all) {
    this.element.hidden = !count;
    const of =
      count === all
        ? `All ${counted(all, "monitor")}`
        : `${count.toLocaleString()} of ${all.toLocaleString()}`;
    setText(this.#said, `${of} selected`);
  }

  async #ask(action) {
    const monitors = this.#chosen();
    const [word, text] = QUESTIONS[action];
    const answer = await openDialog(`${word} ${counted(monitors.length, "monitor")}?`, (close) => ({
      body: h(
        "div.stack",
        h("p.any-text", listed(monitors.map(({ name }) => name))),
        h("p.soft", text),
      ),
      foot: [
        button("Cancel", () => close()),
        button(word, () => close("yes"), { kind: action === "delete" ? "danger" : "primary" }),
      ],
    }));
    if (answer === "yes") await this.#act({ action }, monitors);
  }

  async #askTags() {
    const monitors = this.#chosen();
    const add = new TagsField("add_tags", "Add tags", {});
    const remove = new TagsField("remove_tags", "Remove tags", {});
    const answer = await openDialog(`Tag ${counted(monitors.length, "monitor")}`, (close) => ({
      body: h(
        "div.stack",
        h("p.any-text.soft", listed(monitors.map(({ name }) => name))),
        add.element,
        remove.element,
      ),
      foot: [
        button("Cancel", () => close()),
        button("Save", () => close("yes"), { kind: "primary" }),
      ],
    }));
    if (answer !== "yes" || !(add.value.length || remove.value.length)) return;
    await this.#act({ action: "tag", add_tags: add.value, remove_tags: remove.value }, monitors);
  }

  async #act(asked, monitors) {
    const ids = monitors.map(({ id }) => id);
    const changed = [];
    try {
      // Up to a thousand succeed or fail together; with more, some requests may be done when one fails.
      for (let start = 0; start < ids.length; start += BATCH_LIMIT) {
        const body = { ...asked, ids: ids.slice(start, start + BATCH_LIMIT) };
        const { data } = await post("/api/monitors/actions", body, { timeout: 60_000 });
        changed.push(...data.changed);
      }
    } finally {
      if (changed.length) this.#after(asked, changed, monitors);
    }
    const same = monitors.length - changed.length;
    const rest = same ? ` ${counted(same, "other")} unchanged.` : "";
    toast(`${DONE[asked.action]} ${counted(changed.length, "monitor")}.${rest}`);
  }

  #after({ action }, changed, monitors) {
    const { store } = this.#context;
    if (action === "delete") store.drop(changed);
    store.live.readNow();
    if (changed.length === monitors.length) this.#clear();
  }
}
