/** Keyboard shortcuts: single keys, which can be switched off, and a dialog that names them. */

import { openDialog } from "../dialog.js";
import { h } from "../dom.js";

const OFF = "shortcuts off";
/** Milliseconds within which the second key of two must be pressed. */
const CHORD_MS = 1200;
const TABS = {
  m: "/monitors",
  i: "/incidents",
  c: "/channels",
  w: "/maintenance",
  k: "/keys",
};
const HELP = [
  ["/", "Find a monitor (in the list)"],
  ["Esc", "Clear the search; close a dialog"],
  ["n", "New monitor, channel or maintenance window"],
  ["j k", "Next or previous row in the list"],
  ["x", "Select the focused row"],
  ["g m", "Monitors"],
  ["g i", "Incidents"],
  ["g c", "Channels"],
  ["g k", "API keys"],
  ["g w", "Maintenance windows"],
  ["c", "Check now (in a monitor)"],
  ["p", "Pause or resume (in a monitor)"],
  ["e", "Edit (in a monitor)"],
  ["?", "Show this help"],
];

function isOff() {
  try {
    return Boolean(localStorage.getItem(OFF));
  } catch {
    // If storage is forbidden, no choice was saved.
    return false;
  }
}

function switchOff(off) {
  try {
    if (off) localStorage.setItem(OFF, "yes");
    else localStorage.removeItem(OFF);
  } catch {
    // It holds for as long as the page, or not at all.
  }
}

export function showHelp() {
  // Users of speech input would trigger them by accident.
  const box = h("input", {
    type: "checkbox",
    checked: !isOff(),
    on: { change: () => switchOff(!box.checked) },
  });
  openDialog("Keyboard shortcuts", () => ({
    body: h(
      "div.stack",
      h(
        "dl.shortcuts",
        HELP.map(([keys, text]) => [
          h(
            "dt",
            keys.split(" ").map((key) => h("kbd", key)),
          ),
          h("dd", text),
        ]),
      ),
      h("label.choice", box, "Enable single-key shortcuts"),
    ),
  }));
}

/** @param {import("./router.js").Router} router */
export function listenToKeys(router) {
  let chord = 0;
  const keys = {
    "?": showHelp,
    n: () => router.go("/monitors"),
    j: () => step(1),
    k: () => step(-1),
    x: () => document.activeElement.closest?.("tr")?.querySelector("input[type=checkbox]")?.click(),
    "/": () => router.go("/monitors"),
  };
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isOff()) return;
    const typing =
      "input:not([type=checkbox], [type=radio]), textarea, select, dialog, [role=slider]";
    if (target.closest?.(typing) || document.querySelector("dialog[open]")) return;
    const second = event.timeStamp - chord < CHORD_MS && TABS[key];
    chord = key === "g" ? event.timeStamp : 0;
    const action = second ? () => router.go(second) : (router.view?.keys?.[key] ?? keys[key]);
    if (!action || key.length > 1) return;
    event.preventDefault();
    action();
  });
}

function step(by) {
  const links = [...document.querySelectorAll("#view a.row-link")];
  const row = document.activeElement?.closest("tr");
  const here = links.findIndex((link) => link.closest("tr") === row);
  links[here < 0 ? 0 : Math.min(links.length - 1, Math.max(0, here + by))]?.focus();
}
