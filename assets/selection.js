// A time that is selected by a click on a chart is in the address (`?at=`): a copied link shows it.
(function () {
  const none = () => window.dash_clientside.no_update;

  // Plotly tells UTC times as "2026-11-22 14:03", numbers are epoch milliseconds.
  const instant = (x) => (typeof x === "number" ? x : Date.parse(`${String(x).trim().replace(" ", "T")}Z`));
  const iso = (at) => new Date(at).toISOString().replace(/\.000Z$/, "Z");

  // What the address selects, when it is not what is selected already.
  const at = (search, current) => {
    const found = new URLSearchParams(search || "").get("at");
    return found === (current || null) ? none() : found;
  };

  // A click on a chart (`clickData`) selects, any button (`n_clicks`) ends the selection. The last argument is the address.
  function pick(...args) {
    const { triggered, inputs_list: inputs } = window.dash_clientside.callback_context;
    const { prop_id: changed, value } = triggered[0] || {};
    if (!changed || !value) return none();
    const query = new URLSearchParams(args.at(-1) || "");
    if (changed.endsWith(".n_clicks")) {
      query.delete("at");
    } else {
      // Else a second click on the same point would be no change.
      inputs.filter((input) => input.property === "clickData").forEach((input) => window.dash_clientside.set_props(input.id, { clickData: null }));
      const clicked = instant(value.points[0].x);
      if (Number.isNaN(clicked)) return none();
      query.set("at", iso(clicked));
    }
    return `?${query.toString().replaceAll("%3A", ":")}`;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { selection: { at, pick } });
})();
