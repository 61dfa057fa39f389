/** The console's data: all monitors, open incidents and channels, kept up to date by events. */

import { get, pages } from "../api.js";
import { Live } from "../live.js";

/**
 * @typedef {Record<string, any> & {id: number, name: string, kind: string, state: string,
 *   since: string, group: string | null, tags: string[]}} Monitor as the API's MonitorOut
 * @typedef {Record<string, any> & {id: number, monitor_id: number}} Incident
 */

const PAGE = 1000;
/** Up to this many changed monitors are read one by one; for more, everything is read again. */
const FEW = 5;
/** Milliseconds to collect events before the monitors that they name are read. */
const GATHER_MS = 250;
/** Milliseconds until caches are up to date after a change. */
const SETTLE_MS = 6_000;
/** Milliseconds that a form waits for the channels. */
const PATIENCE_MS = 3_000;

export class Store {
  /** @type {Map<number, Monitor>} */
  monitors = new Map();
  /** @type {Map<number, Incident>} open ones, the newest first */
  incidents = new Map();
  /** @type {Map<number, number | null>} the share of 24 hours in which a monitor was up */
  uptime = new Map();
  /** Whether everything has been read once. */
  known = false;
  #listeners = new Set();
  #drawing = false;
  #changed = new Set();
  #gathering = 0;
  #etag = null;
  #settling = 0;
  /** Changes since the current read began, which it does not include. */
  #meanwhile = { added: new Set(), gone: new Set(), incidents: new Map() };

  constructor(onstatus) {
    this.live = new Live({
      read: () => this.#read(),
      events: {
        state: (event) => this.#onState(event),
        incident: (event) => this.#onIncident(event),
        config: ({ monitor_id: id }) => this.#onConfig(id),
      },
      onstatus: (status, lastRead) => {
        onstatus(status, lastRead);
        this.changed();
      },
    });
  }

  /** Call a function whenever something has changed, at most once for every picture drawn. */
  onchange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  changed() {
    if (this.#drawing) return;
    this.#drawing = true;
    // Not requestAnimationFrame: a hidden page needs the change too, for its title.
    setTimeout(() => {
      this.#drawing = false;
      for (const listener of this.#listeners) listener();
    });
  }

  /** Store a monitor as the API has just returned it. */
  put(monitor) {
    this.#meanwhile.added.add(monitor.id);
    this.#merge(monitor);
    this.changed();
  }

  drop(ids) {
    for (const id of ids) {
      this.monitors.delete(id);
      this.#meanwhile.gone.add(id);
    }
    for (const incident of [...this.incidents.values()]) {
      if (!this.monitors.has(incident.monitor_id)) this.incidents.delete(incident.id);
    }
    this.changed();
  }

  putIncident(incident) {
    this.#meanwhile.incidents.set(incident.id, incident);
    this.#keepIncident(incident);
    this.changed();
  }

  #keepIncident(incident) {
    if (incident.closed_at) this.incidents.delete(incident.id);
    else this.incidents.set(incident.id, incident);
  }

  #merge(monitor) {
    const before = this.monitors.get(monitor.id);
    // An event may have arrived while the answer was on its way: the later state is right.
    if (before && Date.parse(before.since) > Date.parse(monitor.since)) {
      const { state, since, error } = before;
      monitor = { ...monitor, state, since, error };
    }
    this.monitors.set(monitor.id, monitor);
  }

  async #read() {
    const meanwhile = (this.#meanwhile = {
      added: new Set(),
      gone: new Set(),
      incidents: new Map(),
    });
    const seen = meanwhile.added;
    const [, incidents] = await Promise.all([this.#readMonitors(seen), openIncidents()]);
    for (const id of this.monitors.keys()) if (!seen.has(id)) this.monitors.delete(id);
    this.incidents = incidents;
    for (const incident of meanwhile.incidents.values()) this.#keepIncident(incident);
    this.known = true;
    this.changed();
    // The list also works without these figures.
    this.#readUptime().catch(() => {});
  }

  async #readMonitors(seen) {
    for await (const monitor of pages(`/api/monitors?limit=${PAGE}`, { retries: 1 })) {
      if (this.#meanwhile.gone.has(monitor.id)) continue;
      seen.add(monitor.id);
      this.#merge(monitor);
      // With very many, show the first while the others are still loading.
      if (!this.known && seen.size % PAGE === 0) this.changed();
    }
  }

  async #readUptime() {
    const { data, etag } = await get("/api/status", { ifNoneMatch: this.#etag });
    if (!data) return;
    this.#etag = etag;
    this.uptime = new Map(data.monitors.map(({ id, uptime }) => [id, uptime]));
    this.changed();
  }

  #onState({ monitor_id: id, state, since, error }) {
    const monitor = this.monitors.get(id);
    if (!monitor) return this.#onConfig(id);
    if (Date.parse(monitor.since) <= Date.parse(since)) {
      this.monitors.set(id, { ...monitor, state, since, error: error ?? null });
    }
    clearTimeout(this.#settling);
    // As above: the next change asks again.
    this.#settling = setTimeout(() => this.#readUptime().catch(() => {}), SETTLE_MS);
    return this.changed();
  }

  #onIncident({ action: _, ...incident }) {
    this.putIncident(incident);
  }

  /** Something was added, changed or deleted: read it, or everything if it is not known what. */
  #onConfig(id) {
    this.#changed.add(id ?? null);
    clearTimeout(this.#gathering);
    this.#gathering = setTimeout(() => {
      const ids = [...this.#changed];
      this.#changed.clear();
      if (ids.length > FEW || ids.includes(null)) this.live.readNow();
      else ids.forEach((each) => this.#readOne(each));
    }, GATHER_MS);
  }

  async #readOne(id) {
    try {
      this.put((await get(`/api/monitors/${id}`)).data);
    } catch (error) {
      if (error.status === 404) this.drop([id]);
      else this.live.readNow();
    }
  }
}

async function openIncidents() {
  const incidents = new Map();
  for await (const incident of pages("/api/incidents?state=open&limit=500", { retries: 1 })) {
    incidents.set(incident.id, incident);
  }
  return incidents;
}

/**
 * Return a monitor's target, in one line.
 *
 * @param {Monitor} monitor
 * @returns {string}
 */
export function targetOf(monitor) {
  switch (monitor.kind) {
    case "http":
      return monitor.url ?? "";
    case "tcp":
      return `${monitor.host}:${monitor.port}`;
    case "dns":
      return `${monitor.hostname} ${monitor.record_type}`;
    case "heartbeat":
      return "called by a job";
    default:
      return "";
  }
}

/** @returns {Promise<any[]>} the channels; there are no events for them, so they are read when needed */
export async function allChannels() {
  const channels = [];
  for await (const channel of pages("/api/channels?limit=500", { retries: 1 }))
    channels.push(channel);
  return channels;
}

/** Return the channels, or null if they take too long: a form does not wait for them. */
export function channelsSoon() {
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, null));
  // A failure is treated like a delay; the list of channels reports what is wrong.
  return Promise.race([allChannels().catch(() => null), late]);
}
