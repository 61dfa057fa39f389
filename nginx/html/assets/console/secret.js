/** A secret that is shown once. */

import { openDialog } from "../dialog.js";
import { h } from "../dom.js";
import { button, copyable } from "./parts.js";

/**
 * Show a text to be copied, and return once it is.
 *
 * @param {string} title
 * @param {string} text its purpose
 * @param {string} label
 * @param {string} secret
 */
export async function showOnce(title, text, label, secret) {
  await openDialog(title, (close) => ({
    body: h("div.stack", h("p", text), copyable(label, secret)),
    foot: button("Done", () => close(), { kind: "primary" }),
  }));
}

/** @param {{name: string, secret: string | null}} channel the API's answer when it was created */
export async function showSecret({ name, secret }) {
  if (!secret) return;
  const text =
    "Every request is signed with it (Standard Webhooks), so that the receiver can verify the sender. Copy it now: it won’t be shown again.";
  await showOnce(`Secret for “${name}”`, text, "Secret", secret);
}
