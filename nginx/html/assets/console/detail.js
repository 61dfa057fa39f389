/** One monitor: its state, its history, and its actions. */

import { get, post, remove } from "../api.js";
import { confirmed } from "../dialog.js";
import { fill, h } from "../dom.js";
import { ResponseTimes } from "../status/response_times.js";
import { statePill } from "../states.js";
import { format, lastingElement, timeElement } from "../time.js";
import { toast } from "../toast.js";
import { badgeCode, heartbeatAddress } from "./addresses.js";
import { checkTable } from "./checks.js";
import { incidentTable } from "./incidents.js";
import { KINDS } from "./kinds.js";
import { locationTable } from "./locations.js";
import {
  button,
  changes,
  ifAllowed,
  linkButton,
  notice,
  repeatable,
  section,
  viewHead,
} from "./parts.js";
import { probeResult } from "./probe.js";
import { targetOf } from "./store.js";
import { Uptime } from "./uptime.js";

/** Milliseconds between two readings of the last checks, and of what changes slowly. */
const CHECKS_MS = 5_000;
const HISTORY_MS = 60_000;

export class DetailView {
  title = "Monitor";
  #context;
  #id;
  #over = new AbortController();
  #head = h("div");
  #facts = h("div.stack");
  #found = h("div", { "aria-live": "polite" });
  #uptime;
  #locations = h("div.card");
  #checks = h("div");
  #incidents = h("div", h("p.soft", "Loading …"));
  #rest = h("div.stack-loose");
  #times = null;
  #timers = [];
  #shown = "";
  #offered = "";
  #state = "";

  constructor(context, [id]) {
    this.#context = context;
    this.#id = Number(id);
    this.#uptime = new Uptime(this.#id, this.#over.signal);
    this.element = h("article.stack-loose", this.#head, this.#facts, this.#found, this.#rest);
    this.#readAll();
  }

  keys = {
    e: () => ifAllowed(() => this.#context.router.go(`/monitors/${this.#id}/edit`)),
    c: () => ifAllowed(() => this.#checkNow()),
    p: () => ifAllowed(() => this.#pauseOrResume()),
  };

  get #monitor() {
    return this.#context.store.monitors.get(this.#id);
  }

  close() {
    this.#over.abort();
    this.#stop();
  }

  async #readAll() {
    try {
      this.#context.store.put(
        (await get(`/api/monitors/${this.#id}`, { signal: this.#over.signal, retries: 1 })).data,
      );
    } catch (error) {
      if (error.status === 404) this.#context.store.drop([this.#id]);
      if (!this.#monitor && !this.#over.signal.aborted) this.#missing(error);
    }
  }

  #missing(error) {
    const text = error.status === 404 ? "This monitor does not exist. It may have been deleted." : error.message;
    fill(
      this.#head,
      viewHead("Monitor"),
      notice("warn", text),
      linkButton("All monitors", "#/monitors"),
    );
    this.#stop();
    fill(this.#rest);
  }

  #stop() {
    this.#times?.close();
    this.#times = null;
    this.#timers.forEach(clearInterval);
    this.#shown = "";
    this.#offered = "";
  }

  update() {
    const monitor = this.#monitor;
    if (!monitor) {
      if (this.#times) this.#missing({ status: 404 });
      return;
    }
    if (!this.#times) this.#start(monitor);
    const shown = JSON.stringify(monitor);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#draw(monitor);
    if (this.#state && this.#state !== monitor.state) {
      this.#readChecks();
      this.#readIncidents();
    }
    this.#state = monitor.state;
  }

  #draw(monitor) {
    const { name, state, since, error, kind, group, tags = [], seen_from: seen = [] } = monitor;
    fill(this.#locations, seen.length > 0 && locationTable(seen));
    this.title = name;
    document.title = `${name} · Stagewatch`;
    const paused = state === "paused";
    const actions = [
      kind !== "heartbeat" && button("Check now", () => this.#checkNow(), { hint: "c" }),
      button(paused ? "Resume" : "Pause", () => this.#pauseOrResume(), { hint: "p" }),
      !paused &&
        state !== "maintenance" &&
        button("Maintenance for 1 h", () => this.#maintain()),
      linkButton("Edit", `#/monitors/${this.#id}/edit`),
      button("Delete", () => this.#delete(), { kind: "danger" }),
    ].map(changes);
    if (state === "maintenance") actions.unshift(linkButton("Maintenance", "#/maintenance"));
    // Only if they differ: a button that is replaced while it is pressed gets no click.
    const offered = JSON.stringify([name, actions.map((action) => action && action.textContent)]);
    if (offered !== this.#offered) {
      this.#offered = offered;
      const focus = [...this.#head.querySelectorAll(".button")].indexOf(document.activeElement);
      fill(this.#head, viewHead(name, actions));
      this.#head.querySelectorAll(".button")[focus]?.focus();
    }
    fill(
      this.#facts,
      h(
        "p.row",
        statePill(state),
        h("span.soft", "for ", lastingElement(since), ", since ", timeElement(since)),
      ),
      state === "down" && error && notice("down", error),
      h(
        "p.row.soft.small",
        h("span.tag", KINDS[kind]?.word ?? kind),
        kind === "http"
          ? h(
              "a.any-text.mono",
              { href: monitor.url, rel: "noreferrer noopener", target: "_blank" },
              monitor.url,
            )
          : h("span.any-text.mono", targetOf(monitor)),
        monitor.interval_seconds && h("span", `every ${monitor.interval_seconds} s`),
        group && h("span.any-text", group),
        tags.map((tag) => h("span.tag", tag)),
      ),
    );
  }

  #start(monitor) {
    // close() ends it: aborting its requests would be reported as an error.
    this.#times = new ResponseTimes(monitor, new AbortController().signal);
    fill(
      this.#rest,
      monitor.kind === "heartbeat" && section("URL to call", heartbeatAddress(monitor)),
      section("Uptime", this.#uptime.elements),
      monitor.kind !== "heartbeat" &&
        section("Response time", h("div.card.card-body", this.#times.element)),
      monitor.locations?.length > 0 && section("Locations", this.#locations),
      section("Recent checks", h("div.card", this.#checks)),
      section("Incidents", this.#incidents),
      section("Badge", badgeCode(monitor)),
    );
    this.#uptime.read();
    this.#readChecks();
    this.#readIncidents();
    this.#timers = [
      setInterval(() => document.hidden || this.#readChecks(), CHECKS_MS),
      // There are no events for single locations.
      setInterval(
        () => !document.hidden && this.#monitor?.locations?.length && this.#readAll(),
        CHECKS_MS,
      ),
      setInterval(() => document.hidden || this.#uptime.read(), HISTORY_MS),
    ];
  }

  async #readChecks() {
    try {
      const { data } = await get(`/api/monitors/${this.#id}/checks?limit=20`, {
        signal: this.#over.signal,
      });
      this.#drawChecks(data.items);
    } catch (error) {
      // Keep what is shown; the lost connection is reported above.
      if (!this.#over.signal.aborted && !this.#checks.childElementCount)
        fill(this.#checks, h("p.soft", error.message));
    }
  }

  #drawChecks(checks) {
    if (this.#checks.dataset.shown === String(checks[0]?.checked_at)) return;
    this.#checks.dataset.shown = String(checks[0]?.checked_at);
    const none = h("p.card-body.soft", "No checks yet. The first one runs shortly.");
    fill(this.#checks, checks.length ? checkTable(checks, "Recent checks") : none);
  }

  async #readIncidents() {
    try {
      const { data } = await get(`/api/incidents?monitor_id=${this.#id}&limit=10`, {
        signal: this.#over.signal,
        retries: 1,
      });
      fill(
        this.#incidents,
        data.items.length
          ? incidentTable(data.items, { named: false })
          : h("p.soft", "No incidents yet."),
      );
    } catch (error) {
      if (!this.#over.signal.aborted) fill(this.#incidents, h("p.soft", error.message));
    }
  }

  async #checkNow() {
    fill(this.#found, h("p.soft", "Checking …"));
    try {
      const options = { timeout: 70_000, retries: 1 };
      const { data } = await repeatable(() =>
        post(`/api/monitors/${this.#id}/check`, undefined, options),
      );
      fill(
        this.#found,
        h("div.card.card-body", probeResult({ ...data, timings: data.timings ?? {} })),
      );
      this.#readChecks();
      this.#readAll();
    } catch (error) {
      fill(this.#found, notice("warn", error.message));
    }
  }

  async #pauseOrResume() {
    const action = this.#monitor.state === "paused" ? "resume" : "pause";
    const path = `/api/monitors/${this.#id}/${action}`;
    const { data } = await repeatable(() => post(path, undefined, { retries: 1 }));
    this.#context.store.put(data);
  }

  async #maintain() {
    const { data } = await post(`/api/monitors/${this.#id}/maintenance`, { duration_minutes: 60 });
    toast(`No notifications until ${format(data.period.ends_at, "time")}.`, "maintenance");
    await this.#readAll();
  }

  async #delete() {
    const { name } = this.#monitor;
    const text = "This also deletes its checks and incidents. It can’t be undone.";
    if (!(await confirmed(`Delete “${name}”?`, text, "Delete"))) return;
    await remove(`/api/monitors/${this.#id}`);
    toast(`${name} deleted.`);
    this.#context.router.go("/monitors", { leaving: true });
    this.#context.store.drop([this.#id]);
  }
}
