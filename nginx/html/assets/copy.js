/** Text to the clipboard. */

/**
 * Copy a text.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it worked; it may be forbidden
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS or localhost, only this old API can write to the clipboard.
    const field = document.createElement("textarea");
    field.value = text;
    // An open dialog traps the focus inside it.
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
