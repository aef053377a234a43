// Links that Dash does not draw itself, in grids and on bars: they open their page without a new load.
(function () {
  function go(href) {
    window.history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate")); // as `dcc.Link` does
    window.scrollTo(0, 0);
  }

  // A bar names its page in the last part of its `customdata`.
  function follow(click) {
    const href = click && click.points[0].customdata.at(-1);
    if (!href) return window.dash_clientside.no_update;
    go(href);
    return null; // the same bar can be clicked again
  }

  // On the window, so that pages which do more with their links have had them before.
  window.addEventListener("click", (event) => {
    const link = event.target.closest?.(".ag-root a[href]");
    const other = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || other || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    const dashboard = document.querySelector(".nav-entry")?.pathname;
    if (link.origin !== window.location.origin || !dashboard || !link.pathname.startsWith(dashboard)) return;
    event.preventDefault();
    go(link.href);
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, { links: { follow } });
})();
