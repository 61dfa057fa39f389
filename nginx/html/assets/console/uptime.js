/** A monitor's uptime, and since when it is known. */

import { get } from "../api.js";
import { dayBars } from "../bars.js";
import { fill, h } from "../dom.js";
import { format, percent } from "../time.js";

const WINDOWS = { "24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days" };

export class Uptime {
  #id;
  #signal;
  #figures = h("dl.figures");
  #days = h("div");
  #shown = "";

  /**
   * @param {number} id of the monitor
   * @param {AbortSignal} signal
   */
  constructor(id, signal) {
    this.#id = id;
    this.#signal = signal;
    /** What to put on the page. */
    this.elements = [this.#figures, this.#days];
  }

  async read() {
    try {
      const path = `/api/status/history?ids=${this.#id}`;
      const { data } = await get(path, { signal: this.#signal, retries: 1 });
      const [known] = data.items;
      if (known) this.#draw({ ...known, today: data.today });
    } catch (error) {
      if (!this.#signal.aborted && !this.#shown) fill(this.#days, h("p.soft", error.message));
    }
  }

  #draw({ known_since: since, uptime, days, today }) {
    // The user may be pointing at one of its days.
    const shown = JSON.stringify([since, uptime, days, today]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    fill(
      this.#figures,
      Object.entries(WINDOWS).map(([name, words]) =>
        h("div", h("dt.soft.small", words), h("dd.numbers", percent(uptime?.[name]))),
      ),
    );
    const words = since ? `Data since ${format(since, "date")}` : "No data yet";
    fill(this.#days, dayBars({ days, today }, { words, label: "Days", focusable: true }));
  }
}
