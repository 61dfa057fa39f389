/** A secret that is shown once. */

import { openDialog } from "../dialog.js";
import { h } from "../dom.js";
import { button, copyable } from "./parts.js";

/** @param {{name: string, secret: string | null}} channel as answered when it was made */
export async function showSecret({ name, secret }) {
  if (!secret) return;
  const text =
    "It signs every call (Standard Webhooks), so that the other end can tell ours from others. Copy it now: it is not shown again.";
  await openDialog(`Secret of “${name}”`, (close) => ({
    body: h("div.stack", h("p", text), copyable("Secret", secret)),
    foot: button("I have it", () => close(), { kind: "primary" }),
  }));
}
