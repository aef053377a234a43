// Says when the server is away, and starts polling again when a request was lost on the way.
(function () {
  const RETRY_MS = 5000;
  const plain = window.fetch;

  function stateOf(status) {
    if (status === 401) return "out";
    return status >= 500 ? "failing" : "ok";
  }

  function report(state) {
    if (document.documentElement.dataset.connection !== state) {
      document.documentElement.dataset.connection = state;
    }
    if (state === "lost") {
      window.setTimeout(() => {
        window.dash_clientside.set_props("shell-connection", { data: Date.now() });
      }, RETRY_MS);
    }
  }

  window.fetch = function (...request) {
    const address = String(request[0] && request[0].url ? request[0].url : request[0]);
    const answer = plain.apply(this, request);
    if (address.includes("_dash-update-component")) {
      answer.then(
        (response) => report(stateOf(response.status)),
        () => report("lost"),
      );
    }
    return answer;
  };
})();
