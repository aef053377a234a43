// Keeps "34 s ago" true between polls: <time data-since="epoch milliseconds">.
(function () {
  const STEP_MS = 1000;
  const UNITS = [
    [31536000, "y", 2],
    [86400, "d", 2],
    [3600, "h", 2],
    [60, "min", 1],
  ];

  function ago(at) {
    const seconds = Math.max(0, Math.floor((Date.now() - at) / 1000));
    if (seconds < 5) return "just now";
    const [size, unit] = UNITS.find(([size, , least]) => seconds >= size * least) || [1, "s"];
    return `${Math.floor(seconds / size)}\u00a0${unit} ago`;
  }

  window.foresightAgo = ago;
  window.setInterval(() => {
    if (document.hidden) return;
    document.querySelectorAll("time[data-since]").forEach((element) => {
      const text = ago(Number(element.dataset.since));
      if (element.textContent !== text) element.textContent = text;
    });
  }, STEP_MS);
})();
