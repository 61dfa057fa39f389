/** Ask for a key, if the API requires one. */

import { get } from "../api.js";
import { openDialog } from "../dialog.js";
import { h } from "../dom.js";
import { TextField } from "./fields.js";
import { busy, button, notice } from "./parts.js";
import { begin } from "./session.js";

const HOW = "stagewatch keys create NAME --scope write";
let asking = null;

/**
 * Ask for a key until it is valid, or the user gives up.
 *
 * @param {string} [why] what was wrong with the previous one
 * @returns {Promise<boolean>} whether the user is signed in now
 */
export function signIn(why) {
  asking ??= ask(why).finally(() => {
    asking = null;
  });
  return asking;
}

async function ask(why) {
  const field = new TextField("key", "API key", { type: "password", placeholder: "sw_…" });
  field.control.autofocus = true;
  field.control.autocomplete = "current-password";
  const remember = h("input", { type: "checkbox" });
  const go = button("Sign in", null, { kind: "primary", submit: true });
  const answer = await openDialog("Sign in", (close) => {
    const look = async () => {
      field.fail("");
      try {
        const key = field.value.trim();
        if (!/^[!-~]+$/.test(key)) return field.fail("Enter a key without spaces, such as sw_…");
        const { data } = await get("/api/keys/current", { key });
        begin({ key, name: data.name, scope: data.scope }, remember.checked);
        return close("yes");
      } catch (error) {
        field.fail(error.message);
        return field.focus();
      }
    };
    const onsubmit = (event) => {
      event.preventDefault();
      busy(go, look);
    };
    return {
      body: h(
        "form.stack",
        { on: { submit: onsubmit }, novalidate: true },
        why && notice("warn", why),
        h("p", "The console requires an API key. The ", h("a", { href: "/" }, "status page"), " does not."),
        field.element,
        h("label.choice", remember, "Remember on this device"),
        h("p.soft.small", "Operators of Stagewatch create a key with ", h("code.nowrap", HOW)),
        h("div.row.row-end", go),
      ),
    };
  });
  return answer === "yes";
}
