// The lab: who has started a run is brought to where it is watched.
(function () {
  const SETTLED_MS = 150; // until the page of the run has its height
  let started = false;

  document.addEventListener("click", (event) => {
    if (event.target.closest(".lab-start")) started = true;
  });

  function show(run) {
    if (started) {
      window.setTimeout(() => {
        window.scrollTo(0, 0);
        document.getElementById("lab-stage")?.focus({ preventScroll: true });
      }, SETTLED_MS);
    }
    started = false;
    return run;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { lab: { show } });
})();
