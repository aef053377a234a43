// The Ask page: asking by address, cells of its grid. Colours and sizes are in app.css.
(function () {
  const h = (...parts) => window.React.createElement(...parts);
  const none = () => window.dash_clientside.no_update;
  const MISSING = "\u2013";
  const known = (value) => value !== null && value !== undefined;

  function Text({ value, data, colDef }) {
    const text = known(value) && value !== "" ? String(value) : MISSING;
    const link = data.href && data.linked === colDef.field;
    return link ? h("a", { href: data.href }, text) : h("span", { className: "cell-name" }, text);
  }

  window.dashAgGridComponentFunctions = Object.assign({}, window.dashAgGridComponentFunctions, {
    ForesightText: Text,
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

  window.dash_clientside = Object.assign({}, window.dash_clientside, { ask: { first, giveUp } });
})();
