// Cells of the grids. Colours and sizes are in app.css.
(function () {
  const h = (...parts) => window.React.createElement(...parts);
  const MISSING = "\u2013";
  const known = (value) => value !== null && value !== undefined;
  const count = (value) => (known(value) ? Number(value).toLocaleString("en-US") : MISSING);
  const score = (value) => (known(value) ? (Math.floor(value * 100 + 1e-9) / 100).toFixed(2) : MISSING);

  function percent(value) {
    if (!known(value)) return MISSING;
    if (value > 0 && value < 0.0005) return "<\u00a00.1\u00a0%";
    return `${(value * 100).toFixed(1).replace(/\.0$/, "")}\u00a0%`;
  }

  const ORDER = { LOW: 0, MEDIUM: 1, HIGH: 2 };

  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, {
    ForesightCount: count,
    ForesightPercent: percent,
    ForesightScore: score,
    ForesightPriorityOrder: (a, b) => ORDER[a] - ORDER[b],
  });

  const When = ({ data }) =>
    h(
      "span",
      { className: "cell-when" },
      h("span", null, data.when),
      data.today &&
        h("time", { className: "cell-ago", "data-since": data.at }, window.foresightAgo(data.at)),
    );

  const Pill = ({ value }) => h("span", { className: `pill pill-${value.toLowerCase()}` }, value);

  function marks(data) {
    const found = [];
    if (data.thin) found.push(["Few calls: scores lean on the subject's own past", "thin", "thin"]);
    if (data.simulated > 0) {
      const share = data.simulated < 1 ? `${percent(data.simulated)} of its calls are simulated` : "Simulated calls";
      found.push([share, "simulated", "sim"]);
    }
    return found.map(([title, kind, text]) =>
      h("span", { key: kind, className: `tag tag-${kind}`, title }, text),
    );
  }

  function Subject({ data }) {
    const icon = data.subject === "client" ? "person" : "hdd-network";
    const name = data.href
      ? h("a", { href: data.href, title: data.name }, data.shown)
      : h("span", { className: "cell-name", title: data.name }, data.shown);
    return h(
      "span",
      { className: "cell-subject" },
      h("i", { className: `bi bi-${icon}`, title: data.subject, role: "img", "aria-label": data.subject }),
      name,
      marks(data),
    );
  }

  const Risk = ({ value, data }) =>
    h(
      "span",
      { className: "cell-risk" },
      h(
        "span",
        { className: "meter", "aria-hidden": "true" },
        h("span", {
          className: `meter-fill meter-${data.priority.toLowerCase()}`,
          style: { width: `${Math.round(value * 100)}%` },
        }),
      ),
      score(value),
    );

  window.dashAgGridComponentFunctions = Object.assign({}, window.dashAgGridComponentFunctions, {
    ForesightWhen: When,
    ForesightPill: Pill,
    ForesightSubject: Subject,
    ForesightRisk: Risk,
  });
})();
