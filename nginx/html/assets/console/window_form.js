/** Form to plan or change a maintenance window. */

import { get, post, put } from "../api.js";
import { fill, h } from "../dom.js";
import { toast } from "../toast.js";
import { CheckField, Field, NumberField, SelectField, TextField } from "./fields.js";
import { choices } from "./filters.js";
import { busy, button, changes, linkButton, notice, showFailure, viewHead } from "./parts.js";

const FREQUENCIES = [
  ["once", "Once"],
  ["daily", "Every day"],
  ["weekly", "Every week"],
  ["monthly", "Every month"],
];
const WEEKDAYS = [
  ["monday", "Monday"],
  ["tuesday", "Tuesday"],
  ["wednesday", "Wednesday"],
  ["thursday", "Thursday"],
  ["friday", "Friday"],
  ["saturday", "Saturday"],
  ["sunday", "Sunday"],
];
/** Above this number, monitors are chosen by group and tag only. */
const MONITORS_LIMIT = 1000;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
/** The fields of each frequency; all other fields are always shown. */
const SHOWN = {
  starts_at: ["once"],
  ends_at: ["once"],
  weekdays: ["weekly"],
  day: ["monthly"],
  start_time: ["daily", "weekly", "monthly"],
  duration_minutes: ["daily", "weekly", "monthly"],
  time_zone: ["daily", "weekly", "monthly"],
  until: ["daily", "weekly", "monthly"],
};

/** Some of a list of values and words. */
class SomeField extends Field {
  #boxes = new Map();
  #list;

  /** @param {[string, string][]} options */
  constructor(name, label, options, hint) {
    const list = h("div.choices", { tabindex: "-1" });
    super(name, label, list, { group: true, hint: options.length ? hint : "None yet." });
    this.#list = list;
    for (const [value, text] of options) this.#box(value, text);
  }

  #box(value, text) {
    const box = h("input", { type: "checkbox" });
    this.#boxes.set(value, box);
    this.#list.append(h("label.choice", box, h("span.any-text", text)));
    return box;
  }

  get value() {
    return [...this.#boxes].filter(([, box]) => box.checked).map(([value]) => value);
  }

  set value(values) {
    for (const box of this.#boxes.values()) box.checked = false;
    // A chosen value that does not exist now, such as an empty group, stays chosen.
    for (const value of values)
      (this.#boxes.get(String(value)) ?? this.#box(String(value), value)).checked = true;
  }

  /** A list can't be marked as invalid itself; the text below it shows the error. */
  fail(text) {
    super.fail(text);
    this.control.removeAttribute("aria-invalid");
  }
}

/** A date and time in this machine's zone; the API gets it in UTC. */
class MomentField extends TextField {
  constructor(name, label) {
    super(name, label, { type: "datetime-local" });
  }

  get value() {
    const date = new Date(this.control.value);
    return Number.isNaN(date.getTime()) ? null : date.toISOString();
  }

  set value(at) {
    const date = new Date(at);
    const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
    this.control.value = at ? local.toISOString().slice(0, 16) : "";
  }
}

export class WindowFormView {
  title = "Maintenance window";
  #id;
  #context;
  #etag = "";
  #fields;
  #faults = h("div", { role: "alert" });
  #save = changes(button("Save", null, { kind: "primary", submit: true }));
  #body;
  #start = "";

  constructor(context, [id], query) {
    this.#context = context;
    this.#id = Number(id) || null;
    this.#fields = makeFields(context.store);
    this.#body = h(
      "div.card.card-body.form-grid",
      Object.values(this.#fields).map(({ element }) => element),
    );
    const onsubmit = (event) => {
      event.preventDefault();
      busy(this.#save, () => this.#store());
    };
    this.element = h(
      "form.stack.narrow",
      { on: { submit: onsubmit, change: () => this.#show() }, novalidate: true },
      viewHead(this.#id ? "Edit window" : "New window"),
      this.#faults,
      this.#body,
      h("div.form-foot", this.#save, linkButton("Cancel", "#/maintenance", "plain")),
    );
    if (this.#id) this.#open();
    else this.#begin(fresh(query.getAll("monitor")));
  }

  async #open() {
    this.#body.inert = true;
    try {
      this.#begin(await this.#read());
      this.#body.inert = false;
    } catch (error) {
      showFailure(this.#faults, error, () => this.#open());
    }
  }

  async #read() {
    const { data, etag } = await get(`/api/maintenance/${this.#id}`, { retries: 1 });
    this.#etag = etag;
    return data;
  }

  #begin({ recurrence, ...window }) {
    const values = { ...fresh([]), ...window, ...recurrence };
    values.frequency = recurrence?.frequency ?? "once";
    for (const [name, field] of Object.entries(this.#fields)) field.value = values[name] ?? "";
    this.#show();
    this.#start = JSON.stringify(this.#value);
  }

  #show() {
    const frequency = this.#fields.frequency.value;
    for (const [name, frequencies] of Object.entries(SHOWN))
      this.#fields[name].element.hidden = !frequencies.includes(frequency);
    for (const name of ["groups", "tags", "monitors"])
      this.#fields[name].element.hidden = this.#fields.all.value;
  }

  get #value() {
    const of = Object.fromEntries(
      Object.entries(this.#fields).map(([name, field]) => [name, field.value]),
    );
    const { name, all, frequency, starts_at, ends_at } = of;
    const some = { groups: of.groups, tags: of.tags, monitors: of.monitors.map(Number) };
    const window = { name, all, ...(all ? {} : some) };
    if (frequency === "once") return { ...window, starts_at, ends_at };
    const { start_time, duration_minutes, time_zone } = of;
    const recurrence = { frequency, start_time, time_zone, until: of.until };
    if (duration_minutes !== null) recurrence.duration_minutes = duration_minutes;
    if (frequency === "weekly") recurrence.weekdays = of.weekdays;
    if (frequency === "monthly") recurrence.day = of.day;
    return { ...window, recurrence };
  }

  dirty = () => this.#start !== "" && JSON.stringify(this.#value) !== this.#start;

  async #store() {
    this.#showError(null);
    try {
      if (this.#id) await this.#replace();
      else await post("/api/maintenance", this.#value);
      this.#start = "";
      toast(this.#id ? "Saved." : "Maintenance planned.");
      this.#context.router.go("/maintenance", { leaving: true });
    } catch (error) {
      if (error.status === 412) await this.#again();
      else this.#showError(error);
    }
  }

  #replace() {
    return put(`/api/maintenance/${this.#id}`, this.#value, { ifMatch: this.#etag });
  }

  /** Someone else has changed it: keep what was typed here. */
  async #again() {
    const { name } = await this.#read();
    const text = `Someone else has changed “${name}” in the meantime. Your input is still here; press Save again to overwrite their changes.`;
    fill(this.#faults, notice("warn", text));
  }

  #showError(error) {
    fill(this.#faults);
    Object.values(this.#fields).forEach((field) => field.fail(""));
    if (!error) return;
    const named = error.fields.map(({ field, detail }) => {
      const [first, second] = field.split(".");
      return { field: this.#fields[first === "recurrence" ? second : first], detail };
    });
    const known = named.filter(({ field }) => field && !field.element.hidden);
    known.forEach(({ field, detail }) => field.fail(detail));
    if (known.length) known[0].field.focus();
    else fill(this.#faults, notice("down", error.message));
  }
}

function makeFields(store) {
  const { groups, tags } = choices(store);
  const own = (words) => words.map((word) => [word, word]);
  const monitors = [...store.monitors.values()]
    .sort((one, other) => one.name.localeCompare(other.name))
    .slice(0, MONITORS_LIMIT)
    .map(({ id, name }) => [String(id), name]);
  const zones = Intl.supportedValuesOf?.("timeZone") ?? [];
  const fields = [
    new TextField("name", "Name", { placeholder: "Updates" }),
    new CheckField("all", "All monitors, including future ones"),
    new SomeField("groups", "Groups", own(groups)),
    new SomeField("tags", "Tags", own(tags), "Monitors with at least one of these tags."),
    new SomeField("monitors", "Monitors", monitors),
    new SelectField("frequency", "How often", { options: FREQUENCIES }),
    new MomentField("starts_at", "From"),
    new MomentField("ends_at", "Until"),
    new SomeField("weekdays", "Days", WEEKDAYS),
    new NumberField("day", "Day of the month", { hint: "In shorter months, the last day." }),
    new TextField("start_time", "Starts at", { type: "time" }),
    new NumberField("duration_minutes", "Duration (minutes)"),
    new TextField("time_zone", "Time zone", { suggestions: zones }),
    new TextField("until", "Last day", { type: "date", optional: true, hint: "Leave empty to repeat indefinitely." }),
  ];
  return Object.fromEntries(fields.map((field) => [field.name, field]));
}

/** A new window starts at the next full hour, and lasts one hour. */
function fresh(monitors) {
  const hour = 3_600_000;
  const start = Math.ceil(Date.now() / hour) * hour;
  return {
    name: "",
    all: false,
    groups: [],
    tags: [],
    monitors,
    weekdays: [],
    starts_at: new Date(start).toISOString(),
    ends_at: new Date(start + hour).toISOString(),
    start_time: "02:30",
    duration_minutes: 60,
    time_zone: ZONE,
  };
}
