// The viewer's choice of light or dark, read before the page is painted, so this is not a
// module. Without a choice, the system's setting applies, and theme.css needs no help.
(() => {
  const KEY = "theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    // In a private window, or if storage is forbidden, the choice lasts for this page only.
    try {
      return localStorage.getItem(KEY);
    } catch {
      // As above: nothing was chosen.
      return null;
    }
  }

  function show(choice) {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  }

  function isDark() {
    return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
  }

  function label() {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      const text = isDark() ? "Use light theme" : "Use dark theme";
      button.setAttribute("aria-label", text);
      button.title = text;
    }
  }

  show(stored());
  addEventListener("storage", (event) => {
    if (event.key === KEY) {
      show(event.newValue);
      label();
    }
  });
  system.addEventListener("change", label);
  document.addEventListener("DOMContentLoaded", label);
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-toggle]")) return;
    const choice = isDark() ? "light" : "dark";
    show(choice);
    label();
    try {
      // A choice equal to the system's setting is not saved: that may change at dusk.
      if ((choice === "dark") === system.matches) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // As above.
    }
  });
})();
