/** Building blocks of views. */

import { copyText } from "../copy.js";
import { fill, h, set } from "../dom.js";
import { stateIcon } from "../states.js";
import { toast } from "../toast.js";
import { READ_ONLY, isReadOnly } from "./session.js";

/**
 * Return a button, which can't be pressed again until its action has finished.
 *
 * @param {import("../dom.js").Child} words
 * @param {(event: Event) => unknown} action
 * @param {{kind?: "primary" | "danger" | "plain", label?: string, hint?: string, submit?: boolean}}
 *   [options]
 * @returns {HTMLButtonElement}
 */
export function button(words, action, { kind, label, hint, submit } = {}) {
  const click = (event) => busy(element, () => action(event));
  const element = h(
    "button.button",
    {
      type: submit ? "submit" : "button",
      class: kind && `button-${kind}`,
      "aria-label": label,
      title: hint,
      on: submit ? {} : { click },
    },
    words,
  );
  return element;
}

/**
 * Run an action, ignoring its button meanwhile. The button is not disabled, because that would
 * take the focus away.
 *
 * @param {HTMLElement} element
 * @param {() => unknown} action
 */
export async function busy(element, action) {
  if (element.getAttribute("aria-disabled") === "true") return;
  element.setAttribute("aria-disabled", "true");
  try {
    await action();
  } catch (error) {
    if (error?.name !== "ApiError") console.error(error);
    toast(error.message, "down");
  } finally {
    element.removeAttribute("aria-disabled");
  }
}

function refuse(event) {
  event?.preventDefault();
  event?.stopImmediatePropagation();
  toast(READ_ONLY, "maintenance");
}

/**
 * Mark a control that changes something: with a read-only key, it explains that and does nothing
 * else. It stays in place and focusable, so that every user can find out why.
 *
 * @template {HTMLElement | false} T
 * @param {T} element a button or a link
 * @returns {T}
 */
export function changes(element) {
  if (element && isReadOnly()) {
    set(element, { "aria-disabled": "true", title: READ_ONLY });
    element.addEventListener("click", refuse, { capture: true });
  }
  return element;
}

/** Make a change, or explain that this key may not. */
export function ifAllowed(action) {
  return isReadOnly() ? refuse() : action();
}

/**
 * Repeat an idempotent request once if its connection broke: a server may close an idle connection
 * at the very moment at which it is used again.
 *
 * @template T
 * @param {() => Promise<T>} request
 * @returns {Promise<T>}
 */
export async function repeatable(request) {
  try {
    return await request();
  } catch (error) {
    if (error?.name !== "ApiError" || error.status !== 0 || error.timedOut) throw error;
    return request();
  }
}

/** Return a link that looks like a button. */
export function linkButton(words, href, kind) {
  return h("a.button", { class: kind && `button-${kind}`, href }, words);
}

/**
 * Return the head of a view: its heading and actions.
 *
 * @param {import("../dom.js").Child} title
 * @param {...import("../dom.js").Child} actions
 */
export function viewHead(title, ...actions) {
  return h("div.view-head", h("h1.any-text", title), h("div.row.view-actions", actions));
}

/** Return a part of a view, with its heading. */
export function section(title, ...children) {
  return h("section.part", h("h2.part-title", title), children);
}

/**
 * @param {"up" | "down" | "warn" | "info"} tone
 * @param {...import("../dom.js").Child} children
 */
export function notice(tone, ...children) {
  const state = { up: "up", down: "down", warn: "down", info: "unknown" }[tone];
  return h(
    "div.notice",
    { class: `tone-${tone}` },
    stateIcon(state),
    h("div.grow.any-text", children),
  );
}

/** Return a placeholder for an empty list, with a hint what to do next. */
export function empty(title, text, ...actions) {
  return h("div.card.empty", h("h2", title), h("p", text), h("div.row.row-centre", actions));
}

/**
 * Return a text to copy.
 *
 * @param {string} label what it is
 * @param {string} text
 */
export function copyable(label, text) {
  const copy = async () => {
    if (await copyText(text)) toast("Copied.");
    else toast("The browser blocked copying. Select the text instead.", "down");
  };
  return h(
    "div.copyable",
    h("span.label", label),
    h("div.code", h("code.any-text", text), button("Copy", copy, { label: `Copy: ${label}` })),
  );
}

/** Show why something could not be read in its place, with a button to try again. */
export function showFailure(place, error, again) {
  if (error?.name !== "ApiError") console.error(error);
  fill(place, notice("warn", h("p", error.message), button("Try again", again)));
}

/** Return a count with its noun: "1 monitor", "3 monitors". */
export function counted(count, noun) {
  return `${count.toLocaleString()} ${noun}${count === 1 ? "" : "s"}`;
}

/** Return names in a sentence; of many, the first and how many more. */
export function listed(names, limit = 8) {
  const shown = names.slice(0, limit).map((name) => `“${name}”`);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more.toLocaleString()} more` : shown.join(", ");
}

/**
 * Return a table that scrolls if it is wider than the page.
 *
 * @param {string} label
 * @param {string[]} heads of the columns; those that begin with a blank are for screen readers only
 * @param {HTMLElement[]} rows
 */
export function dataTable(label, heads, rows) {
  const head = (text) =>
    h("th", { scope: "col" }, text.startsWith(" ") ? h("span.visually-hidden", text.trim()) : text);
  return h(
    "div.table-scroll",
    { tabindex: "0", role: "region", "aria-label": label },
    h("table.table", h("thead", h("tr", heads.map(head))), h("tbody", rows)),
  );
}

/** Return a table in a separate card. */
export function tableCard(label, heads, rows) {
  const table = dataTable(label, heads, rows);
  table.classList.add("card");
  return table;
}
