// The Alerts page: filters in the address, buttons of alerts and windows, the panel of one alert.
(function () {
  const none = () => window.dash_clientside.no_update;
  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const SHOWN = 50; // as in pages/_alerts_view.py
  const SAME_CLICK_MS = 800;
  const NOTE_MS = 12000;
  const USUAL = { view: "incidents", priority: "any", state: "any", simulated: "any" }; // not in the address
  let opener = null; // what had the focus before the panel opened
  let last = { key: "", at: 0 };
  let noteTimer = null;

  function write(changes, change) {
    const query = new URLSearchParams(window.location.search);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === undefined || value === "" || USUAL[name] === value) query.delete(name);
      else query.set(name, value);
    }
    const search = query.size ? `?${query.toString().replaceAll("%3A", ":").replaceAll("%2F", "/")}` : "";
    if (search === window.location.search) return;
    window.history[change](window.history.state, "", window.location.pathname + search);
  }

  function filters(view, priority, state, simulated, q, exact, before) {
    const asked = { view, priority, state, simulated, q: (q || "").trim(), ...exact };
    const same = Object.keys(asked).every((name) => asked[name] === (before[name] || USUAL[name] || ""));
    if (same) return [none(), none()];
    const typed = window.dash_clientside.callback_context.triggered_id === "alerts-q";
    write(asked, typed ? "replaceState" : "pushState");
    return [asked, SHOWN];
  }

  function panel(id) {
    const open = id !== null && id !== undefined;
    write({ incident: open ? id : null }, "replaceState");
    document.documentElement.dataset.detail = open ? "open" : "closed";
    if (open) window.requestAnimationFrame(() => document.querySelector(".detail-panel")?.focus());
    else {
      if (opener?.isConnected) opener.focus();
      opener = null;
    }
    return !open;
  }

  const isOpen = () => document.getElementById("alerts-detail")?.hidden === false;

  function openPanel(id, from) {
    if (id && !isOpen()) opener = from;
    set("alerts-open", { data: id ? Number(id) : null });
  }

  // Windows that are chosen in the grid of the same card or panel.
  function chosen(button) {
    const id = button.closest(".panel, .detail-windows").querySelector("[data-grid]").dataset.grid;
    return window.dash_ag_grid.getApi(id).getSelectedRows().map((row) => row.id);
  }

  function ask(button) {
    const asked = { do: button.dataset.act, at: Date.now() };
    if (button.dataset.windows) asked.windows = button.dataset.windows.split(",");
    else if (button.dataset.alert === "chosen") asked.windows = chosen(button);
    else asked.alert = button.dataset.alert;
    if (asked.windows && !asked.windows.length) return note("Choose windows in the table first.");
    const key = JSON.stringify([asked.do, asked.windows, asked.alert]);
    if (key === last.key && asked.at - last.at < SAME_CLICK_MS) return;
    last = { key, at: asked.at };
    set("alerts-asked", { data: asked });
    keepFocus(asked.at);
  }

  // The button that was pressed goes with its row: then the focus goes to what confirms it.
  function keepFocus(since) {
    const note = document.getElementById("alerts-said");
    if (note?.textContent && document.activeElement === document.body) note.focus({ preventScroll: true });
    else if (Date.now() - since < 4000) window.setTimeout(() => keepFocus(since), 100);
  }

  const note = (words) => set("alerts-said", { children: words });

  // The confirmation goes by itself, but not from under the hand or the focus.
  function watchNote() {
    const box = document.getElementById("alerts-said");
    if (!box || box.dataset.watched) return;
    box.dataset.watched = "yes";
    new MutationObserver(() => {
      window.clearTimeout(noteTimer);
      if (!box.textContent) return;
      const leave = () => {
        if (box.matches(":hover, :focus-within")) noteTimer = window.setTimeout(leave, 2000);
        else note("");
      };
      noteTimer = window.setTimeout(leave, NOTE_MS);
    }).observe(box, { childList: true, subtree: true, characterData: true });
  }

  function clear(what) {
    const exact = { endpoint: "", method: "", client: "" };
    if (what !== "all") {
      const query = new URLSearchParams(window.location.search);
      for (const name of Object.keys(exact)) exact[name] = name === what ? "" : query.get(name) || "";
      return set("alerts-exact-data", { data: exact });
    }
    for (const name of ["priority", "state", "simulated"]) set(`alerts-${name}`, { value: USUAL[name] });
    set("alerts-q", { value: "" });
    set("alerts-exact-data", { data: exact });
  }

  function showMore() {
    const count = document.querySelectorAll("#alerts-list .incident").length;
    set("alerts-shown", { data: count + SHOWN });
  }

  document.addEventListener("click", (event) => {
    if (!document.getElementById("alerts-page")) return;
    watchNote();
    const button = event.target.closest("[data-act], [data-open], [data-alerts], [data-alerts-clear]");
    if (button?.dataset.act) ask(button);
    else if (button?.dataset.open !== undefined) openPanel(button.dataset.open, button);
    else if (button?.dataset.alerts === "more") showMore();
    else if (button?.dataset.alertsClear) clear(button.dataset.alertsClear);
    else if (event.target.closest("#alerts-said .icon-button")) note("");
    else openByRow(event);
  });

  // A click beside words and buttons opens an alert too; its button is for the keyboard.
  function openByRow(event) {
    const row = event.target.closest(".incident");
    if (!row || event.target.closest("a, button") || String(window.getSelection())) return;
    openPanel(row.dataset.incident, row.querySelector("[data-open]"));
  }

  document.addEventListener("keydown", (event) => {
    if (!isOpen()) return;
    if (event.key === "Escape") openPanel(null);
    else if (event.key === "Tab") keepInside(event);
  });

  function keepInside(event) {
    const boxes = [document.querySelector(".detail-panel"), document.getElementById("alerts-said")];
    const all = boxes.flatMap((box) => [...box.querySelectorAll("a[href], button, input, summary, [tabindex='0']")]);
    const seen = all.filter((one) => !one.disabled && one.getClientRects().length);
    const [first, end] = [seen[0], seen[seen.length - 1]];
    const here = document.activeElement;
    const goesOut = event.shiftKey ? here === first || here === boxes[0] : here === end;
    if (goesOut || !boxes.some((box) => box.contains(here))) {
      event.preventDefault();
      (event.shiftKey ? end : first)?.focus();
    }
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { alerts: { filters, panel } });
})();
