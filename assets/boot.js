// Runs in the head, before anything is painted.
(function () {
  // The chosen theme, else the one of the system.
  let chosen = null;
  try {
    chosen = window.localStorage.getItem("foresight-theme");
  } catch (error) {
    // Storage may be forbidden; then every visit follows the system.
  }
  const light = window.matchMedia("(prefers-color-scheme: light)").matches;
  document.documentElement.dataset.bsTheme = chosen || (light ? "light" : "dark");

  // Dash would load all of plotly.js; the bundle of the kinds of chart used here is a third of it,
  // and evaluating the whole one blocks the page for most of its first second.
  const charts = document.currentScript.src.replace("boot.js", "vendor/plotly/plotly-cartesian.min.js");
  Object.defineProperty(window, "_dashPlotlyJSURL", { get: () => charts, set: () => undefined });
})();
