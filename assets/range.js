// The time range: what the address says of it, the dialog for a range of one's own, earlier and later.
(function () {
  const MINUTE_MS = 60000;
  const LAST_MS = 253402300799999; // the last millisecond of the year 9999
  const NAMES = ["range", "from", "to"];
  const INSTANT = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d:\d\d)(:\d\d(?:\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?)?$/;
  const root = document.documentElement;
  const DEFAULT_RANGE = root.dataset.defaultRange;
  const byId = (id) => document.getElementById(id);
  const none = () => window.dash_clientside.no_update;
  let shown = { range: DEFAULT_RANGE };
  let preset = DEFAULT_RANGE; // what clearing a range of one's own goes back to

  // Epoch milliseconds, or null for what is no instant; store/times.py reads all that is read here.
  function instant(text) {
    if (/^\d{1,15}$/.test(text)) return Number(text) <= LAST_MS ? Number(text) : null;
    const found = INSTANT.exec(text.replace(" ", "+")); // a "+" that was not percent-encoded
    if (!found) return null;
    const [, year, month, day, clock, seconds, zone] = found;
    if (new Date(Date.UTC(year, month - 1, day)).getUTCDate() !== Number(day)) return null;
    const at = Date.parse(`${year}-${month}-${day}T${clock || "00:00"}${seconds || ""}${zone || "Z"}`);
    return at >= 0 && at <= LAST_MS ? at : null;
  }

  // What is wrong with a range of one's own, in words, and with which end; null for nothing.
  function problemOf(custom) {
    for (const [end, text] of Object.entries(custom)) {
      if (instant(text) === null) {
        return { end, words: `\u201c${text}\u201d is no time: write it like 2026-03-18T15:30Z.` };
      }
    }
    const { from, to } = custom;
    if (from && to && instant(from) >= instant(to)) {
      return { end: "to", words: `The start, \u201c${from}\u201d, is not before the end, \u201c${to}\u201d.` };
    }
    if (from && instant(from) >= Date.now()) {
      return { end: "from", words: `The start, \u201c${from}\u201d, is in the future: nothing has happened yet.` };
    }
    return null;
  }

  // The range that an address names (null: none), and what is wrong with it.
  function named(search, known) {
    const query = new URLSearchParams(search);
    const custom = {};
    for (const name of ["from", "to"]) if (query.get(name)) custom[name] = query.get(name);
    if (Object.keys(custom).length) {
      const problem = problemOf(custom);
      return problem ? [{ range: preset }, problem.words] : [custom, ""];
    }
    const key = query.get("range");
    if (key === null) return [null, ""];
    if (known.includes(key)) return [{ range: key }, ""];
    return [{ range: preset }, `\u201c${key}\u201d is no time range: it is one of ${known.join(", ")}.`];
  }

  function addressOf(chosen, search) {
    const query = new URLSearchParams(search);
    NAMES.forEach((name) => query.delete(name));
    Object.entries(chosen).forEach(([name, value]) => query.set(name, value));
    return `?${query.toString().replaceAll("%3A", ":")}`;
  }

  // Pages write their own filters into the address, so it is read from the browser itself.
  function write(chosen, change) {
    const search = addressOf(chosen, window.location.search);
    if (search !== window.location.search) {
      window.history[change](window.history.state, "", window.location.pathname + search + window.location.hash);
    }
    return search;
  }

  // The range is in the address, so that a copied link shows the same and Back goes back.
  function choose(choice, _search, current, options) {
    const known = options.map((option) => option.value);
    const clicked = window.dash_clientside.callback_context.triggered_id === "shell-range-choice" && choice;
    const [inAddress, problem] = clicked ? [{ range: choice }, ""] : named(window.location.search, known);
    const chosen = inAddress || current || { range: DEFAULT_RANGE };
    let { search } = window.location;
    if (clicked) search = write(chosen, "pushState");
    else if (!inAddress) search = write(chosen, "replaceState"); // a link without a range keeps the one shown
    show(chosen);
    return [
      JSON.stringify(chosen) === JSON.stringify(current) ? none() : chosen,
      chosen.range || null,
      search,
      wordsOf(chosen),
      problem && `${problem} Shown instead: ${chosen.range}.`,
    ];
  }

  function show(chosen) {
    shown = chosen;
    if (chosen.range) preset = chosen.range;
    root.dataset.range = chosen.range ? "preset" : "custom";
    const ends = bounds();
    byId("shell-range-earlier").disabled = !ends;
    byId("shell-range-later").disabled = !ends || ends.end >= Date.now();
  }

  // Start and end of a range of one's own, when it has both.
  function bounds() {
    if (!shown.from || !shown.to) return null;
    return { start: instant(shown.from), end: instant(shown.to) };
  }

  const iso = (at) => new Date(at).toISOString().replace(/(:00)?\.000Z$/, "Z");

  function day(at, withYear) {
    const options = { day: "numeric", month: "short", timeZone: "UTC" };
    return new Date(at).toLocaleDateString("en-GB", withYear ? { ...options, year: "numeric" } : options);
  }

  const clock = (at) => new Date(at).toISOString().slice(11, 16);

  // 18 Mar 15:00 - 16:00, Since 18 Mar 15:00, Until 18 Mar 2015 15:00.
  function wordsOf(chosen) {
    if (chosen.range) return "";
    const thisYear = new Date().getUTCFullYear();
    const full = (at) => `${day(at, new Date(at).getUTCFullYear() !== thisYear)} ${clock(at)}`;
    const [start, end] = [chosen.from, chosen.to].map((text) => text && instant(text));
    if (!chosen.to) return `Since ${full(start)}`;
    if (!chosen.from) return `Until ${full(end)}`;
    const last = day(start, true) === day(end, true) ? clock(end) : full(end);
    return `${full(start)} \u2013 ${last}`;
  }

  function go(chosen) {
    const search = write(chosen, "pushState");
    window.dash_clientside.set_props("shell-url", { search });
  }

  function step(direction) {
    const { start, end } = bounds();
    const length = end - start;
    const first = Math.max(0, start + direction * length);
    go({ from: iso(first), to: iso(first + length) });
  }

  // --- the dialog ---

  const field = (name) => byId(`shell-range-${name}`);

  // Starts with what is shown, a relative range as the times it stands for now.
  function open() {
    const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    const [, count, unit] = /^(\d+)([mhd])$/.exec(shown.range) || [null, 3, "h"];
    const length = Number(count) * { m: 1, h: 60, d: 1440 }[unit] * MINUTE_MS;
    const ends = shown.range ? { from: now - length, to: now } : { from: null, to: null };
    for (const name of ["from", "to"]) {
      const at = shown[name] ? instant(shown[name]) : ends[name];
      const value = at === null ? "" : iso(at).slice(0, -1);
      window.dash_clientside.set_props(`shell-range-${name}`, { value });
    }
    tell("");
    const dialog = byId("shell-range-dialog");
    dialog.showModal();
    place(dialog);
    field("from").focus();
  }

  // Below its button where there is room beside it; a phone has it at the foot, by CSS.
  function place(dialog) {
    const button = byId("shell-range-open").getBoundingClientRect();
    const left = Math.min(button.left, window.innerWidth - dialog.offsetWidth - 16);
    dialog.style.setProperty("--left", `${Math.max(16, left)}px`);
    dialog.style.setProperty("--top", `${button.bottom + 8}px`);
  }

  function tell(problem, name) {
    byId("shell-range-wrong").textContent = problem;
    for (const one of ["from", "to"]) {
      if (one === name) field(one).setAttribute("aria-invalid", "true");
      else field(one).removeAttribute("aria-invalid");
    }
    if (name) field(name).focus();
  }

  function apply() {
    const custom = {};
    for (const [name, words] of [["from", "start"], ["to", "end"]]) {
      const { value, validity } = field(name);
      if (validity.badInput) {
        return tell(`The ${words} is not complete: it needs a day and a time, or nothing at all.`, name);
      }
      if (value) custom[name] = `${value}Z`;
    }
    if (!Object.keys(custom).length) return tell("Both are empty: give a start, an end or both.", "from");
    const problem = problemOf(custom);
    if (problem) return tell(problem.words, problem.end);
    byId("shell-range-dialog").close();
    go(custom);
  }

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "shell-range-form") return;
    event.preventDefault();
    apply();
  });
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("button, dialog")?.id;
    if (pressed === "shell-range-open") open();
    else if (pressed === "shell-range-earlier") step(-1);
    else if (pressed === "shell-range-later") step(1);
    else if (pressed === "shell-range-clear") clear();
    else if (pressed === "shell-range-cancel" || event.target.id === "shell-range-dialog") {
      byId("shell-range-dialog").close();
    }
  });

  function clear() {
    go({ range: preset });
    byId("shell-range-open").focus(); // what was pressed is not shown any more
  }

  window.foresightRange = { addressOf };
  window.dash_clientside = Object.assign({}, window.dash_clientside, { range: { choose } });
})();
