/** Notifications that were given up: what they were, why, and another try. */

import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { timeElement } from "../time.js";
import { toast } from "../toast.js";
import { button, changes, tableCard } from "./parts.js";

const EVENTS = { "incident.opened": "Down", "incident.closed": "Back up", test: "Test" };

export class DeadNotifications {
  #shown = "";
  #channels = new Map();
  element = h("div", h("p.soft", "Loading …"));

  /** @param {any[]} channels for their names */
  async read(channels) {
    this.#channels = new Map(channels.map(({ id, name }) => [id, name]));
    const { data } = await get("/api/notifications?state=dead&limit=50", { retries: 1 });
    const shown = JSON.stringify([data, channels.map(({ name }) => name)]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (!data.items.length) {
      fill(
        this.element,
        h(
          "p.soft",
          "Nothing here: every notification was delivered or is still being retried.",
        ),
      );
      return;
    }
    const heads = ["Channel", "Event", "When", "Reason", " Resend"];
    fill(
      this.element,
      tableCard(
        "Not delivered",
        heads,
        data.items.map((item) => this.#row(item)),
      ),
    );
  }

  #row({
    id,
    channel_id: channel,
    event,
    incident_id: incident,
    created_at: at,
    last_error: error,
    attempts,
  }) {
    const again = async () => {
      await post(`/api/notifications/${id}/replay`, undefined, { retries: 1 });
      toast("Notification queued again.");
      row.remove();
    };
    const what = EVENTS[event] ?? event;
    const row = h(
      "tr",
      h("td.any-text", this.#channels.get(channel) ?? `Channel ${channel}`),
      h("td", incident ? h("a", { href: `#/incidents/${incident}` }, what) : what),
      h("td", timeElement(at)),
      h("td.any-text", `${error ?? "unknown reason"} (attempt ${attempts})`),
      h("td", changes(button("Resend", again, { label: `Resend: ${what}` }))),
    );
    return row;
  }
}
