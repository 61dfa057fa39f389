/** Who is signed in: the key that the console asks with, which this browser keeps. */

import { access } from "../api.js";

const NAME = "api key";
export const READ_ONLY = "Your key may only read: sign in with one that may write.";

/** @typedef {{key: string, name: string, scope: "read" | "write"}} Session */

/** @type {Session | null} */
let current = stored();
access.key = current?.key ?? null;

/** For as long as the tab is open, or until somebody signs out. */
function storages() {
  try {
    return [sessionStorage, localStorage];
  } catch {
    // Forbidden: the key holds for as long as the page.
    return [];
  }
}

function stored() {
  for (const storage of storages()) {
    try {
      const found = JSON.parse(storage.getItem(NAME));
      if (found?.key) return found;
    } catch {
      // Not ours.
    }
  }
  return null;
}

export const session = () => current;

/** Whether what changes something is refused anyway. */
export const isReadOnly = () => current?.scope === "read";

/**
 * Ask with this key from now on.
 *
 * @param {Session} found
 * @param {boolean} remember after the tab is closed, too
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
