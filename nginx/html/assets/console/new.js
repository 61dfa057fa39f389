/** A new monitor, with all its options. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { toast } from "../toast.js";
import { keepDraft, readDraft } from "./draft.js";
import { MonitorForm } from "./form.js";
import { KINDS } from "./kinds.js";
import { busy, button, changes, linkButton, viewHead } from "./parts.js";
import { tryOut } from "./probe.js";
import { channelsSoon } from "./store.js";

const DRAFT = "new";

export class NewView {
  title = "New monitor";
  #context;
  #form = null;
  #place = h("div", h("p.soft", "Loading …"));
  #found = h("div");
  #save = changes(button("Add", null, { kind: "primary", submit: true }));
  #values;
  #touched;

  constructor(context, _, query) {
    this.#context = context;
    const draft = readDraft(DRAFT);
    this.#touched = Boolean(draft);
    this.#values = draft ?? { kind: "http" };
    if (Object.hasOwn(KINDS, query.get("kind"))) this.#values.kind = query.get("kind");
    const onsubmit = (event) => {
      event.preventDefault();
      busy(this.#save, () => this.#add());
    };
    this.element = h(
      "form.stack",
      { on: { submit: onsubmit }, novalidate: true },
      viewHead("New monitor"),
      this.#place,
      this.#found,
      h(
        "div.form-foot",
        this.#save,
        changes(button("Test monitor", () => this.#try())),
        linkButton("Cancel", "#/monitors", "plain"),
      ),
    );
    this.#open();
  }

  async #open() {
    const channels = await channelsSoon();
    this.#form = new MonitorForm(this.#context, {
      values: this.#values,
      channels,
      oninput: () => {
        this.#touched = true;
        keepDraft(DRAFT, this.#form.value);
      },
    });
    this.#place.replaceChildren(this.#form.element);
    this.#form.focus();
  }

  dirty = () => this.#touched;

  discard = () => keepDraft(DRAFT, null);

  async #try() {
    const values = this.#form.value;
    this.#form.showError(null);
    if (values.kind === "http")
      await tryOut(values, this.#found, (error) => this.#form.showError(error));
    else
      toast(
        "Only HTTP monitors can be tested before saving. Others are checked as soon as they are added.",
        "maintenance",
      );
  }

  async #add() {
    this.#form.showError(null);
    try {
      const { data } = await post("/api/monitors", this.#form.value);
      keepDraft(DRAFT, null);
      this.#touched = false;
      this.#context.store.put(data);
      toast(`${data.name} added.`);
      this.#context.router.go(`/monitors/${data.id}`, { leaving: true });
    } catch (error) {
      this.#form.showError(error);
    }
  }
}
