/** A secret that is shown once. */

import { openDialog } from "../dialog.js";
import { h } from "../dom.js";
import { button, copyable } from "./parts.js";

/**
 * Show a text to be copied, and return once it is.
 *
 * @param {string} title
 * @param {string} text what it is for
 * @param {string} label
 * @param {string} secret
 */
export async function showOnce(title, text, label, secret) {
  await openDialog(title, (close) => ({
    body: h("div.stack", h("p", text), copyable(label, secret)),
    foot: button("I have it", () => close(), { kind: "primary" }),
  }));
}

/** @param {{name: string, secret: string | null}} channel as answered when it was made */
export async function showSecret({ name, secret }) {
  if (!secret) return;
  const text =
    "It signs every call (Standard Webhooks), so that the other end can tell ours from others. Copy it now: it is not shown again.";
  await showOnce(`Secret of “${name}”`, text, "Secret", secret);
}
