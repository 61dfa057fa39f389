/** API keys: list them, create them, and revoke them. */

import { pages, post, remove } from "../api.js";
import { confirmed } from "../dialog.js";
import { fill, h } from "../dom.js";
import { statePill } from "../states.js";
import { timeElement } from "../time.js";
import { toast } from "../toast.js";
import { SelectField, TextField } from "./fields.js";
import {
  busy,
  button,
  changes,
  notice,
  section,
  showFailure,
  tableCard,
  viewHead,
} from "./parts.js";
import { showOnce } from "./secret.js";
import { READ_ONLY, isReadOnly, session } from "./session.js";

const SCOPES = [
  ["read", "Read: view everything"],
  ["write", "Write: view and change everything"],
];
const ENDS = [
  ["", "Never"],
  ["30", "In 30 days"],
  ["90", "In 90 days"],
  ["365", "In a year"],
];

export class ApiKeysView {
  title = "API keys";
  #name = new TextField("name", "Name", { placeholder: "deploy" });
  #scope = new SelectField("scope", "Scope", { options: SCOPES });
  #ends = new SelectField("expires_days", "Expires", { options: ENDS });
  #make = changes(button("Create key", null, { kind: "primary", submit: true }));
  #faults = h("div", { role: "alert" });
  #list = h("div", h("p.soft", "Loading …"));

  constructor() {
    const onsubmit = (event) => {
      event.preventDefault();
      busy(this.#make, () => this.#create());
    };
    this.#name.control.maxLength = 100;
    this.element = h(
      "div.stack-loose",
      viewHead("API keys"),
      h(
        "form.card.card-body.stack",
        { on: { submit: onsubmit }, novalidate: true, "aria-label": "New key" },
        this.#faults,
        h("div.form-grid", this.#name.element, this.#scope.element, this.#ends.element),
        h("div.row", this.#make),
      ),
      section("Keys", this.#list),
    );
    this.#read();
  }

  async #read() {
    if (isReadOnly()) return fill(this.#list, notice("info", READ_ONLY));
    try {
      const keys = [];
      for await (const key of pages("/api/keys?limit=500", { retries: 1 })) keys.push(key);
      return this.#draw(keys);
    } catch (error) {
      return showFailure(this.#list, error, () => this.#read());
    }
  }

  #draw(keys) {
    const now = Date.now();
    const isOver = ({ revoked_at: revoked, expires_at: end }) =>
      Boolean(revoked) || (end !== null && Date.parse(end) <= now);
    // Keys that are no longer valid come last.
    keys.sort((a, b) => isOver(a) - isOver(b) || b.id - a.id);
    const none = "No API keys yet. The key set as API_KEY is not listed here.";
    const heads = ["Name", "Key", "Scope", "Created", "Last used", "State", " Revoke"];
    const rows = keys.map((key) => this.#row(key, isOver(key)));
    fill(this.#list, rows.length ? tableCard("Keys", heads, rows) : h("p.soft", none));
  }

  #row(key, over) {
    const { id, name, prefix, scope, created_at: made, last_used_at: used } = key;
    const own = session()?.key.startsWith(prefix);
    const revoke = () => this.#revoke(id, name);
    return h(
      "tr",
      h("td.cell-name.any-text", name, own && h("span.soft", " (used by this console)")),
      h("td.mono", `${prefix}…`),
      h("td", scope),
      h("td", timeElement(made)),
      h("td", used ? timeElement(used, "ago") : "never"),
      h("td", state(key, over)),
      h("td", !over && button("Revoke", revoke, { kind: "danger", label: `Revoke ${name}` })),
    );
  }

  async #create() {
    fill(this.#faults);
    this.#name.fail("");
    const days = Number(this.#ends.value) || null;
    const asked = { name: this.#name.value.trim(), scope: this.#scope.value, expires_days: days };
    try {
      const { data } = await post("/api/keys", asked);
      this.#name.value = "";
      await showOnce(
        `Key “${data.name}”`,
        "Copy it now: it won’t be shown again. Send it as Authorization: Bearer sw_…",
        "API key",
        data.token,
      );
      await this.#read();
    } catch (error) {
      const fault = error.fields?.find(({ field }) => field === "name");
      if (fault) this.#name.fail(fault.detail);
      else fill(this.#faults, notice("down", error.message));
      if (fault) this.#name.focus();
    }
  }

  async #revoke(id, name) {
    const text = "Requests with this key will be rejected from now on. This can’t be undone.";
    if (!(await confirmed(`Revoke “${name}”?`, text, "Revoke"))) return;
    await remove(`/api/keys/${id}`);
    toast(`${name} revoked.`);
    await this.#read();
  }
}

function state({ revoked_at: revoked, expires_at: end }, over) {
  if (revoked) return ["Revoked ", timeElement(revoked)];
  if (over) return ["Expired ", timeElement(end)];
  return [statePill("up", "Valid"), end && h("div.soft.small", "until ", timeElement(end))];
}
