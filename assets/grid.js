// Cells of the grids. Colours and sizes are in app.css.
(function () {
  const h = (...parts) => window.React.createElement(...parts);
  const MISSING = "\u2013";
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const known = (value) => value !== null && value !== undefined && value !== "";
  const formatted = (format) => (value) => (known(value) ? format(Number(value)) : MISSING);
  const digits = (value, most) => value.toLocaleString("en-US", { maximumFractionDigits: most });
  const two = (number) => String(number).padStart(2, "0");

  // --- numbers and times ----------------------------------------------------------------------------

  const count = formatted((value) => value.toLocaleString("en-US"));
  const score = formatted((value) => (Math.floor(value * 100 + 1e-9) / 100).toFixed(2));
  const percent = formatted((value) => {
    if (value > 0 && value < 0.0005) return "<\u00a00.1\u00a0%";
    return `${(value * 100).toFixed(1).replace(/\.0$/, "")}\u00a0%`;
  });
  const ms = (value) =>
    value >= 10000 ? `${(value / 1000).toFixed(1)}\u00a0s` : `${digits(value, value < 10 ? 1 : 0)}\u00a0ms`;

  function bytes(value) {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let unit = 0;
    for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
    return `${digits(value, unit === 0 || value >= 100 ? 0 : 1)}\u00a0${units[unit]}`;
  }

  function clock(at) {
    const when = new Date(at);
    const seconds = at % 60000 ? `:${two(when.getUTCSeconds())}` : "";
    return `${two(when.getUTCHours())}:${two(when.getUTCMinutes())}${seconds}`;
  }

  function day(at) {
    const when = new Date(at);
    const year = when.getUTCFullYear() === new Date().getUTCFullYear() ? "" : ` ${when.getUTCFullYear()}`;
    return `${when.getUTCDate()} ${MONTHS[when.getUTCMonth()]}${year}`;
  }

  const isToday = (at) => day(at) === day(Date.now());
  const ORDER = { LOW: 0, MEDIUM: 1, HIGH: 2 };

  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, {
    ForesightCount: count,
    ForesightPercent: percent,
    ForesightScore: score,
    ForesightMs: formatted(ms),
    ForesightBytes: formatted(bytes),
    ForesightQuantity: formatted((value) => digits(value, 2)),
    ForesightBits: formatted((value) => `${value.toFixed(2)}\u00a0bit`),
    ForesightMoment: formatted((at) => `${day(at)} ${clock(at)}`),
    ForesightFlag: (value) => (value ? "yes" : "no"),
    ForesightNothing: () => "",
    ForesightPriorityOrder: (a, b) => ORDER[a] - ORDER[b],
  });

  // --- cells ----------------------------------------------------------------------------------------

  function Time({ value, ago }) {
    if (!known(value)) return MISSING;
    const today = isToday(value);
    return h(
      "span",
      { className: "cell-when" },
      !today && h("span", { className: "cell-day" }, day(value)),
      h("span", null, clock(value)),
      ago && today && h("time", { className: "cell-ago", "data-since": value }, window.foresightAgo(value)),
    );
  }

  const Pill = ({ value }) =>
    known(value) ? h("span", { className: `pill pill-${value.toLowerCase()}` }, value) : MISSING;

  function Status({ value }) {
    const tone = value >= 500 ? "bad" : value >= 400 ? "poor" : "fine";
    return h("span", { className: `cell-status status-code-${tone}` }, known(value) ? value : MISSING);
  }

  function Link({ value, valueFormatted, data, colDef }) {
    const text = known(value) ? String(valueFormatted ?? value) : MISSING;
    const href = data[`${colDef.field}_href`];
    return h(href ? "a" : "span", { className: "cell-name", href, title: text }, text);
  }

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

  function Risk({ value, data }) {
    if (!known(value)) return MISSING;
    const fill = { className: `meter-fill meter-${data.priority.toLowerCase()}`, style: { width: `${Math.round(value * 100)}%` } };
    return h(
      "span",
      { className: "cell-risk" },
      h("span", { className: "meter", "aria-hidden": "true" }, h("span", fill)),
      score(value),
    );
  }

  // --- sparklines -------------------------------------------------------------------------------------

  const WIDTH = 100;
  const HEIGHT = 24;
  const EDGE = 2; // room for half of the line and of the dot

  // Pieces of the line; a value that is missing parts them. Zero is the ground.
  function pieces(values, height) {
    const step = (WIDTH - 2 * EDGE) / Math.max(1, values.length - 1);
    const top = Math.max(...values.filter(known), 0) || 1;
    const drawn = [[]];
    values.forEach((value, place) => {
      if (!known(value)) drawn.push([]);
      else drawn.at(-1).push([EDGE + place * step, height - EDGE - (value / top) * (height - 2 * EDGE)]);
    });
    return drawn.filter((piece) => piece.length);
  }

  const path = (piece) => `M${piece.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}`;

  function Sparkline({ value, tone, colDef }) {
    const values = (value || []).map((one) => (known(one) ? Number(one) : null));
    const seen = values.filter(known);
    if (!seen.length) return MISSING;
    const drawn = pieces(values, HEIGHT);
    const title = `${colDef.headerName}: newest ${digits(seen.at(-1), 2)}, highest ${digits(Math.max(...seen), 2)}`;
    const picture = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title };
    return h(
      "svg",
      { className: `sparkline sparkline-${tone || "accent"}`, ...picture },
      h("title", null, title),
      drawn.map((piece, place) => {
        // One value alone would draw nothing.
        const line = piece.length > 1 ? piece : [[piece[0][0] - 1, piece[0][1]], [piece[0][0] + 1, piece[0][1]]];
        const area = `${path(line)}L${line.at(-1)[0]} ${HEIGHT}L${line[0][0]} ${HEIGHT}Z`;
        return [
          h("path", { key: `a${place}`, className: "sparkline-area", d: area }),
          h("path", { key: `l${place}`, className: "sparkline-line", d: path(line) }),
        ];
      }),
    );
  }

  window.dashAgGridComponentFunctions = Object.assign({}, window.dashAgGridComponentFunctions, {
    ForesightTime: Time,
    ForesightPill: Pill,
    ForesightStatus: Status,
    ForesightLink: Link,
    ForesightSubject: Subject,
    ForesightRisk: Risk,
    ForesightSparkline: Sparkline,
  });
})();
