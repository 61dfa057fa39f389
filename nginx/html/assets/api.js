/** API client: JSON in and out, problem details as errors, versions, and a timeout per request. */

const TIMEOUT_MS = 15_000;
/**
 * The API key that requests are made with; none for public pages. `onrefused` is called when the
 * API requires a key, or rejects the one that was used.
 *
 * @type {{key: string | null, onrefused: ((used: string | null, why: string) => void) | null}}
 */
export const access = { key: null, onrefused: null };

/** Maximum seconds to wait for Retry-After before a request is repeated. */
const LONGEST_WAIT = 30;

/**
 * Why a request failed. `status` is 0 if there was no answer; `fields` lists the request's invalid
 * fields; `retryAfter` is in seconds, or null.
 */
export class ApiError extends Error {
  /**
   * @param {string} message one sentence for people
   * @param {{status?: number, fields?: {field: string, detail: string}[],
   *   retryAfter?: number | null, timedOut?: boolean}} [details]
   */
  constructor(message, { status = 0, fields = [], retryAfter = null, timedOut = false } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.fields = fields;
    this.retryAfter = retryAfter;
    this.timedOut = timedOut;
  }
}

/**
 * @typedef {object} Options
 * @property {unknown} [body] sent as JSON
 * @property {string} [ifMatch] the ETag of the changed resource; if it differs, the answer is a 412
 * @property {string | null} [ifNoneMatch] the ETag of the known version
 * @property {number} [timeout] milliseconds
 * @property {AbortSignal} [signal] to cancel the request
 * @property {string} [key] to use instead of the page's own
 * @property {number} [retries] how often to try again after a 429 or 503, at the time it asks for
 *
 * @typedef {{status: number, data: any, etag: string | null}} Answer `data` is null for 204 and 304
 */

/**
 * Make a request.
 *
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Answer>}
 * @throws {ApiError} for every answer but 2xx and 304, and if there is none; a request cancelled
 *   by `signal` throws its reason
 */
export async function request(method, path, options = {}) {
  for (let left = options.retries ?? 0; ; left -= 1) {
    try {
      return await once(method, path, options);
    } catch (error) {
      const later = error instanceof ApiError && (error.status === 429 || error.status === 503);
      if (!later || left <= 0) throw error;
      await pause(Math.min(error.retryAfter ?? 2, LONGEST_WAIT) * 1000, options.signal);
    }
  }
}

export const get = (path, options) => request("GET", path, options);
export const post = (path, body, options) => request("POST", path, { ...options, body });
export const put = (path, body, options) => request("PUT", path, { ...options, body });
export const patch = (path, body, options) => request("PATCH", path, { ...options, body });
export const remove = (path, options) => request("DELETE", path, options);

/**
 * Read a list to its end, page by page.
 *
 * @param {string} path without `cursor`
 * @param {Options} [options]
 * @returns {AsyncGenerator<any>} the items
 */
export async function* pages(path, options) {
  let cursor = null;
  do {
    const query = cursor ? `${path.includes("?") ? "&" : "?"}cursor=${encodeURIComponent(cursor)}` : "";
    const { data } = await get(path + query, options);
    yield* data.items;
    cursor = data.next;
  } while (cursor);
}

/** @returns {Promise<Answer>} */
async function once(
  method,
  path,
  { body, ifMatch, ifNoneMatch, timeout = TIMEOUT_MS, signal, key },
) {
  const headers = { Accept: "application/json" };
  const used = key ?? access.key;
  if (used) headers.Authorization = `Bearer ${used}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  // A proxy that compresses makes an ETag weak, and a weak one matches nothing.
  if (ifMatch) headers["If-Match"] = ifMatch.replace(/^W\//, "");
  if (ifNoneMatch) headers["If-None-Match"] = ifNoneMatch;
  const limit = AbortSignal.timeout(timeout);
  try {
    const response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      // The version that this page knows is compared, not one in a cache.
      cache: "no-store",
      credentials: "same-origin",
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const etag = response.headers.get("ETag");
    if (response.status === 304) return { status: 304, data: null, etag };
    const data = await decoded(response);
    if (response.status === 401 && !key) access.onrefused?.(used, data?.detail);
    if (!response.ok) throw refusal(response, data);
    return { status: response.status, data, etag };
  } catch (error) {
    if (error instanceof ApiError) throw error;
    if (signal?.aborted) throw signal.reason;
    if (limit.aborted) {
      const message = `No response within ${Math.round(timeout / 1000)} seconds.`;
      throw new ApiError(message, { timedOut: true });
    }
    throw new ApiError("Stagewatch can't be reached.");
  }
}

/** Return the answer's JSON, or null: a proxy's error page may be anything. */
async function decoded(response) {
  const text = await response.text();
  if (!/\bjson\b/.test(response.headers.get("Content-Type") ?? "") || !text) {
    if (response.ok && text) {
      throw new ApiError("This response did not come from Stagewatch.", { status: response.status });
    }
    return null;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError("The response was cut off.", { status: response.status });
  }
}

const MESSAGES = {
  401: "An API key is required.",
  404: "Not found. It may have been deleted.",
  412: "Someone else has changed this in the meantime.",
  413: "The request is too large.",
  429: "Too many requests.",
  502: "Stagewatch is not running or is starting up.",
  503: "Stagewatch is temporarily unavailable.",
  504: "Stagewatch did not respond in time.",
};

function refusal(response, problem) {
  const { status } = response;
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const retryAfter = Number.isFinite(seconds) ? Math.max(0, seconds) : null;
  const message = problem?.detail ?? MESSAGES[status] ?? `Something went wrong (status ${status}).`;
  return new ApiError(String(message), { status, fields: problem?.errors ?? [], retryAfter });
}

/** Wait, unless `signal` cancels it. */
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        reject(signal.reason);
      },
      { once: true },
    );
  });
}
