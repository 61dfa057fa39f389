/** Change a monitor: send only the changed fields, and overwrite nobody else's change. */

import { get, patch } from "../api.js";
import { h } from "../dom.js";
import { toast } from "../toast.js";
import { resolveConflict } from "./conflict.js";
import { keepDraft, readDraft } from "./draft.js";
import { MonitorForm, same } from "./form.js";
import { busy, button, changes, linkButton, showFailure, viewHead } from "./parts.js";
import { tryOut } from "./probe.js";
import { channelsSoon } from "./store.js";

export class EditView {
  title = "Edit";
  #context;
  #id;
  #form = null;
  #stored = null;
  #etag = "";
  #heading = viewHead("Edit");
  #place = h("div", h("p.soft", "Loading …"));
  #found = h("div");
  #save = changes(button("Save", null, { kind: "primary", submit: true }));
  #try = changes(button("Test monitor", () => this.#tryIt()));

  constructor(context, [id]) {
    this.#context = context;
    this.#id = Number(id);
    const onsubmit = (event) => {
      event.preventDefault();
      if (this.#form) busy(this.#save, () => this.#store());
    };
    this.element = h(
      "form.stack",
      { on: { submit: onsubmit }, novalidate: true },
      this.#heading,
      this.#place,
      this.#found,
      h("div.form-foot", this.#save, this.#try, linkButton("Cancel", `#/monitors/${id}`, "plain")),
    );
    this.#open();
  }

  get #draftName() {
    return `monitor ${this.#id}`;
  }

  async #open() {
    try {
      const [monitor, channels] = await Promise.all([this.#read(), channelsSoon()]);
      this.#stored = monitor;
      this.#heading.querySelector("h1").textContent = `Edit ${monitor.name}`;
      this.#try.hidden = monitor.kind !== "http";
      this.#form = new MonitorForm(this.#context, {
        values: monitor,
        channels,
        fixed: true,
        oninput: () => keepDraft(this.#draftName, this.#form.value),
      });
      const draft = readDraft(this.#draftName);
      if (draft) this.#form.value = { ...monitor, ...draft };
      this.#place.replaceChildren(this.#form.element);
    } catch (error) {
      showFailure(this.#place, error, () => this.#open());
    }
  }

  async #read() {
    const { data, etag } = await get(`/api/monitors/${this.#id}`, { retries: 1 });
    this.#etag = etag;
    return data;
  }

  dirty = () => Boolean(this.#form?.dirty);

  discard = () => keepDraft(this.#draftName, null);

  async #tryIt() {
    if (!this.#form) return;
    this.#form.showError(null);
    await tryOut(this.#form.value, this.#found, (error) => this.#form.showError(error));
  }

  async #store() {
    this.#form.showError(null);
    const changes = this.#changes();
    try {
      const { data } = Object.keys(changes).length
        ? await patch(`/api/monitors/${this.#id}`, changes, { ifMatch: this.#etag })
        : { data: this.#stored };
      keepDraft(this.#draftName, null);
      this.#form.settle();
      this.#context.store.put(data);
      toast("Saved.");
      this.#context.router.go(`/monitors/${this.#id}`, { leaving: true });
    } catch (error) {
      if (error.status === 412) await this.#resolve(changes);
      else this.#form.showError(error);
    }
  }

  /** Return what differs from what was read when the form was opened. */
  #changes() {
    const values = Object.entries(this.#form.value);
    return Object.fromEntries(values.filter(([name, value]) => !same(value, this.#stored[name])));
  }

  async #resolve(mine) {
    const theirs = await this.#read();
    const labelOf = (name) => this.#form.labelOf(name);
    const chosen = await resolveConflict({ before: this.#stored, theirs, mine, labelOf });
    // Whatever is decided, the next change is based on their version.
    this.#stored = theirs;
    this.#form.value = { ...theirs, ...mine, ...chosen };
    if (chosen) await this.#store();
  }
}
