// The Data sets page: set, feature, label, filters and search are in the address.
(function () {
  const none = () => window.dash_clientside.no_update;
  const DEFAULT_SET = "own";
  const query = () => new URLSearchParams(window.location.search);

  const gridKey = () => document.querySelector(".dataset-table .grid-frame")?.dataset.grid;

  // By its property: the grid would go back to that, where it is given the filters itself.
  function filter(model) {
    const key = gridKey();
    if (key) window.dash_clientside.set_props(JSON.parse(key), { filterModel: model });
  }

  // Values that are empty leave the address.
  function write(values, change) {
    const asked = query();
    for (const [name, value] of Object.entries(values)) {
      if (value) asked.set(name, value);
      else asked.delete(name);
    }
    const search = `?${asked.toString().replaceAll("%3A", ":")}`;
    if (search === window.location.search) return;
    window.history[change](window.history.state, "", window.location.pathname + search + window.location.hash);
    window.dash_clientside.set_props("shell-url", { search });
  }

  const named = (asked) => ({
    set: asked.get("set") || DEFAULT_SET,
    ...Object.fromEntries(["feature", "colour", "filter"].flatMap((n) => (asked.has(n) ? [[n, asked.get(n)]] : []))),
  });

  const textOf = (model) => (model && Object.keys(model).length ? JSON.stringify(model) : "");

  function modelOf(text) {
    try {
      return JSON.parse(text || "{}");
    } catch (error) {
      return {}; // The server says so when the page is loaded with it.
    }
  }

  // Back and forward: another set is loaded anew, everything else is put where the address has it.
  function follow(defaults, wanted, model, shown) {
    const asked = query();
    const text = asked.get("search") || "";
    const search = text === (shown || "") ? none() : text; // what is being typed stays
    if (named(asked).set !== wanted.set) return [named(asked), search];
    for (const name of ["feature", "colour"]) {
      if (defaults) window.dash_clientside.set_props(`datasets-${name}`, { value: asked.get(name) || defaults[name] });
    }
    if ((asked.get("filter") || "") !== textOf(model)) filter(modelOf(asked.get("filter")));
    return [none(), search];
  }

  function address(_choices, _clear, feature, colour, models, search, _url, defaults, wanted) {
    const { triggered, triggered_id: cause } = window.dash_clientside.callback_context;
    if (!triggered.length || !document.getElementById("datasets-page")) return [none(), none()];
    if (cause.type === "datasets-choose") {
      if (!triggered[0].value || cause.set === wanted.set) return [none(), none()];
      write({ set: cause.set, feature: "", colour: "", filter: "", search: "" }, "pushState");
      return [{ set: cause.set }, ""];
    }
    if (cause === "datasets-clear") {
      filter({});
      write({ filter: "", search: "" }, "replaceState");
      return [none(), ""];
    }
    if (cause === "shell-url") return follow(defaults, wanted, models[0], search);
    if (!defaults) return [none(), none()];
    const own = (name, value) => (value === defaults[name] && !query().has(name) ? "" : value);
    const view = { feature: own("feature", feature), colour: own("colour", colour) };
    const isChoice = cause === "datasets-feature" || cause === "datasets-colour";
    write({ ...view, filter: textOf(models[0]), search }, isChoice ? "pushState" : "replaceState");
    return [none(), none()];
  }

  // The rows that the grid holds are those of another search.
  function refresh() {
    const key = gridKey();
    if (key) window.dash_ag_grid.getApi(key).purgeInfiniteCache();
    return none();
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { datasets: { address, refresh } });
})();
