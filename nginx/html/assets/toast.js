/** Short messages at the edge of the page, announced by screen readers. */

import { h } from "./dom.js";
import { stateIcon } from "./states.js";

const SECONDS = 6;
let list = null;

/**
 * Show a message. A failure stays until it is dismissed: it may have to be read twice.
 *
 * @param {string} text
 * @param {"up" | "down" | "maintenance"} [state] whose symbol it gets: done, failed, or just said
 */
export function toast(text, state = "up") {
  list ??= document.body.appendChild(
    // A popover is above dialogs too, regardless of when they were opened.
    h("div.toasts", { popover: "manual", role: "status", "aria-live": "polite" }),
  );
  const dismiss = () => {
    message.remove();
    if (!list.childElementCount) list.hidePopover();
  };
  const message = h(
    "div.toast.tone-idle",
    stateIcon(state),
    h("span.grow.any-text", text),
    h("button.button.button-plain.small", { type: "button", on: { click: dismiss } }, "Dismiss"),
  );
  if (list.matches(":popover-open")) list.hidePopover();
  list.showPopover();
  list.append(message);
  if (state !== "down") setTimeout(dismiss, SECONDS * 1000);
}
