// What the shell does without the server: range and address, theme, live switch, pace of polling.
(function () {
  const page = document.documentElement;
  const DEFAULT_RANGE = "3h"; // as in pages/_range.py
  const none = () => window.dash_clientside.no_update;
  const triggered = () => window.dash_clientside.callback_context.triggered_id;

  function chosenBy(search, known) {
    const query = new URLSearchParams(search || "");
    const custom = {};
    for (const name of ["from", "to"]) {
      if (query.get(name)) custom[name] = query.get(name);
    }
    if (Object.keys(custom).length) return custom;
    return { range: known.includes(query.get("range")) ? query.get("range") : DEFAULT_RANGE };
  }

  function addressOf(chosen, search) {
    const query = new URLSearchParams(search || "");
    ["range", "from", "to"].forEach((name) => query.delete(name));
    Object.entries(chosen).forEach(([name, value]) => query.set(name, value));
    return "?" + query.toString();
  }

  function words(chosen) {
    const readable = (text) => text.replace("T", " ").replace(/(:\d\d)(:\d\d(\.\d+)?)?(Z|\+00:00)?$/, "$1");
    if (chosen.range) return "";
    return `${chosen.from ? readable(chosen.from) : "start"} \u2013 ${chosen.to ? readable(chosen.to) : "now"}`;
  }

  // The range is in the address, so that a copied link shows the same.
  function range(choice, search, current, options) {
    const known = options.map((option) => option.value);
    const clicked = triggered() === "shell-range-choice" && choice;
    const chosen = clicked ? { range: choice } : chosenBy(search, known);
    const same = JSON.stringify(chosen) === JSON.stringify(current);
    return [
      same ? none() : chosen,
      chosen.range || null,
      clicked ? addressOf(chosen, search) : none(),
      words(chosen),
    ];
  }

  function navigation(path, chosen, ids) {
    document.querySelectorAll(".nav-entry").forEach((link) => {
      const own = link.pathname.replace(/\/$/, "");
      if (own === String(path).replace(/\/$/, "")) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
    toggleMenu(false);
    return ids.map((id) => id.path + (chosen ? addressOf(chosen, "") : ""));
  }

  function theme(clicks) {
    if (clicks) {
      page.dataset.bsTheme = page.dataset.bsTheme === "light" ? "dark" : "light";
      try {
        window.localStorage.setItem("foresight-theme", page.dataset.bsTheme);
      } catch (error) {
        // Not remembered then.
      }
    }
    return page.dataset.bsTheme;
  }

  window.matchMedia("(prefers-color-scheme: light)").addEventListener("change", (event) => {
    let chosen = null;
    try {
      chosen = window.localStorage.getItem("foresight-theme");
    } catch (error) {
      // Nothing chosen.
    }
    if (chosen) return;
    page.dataset.bsTheme = event.matches ? "light" : "dark";
    window.dash_clientside.set_props("shell-theme", { data: page.dataset.bsTheme });
  });

  function live(clicks) {
    const paused = (clicks || 0) % 2 === 1;
    page.dataset.live = paused ? "off" : "on";
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

  // A request that never came back leaves its clock disabled; this starts it again.
  const resume = (_, ids) => ids.map(() => false);

  const dismiss = (clicks) => Boolean(clicks);

  function toggleMenu(open) {
    const button = document.getElementById("shell-menu");
    if (!button || (page.dataset.menu === "open") === open) return;
    page.dataset.menu = open ? "open" : "closed";
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

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    foresight: { range, navigation, theme, live, pace, resume, dismiss },
  });
})();
