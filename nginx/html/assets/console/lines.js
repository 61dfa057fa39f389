/** A pasted list of targets, read line by line. */

/** @typedef {{number: number, text: string, monitor: any, fault: string}} Line */

/** Maximum number of monitors per request. */
export const BATCH_LIMIT = 1000;
const HOST =
  /^(?:\[[0-9a-f:.]+\]|[\p{L}\p{N}_](?:[\p{L}\p{N}_.-]*[\p{L}\p{N}_])?\.?)(?::\d{1,5})?(?:[/?#]|$)/iu;

/**
 * Read a list: a URL or host on a line, or `name, url`; what follows a # at a line's start or
 * after a blank is a comment.
 *
 * @param {string} text
 * @returns {Line[]} without empty lines
 */
export function readLines(text) {
  const seen = new Map();
  const lines = [];
  text.split(/\r\n|\r|\n/).forEach((raw, index) => {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    if (!line) return;
    const read = readLine(line);
    const before = seen.get(read.monitor?.url);
    if (read.monitor && before) read.fault = `Duplicate of line ${before}`;
    else if (read.monitor) seen.set(read.monitor.url, index + 1);
    lines.push({ number: index + 1, text: line, ...read });
  });
  return lines;
}

function readLine(line) {
  // A name may contain commas: the URL, which rarely does, comes after the last one.
  const comma = /^(.*?)\s*[,;\t]\s*(\S+)$/.exec(line);
  const isTarget = /^https?:\/\//i.test(line) || !comma;
  const [name, target] = isTarget ? ["", line] : [unquoted(comma[1]), unquoted(comma[2])];
  const url = asUrl(target);
  if (!url) return { monitor: null, fault: "No URL or host in this line" };
  if (url.username || url.password) {
    return { monitor: null, fault: "The URL must not contain a password; use a header instead" };
  }
  if (name.length > 200) return { monitor: null, fault: "The name is longer than 200 characters" };
  return { monitor: { kind: "http", name: name || nameOf(url), url: url.href }, fault: "" };
}

function unquoted(text) {
  return text
    .trim()
    .replace(/^"(.*)"$/, "$1")
    .replaceAll('""', '"')
    .trim();
}

function asUrl(text) {
  const absolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? text
    : HOST.test(text)
      ? `https://${text}`
      : "";
  try {
    const url = new URL(absolute);
    return /^https?:$/.test(url.protocol) && url.hostname ? url : null;
  } catch {
    // Not a URL; the line is shown as invalid.
    return null;
  }
}

function nameOf({ host, pathname }) {
  const path = pathname.replace(/\/+$/, "");
  return `${host.replace(/^www\./, "")}${path}`.slice(0, 200);
}
