// The Analytics page: cells with a trend, and filters that are in the address.
(function () {
  const h = (...parts) => window.React.createElement(...parts);
  const known = (value) => value !== null && value !== undefined;
  const cells = () => window.dashAgGridComponentFunctions;
  const formats = () => window.dashAgGridFunctions;

  const rate = (value) => {
    if (!known(value)) return "\u2013";
    return value >= 10 ? Math.round(value).toLocaleString("en-US") : value.toFixed(1);
  };

  // A number with the line of how it came about.
  function Trend({ value, data, colDef, format, tone }) {
    const line = { value: data[`${colDef.field}_trend`], tone, colDef };
    return h(
      "span",
      { className: "cell-trend" },
      h("span", { className: "cell-trend-line" }, h(cells().ForesightSparkline, line)),
      h("span", { className: "cell-trend-value" }, formats()[format](value)),
    );
  }

  const Words = ({ value, data }) => h("span", { className: `words words-${data.tone}` }, value);

  // The risk of now, and a mark where it was highest.
  function RiskNow({ value, data }) {
    const score = formats().ForesightScore;
    const fill = { className: `meter-fill meter-${data.priority.toLowerCase()}`, style: { width: `${Math.round(value * 100)}%` } };
    const highest = { className: "meter-mark", style: { left: `${Math.round(data.highest * 100)}%` } };
    return h(
      "span",
      { className: "cell-risk", title: `Now ${score(value)}, highest of the range ${score(data.highest)}` },
      h("span", { className: "meter meter-marked", "aria-hidden": "true" }, h("span", fill), h("span", highest)),
      score(value),
    );
  }

  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, { ForesightRate: rate });
  window.dashAgGridComponentFunctions = Object.assign({}, window.dashAgGridComponentFunctions, {
    ForesightTrend: Trend,
    ForesightWords: Words,
    ForesightRiskNow: RiskNow,
  });

  // --- filters ----------------------------------------------------------------------------------------

  const ANY = "all"; // methods
  const none = () => window.dash_clientside.no_update;

  function read() {
    const query = new URLSearchParams(window.location.search);
    return { q: query.get("q") || "", method: query.get("method") || ANY, risky: query.get("risky") === "1" };
  }

  function go(query) {
    const text = query.toString().replaceAll("%3A", ":");
    const search = text && `?${text}`;
    if (search === window.location.search) return;
    window.history.pushState(window.history.state, "", window.location.pathname + search);
    window.dash_clientside.set_props("shell-url", { search });
  }

  function write({ q, method, risky }) {
    const query = new URLSearchParams(window.location.search);
    const now = { q, method: method === ANY ? "" : method, risky: risky ? "1" : "" };
    for (const [name, value] of Object.entries(now)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    go(query);
  }

  // The address and the controls above the grid say the same, and what they say is the filter.
  function filters(method, risky, search, _address) {
    const by = window.dash_clientside.callback_context.triggered_id;
    const asked = read();
    if (by === "analytics-method") asked.method = method || ANY;
    if (by === "analytics-risky") asked.risky = Boolean(risky);
    if (by && by.type === "grid-search" && typeof search === "string") asked.q = search.trim();
    write(asked);
    const typed = by && by.type === "grid-search";
    return [asked.method, asked.risky, typed || asked.q === (search || "") ? none() : asked.q, asked];
  }

  // A click on a time shows that time alone.
  function lookAt(click, drawn) {
    if (!click || !drawn) return none();
    const at = Date.parse(`${String(click.points[0].x).replace(" ", "T")}Z`);
    const from = Math.floor(at / drawn.bucket_ms) * drawn.bucket_ms;
    const iso = (time) => new Date(time).toISOString().replace(/(:00)?\.000Z$/, "Z");
    const query = new URLSearchParams(window.location.search);
    ["range", "from", "to"].forEach((name) => query.delete(name));
    query.set("from", iso(from));
    query.set("to", iso(from + drawn.bucket_ms));
    go(query);
    return null; // the same point can be clicked again
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { analytics: { filters, lookAt } });
})();
