// If a module fails to load, the page does nothing: the network changes, the server restarts. This
// script is not a module and loads first: it reloads the page, at growing intervals.
(() => {
  const KEY = "boots";
  const FIRST_MS = 1_000;
  const LONGEST_MS = 60_000;

  function count(value) {
    try {
      if (value !== undefined) sessionStorage.setItem(KEY, String(value));
      return Number(sessionStorage.getItem(KEY)) || 0;
    } catch {
      // Without storage, use the longest wait at once: better than a page that reloads constantly.
      return 6;
    }
  }

  let failed = false;
  addEventListener(
    "error",
    ({ target }) => {
      if (!(target instanceof HTMLScriptElement) || failed) return;
      failed = true;
      const before = count();
      count(before + 1);
      const wait = Math.min(FIRST_MS * 2 ** before, LONGEST_MS);
      const words = document.createElement("p");
      words.setAttribute("role", "alert");
      words.className = "notice tone-warn";
      words.textContent = "This page did not load completely. Retrying …";
      document.querySelector("main")?.prepend(words);
      setTimeout(() => location.reload(), wait);
    },
    true,
  );
  addEventListener("load", () => failed || count(0));
})();
