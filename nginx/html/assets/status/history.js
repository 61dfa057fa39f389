/** Ninety days of monitors, read for the visible ones, a hundred per request. */

import { get } from "../api.js";

const BATCH = 100;
/** Milliseconds: to collect monitors that come into view, and until a history is read again. */
const GATHER_MS = 60;
const FRESH_MS = 300_000;

/**
 * @typedef {{id: number, known_since: string | null, uptime: Record<string, number | null>,
 *   days: (number | null)[], today: string}} History
 */

export class Histories {
  #known = new Map();
  #wanted = new Set();
  #timer = 0;
  #busy = false;
  #tell;

  /** @param {(id: number, history: History | null) => void} tell `null` if it can't be read */
  constructor(tell) {
    this.#tell = tell;
  }

  /**
   * @param {number} id
   * @returns {History | undefined}
   */
  of(id) {
    return this.#known.get(id)?.history;
  }

  /**
   * Ask for a monitor's history, unless it is known and fresh; `tell` is called with it.
   *
   * @param {number} id
   * @param {boolean} [anew] read it again: something has changed
   */
  want(id, anew = false) {
    const known = this.#known.get(id);
    if (!anew && known && Date.now() - known.at < FRESH_MS) return;
    this.#wanted.add(id);
    this.#plan();
  }

  #plan() {
    if (this.#timer || this.#busy || !this.#wanted.size) return;
    this.#timer = setTimeout(() => this.#fetch(), GATHER_MS);
  }

  async #fetch() {
    this.#timer = 0;
    this.#busy = true;
    const ids = [...this.#wanted].slice(0, BATCH);
    for (const id of ids) this.#wanted.delete(id);
    let found = new Map();
    try {
      const { data } = await get(`/api/status/history?ids=${ids.join(",")}`, { retries: 2 });
      found = new Map(data.items.map((item) => [item.id, { ...item, today: data.today }]));
    } catch {
      // The current state is known anyway; the next read tries again.
    }
    for (const id of ids) {
      const history = found.get(id);
      if (history) this.#known.set(id, { history, at: Date.now() });
      this.#tell(id, history ?? this.of(id) ?? null);
    }
    this.#busy = false;
    this.#plan();
  }
}
