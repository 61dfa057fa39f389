/** Dialogs: the browser's own, which keep the focus inside and give it back. */

import { h } from "./dom.js";

let count = 0;

/**
 * Open a dialog, which is removed from the page when it is closed.
 *
 * @param {string} title
 * @param {(close: (value?: string) => void) => {body: any, foot?: any}} content
 * @param {string} [className] how it looks: "drawer" is one at the page's edge
 * @returns {Promise<string>} what it was closed with; "" for Escape and the button in its corner
 */
export function openDialog(title, content, className = "") {
  return new Promise((resolve) => {
    const id = `dialog-${(count += 1)}`;
    const close = (value = "") => dialog.close(value);
    const { body, foot } = content(close);
    const dialog = h(
      "dialog.dialog",
      { class: className, "aria-labelledby": id },
      h(
        "div.dialog-head",
        h("h2.any-text", { id }, title),
        h(
          "button.button.button-plain.button-icon",
          { type: "button", "aria-label": "Close", on: { click: () => close() } },
          "✕",
        ),
      ),
      h("div.dialog-body", body),
      foot && h("div.dialog-foot", foot),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * Ask whether to do something that can't be undone.
 *
 * @param {string} title a question
 * @param {string} text what will be lost
 * @param {string} action the button's word
 * @returns {Promise<boolean>}
 */
export async function confirmed(title, text, action) {
  const answer = await openDialog(title, (close) => ({
    body: h("p.any-text", text),
    foot: [
      h("button.button", { type: "button", on: { click: () => close() } }, "Cancel"),
      h(
        "button.button.button-danger",
        { type: "button", on: { click: () => close("yes") } },
        action,
      ),
    ],
  }));
  return answer === "yes";
}
