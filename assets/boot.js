// Runs in the head, before anything is painted.
(function () {
  const root = document.documentElement;
  const { dataset, src } = document.currentScript;

  // The chosen theme, else the one of the system.
  let chosen = null;
  try {
    chosen = window.localStorage.getItem("foresight-theme");
  } catch (error) {
    // Storage may be forbidden; then every visit follows the system.
  }
  const light = window.matchMedia("(prefers-color-scheme: light)").matches;
  root.dataset.bsTheme = chosen || (light ? "light" : "dark");

  // Dash would load all of plotly.js; the bundle of the kinds of chart used here is a third of it,
  // and evaluating the whole one blocks the page for most of its first second.
  const charts = src.replace("boot.js", "vendor/plotly/plotly-cartesian.min.js");
  Object.defineProperty(window, "_dashPlotlyJSURL", { get: () => charts, set: () => undefined });
  if (dataset.plain === undefined) return; // a page beside the dashboard

  if (!dataset.plain.split(" ").includes(window.location.pathname.replace(/\/$/, ""))) {
    const link = Object.assign(document.createElement("link"), { rel: "preload", as: "script", href: charts });
    document.head.append(link);
  }

  // The range is always in the address, so that every step back shows what was shown.
  const query = new URLSearchParams(window.location.search);
  if (!["range", "from", "to"].some((name) => query.has(name))) {
    query.set("range", root.dataset.defaultRange);
    window.history.replaceState(null, "", `?${query}${window.location.hash}`);
  }
})();
