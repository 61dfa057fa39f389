/** Two people have changed the same thing: show both changes, and choose between them. */

import { openDialog } from "../dialog.js";
import { h } from "../dom.js";
import { same } from "./form.js";
import { button } from "./parts.js";

/** Fields that Stagewatch itself changes, about which there is nothing to decide. */
const OWN = new Set([
  "id",
  "state",
  "since",
  "checked_at",
  "latency_ms",
  "error",
  "created_at",
  "updated_at",
  "token",
  "ping_path",
]);

/**
 * Ask which of two changes to keep, field by field; nothing is lost if nothing is decided.
 *
 * @param {object} versions
 * @param {Record<string, any>} versions.before what both started from
 * @param {Record<string, any>} versions.theirs what is stored now
 * @param {Record<string, any>} versions.mine only what I have changed
 * @param {(name: string) => string} versions.labelOf
 * @returns {Promise<Record<string, any> | null>} my fields and theirs as chosen; null: not yet
 */
export async function resolveConflict({ before, theirs, mine, labelOf }) {
  const changed = Object.keys(theirs).filter(
    (name) => !OWN.has(name) && !same(theirs[name], before[name]),
  );
  const names = [...new Set([...changed, ...Object.keys(mine)])];
  const chosen = { ...mine };
  const rows = names.map((name) => {
    if (!(name in mine))
      return row(labelOf(name), before[name], shown(theirs[name]), h("span.soft", "same as theirs"));
    if (!changed.includes(name))
      return row(labelOf(name), before[name], h("span.soft", "unchanged"), shown(mine[name]));
    const choice = (value, checked, take) =>
      h(
        "label.choice",
        h("input", { type: "radio", name: `conflict-${name}`, checked, on: { change: take } }),
        shown(value),
      );
    return row(
      labelOf(name),
      before[name],
      choice(theirs[name], false, () => (chosen[name] = theirs[name])),
      choice(mine[name], true, () => (chosen[name] = mine[name])),
    );
  });
  const answer = await openDialog(
    "Someone else has changed this monitor",
    (close) => ({
      body: h(
        "div.stack",
        h(
          "p",
          changed.length
            ? "Both changes are shown below. Choose which value to keep where they differ."
            : "The monitor was saved again, but no setting has changed.",
        ),
        h(
          "div.table-scroll",
          h(
            "table.table.conflict",
            h(
              "thead",
              h(
                "tr",
                ["Field", "Before", "Theirs", "Yours"].map((text) =>
                  h("th", { scope: "col" }, text),
                ),
              ),
            ),
            h("tbody", rows),
          ),
        ),
      ),
      foot: [
        button("Back to the form", () => close()),
        button("Save changes", () => close("save"), { kind: "primary" }),
      ],
    }),
    "dialog-wide",
  );
  return answer === "save" ? chosen : null;
}

function row(label, before, theirs, mine) {
  return h(
    "tr",
    h("th", { scope: "row" }, label),
    h("td", shown(before)),
    h("td", theirs),
    h("td", mine),
  );
}

function shown(value) {
  if (Array.isArray(value)) return shown(value.join(", "));
  if (value === null || value === undefined || value === "") return h("span.soft", "empty");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return h("span.any-text", typeof value === "object" ? JSON.stringify(value) : String(value));
}
