/** One monitor: its state, history, response times, incidents, badge and feed. */

import { dayBars } from "../bars.js";
import { copyText } from "../copy.js";
import { openDialog } from "../dialog.js";
import { fill, h, setText } from "../dom.js";
import { statePill } from "../states.js";
import { lastingElement, percent, timeElement } from "../time.js";
import { toast } from "../toast.js";
import { PastIncidents } from "./incidents.js";
import { ResponseTimes } from "./response_times.js";
import { RANGES, uptimeWords } from "./rows.js";

export class Detail {
  #id;
  #over = new AbortController();
  #state = h("p.row");
  #uptime = h("dl.figures");
  #days = h("div");
  #times;
  #incidents;
  #none = h("p.soft", "Loading …");
  #close = () => {};

  /**
   * @param {import("./model.js").Monitor} monitor
   * @param {import("./history.js").History | undefined} history
   * @param {() => void} onclose
   */
  constructor(monitor, history, onclose) {
    this.#id = monitor.id;
    const list = h("div");
    const more = h("button.button", { type: "button", hidden: true }, "Show earlier incidents");
    const query = `monitor_id=${monitor.id}`;
    const { signal } = this.#over;
    this.#incidents = new PastIncidents(list, more, { query, named: false, signal });
    this.#times = new ResponseTimes(monitor, signal);
    openDialog(
      monitor.name,
      (close) => {
        this.#close = close;
        return {
          body: [
            this.#state,
            part("Uptime", this.#uptime, this.#days),
            part("Response time", this.#times.element),
            part("Incidents", this.#none, list, more),
            part("Badge and feed", badge(monitor)),
          ],
        };
      },
      "drawer",
    ).then(() => {
      this.#over.abort();
      this.#times.close();
      onclose();
    });
    this.update(monitor);
    this.showHistory(history);
    this.readIncidents();
  }

  get id() {
    return this.#id;
  }

  close() {
    this.#close();
  }

  /** @param {import("./model.js").Monitor} monitor */
  update(monitor) {
    const { state, since, group, tags } = monitor;
    fill(
      this.#state,
      statePill(state),
      since && h("span.soft", "for ", lastingElement(since), ", since ", timeElement(since)),
      h("span.grow"),
      group && h("span.tag", group),
      tags.map((tag) => h("span.tag", tag)),
    );
  }

  /** @param {import("./history.js").History | null | undefined} history `undefined`: not yet */
  showHistory(history) {
    if (!history) {
      const text = history === null ? "History is unavailable right now." : "Loading …";
      fill(this.#days, h("p.soft", text));
      return;
    }
    fill(
      this.#uptime,
      Object.entries(RANGES).map(([range, { name }]) =>
        h("div", h("dt.soft.small", name), h("dd.numbers", percent(history.uptime?.[range]))),
      ),
    );
    fill(
      this.#days,
      dayBars(history, { words: uptimeWords(history), label: "Days", focusable: true }),
    );
  }

  async readIncidents() {
    try {
      await this.#incidents.read();
      setText(this.#none, "No incidents yet.");
      this.#none.hidden = this.#incidents.count > 0;
    } catch (error) {
      if (!this.#over.signal.aborted) setText(this.#none, error.message);
    }
  }
}

function part(title, ...children) {
  return h("section.detail-part", h("h3", title), children);
}

/** Return a preview of a monitor's badge, with the code to embed it. */
function badge({ id, name }) {
  const address = new URL(`/api/badge/${id}.svg`, location.href).href;
  const page = new URL(`/#monitor-${id}`, location.href).href;
  const image = h("img", { alt: `Status badge of ${name}`, height: "20" });
  const code = h("code.any-text");
  const show = (query) => {
    image.src = `/api/badge/${id}.svg${query}`;
    // No character of a name may end the text between the brackets.
    const label = name.replace(/[[\]\\]/g, "\\$&").replace(/\s+/g, " ");
    setText(code, `[![${label}](${address}${query})](${page})`);
  };
  const choices = { State: "", "Uptime over 30 days": "?show=uptime&range=30d" };
  const buttons = Object.entries(choices).map(([text, query], index) => {
    const choose = () => {
      show(query);
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    };
    const button = h("button", { type: "button", "aria-pressed": index === 0, on: { click: choose } }, text);
    return button;
  });
  const copy = async () => {
    const done = await copyText(code.textContent);
    if (done) toast("Copied.");
    else toast("The browser blocked copying. Select the text instead.", "down");
  };
  show("");
  return h(
    "div.stack",
    h(
      "div.row.row-apart",
      h("div.segments", { role: "group", "aria-label": "Badge content" }, buttons),
      image,
    ),
    h(
      "div.code",
      code,
      h("button.button", { type: "button", on: { click: copy } }, "Copy Markdown"),
    ),
    h("p.small", h("a", { href: `/feed.atom?monitor_id=${id}` }, "Atom feed of this monitor’s incidents")),
  );
}
