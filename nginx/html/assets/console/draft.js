/** What was typed and is not saved yet, kept for this tab: a reload loses nothing but secrets. */

/** The only headers whose values are no secrets, as the API sees it. */
const PUBLIC_HEADERS =
  /^(?:accept(?:-.*)?|cache-control|content-(?:encoding|language|location|type)|dnt|host|pragma|range|save-data|upgrade-insecure-requests|user-agent)$/i;

/**
 * @param {string} name
 * @returns {any} the values, or null
 */
export function readDraft(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`draft ${name}`));
  } catch {
    // Without storage there is none; one that can't be read is none.
    return null;
  }
}

/**
 * Keep values; null forgets them.
 *
 * @param {string} name
 * @param {Record<string, any> | null} values
 */
export function keepDraft(name, values) {
  try {
    if (values) sessionStorage.setItem(`draft ${name}`, JSON.stringify(withoutSecrets(values)));
    else sessionStorage.removeItem(`draft ${name}`);
  } catch {
    // With storage forbidden or full, the page itself still has it.
  }
}

/** Return values without those that nobody may find on this machine later. */
function withoutSecrets({ secret: _, ...values }) {
  const headers = Object.entries(values.headers ?? {}).map(([name, value]) => [
    name,
    PUBLIC_HEADERS.test(name) || value === "***" ? value : "",
  ]);
  // An Apprise URL is made of passwords and tokens.
  if (values.kind === "apprise") delete values.url;
  return { ...values, ...(values.headers && { headers: Object.fromEntries(headers) }) };
}
