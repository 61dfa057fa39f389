/** One incident: what failed, where the time went, and who was told. */

import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { statePill } from "../states.js";
import { between, lastingElement, milliseconds, timeElement } from "../time.js";
import { timingBar } from "../timing.js";
import { checkTable } from "./checks.js";
import { acknowledge, seen } from "./incidents.js";
import { counted, linkButton, notice, section, showFailure, tableCard, viewHead } from "./parts.js";

/** Milliseconds between two readings while it is open. */
const POLL_MS = 10_000;
const EVENTS = {
  "incident.opened": "It is down",
  "incident.closed": "It is up again",
  test: "Test",
};

export class IncidentView {
  title = "Incident";
  #context;
  #id;
  #over = new AbortController();
  #timer = 0;
  #body = h("div.stack", h("p.soft", "Looking …"));
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
    // Opened, acknowledged or closed: an event has said so before the next reading.
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
          "There is no such incident (any more): it may have been deleted with its monitor.";
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
        linkButton("Go to the monitor", `#/monitors/${monitor}`),
      ),
      h(
        "div.stack-loose",
        h(
          "div.stack",
          h(
            "p.row",
            closed
              ? statePill("up", `Over after ${between(opened, closed)}`)
              : statePill("down", ["Open for ", lastingElement(opened)]),
            h(
              "span.soft",
              timeElement(opened),
              closed ? [" – ", timeElement(closed)] : " until now",
            ),
          ),
          notice("down", cause),
          h("p.row", h("span.soft", "Seen: "), seen(incident, ack)),
        ),
        phases && section("Where the time went", comparison(phases)),
        section("Checks around it", checksAround(checks)),
        section("Notifications", notificationTable(notifications)),
      ),
    );
  }
}

/** Return two bars of one scale, so that a longer one means more time. */
function comparison({ during, hour_before: before }) {
  if (!during && !before) {
    return h("p.soft", "There are no times: a job that calls by itself is not probed.");
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
        : h("p.soft", "There is no check with times."),
    );
  return h(
    "div.card.card-body.stack",
    bar("During the incident", during),
    bar("In the hour before", before),
    difference(during, before),
  );
}

/** Say in words which phase has changed the most. */
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
  return h("p.soft", `The largest change: ${name} took ${milliseconds(more)} longer.`);
}

function checksAround(checks) {
  if (!checks.length) return h("p.soft", "Its checks are no longer kept.");
  return h("div.card", checkTable(checks, "Checks around it"));
}

/** Return notifications as a table: to whom, when, and what came of it. */
function notificationTable(notifications) {
  if (!notifications.length) {
    return h(
      "p.soft",
      "Nobody was told: there was no channel. ",
      h("a", { href: "#/channels" }, "Add one"),
      ".",
    );
  }
  return tableCard(
    "Notifications",
    ["Channel", "Said", "Result", "Answer"],
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
  if (state === "dead") return statePill("down", `Given up${tries}`);
  if (state === "superseded") return statePill("paused", "Overtaken by newer news");
  return statePill(
    "pending",
    attempts ? `Failed ${counted(attempts, "time")}, tried again` : "On its way",
  );
}
