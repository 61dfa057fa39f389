/** Ways to follow incidents: by mail, if this server sends mail, and by the feed. */

import { get, post } from "../api.js";
import { openDialog } from "../dialog.js";
import { fill, h } from "../dom.js";

/**
 * Show the ways in a dialog.
 *
 * @param {{id: number, name: string}[]} monitors to choose from
 */
export function subscribe(monitors) {
  const byMail = h("div.stack");
  get("/api/subscriptions/offer").then(
    ({ data }) => data.email && fill(byMail, form(monitors)),
    // Without an answer, offer the feed only.
    () => {},
  );
  openDialog("Get notified of incidents", () => ({
    body: h(
      "div.stack",
      byMail,
      h("p", h("a", { href: "/feed.atom" }, "Atom feed"), " for feed readers and chat tools."),
    ),
  }));
}

function form(monitors) {
  const email = h("input.input", {
    id: "subscribe-email",
    type: "email",
    autocomplete: "email",
    required: true,
    maxlength: "254",
    "aria-describedby": "subscribe-error",
  });
  const error = h("span.error.any-text", { id: "subscribe-error", hidden: true });
  const button = h("button.button.button-primary", { type: "submit" }, "Subscribe");
  const choice = new Choice(monitors);
  const element = h(
    "form.stack",
    { on: { submit } },
    h("div.field", h("label", { for: email.id }, "Email address"), email, error),
    choice.element,
    h("div", button),
  );
  return element;

  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      const body = { email: email.value.trim(), monitor_ids: choice.value };
      const { data } = await post("/api/subscriptions", body);
      fill(element, h("p.notice.tone-up", { role: "status" }, data.detail));
    } catch (problem) {
      error.textContent = problem.fields?.[0]?.detail ?? problem.message;
      error.hidden = false;
      email.setAttribute("aria-invalid", "true");
      email.focus();
    } finally {
      button.disabled = false;
    }
  }
}

/** All monitors, or the ticked ones. */
class Choice {
  #some = h("input", { type: "checkbox" });
  #boxes;

  constructor(monitors) {
    this.#boxes = monitors.map(({ id, name }) => h("input", { type: "checkbox", value: id, "aria-label": name }));
    const list = h(
      "div.subscribe-list",
      { role: "group", "aria-label": "Monitors", hidden: true },
      monitors.map(({ name }, place) => h("label.row.any-text", this.#boxes[place], name)),
    );
    this.#some.addEventListener("change", () => {
      list.hidden = !this.#some.checked;
    });
    this.element = h("div.stack", h("label.row", this.#some, "Only selected monitors"), list);
  }

  /** @returns {number[] | null} null for all */
  get value() {
    const chosen = this.#boxes.filter((box) => box.checked).map((box) => Number(box.value));
    return this.#some.checked && chosen.length ? chosen : null;
  }
}
