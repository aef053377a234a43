// What is around the cells of a grid: its filters, the count of its rows, its width, what is saved.
(function () {
  const h = (...parts) => window.React.createElement(...parts);
  const none = () => window.dash_clientside.no_update;
  const NARROW_PX = 560;
  const CHOICES = 200; // values that a filter offers
  const frameOf = (key) => document.querySelector(`.grid-frame[data-grid="${CSS.escape(key)}"]`);
  const apiOf = (key) => window.dash_ag_grid.getApi(key);

  // --- filters --------------------------------------------------------------------------------------

  // The date picker means the time zone of the browser; what a person types there is UTC.
  function timeOrder(picked, value) {
    if (value === null || value === undefined) return -1;
    const utc = Date.UTC(
      picked.getFullYear(), picked.getMonth(), picked.getDate(),
      picked.getHours(), picked.getMinutes(), picked.getSeconds(),
    );
    return Math.sign(value - utc);
  }

  // Values of a column with how they are shown, in the order in which they are sorted.
  function choices(api, column, chosen) {
    const { context = {} } = column.getColDef();
    const known = context.choices || []; // of a grid whose rows are not all here
    const found = new Map([...known, ...chosen].map((value) => [value, value]));
    api.forEachNode((rowNode) => {
      const value = String(api.getCellValue({ rowNode, colKey: column }) ?? "");
      if (found.size < CHOICES || found.has(value)) {
        found.set(value, api.getCellValue({ rowNode, colKey: column, useFormatter: true }) || "\u2013");
      }
    });
    const { comparator } = column.getColDef();
    return [...found].sort(([a], [b]) => (comparator ? comparator(b, a) : a.localeCompare(b, "en", { numeric: true })));
  }

  function Choice({ model, onModelChange, api, column }) {
    const chosen = model ? model.values : [];
    window.dash_ag_grid.useGridFilter({
      doesFilterPass: ({ node }) =>
        chosen.includes(String(api.getCellValue({ rowNode: node, colKey: column }) ?? "")),
    });
    const toggle = (value) => {
      const values = chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value];
      onModelChange(values.length ? { values } : null);
    };
    return h(
      "fieldset",
      { className: "grid-choice" },
      h("legend", { className: "visually-hidden" }, `Show only these of ${column.getColDef().headerName}`),
      choices(api, column, chosen).map(([value, shown]) =>
        h(
          "label",
          { key: value },
          h("input", { type: "checkbox", checked: chosen.includes(value), onChange: () => toggle(value) }),
          shown,
        ),
      ),
    );
  }

  // --- the bar above a grid -------------------------------------------------------------------------

  const number = (value) => value.toLocaleString("en-US");

  function counted({ api, context }) {
    const frame = frameOf(context.grid);
    const count = frame && frame.querySelector(".grid-count");
    if (!count) return;
    let all = 0;
    api.forEachNode(() => (all += 1));
    const shown = api.getDisplayedRowCount();
    const rows = `row${all === 1 ? "" : "s"}`;
    const filtered = api.isAnyFilterPresent();
    const text = filtered ? `${number(shown)} of ${number(all)} ${rows}` : all ? `${number(all)} ${rows}` : "";
    if (count.textContent !== text) count.textContent = text;
    frame.querySelector(".grid-clear").hidden = !filtered;
    frame.classList.toggle("grid-unmatched", filtered && !shown && all > 0);
  }

  // Asked first when the bar is there: rows that came with the grid were drawn before it told of any.
  function search(text, id) {
    const seen = (api) => {
      const grid = { api, context: api.getGridOption("context") };
      if (text || api.getGridOption("quickFilterText")) api.setGridOption("quickFilterText", text || "");
      fit(grid);
      counted(grid);
    };
    const gone = () => undefined; // left before the grid was there
    window.dash_ag_grid.getApiAsync(id.grid).then(seen).catch(gone);
    return text || "";
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".grid-clear");
    if (!button) return;
    const { grid } = button.closest(".grid-frame").dataset;
    apiOf(grid).setFilterModel(null);
    window.dash_clientside.set_props({ type: "grid-search", grid }, { value: "" });
    button.closest(".grid-frame").querySelector(".grid-search input").focus();
  });

  // --- narrow screens -------------------------------------------------------------------------------

  const fitted = new WeakMap(); // what was done to a grid last: a column that a person moved stays

  function fit({ api, context, type }) {
    const frame = frameOf(context.grid);
    if (!frame || !frame.clientWidth) return;
    const isNarrow = frame.clientWidth < NARROW_PX;
    const state = (api.getColumns() || []).map((column) => {
      const { context: rules = {}, flex, width, minWidth, hide } = column.getColDef();
      const size = isNarrow && rules.narrow ? rules.narrow : minWidth;
      column.minWidth = size; // there is no other way that a column that grows could be smaller
      return {
        colId: column.getColId(),
        hide: Boolean(hide) || rules.hideBelow > frame.clientWidth,
        ...(flex ? { flex } : { width: isNarrow && rules.narrow ? size : width || size }),
      };
    });
    const done = JSON.stringify(state);
    if (fitted.get(api) === done && type !== "newColumnsLoaded") return;
    fitted.set(api, done);
    api.setColumnWidths(state.filter((one) => one.width).map((one) => ({ key: one.colId, newWidth: one.width })));
    api.applyColumnState({ state }); // after it, for it shares out what is left
  }

  // --- what is saved --------------------------------------------------------------------------------

  // The rows as they are filtered and sorted; the server makes the file.
  function exported(_clicks, name, id) {
    const { triggered_id: button, triggered } = window.dash_clientside.callback_context;
    if (!button || !triggered[0].value) return none();
    const api = apiOf(id.grid);
    const columns = api.getColumns().filter((column) => {
      const { field, headerName, context = {} } = column.getColDef();
      return field && headerName && context.export !== false;
    });
    const rows = [];
    api.forEachNodeAfterFilterAndSort((rowNode) =>
      rows.push(columns.map((colKey) => api.getCellValue({ rowNode, colKey }) ?? null)),
    );
    const heads = columns.map((column) => {
      const { headerName, context = {} } = column.getColDef();
      return { title: headerName, kind: context.kind || "text", unit: context.unit || "" };
    });
    return { name, format: button.format, columns: heads, rows, at: Date.now() };
  }

  window.dashAgGridFunctions = Object.assign({}, window.dashAgGridFunctions, {
    ForesightChoice: Choice,
    ForesightTimeOrder: timeOrder,
    ForesightCounted: counted,
    ForesightFitted: fit,
  });
  window.dash_clientside = Object.assign({}, window.dash_clientside, { grid: { search, exported } });
})();
