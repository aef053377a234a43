// The client page: calls of a selected time, minutes that are links, filters of the list in the address.
(function () {
  const none = () => window.dash_clientside.no_update;

  let shown; // what was selected on the page that is there

  // Who selects a time is shown its calls; a copied link starts at the top.
  function reveal(at) {
    const before = shown;
    shown = at || null;
    if (!at || before === undefined || before === at) return none();
    const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    document.getElementById("client-calls").scrollIntoView({ behavior: still ? "auto" : "smooth" });
    return none();
  }

  // A minute of the grid is a link that needs no new page.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.cell-minute");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    window.dash_clientside.set_props("shell-url", { search: link.search });
  });

  function Minute(params) {
    const { ForesightTime } = window.dashAgGridComponentFunctions;
    const href = params.data[`${params.colDef.field}_href`];
    return window.React.createElement("a", { className: "cell-minute", href }, ForesightTime({ ...params, ago: false }));
  }
  window.dashAgGridComponentFunctions = Object.assign({}, window.dashAgGridComponentFunctions, {
    ForesightMinute: Minute,
  });

  // --- the list of clients --------------------------------------------------------------------------

  // Filters of the address, as soon as the grid has rows; after that they follow the grid.
  function first(rows, given) {
    if (!rows || !rows.length || !given) return [none(), none(), none()];
    const filters = given.usage.length ? { usage: { values: given.usage } } : none();
    return [filters, given.q || none(), null];
  }

  function remember(filters, q, first) {
    if (first) return none();
    const query = new URLSearchParams(window.location.search);
    const usage = ((filters || {}).usage || {}).values;
    query.delete("usage");
    query.delete("q");
    (usage || []).forEach((value) => query.append("usage", value));
    if (q) query.set("q", q);
    const search = query.size ? `?${query.toString().replaceAll("%3A", ":")}` : "";
    if (search !== window.location.search) {
      window.history.replaceState(window.history.state, "", window.location.pathname + search);
    }
    return none();
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    client: { reveal, first, remember },
  });
})();
