/** Unsaved input, kept for this tab: a reload loses only secrets. */

/** The only headers whose values the API does not treat as secrets. */
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
    // Without storage there is no draft; one that can't be read counts as none.
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
    // If storage is forbidden or full, the page itself still has the values.
  }
}

/** Return values without those that must not be left on this machine. */
function withoutSecrets({ secret: _, ...values }) {
  const headers = Object.entries(values.headers ?? {}).map(([name, value]) => [
    name,
    PUBLIC_HEADERS.test(name) || value === "***" ? value : "",
  ]);
  // An Apprise URL consists of passwords and tokens.
  if (values.kind === "apprise") delete values.url;
  return { ...values, ...(values.headers && { headers: Object.fromEntries(headers) }) };
}
