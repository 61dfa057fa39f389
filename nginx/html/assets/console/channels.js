/** Channels: where notifications are sent, whether they arrive, and a test. */

import { get, post, remove } from "../api.js";
import { confirmed } from "../dialog.js";
import { fill, h } from "../dom.js";
import { statePill } from "../states.js";
import { timeElement } from "../time.js";
import { toast } from "../toast.js";
import { testChannel } from "./channel_test.js";
import { DeadNotifications } from "./dead.js";
import {
  button,
  changes,
  counted,
  empty,
  linkButton,
  section,
  showFailure,
  viewHead,
} from "./parts.js";
import { showSecret } from "./secret.js";
import { allChannels } from "./store.js";

/** Milliseconds between two polls: there is no event for a failing channel. */
const POLL_MS = 15_000;

export class ChannelsView {
  title = "Channels";
  #context;
  #list = h("div", h("p.soft", "Loading …"));
  #dead = new DeadNotifications();
  #timer = 0;
  #shown = "";
  /** Test results, by channel. */
  #places = new Map();
  #over = false;

  constructor(context) {
    this.#context = context;
    this.element = h(
      "div.stack-loose",
      viewHead("Channels", changes(linkButton("New channel", "#/channels/new", "primary"))),
      h("p.soft", "Channels are notified when a monitor goes down and when it is back up."),
      this.#list,
      section("Not delivered", this.#dead.element),
    );
    this.#read();
    this.#timer = setInterval(() => document.hidden || this.#read(), POLL_MS);
  }

  keys = { n: () => this.#context.router.go("/channels/new") };

  close() {
    this.#over = true;
    clearInterval(this.#timer);
  }

  async #read() {
    try {
      const channels = await allChannels();
      if (this.#over) return;
      this.#draw(channels);
      await this.#dead.read(channels);
    } catch (error) {
      if (!this.#shown) showFailure(this.#list, error, () => this.#read());
    }
  }

  #draw(channels) {
    const shown = JSON.stringify(channels);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (!channels.length) {
      const text =
        "Add a chat, an email address or a webhook, then press Test to check that it works.";
      fill(
        this.#list,
        empty(
          "No channels yet",
          text,
          changes(linkButton("Add a channel", "#/channels/new", "primary")),
        ),
      );
      return;
    }
    const focus = document.activeElement?.getAttribute("aria-label");
    fill(
      this.#list,
      h(
        "ul.card.lines",
        channels.map((channel) => this.#row(channel)),
      ),
    );
    if (focus)
      [...this.#list.querySelectorAll("[aria-label]")]
        .find((e) => e.getAttribute("aria-label") === focus)
        ?.focus();
  }

  #row(channel) {
    const { id, name, kind, url } = channel;
    if (!this.#places.has(id)) this.#places.set(id, h("div.line-found", { "aria-live": "polite" }));
    const place = this.#places.get(id);
    const test = async () => {
      await testChannel(id, place);
      await this.#read();
    };
    return h(
      "li.line",
      h(
        "div.row.row-apart",
        h(
          "div.grow",
          h("h2.line-title.any-text", name),
          h(
            "p.soft.small.any-text",
            kind === "webhook" ? "Webhook " : "Apprise ",
            h("span.mono", url),
          ),
        ),
        health(channel),
        h(
          "div.row",
          changes(button("Test", test, { label: `Test ${name}` })),
          changes(h("a.button", { href: `#/channels/${id}`, "aria-label": `Edit ${name}` }, "Edit")),
          kind === "webhook" &&
            changes(
              button("New secret", () => this.#renew(channel), { label: `New secret for ${name}` }),
            ),
          changes(
            button("Delete", () => this.#delete(channel), {
              kind: "danger",
              label: `Delete ${name}`,
            }),
          ),
        ),
      ),
      place,
    );
  }

  async #renew({ id, name }) {
    const text =
      "The current secret will stop working immediately: give the receiver the new one.";
    if (!(await confirmed(`Generate a new secret for “${name}”?`, text, "Generate secret"))) return;
    const { data } = await post(`/api/channels/${id}/secret`);
    await showSecret(data);
  }

  async #delete({ id, name }) {
    const text = "This also deletes its notifications, including queued ones. It can’t be undone.";
    if (!(await confirmed(`Delete “${name}”?`, text, "Delete"))) return;
    try {
      await remove(`/api/channels/${id}`);
    } catch (error) {
      if (error.status !== 409) throw error;
      if (
        !(await confirmed(
          "Monitors use this channel",
          `${error.message} They will only notify their other channels, if any.`,
          "Delete anyway",
        ))
      )
        return;
      await remove(`/api/channels/${id}?force=true`);
    }
    toast(`${name} deleted.`);
    await this.#read();
  }
}

function health({ failures, retry_at: retry }) {
  if (!failures) return statePill("up", "No failures");
  return h(
    "span.row",
    statePill("down", `Failed ${counted(failures, "time")}`),
    retry && h("span.soft.small", "next attempt at ", timeElement(retry, "second")),
  );
}

/** Read one channel, with its version. */
export async function readChannel(id) {
  const { data, etag } = await get(`/api/channels/${id}`, { retries: 1 });
  return { channel: data, etag };
}
