// The page of one endpoint: who selects a time on a chart is shown its calls.
(function () {
  let shown; // of the page that is there

  function reveal(at) {
    const before = shown;
    shown = at || null;
    if (!at || before === undefined || before === at) return window.dash_clientside.no_update;
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("endpoint-calls").scrollIntoView({ behavior: still ? "auto" : "smooth" });
    return window.dash_clientside.no_update;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { endpoint: { reveal } });
})();
