// Says when the server is away or answers with errors, and starts again the polls that were lost.
(function () {
  const RETRY_MS = 5000;
  const LONGEST_MS = 30000; // a poll that takes longer was swallowed on the way
  const PASSING_MS = 15000; // how long the failure of something that was asked once is shown
  const SHELL = "shell";
  const plain = window.fetch;
  const root = document.documentElement;
  const failing = new Map(); // what was asked -> the clock that asks it; null for a person
  const lost = new Set(); // clocks whose poll never came back
  let network = "ok"; // or lost, or out: signed out
  let pageLost = false; // a change of page never came back
  let retry = null;

  function show() {
    const state = network === "ok" && failing.size ? "failing" : network;
    if (root.dataset.connection === state) return;
    root.dataset.connection = state;
    if (state !== "out") return;
    const next = encodeURIComponent(window.location.pathname + window.location.search);
    document.getElementById("shell-sign-in").href = `/auth/login?next=${next}`;
  }

  const tell = (data) => window.dash_clientside.set_props("shell-connection", { data });

  // What a request is about: its outputs, and the clock that asked or null.
  function asked(body) {
    const { output, inputs } = JSON.parse(body);
    const clock = (inputs || []).flat().find((input) => input.id && input.id.type === "shell-tick");
    return { output, clock: clock ? clock.id.of : null, isPage: output.includes("_pages_content.") };
  }

  function answered({ output, clock, isPage }, status) {
    network = status === 401 ? "out" : "ok";
    if (isPage && status < 400) {
      failing.forEach((of, old) => of !== SHELL && failing.delete(old)); // left with their page
    }
    if (status < 400 || status === 401) failing.delete(output);
    else failing.set(output, clock);
    if (failing.has(output) && clock === null) {
      window.setTimeout(() => failing.delete(output) && show(), PASSING_MS);
    }
    show();
  }

  function vanished({ clock, isPage }) {
    if (clock !== null) lost.add(clock);
    pageLost = pageLost || isPage;
    network = "lost";
    show();
    tell({ lost: Date.now() });
    retry = retry || window.setTimeout(tryAgain, RETRY_MS);
  }

  function tryAgain() {
    window.clearTimeout(retry);
    retry = null;
    plain("/healthz", { cache: "no-store", signal: AbortSignal.timeout(RETRY_MS) }).then(
      comeBack,
      () => (retry = window.setTimeout(tryAgain, RETRY_MS)),
    );
  }

  function comeBack() {
    if (pageLost) return window.location.reload(); // the address is ahead of what is shown
    network = "ok";
    show();
    tell({ again: [...lost] });
    lost.clear();
  }

  window.addEventListener("online", () => network === "lost" && tryAgain());

  // The whole answer, or a failure: Dash would wait for ever for one that breaks off in the middle.
  async function whole(response) {
    if (response.status === 204) return response;
    return new Response(await response.blob(), response);
  }

  window.fetch = function (resource, options) {
    const address = String((resource && resource.url) || resource);
    const { body, signal } = options || {};
    if (!address.includes("_dash-update-component") || typeof body !== "string") {
      return plain.apply(this, arguments);
    }
    const about = asked(body);
    const limit = about.clock === null || signal ? {} : { signal: AbortSignal.timeout(LONGEST_MS) };
    const answer = plain.call(this, resource, { ...options, ...limit }).then(whole);
    answer.then(
      (response) => answered(about, response.status),
      () => vanished(about),
    );
    return answer;
  };
})();
