// The Models page: the kind of subject is in the address, so that a copied link shows the same.
(function () {
  const DEFAULT = "endpoint"; // as in pages/models.py
  const chosen = () => new URLSearchParams(window.location.search).get("subject") || DEFAULT;

  function remember(subject) {
    if (subject !== chosen()) {
      const query = new URLSearchParams(window.location.search);
      query.set("subject", subject);
      const search = `?${query.toString().replaceAll("%3A", ":")}`;
      window.history.pushState(window.history.state, "", window.location.pathname + search);
    }
    return window.dash_clientside.no_update;
  }

  window.addEventListener("popstate", () => {
    if (document.getElementById("models-subject")) {
      window.dash_clientside.set_props("models-subject", { value: chosen() });
    }
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, { models: { remember } });
})();
