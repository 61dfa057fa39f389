/** One incident: what failed, where the time was spent, and who was notified. */

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { statePill } from "../states.js";
import { between, lastingElement, milliseconds, timeElement } from "../time.js";
import { timingBar } from "../timing.js";
import { checkTable } from "./checks.js";
import { acknowledge, seen } from "./incidents.js";
import { counted, linkButton, notice, section, showFailure, tableCard, viewHead } from "./parts.js";

/** Milliseconds between two polls while it is open. */
const POLL_MS = 10_000;
const EVENTS = {
  "incident.opened": "Down",
  "incident.closed": "Back up",
  test: "Test",
};

export class IncidentView {
  title = "Incident";
  #context;
  #id;
  #over = new AbortController();
  #timer = 0;
  #body = h("div.stack", h("p.soft", "Loading …"));
  #shown = "";
  #seen = "";

  constructor(context, [id]) {
    this.#context = context;
    this.#id = Number(id);
    this.element = h("article.stack-loose", this.#body);
    this.#read();
    this.#timer = setInterval(() => document.hidden || this.#read(), POLL_MS);
  }

  close() {
    this.#over.abort();
    clearInterval(this.#timer);
  }

  update() {
    // If it was opened, acknowledged or closed, an event has arrived before the next poll.
    const now = JSON.stringify(this.#context.store.incidents.get(this.#id) ?? null);
    if (this.#seen && this.#seen !== now) this.#read();
    this.#seen = now;
  }

  async #read() {
    try {
      const { data } = await get(`/api/incidents/${this.#id}/timeline`, {
        signal: this.#over.signal,
      });
      const shown = JSON.stringify(data);
      if (shown === this.#shown) return;
      this.#shown = shown;
      this.#draw(data);
    } catch (error) {
      if (this.#over.signal.aborted || this.#shown) return;
      if (error.status === 404) {
        const text =
          "This incident does not exist. It may have been deleted with its monitor.";
        fill(this.#body, viewHead("Incident"), notice("warn", text));
      } else showFailure(this.#body, error, () => this.#read());
    }
  }

  #draw({ incident, checks, phases, notifications }) {
    const {
      monitor_name: name,
      monitor_id: monitor,
      cause,
      opened_at: opened,
      closed_at: closed,
    } = incident;
    document.title = `${name} · Incident · Stagewatch`;
    const ack = async () => (await acknowledge(this.#context.store, this.#id)) && this.#read();
    fill(
      this.#body,
      viewHead(
        closed ? `${name} was down` : `${name} is down`,
        linkButton("View monitor", `#/monitors/${monitor}`),
      ),
      h(
        "div.stack-loose",
        h(
          "div.stack",
          h(
            "p.row",
            closed
              ? statePill("up", `Resolved after ${between(opened, closed)}`)
              : statePill("down", ["Open for ", lastingElement(opened)]),
            h(
              "span.soft",
              timeElement(opened),
              closed ? [" – ", timeElement(closed)] : " – now",
            ),
          ),
          notice("down", cause),
          h("p.row", h("span.soft", "Acknowledged: "), seen(incident, ack)),
        ),
        phases && section("Where the time went", comparison(phases)),
        section("Checks around the incident", checksAround(checks)),
        section("Notifications", notificationTable(notifications)),
      ),
    );
  }
}

/** Return two bars on the same scale, so that the longer one took more time. */
function comparison({ during, hour_before: before }) {
  if (!during && !before) {
    return h("p.soft", "No timings: heartbeat monitors are not probed.");
  }
  const longest = Math.max(during?.total_ms ?? 0, before?.total_ms ?? 0);
  const bar = (title, phase) =>
    h(
      "div.stack-tight",
      h(
        "h3.row.row-apart",
        title,
        h("span.soft.small", phase ? `median of ${counted(phase.count, "check")}` : ""),
      ),
      phase?.total_ms
        ? timingBar(phase, { longest })
        : h("p.soft", "No checks with timings."),
    );
  return h(
    "div.card.card-body.stack",
    bar("During the incident", during),
    bar("In the hour before", before),
    difference(during, before),
  );
}

/** Describe which phase has changed the most. */
function difference(during, before) {
  if (!during || !before) return null;
  const names = {
    dns_ms: "DNS",
    connect_ms: "connecting",
    tls_ms: "TLS",
    first_byte_ms: "the first byte",
  };
  const changes = Object.entries(names)
    .map(([key, name]) => [name, (during[key] ?? 0) - (before[key] ?? 0), during[key]])
    .filter(([, , known]) => known !== null && known !== undefined)
    .sort((a, b) => b[1] - a[1]);
  const [name, more] = changes[0] ?? [];
  if (!name || more < 1) return null;
  return h("p.soft", `Largest change: ${name} took ${milliseconds(more)} longer.`);
}

function checksAround(checks) {
  if (!checks.length) return h("p.soft", "The checks from this time are no longer stored.");
  return h("div.card", checkTable(checks, "Checks around the incident"));
}

/** Return notifications as a table: recipient, time, and outcome. */
function notificationTable(notifications) {
  if (!notifications.length) {
    return h(
      "p.soft",
      "Nobody was notified: there was no channel. ",
      h("a", { href: "#/channels" }, "Add one"),
      ".",
    );
  }
  return tableCard(
    "Notifications",
    ["Channel", "Event", "Result", "Response"],
    notifications.map(notificationRow),
  );
}

function notificationRow({
  channel_name: channel,
  event,
  state,
  attempts,
  sent_at: sent,
  error,
  answer,
}) {
  return h(
    "tr",
    h("td.any-text", channel),
    h("td", EVENTS[event] ?? event),
    h("td", outcome(state, attempts), sent && h("div.soft.small", timeElement(sent))),
    h("td.any-text", answer ?? error ?? "–"),
  );
}

/** Return the state of a notification in words. */
export function outcome(state, attempts) {
  const tries = attempts > 1 ? ` after ${attempts} attempts` : "";
  if (state === "sent") return statePill("up", `Sent${tries}`);
  if (state === "dead") return statePill("down", `Gave up${tries}`);
  if (state === "superseded") return statePill("paused", "Superseded");
  return statePill(
    "pending",
    attempts ? `Failed ${counted(attempts, "time")}, retrying` : "Queued",
  );
}
