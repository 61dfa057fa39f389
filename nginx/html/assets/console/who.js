/** Who acknowledges: asked once, and remembered by this browser. */

import { openDialog } from "../dialog.js";
import { h } from "../dom.js";
import { TextField } from "./fields.js";
import { button } from "./parts.js";

const KEY = "name";

function remembered() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    // If storage is forbidden, no name is remembered.
    return "";
  }
}

/** @returns {Promise<string | null>} a name, "" for none, null if the user cancels */
export async function askName() {
  const field = new TextField("by", "Your name", {
    hint: "Optional. Shows others who is handling the incident.",
  });
  field.value = remembered();
  field.control.maxLength = 200;
  field.control.autofocus = true;
  const answer = await openDialog("Acknowledge incident", (close) => {
    const onsubmit = (event) => {
      event.preventDefault();
      close("yes");
    };
    return {
      body: h(
        "form.stack",
        { on: { submit: onsubmit } },
        field.element,
        h(
          "div.row.row-end",
          button("Cancel", () => close()),
          button("Acknowledge", null, { kind: "primary", submit: true }),
        ),
      ),
    };
  });
  if (answer !== "yes") return null;
  const name = field.value.trim();
  try {
    localStorage.setItem(KEY, name);
  } catch {
    // Asked again next time.
  }
  return name;
}
