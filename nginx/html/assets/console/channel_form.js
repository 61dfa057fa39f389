/** Form to add or change a channel. */

import { patch, post } from "../api.js";
import { fill, h } from "../dom.js";
import { toast } from "../toast.js";
import { readChannel } from "./channels.js";
import { keepDraft, readDraft } from "./draft.js";
import { SelectField, TextField } from "./fields.js";
import { busy, button, changes, linkButton, notice, showFailure, viewHead } from "./parts.js";
import { showSecret } from "./secret.js";

const KINDS = [
  ["webhook", "Webhook: a signed POST to your own URL"],
  ["apprise", "Apprise: Slack, email, Telegram and a hundred more"],
];
const WORDS = {
  webhook: { url: "URL", placeholder: "https://example.com/hook" },
  apprise: { url: "Apprise URL", placeholder: "slack://TokenA/TokenB/TokenC/Channel" },
};

export class ChannelFormView {
  title = "Channel";
  #context;
  #id;
  #before = null;
  #etag = "";
  #name = new TextField("name", "Name", { placeholder: "On call" });
  #kind = new SelectField("kind", "Kind", { options: KINDS });
  #url = new TextField("url", "URL", {});
  #secret = new TextField("secret", "Secret", {
    optional: true,
    hint: "Leave empty to generate one. It is shown once.",
  });
  #faults = h("div", { role: "alert" });
  #save = changes(button("Save", null, { kind: "primary", submit: true }));
  #body;
  #start = "";

  constructor(context, [id]) {
    this.#context = context;
    this.#id = Number(id) || null;
    const onsubmit = (event) => {
      event.preventDefault();
      busy(this.#save, () => this.#store());
    };
    const fields = [this.#kind, this.#name, this.#url, this.#secret];
    this.#body = h(
      "div.card.card-body.stack",
      fields.map(({ element }) => element),
    );
    this.element = h(
      "form.stack.narrow",
      { on: { submit: onsubmit, input: () => this.#oninput() }, novalidate: true },
      viewHead(this.#id ? "Edit channel" : "New channel"),
      this.#faults,
      this.#body,
      h(
        "p.soft.small",
        "Apprise URLs: ",
        h(
          "a",
          {
            href: "https://github.com/caronc/apprise/wiki",
            rel: "noreferrer noopener",
            target: "_blank",
          },
          "formats for every service",
        ),
        ".",
      ),
      h("div.form-foot", this.#save, linkButton("Cancel", "#/channels", "plain")),
    );
    this.#kind.control.addEventListener("change", () => this.#words());
    if (this.#id) this.#open();
    else this.#begin({ kind: "webhook", ...readDraft(this.#draftName) });
  }

  get #draftName() {
    return `channel ${this.#id ?? "new"}`;
  }

  get #value() {
    const values = { name: this.#name.value, kind: this.#kind.value, url: this.#url.value };
    return this.#kind.value === "webhook" ? { ...values, secret: this.#secret.value } : values;
  }

  async #open() {
    this.#body.inert = true;
    try {
      await this.#read();
      this.#begin({ ...this.#before, ...readDraft(this.#draftName) });
      this.#body.inert = false;
    } catch (error) {
      showFailure(this.#faults, error, () => this.#open());
    }
  }

  async #read() {
    const { channel, etag } = await readChannel(this.#id);
    // The API does not reveal an Apprise URL; the placeholder must not be sent back.
    this.#before = { ...channel, url: channel.kind === "apprise" ? "" : channel.url };
    this.#etag = etag;
  }

  #begin({ name = "", kind, url = "" }) {
    this.#name.value = name;
    this.#kind.value = kind;
    this.#url.value = url;
    this.#kind.control.disabled = Boolean(this.#id);
    const stored = this.#before ?? { name: "", url: "" };
    this.#start = JSON.stringify([stored.name, stored.url, null]);
    this.#words();
  }

  #words() {
    const kind = this.#kind.value;
    const { url, placeholder } = WORDS[kind];
    this.#url.element.querySelector("label").textContent = url;
    this.#url.control.placeholder =
      this.#id && kind === "apprise" ? "Leave empty to keep the current URL" : placeholder;
    this.#secret.element.hidden = kind !== "webhook";
    const hint = this.#secret.element.querySelector(".hint");
    if (this.#id)
      hint.textContent = "Leave empty to keep it. Enter it again if you change the URL.";
  }

  #oninput() {
    keepDraft(this.#draftName, this.#value);
  }

  dirty = () =>
    this.#start !== "" &&
    JSON.stringify([this.#name.value, this.#url.value, this.#secret.value]) !== this.#start;

  discard = () => keepDraft(this.#draftName, null);

  async #store() {
    this.#showError(null);
    try {
      const { data } = this.#id ? await this.#change() : await post("/api/channels", this.#value);
      keepDraft(this.#draftName, null);
      this.#start = "";
      await showSecret(data);
      toast(this.#id ? "Saved." : `${data.name} added. Test it now.`);
      this.#context.router.go("/channels", { leaving: true });
    } catch (error) {
      if (error.status === 412) await this.#again();
      else this.#showError(error);
    }
  }

  async #change() {
    const { name, url, secret } = this.#value;
    const changes = {};
    if (name !== this.#before.name) changes.name = name;
    if (url && url !== this.#before.url) changes.url = url;
    if (secret) changes.secret = secret;
    return Object.keys(changes).length
      ? patch(`/api/channels/${this.#id}`, changes, { ifMatch: this.#etag })
      : { data: { ...this.#before, secret: null } };
  }

  /** Someone else has changed it: show its current values; keep what was typed here. */
  async #again() {
    await this.#read();
    const { name, url } = this.#before;
    const text = `Someone else has changed this channel: it is now “${name}”${url ? `, sent to ${url}` : ""}. Your input is still here; press Save again to overwrite their changes.`;
    fill(this.#faults, notice("warn", text));
  }

  #showError(error) {
    fill(this.#faults);
    const fields = { name: this.#name, kind: this.#kind, url: this.#url, secret: this.#secret };
    Object.values(fields).forEach((field) => field.fail(""));
    if (!error) return;
    const known = error.fields.filter(({ field }) => Object.hasOwn(fields, field));
    known.forEach(({ field, detail }) => fields[field].fail(detail));
    if (known.length) fields[known[0].field].focus();
    else fill(this.#faults, notice("down", error.message));
  }
}
