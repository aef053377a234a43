// The Admin page: cells of its grids, its dialog, what is copied. Colours and sizes are in page-admin.css.
(function () {
  const h = (...parts) => window.React.createElement(...parts);
  const none = () => window.dash_clientside.no_update;
  const MISSING = "\u2013";
  const TONES = { active: "low", locked: "medium", expired: "medium" };
  const COPIED_MS = 2000;

  function Name({ value, data }) {
    const name = h("span", { className: "cell-name", title: value }, value);
    return h("span", { className: "cell-subject" }, name, data.own && h("span", { className: "tag" }, "you"));
  }

  function State({ value }) {
    return h("span", { className: `pill pill-${TONES[value] || "plain"}` }, value);
  }

  function Ago({ value, data }) {
    if (!value) return data.created_at ? "never" : MISSING; // of a setting nobody notes it
    const title = new Date(value).toISOString();
    return h("time", { "data-since": value, title }, window.foresightAgo(value));
  }

  function Time(props) {
    return props.value ? h(window.dashAgGridComponentFunctions.ForesightTime, props) : "never";
  }

  function Act({ value, data }) {
    if (!value) return null;
    const of = { "data-admin": JSON.stringify(data.act_of), "aria-label": `${value} ${data.name}` };
    return h("button", { type: "button", className: "button cell-act", tabIndex: -1, ...of }, value);
  }

  window.dashAgGridComponentFunctions = Object.assign({}, window.dashAgGridComponentFunctions, {
    ForesightAdminName: Name,
    ForesightAdminState: State,
    ForesightAdminAgo: Ago,
    ForesightAdminTime: Time,
    ForesightAdminAct: Act,
  });

  // --- the dialog -----------------------------------------------------------------------------------

  // A grid is moved through by cell: Enter in one presses what is in it.
  function press(event) {
    if (event.target.matches("#admin-page .ag-cell")) event.target.querySelector("[data-admin]")?.click();
    else if (event.target.matches("#admin-dialog-body input:not([type=radio])")) {
      document.getElementById("admin-confirm").click();
    }
  }

  async function copy(button) {
    const text = document.getElementById(button.dataset.copies);
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch (error) {
      window.getSelection().selectAllChildren(text); // without TLS: by hand
      if (!document.execCommand("copy")) return;
    }
    const word = button.querySelector("span");
    const before = word.textContent;
    word.textContent = "Copied";
    window.setTimeout(() => (word.textContent = before), COPIED_MS);
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-admin]");
    const copier = event.target.closest("[data-copies]");
    if (opener) {
      const chosen = { ...JSON.parse(opener.dataset.admin), at: Date.now() };
      window.dash_clientside.set_props("admin-chosen", { data: chosen });
    } else if (copier) copy(copier);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) press(event);
  });

  // What is new in the dialog has the focus: its first field, else its title.
  function settle() {
    window.setTimeout(() => {
      const body = document.getElementById("admin-dialog-body");
      if (!body || body.contains(document.activeElement)) return;
      (body.querySelector("input[type=text], input[type=password]") || body.querySelector("h2"))?.focus();
    });
    return none();
  }

  // With the dialog goes what it held: passwords, a token that is shown once.
  function close() {
    const { prop_id: changed, value } = window.dash_clientside.callback_context.triggered[0] || {};
    if (changed === "admin-cancel.n_clicks" && value) return [false, []];
    return [none(), changed === "admin-dialog.is_open" && !value ? [] : none()];
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, { admin: { settle, close } });
})();
