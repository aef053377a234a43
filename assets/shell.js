// What the shell does without the server: navigation, theme, live switch, pace of polling.
(function () {
  const page = document.documentElement;
  const none = () => window.dash_clientside.no_update;
  const triggered = () => window.dash_clientside.callback_context.triggered_id;

  let path = null;

  const pagesBelow = (link) => link.querySelector("[data-above]").dataset.above.split(" ");

  // Links of the sidebar keep the range; after a change of page the focus is in the new page.
  function navigation(pathname, chosen, ids) {
    const here = String(pathname).replace(/\/$/, "");
    document.querySelectorAll(".nav-entry").forEach((link) => {
      if (link.pathname.replace(/\/$/, "") === here) link.setAttribute("aria-current", "page");
      else if (pagesBelow(link).includes(here)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    toggleMenu(false);
    if (path !== null && path !== here) document.getElementById("content").focus({ preventScroll: true });
    path = here;
    return ids.map((id) => id.path + (chosen ? window.foresightRange.addressOf(chosen, "") : ""));
  }

  function remembered() {
    try {
      return window.localStorage.getItem("foresight-theme");
    } catch (error) {
      return null; // Storage may be forbidden; then every visit follows the system.
    }
  }

  function wear(theme) {
    page.dataset.bsTheme = theme;
    document.getElementById("shell-theme-switch")?.setAttribute("aria-pressed", String(theme === "light"));
    return theme;
  }

  function theme(clicks) {
    if (!clicks) return wear(page.dataset.bsTheme);
    const chosen = page.dataset.bsTheme === "light" ? "dark" : "light";
    try {
      window.localStorage.setItem("foresight-theme", chosen);
    } catch (error) {
      // Not remembered then.
    }
    return wear(chosen);
  }

  const showTheme = (theme) => window.dash_clientside.set_props("shell-theme", { data: wear(theme) });

  window.matchMedia("(prefers-color-scheme: light)").addEventListener("change", (event) => {
    if (!remembered()) showTheme(event.matches ? "light" : "dark");
  });
  window.addEventListener("storage", (event) => {
    if (event.key === "foresight-theme" && event.newValue) showTheme(event.newValue);
  });

  function live(clicks) {
    const paused = (clicks || 0) % 2 === 1;
    page.dataset.live = paused ? "off" : "on";
    document.getElementById("shell-live").setAttribute("aria-pressed", String(!paused));
    return !paused;
  }

  // Hidden tabs and paused pages don't poll; coming back asks at once.
  function pace(isLive, visible, counts) {
    const running = isLive !== false && visible !== false;
    const resumed = running && Boolean(triggered()) && (window.foresightStopped || false);
    window.foresightStopped = !running;
    return [
      counts.map(() => (running ? -1 : 0)),
      resumed ? counts.map((count) => (count || 0) + 1) : counts.map(none),
    ];
  }

  document.addEventListener("visibilitychange", () => {
    window.dash_clientside.set_props("shell-visible", { data: !document.hidden });
  });

  // A poll that never came back leaves its clock disabled; this starts it again, at once.
  function resume(connection, ids, counts) {
    const again = ids.map(({ of }) => Boolean(connection.again && connection.again.includes(of)));
    return [
      again.map((lost) => (lost ? false : none())),
      again.map((lost, i) => (lost ? (counts[i] || 0) + 1 : none())),
    ];
  }

  const dismiss = (clicks) => Boolean(clicks);

  function toggleMenu(open) {
    const button = document.getElementById("shell-menu");
    if (!button || (page.dataset.menu === "open") === open) return;
    page.dataset.menu = open ? "open" : "closed";
    document.querySelector(".column").inert = open;
    button.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector(".nav-entry")?.focus();
    else button.focus();
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("#shell-menu")) toggleMenu(page.dataset.menu !== "open");
    else if (event.target.closest("#shell-backdrop, .nav-entry")) toggleMenu(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") toggleMenu(false);
  });
  window.matchMedia("(min-width: 901px)").addEventListener("change", () => toggleMenu(false)); // as in app.css

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    foresight: { navigation, theme, live, pace, resume, dismiss },
  });
})();
