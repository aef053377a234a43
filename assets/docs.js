// The API reference: gives the viewer the colours of the product, also when the theme changes.
(function () {
  const COLOURS = {
    "bg-color": "--page",
    "text-color": "--text",
    "header-color": "--sidebar",
    "primary-color": "--accent",
    "nav-bg-color": "--sidebar",
    "nav-text-color": "--text-2",
    "nav-hover-bg-color": "--raised",
    "nav-hover-text-color": "--text",
    "nav-accent-color": "--accent",
  };
  const root = document.documentElement;
  const docs = document.getElementById("docs");

  function paint() {
    const style = getComputedStyle(root);
    docs.setAttribute("theme", root.dataset.bsTheme);
    for (const [attribute, variable] of Object.entries(COLOURS)) {
      docs.setAttribute(attribute, style.getPropertyValue(variable).trim());
    }
  }

  document.getElementById("docs-theme").addEventListener("click", () => {
    root.dataset.bsTheme = root.dataset.bsTheme === "light" ? "dark" : "light";
    try {
      window.localStorage.setItem("foresight-theme", root.dataset.bsTheme);
    } catch (error) {
      // Storage may be forbidden; then the choice holds for this page.
    }
    paint();
  });
  // On a phone the viewer has no list of operations beside them.
  const jump = document.getElementById("docs-jump");
  docs.addEventListener("spec-loaded", (event) => {
    jump.replaceChildren(new Option("Go to\u2026", ""));
    for (const { name, paths } of event.detail.tags) {
      const group = Object.assign(document.createElement("optgroup"), { label: name });
      paths.forEach(({ method, path, elementId }) => {
        group.append(new Option(`${method.toUpperCase()} ${path}`, elementId));
      });
      jump.append(group);
    }
  });
  jump.addEventListener("change", () => {
    docs.scrollToPath(jump.value);
    jump.value = "";
  });
  // The key is there for the curl lines; what is tried here goes with the session of the page.
  docs.addEventListener("before-try", (event) => {
    const { headers } = event.detail.request;
    headers.delete("Authorization");
    const token = document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/);
    if (token) headers.set("X-CSRFToken", decodeURIComponent(token[1]));
  });
  paint();
})();
