/** The session: the key that the console sends, which this browser keeps. */

import { access } from "../api.js";

const NAME = "api key";
export const READ_ONLY = "Your key is read-only. Sign in with a write key to make changes.";

/** @typedef {{key: string, name: string, scope: "read" | "write"}} Session */

/** @type {Session | null} */
let current = stored();
access.key = current?.key ?? null;

/** Until the tab is closed, or until the user signs out. */
function storages() {
  try {
    return [sessionStorage, localStorage];
  } catch {
    // Forbidden: the key lasts as long as the page.
    return [];
  }
}

function stored() {
  for (const storage of storages()) {
    try {
      const found = JSON.parse(storage.getItem(NAME));
      if (found?.key) return found;
    } catch {
      // Not written by us.
    }
  }
  return null;
}

export const session = () => current;

/** Whether changes would be refused anyway. */
export const isReadOnly = () => current?.scope === "read";

/**
 * Send this key from now on.
 *
 * @param {Session} found
 * @param {boolean} remember also after the tab is closed
 */
export function begin(found, remember) {
  end();
  current = found;
  access.key = found.key;
  try {
    (remember ? localStorage : sessionStorage).setItem(NAME, JSON.stringify(found));
  } catch {
    // It holds for as long as the page.
  }
}

/** Forget the key. */
export function end() {
  current = null;
  access.key = null;
  for (const storage of storages()) storage.removeItem(NAME);
}
