// A module that does not come leaves a page that does nothing: a network changes, a server restarts.
// This is no module, and loads before them: it tries again, ever more rarely.
(() => {
  const KEY = "boots";
  const FIRST_MS = 1_000;
  const LONGEST_MS = 60_000;

  function count(value) {
    try {
      if (value !== undefined) sessionStorage.setItem(KEY, String(value));
      return Number(sessionStorage.getItem(KEY)) || 0;
    } catch {
      // Without storage the wait is the longest at once: better than a page that never rests.
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
      words.textContent = "This page has not loaded completely. Trying again …";
      document.querySelector("main")?.prepend(words);
      setTimeout(() => location.reload(), wait);
    },
    true,
  );
  addEventListener("load", () => failed || count(0));
})();
