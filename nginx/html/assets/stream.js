/** Server-sent events with an API key, which an EventSource can't send. */

/** Like an EventSource, but without reconnecting: a lost stream is closed. */
class KeyStream extends EventTarget {
  readyState = EventSource.CONNECTING;
  #over = new AbortController();

  constructor(path, key) {
    super();
    this.#run(path, key);
  }

  close() {
    this.readyState = EventSource.CLOSED;
    this.#over.abort();
  }

  async #run(path, key) {
    try {
      const response = await fetch(path, {
        headers: { Accept: "text/event-stream", Authorization: `Bearer ${key}` },
        cache: "no-store",
        signal: this.#over.signal,
      });
      if (response.ok) await this.#read(response.body);
      else await response.body?.cancel();
    } catch {
      // Lost or cancelled: listeners treat both the same.
    }
    if (this.#over.signal.aborted) return;
    this.readyState = EventSource.CLOSED;
    this.dispatchEvent(new Event("error"));
  }

  async #read(body) {
    this.readyState = EventSource.OPEN;
    this.dispatchEvent(new Event("open"));
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (text + value).split("\n\n");
      text = parts.pop();
      for (const part of parts) this.#tell(part);
    }
  }

  /** Dispatch an event in the API's format: a line with its name, and one with its data. */
  #tell(part) {
    const field = (name) => new RegExp(`^${name}: (.*)$`, "m").exec(part)?.[1];
    const data = field("data");
    if (data) this.dispatchEvent(new MessageEvent(field("event") ?? "message", { data }));
  }
}

/**
 * Open a stream of events.
 *
 * @param {string} path
 * @param {string | null} key
 * @returns {EventSource | KeyStream}
 */
export function openStream(path, key) {
  return key ? new KeyStream(path, key) : new EventSource(path);
}
