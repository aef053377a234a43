// Follows the live stream while the page is looked at; without it the page polls.
(function () {
  const root = document.documentElement;
  const FIRST_MS = 1000; // before the first attempt to connect again; each later one waits twice as long
  const LONGEST_MS = 30000;
  const SILENT_MS = 40000; // the server has a heart-beat each 15 s
  const TOGETHER_MS = 50; // events that come at once are shown at once
  const TRY_AGAIN_LATER = 1013;
  const REMEMBERED = "foresight-last-event";
  let socket = null;
  let wanted = false;
  let failures = 0;
  let retry = null;
  let silence = null;
  let news = null;

  function lastId() {
    try {
      return window.sessionStorage.getItem(REMEMBERED);
    } catch (error) {
      return null; // Storage may be forbidden; then the newest events come again.
    }
  }

  function remember(id) {
    try {
      window.sessionStorage.setItem(REMEMBERED, id);
    } catch (error) {
      // Not remembered then.
    }
  }

  // The server knows which events this page has shown; here it is only told to look.
  function askForNews() {
    if (news !== null) return;
    news = window.setTimeout(() => {
      news = null;
      window.dash_clientside.set_props("shell-news", { data: Date.now() });
    }, TOGETHER_MS);
  }

  // open: events come by themselves; polling: they don't; nothing while paused or not known yet.
  function show(state) {
    if ((root.dataset.stream || "") === state) return;
    if (state) root.dataset.stream = state;
    else delete root.dataset.stream;
    window.dash_clientside.set_props("shell-stream", { data: state });
    if (state) askForNews();
  }

  function hear(message) {
    failures = 0;
    window.clearTimeout(silence);
    silence = window.setTimeout(lose, SILENT_MS);
    if (message.type === "anomaly") {
      remember(message.id);
      askForNews();
    } else if (message.type === "heartbeat") {
      remember(message.last_id);
      show("open");
    }
  }

  function connect() {
    retry = null;
    if (!wanted || socket) return;
    const address = new URL("/ws", window.location.href);
    address.protocol = address.protocol.replace("http", "ws");
    if (lastId() !== null) address.searchParams.set("last_id", lastId());
    socket = new WebSocket(address.href);
    socket.onmessage = (event) => hear(JSON.parse(event.data));
    socket.onclose = (event) => lose(event);
  }

  function lose(closed) {
    leave();
    show("polling");
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** failures);
    const full = (closed && closed.code === TRY_AGAIN_LATER) || root.dataset.connection === "out";
    failures += 1;
    retry = window.setTimeout(connect, (full ? LONGEST_MS : pause) * (0.5 + Math.random() / 2));
  }

  function leave() {
    window.clearTimeout(retry);
    window.clearTimeout(silence);
    if (!socket) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    socket = null;
  }

  function follow(isLive, visible, pace) {
    wanted = pace.stream && isLive !== false && visible !== false && !document.hidden;
    if (!wanted) leave();
    if (!wanted) show(pace.stream ? "" : "polling");
    else if (!socket) connect();
  }

  const interval = (state, pace) => (state === "open" ? pace.open_ms : pace.poll_ms);

  // The light of the switch and its words follow what is said on the root element.
  function describe() {
    const { live, connection, stream } = root.dataset;
    if (live === "off") return ["Paused", "Resume updates"];
    if (connection === "lost") return ["Offline", "The server is away. Click to pause."];
    if (connection === "out") return ["Signed out", "Sign in again to see news."];
    if (connection === "failing") return ["Failing", "The server answers with errors. Click to pause."];
    if (stream === "polling") return ["Polling", "Looks for news every few seconds. Click to pause."];
    return ["Live", "News is shown as it is scored. Click to pause."];
  }

  function say() {
    if (!document.getElementById("shell-live")) return;
    const [word, title] = describe();
    window.dash_clientside.set_props("shell-live-word", { children: word });
    window.dash_clientside.set_props("shell-live", { title });
  }

  const attributeFilter = ["data-live", "data-connection", "data-stream"];
  new MutationObserver(say).observe(root, { attributes: true, attributeFilter });

  window.dash_clientside = Object.assign({}, window.dash_clientside, { live: { follow, interval } });
})();
