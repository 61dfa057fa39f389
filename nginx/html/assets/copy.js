/** Text to the clipboard. */

/**
 * Copy a text.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether that worked; it may not be allowed
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without HTTPS, and not on localhost, there is no clipboard but for this old way.
    const field = document.createElement("textarea");
    field.value = text;
    // A dialog that is open keeps the focus inside.
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}
