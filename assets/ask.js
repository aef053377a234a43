// The Ask page: asking by address, cells of its grid, the answer as CSV. Colours and sizes are in app.css.
(function () {
  const h = (...parts) => window.React.createElement(...parts);
  const none = () => window.dash_clientside.no_update;
  const MISSING = "\u2013";
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const FORMULA = /^[=+\-@\t\r']/; // spreadsheets take text that begins so for a formula
  const known = (value) => value !== null && value !== undefined;
  const formatted = (format) => (value) => (known(value) ? format(Number(value)) : MISSING);
  const digits = (value, most) => value.toLocaleString("en-US", { maximumFractionDigits: most });
  const two = (number) => String(number).padStart(2, "0");

  function moment(at) {
    const when = new Date(at);
    const day = `${when.getUTCDate()} ${MONTHS[when.getUTCMonth()]}`;
    const year = when.getUTCFullYear() === new Date().getUTCFullYear() ? "" : ` ${when.getUTCFullYear()}`;
    const seconds = at % 60000 ? `:${two(when.getUTCSeconds())}` : "";
    return `${day}${year} ${two(when.getUTCHours())}:${two(when.getUTCMinutes())}${seconds}`;
  }

  function bytes(value) {
    const units = ["B", "KB", "MB", "GB", "TB"];
    let unit = 0;
    for (; value >= 1024 && unit < units.length - 1; unit += 1) value /= 1024;
    return `${digits(value, unit === 0 || value >= 100 ? 0 : 1)}\u00a0${units[unit]}`;
  }

  const ms = (value) =>
    value >= 10000 ? `${(value / 1000).toFixed(1)}\u00a0s` : `${digits(value, value < 10 ? 1 : 0)}\u00a0ms`;

  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, {
    ForesightMoment: formatted(moment),
    ForesightBytes: formatted(bytes),
    ForesightMs: formatted(ms),
    ForesightQuantity: formatted((value) => digits(value, 2)),
    ForesightBits: formatted((value) => `${value.toFixed(2)}\u00a0bit`),
    ForesightFlag: (value) => (value ? "yes" : "no"),
  });

  function Text({ value, data, colDef }) {
    const text = known(value) && value !== "" ? String(value) : MISSING;
    const link = data.href && data.linked === colDef.field;
    return link ? h("a", { href: data.href }, text) : h("span", { className: "cell-name" }, text);
  }

  function Status({ value }) {
    const tone = value >= 500 ? "bad" : value >= 400 ? "poor" : "fine";
    return h("span", { className: `cell-status status-code-${tone}` }, known(value) ? value : MISSING);
  }

  window.dashAgGridComponentFunctions = Object.assign({}, window.dashAgGridComponentFunctions, {
    ForesightText: Text,
    ForesightStatus: Status,
  });

  // --- asking -------------------------------------------------------------------------------------

  const AGAIN_MS = 700; // the second click of a double click asks nothing
  let last = { q: "", at: 0 };
  let refocus = false; // the page is made anew for each question; on a phone its keyboard would come back

  function isConnected() {
    const { connection } = document.documentElement.dataset;
    return !connection || connection === "ok";
  }

  function isRepeated(q) {
    const repeated = q === last.q && Date.now() - last.at < AGAIN_MS;
    last = { q, at: Date.now() };
    return repeated && isConnected();
  }

  // Not for a request that was lost.
  const isWaiting = () =>
    isConnected() && document.getElementById("ask-waiting")?.hidden === false;

  function addressOf(text) {
    const query = new URLSearchParams(window.location.search);
    query.set("q", text);
    return "?" + query.toString();
  }

  const setProps = (id, props) => window.dash_clientside.set_props(id, props);
  const current = () => new URLSearchParams(window.location.search).get("q") || "";
  const again = (q) => setProps("ask-asked", { data: { q, at: Date.now() } });

  // The question is in the address, so that a copied link asks the same; asked again it stays there.
  function ask() {
    const input = document.getElementById("ask-question");
    const q = input.value.trim();
    if (!q) input.focus();
    if (!q || isWaiting() || isRepeated(q)) return;
    if (addressOf(q) === addressOf(current())) again(q);
    else {
      refocus = document.activeElement === input && window.matchMedia("(pointer: fine)").matches;
      setProps("ask-waiting", { hidden: false });
      setProps("ask-url", { search: addressOf(q) });
    }
  }

  // A link to the question that is shown already changes no address: it asks again.
  function askAgain(link) {
    if (link.search !== window.location.search || isWaiting() || isRepeated(current())) return;
    again(current());
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.id === "ask-question" && event.key === "Enter" && !event.isComposing) ask();
  });
  const onClick = (event) => {
    const link = event.target.closest("a.ask-link");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) askAgain(link);
    else if (event.target.closest("#ask-button")) ask();
  };
  document.addEventListener("click", onClick, true); // before the link changes the address

  // The question of the address; without one nothing is asked, nor shown as waiting.
  function first(q) {
    if (!q) return none();
    if (refocus) document.getElementById("ask-question").focus({ preventScroll: true });
    refocus = false;
    return { q, at: Date.now() };
  }

  // What a lost request left waiting.
  const giveUp = () => true;

  // --- CSV ----------------------------------------------------------------------------------------

  function cell(value, isTime) {
    if (!known(value)) return "";
    if (isTime) return new Date(value).toISOString();
    if (typeof value !== "string") return String(value);
    const text = FORMULA.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  }

  function csv(clicks, rows, described) {
    if (!clicks) return none();
    const lines = rows.map((row) =>
      described.columns.map((name) => cell(row[name], described.times.includes(name))).join(","),
    );
    const content = [described.columns.join(","), ...lines, ""].join("\r\n");
    return { content, filename: described.filename, type: "text/csv" };
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { ask: { first, giveUp, csv } });
})();
