/** Add a monitor by its URL: one probe is made, and its result fills in the rest. */

import { post } from "../api.js";
import { fill, h } from "../dom.js";
import { toast } from "../toast.js";
import { keepDraft, readDraft } from "./draft.js";
import { KINDS } from "./kinds.js";
import { busy, button, changes, notice, repeatable } from "./parts.js";
import { probeResult } from "./probe.js";
import { targetOf } from "./store.js";

const DRAFT = "quick";
/** Milliseconds: a probe takes up to 10 seconds, and may have to wait in the API first. */
const TIMEOUT_MS = 30_000;

export class QuickAdd {
  #context;
  #abort = null;
  #draft = null;
  #field = h("input.input", {
    id: "quick-url",
    placeholder: "https://example.com or a host name",
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    inputmode: "url",
    maxlength: "2048",
    "aria-describedby": "quick-hint",
    on: {
      keydown: (event) => event.key === "Escape" && this.#clear(),
      input: () => keepDraft(DRAFT, this.#field.value ? { text: this.#field.value } : null),
    },
  });
  #go = changes(button("Check", null, { kind: "primary", submit: true }));
  #place = h("div", { "aria-live": "polite" });

  /** @param {import("./main.js").Context} context */
  constructor(context) {
    this.#context = context;
    this.#field.value = readDraft(DRAFT)?.text ?? "";
    const onsubmit = (event) => {
      event.preventDefault();
      busy(this.#go, () => this.#look());
    };
    this.element = h(
      "section.card.quick",
      { "aria-label": "Add a monitor" },
      h(
        "form.quick-form",
        { on: { submit: onsubmit }, novalidate: true },
        h("label.quick-label", { for: "quick-url" }, "URL or host to monitor"),
        this.#field,
        this.#go,
      ),
      h(
        "p.visually-hidden",
        { id: "quick-hint" },
        "Press Enter to check it once and preview the monitor.",
      ),
      this.#place,
    );
  }

  focus() {
    this.#field.focus();
    this.#field.select();
  }

  close() {
    this.#abort?.abort();
  }

  #clear() {
    this.#abort?.abort();
    this.#field.value = "";
    this.#draft = null;
    keepDraft(DRAFT, null);
    fill(this.#place);
    this.#field.focus();
  }

  async #look() {
    const url = this.#field.value.trim();
    if (!url) return this.#field.focus();
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    this.#field.removeAttribute("aria-invalid");
    fill(this.#place, h("p.quick-wait.soft", `Checking ${url} …`));
    try {
      const options = { timeout: TIMEOUT_MS, signal: abort.signal, retries: 1 };
      const { data } = await repeatable(() => post("/api/probe/suggest", { url }, options));
      if (this.#abort === abort) this.#show(data);
    } catch (error) {
      if (abort.signal.aborted) return;
      this.#field.setAttribute("aria-invalid", "true");
      const by = error.fields?.find(({ field }) => field === "url")?.detail ?? error.message;
      fill(this.#place, notice(error.status === 422 ? "down" : "warn", h("p", by)));
      this.#field.focus();
    }
  }

  #show({ monitor, probe, notes = [] }) {
    this.#draft = monitor;
    const name = h("input.input", {
      id: "quick-name",
      value: monitor.name ?? "",
      maxlength: "200",
      autocomplete: "off",
    });
    const keyword = monitor.keyword && h("input", { type: "checkbox", checked: true });
    const draft = () => ({
      ...monitor,
      name: name.value.trim(),
      ...(keyword && !keyword.checked && { keyword: null }),
    });
    const add = button("Add", null, { kind: "primary", submit: true });
    const faults = h("div", { role: "alert" });
    const more = () => {
      keepDraft("new", draft());
      this.#context.router.go("/add");
    };
    const same = this.#same(monitor);
    const onsubmit = (event) => {
      event.preventDefault();
      busy(add, () => this.#add(draft(), faults, name));
    };
    fill(
      this.#place,
      h(
        "form.draft.stack",
        { on: { submit: onsubmit }, novalidate: true },
        h(
          "div.draft-what",
          h("span.tag", KINDS[monitor.kind]?.word ?? monitor.kind),
          h("span.any-text.mono", targetOf(monitor)),
          monitor.interval_seconds && h("span.soft.small", `every ${monitor.interval_seconds} s`),
        ),
        probe && probeResult(probe),
        notes.length > 0 &&
          h(
            "ul.notes.soft.small",
            notes.map((note) => h("li.any-text", note)),
          ),
        same &&
          notice(
            "info",
            "Already monitored as ",
            h("a", { href: `#/monitors/${same.id}` }, same.name),
            ".",
          ),
        h("div.field", h("label", { for: "quick-name" }, "Name"), name),
        keyword &&
          h(
            "label.choice",
            keyword,
            h("span.any-text", "The response must contain “", h("strong", monitor.keyword), "”"),
          ),
        faults,
        h(
          "div.row",
          add,
          button("More options", more),
          button("Cancel", () => this.#clear(), { kind: "plain" }),
        ),
      ),
    );
    // Pressing Enter again adds it.
    add.focus();
  }

  #same(monitor) {
    const target = targetOf(monitor);
    const all = [...this.#context.store.monitors.values()];
    return all.find((other) => other.kind === monitor.kind && targetOf(other) === target);
  }

  async #add(monitor, faults, name) {
    fill(faults);
    try {
      const { data } = await post("/api/monitors", monitor);
      this.#clear();
      this.#context.store.put(data);
      toast(`${data.name} added.`);
      this.#context.router.go(`/monitors/${data.id}`);
    } catch (error) {
      const where = error.fields?.map(({ field, detail }) => h("p", `${field}: ${detail}`));
      const lost = error.status
        ? null
        : h("p", "The monitor may have been added anyway. Check the list before adding it again.");
      fill(faults, notice("down", where?.length ? where : h("p", error.message), lost));
      if (error.fields?.some(({ field }) => field === "name")) name.focus();
    }
  }
}
