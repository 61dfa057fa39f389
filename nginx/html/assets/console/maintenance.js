/** Maintenance windows: current, planned and past. */

import { pages, remove } from "../api.js";
import { confirmed } from "../dialog.js";
import { fill, h } from "../dom.js";
import { statePill } from "../states.js";
import { format, timeElement } from "../time.js";
import { toast } from "../toast.js";
import {
  button,
  changes,
  counted,
  empty,
  linkButton,
  listed,
  showFailure,
  viewHead,
} from "./parts.js";

/** Milliseconds between two polls: there is no event for the start or end of a window. */
const POLL_MS = 15_000;

export class MaintenanceView {
  title = "Maintenance";
  #context;
  #list = h("div", h("p.soft", "Loading …"));
  #timer = 0;
  #windows = null;
  #shown = "";
  #over = false;

  constructor(context) {
    this.#context = context;
    this.element = h(
      "div.stack-loose",
      viewHead("Maintenance", changes(linkButton("New window", "#/maintenance/new", "primary"))),
      h(
        "p.soft",
        "During a maintenance window, checks continue, but no incidents are opened and nobody is " +
          "notified. This time counts neither as up nor as down.",
      ),
      this.#list,
    );
    this.#read();
    this.#timer = setInterval(() => document.hidden || this.#read(), POLL_MS);
  }

  keys = { n: () => this.#context.router.go("/maintenance/new") };

  close() {
    this.#over = true;
    clearInterval(this.#timer);
  }

  update() {
    if (this.#windows) this.#draw();
  }

  async #read() {
    try {
      const windows = [];
      for await (const window of pages("/api/maintenance?limit=500", { retries: 1 }))
        windows.push(window);
      if (this.#over) return;
      this.#windows = windows;
      this.#draw();
    } catch (error) {
      if (!this.#shown) showFailure(this.#list, error, () => this.#read());
    }
  }

  #draw() {
    const { monitors } = this.#context.store;
    const rows = this.#windows.map((window) => [window, whom(window, monitors)]);
    const shown = JSON.stringify(rows);
    if (shown === this.#shown) return;
    this.#shown = shown;
    if (!rows.length) {
      const text = "Plan a window for work on your services, and nobody is alerted during it.";
      const add = changes(linkButton("Plan a window", "#/maintenance/new", "primary"));
      fill(this.#list, empty("No maintenance planned", text, add));
      return;
    }
    const focus = document.activeElement?.getAttribute("aria-label");
    fill(
      this.#list,
      h(
        "ul.card.lines",
        rows.map(([window, who]) => this.#row(window, who)),
      ),
    );
    if (focus)
      [...this.#list.querySelectorAll("[aria-label]")]
        .find((element) => element.getAttribute("aria-label") === focus)
        ?.focus();
  }

  #row(window, who) {
    const { id, name } = window;
    return h(
      "li.line",
      h(
        "div.row.row-apart",
        h(
          "div.grow",
          h("h2.line-title.any-text", name),
          h("p.soft.small.any-text", who),
          h("p.soft.small.any-text", when(window)),
        ),
        state(window),
        h(
          "div.row",
          changes(
            h("a.button", { href: `#/maintenance/${id}`, "aria-label": `Edit ${name}` }, "Edit"),
          ),
          changes(
            button(window.running ? "End" : "Delete", () => this.#delete(window), {
              kind: "danger",
              label: `${window.running ? "End" : "Delete"} ${name}`,
            }),
          ),
        ),
      ),
    );
  }

  async #delete({ id, name, running, recurrence }) {
    const action = running ? "End and delete" : "Delete";
    const text = running
      ? `Its monitors are checked immediately, and you are notified of any that are down.${recurrence ? " The window will not repeat." : ""}`
      : "You will be notified of outages during that time.";
    if (!(await confirmed(`${action} “${name}”?`, text, action))) return;
    await remove(`/api/maintenance/${id}`);
    toast(running ? `${name} ended.` : `${name} deleted.`);
    await this.#read();
  }
}

function state({ running, period }) {
  if (!period) return h("span.pill", "Ended");
  if (!running) return h("span.soft.small", "Next: ", timeElement(period.starts_at));
  const today = format(period.ends_at, "date") === format(Date.now(), "date");
  const end = timeElement(period.ends_at, today ? "time" : "moment");
  return statePill("maintenance", ["Until ", end]);
}

function whom({ all, groups, tags, monitors: ids }, monitors) {
  if (all) return "All monitors";
  const names = ids.map((id) => monitors.get(id)?.name ?? `monitor ${id}`);
  return [
    groups.length && `${counted(groups.length, "group")}: ${listed(groups)}`,
    tags.length && `${counted(tags.length, "tag")}: ${listed(tags)}`,
    names.length && `${counted(names.length, "monitor")}: ${listed(names)}`,
  ]
    .filter(Boolean)
    .join(" · ");
}

function when({ recurrence, starts_at: start, ends_at: end }) {
  if (!recurrence) return [timeElement(start), " – ", timeElement(end)];
  const { frequency, weekdays = [], day, start_time: at, duration_minutes: minutes } = recurrence;
  const days = {
    daily: "Every day",
    weekly: `Every ${weekdays.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(", ")}`,
    monthly: `Every month on day ${day}`,
  }[frequency];
  const until = recurrence.until ? `, until ${recurrence.until}` : "";
  return `${days ?? frequency} at ${at} for ${minutes} min (${recurrence.time_zone})${until}`;
}
