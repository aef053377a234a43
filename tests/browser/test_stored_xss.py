"""Scripts in names that strangers choose: every page shows them as text, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Browser, Dialog, expect

from ingest.access_log import import_log
from jobs.access.register import digest
from store import Store, accounts
from tests.browser.conftest import OpenPage, Watched, full_minute, score, store_of
from tests.news import add_news
from tests.people import PASSWORD
from tests.rows import MINUTE, SEAL
from tests.server import TOKEN, Server, running_server

RUN: Final = "window.__xss=1"
SCRIPTS: Final = (
    f"<script>{RUN}</script>",
    f'"><img src=x onerror="{RUN}">',
    f"'><svg onload={RUN}>",
    f"</script><script>{RUN}</script>",
    f"</textarea></title></style><script>{RUN}</script>",
    f"javascript:{RUN}//",
    f"[go](javascript:{RUN})",
    f'<a href="javascript:{RUN}">go</a>',
    f'<iframe srcdoc="<script>parent.{RUN.removeprefix("window.")}</script>">',
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    f"${{{RUN}}}",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"&#60;img src=x onerror={RUN}&#62;",
    f"\u202e<script>{RUN}</script>",
    "<b>xbold</b><br><i>%{fullData.name}",
    f'<math><a xlink:href="javascript:{RUN}">go',
)
# Whoever runs is heard, also before the page is there; and so is the policy that stops it.
LISTEN: Final = """
  Object.defineProperty(window, '__xss', {set: () => console.error('a script was run')});
  addEventListener('securitypolicyviolation', e => console.error('stopped: ' + e.blockedURI));
"""
MADE: Final = """() => {
  const made = 'img[src=x], [onerror], [onload], iframe[srcdoc], math, svg a, b, script:not([src])';
  const links = 'a[href^="javascript:" i], [*|href^="javascript:" i]';
  const plain = [...document.querySelectorAll(`${made}, ${links}`)]
    .filter(e => /__xss|xbold|^go$/.test(e.outerHTML.slice(0, 3000)) && e.tagName !== 'SCRIPT');
  const bold = [...document.querySelectorAll('tspan')].filter(e => e.textContent === 'xbold');
  return [...plain, ...bold].map(e => e.outerHTML.slice(0, 300));
}"""
HOVER: Final = """() => {
  let said = '';
  for (const chart of document.querySelectorAll('.js-plotly-plot')) {
    (chart.data || []).forEach((trace, curveNumber) => {
      const values = trace.y || trace.x || trace.labels || [];
      const points = Math.min(values.length || 0, 40);
      for (let pointNumber = 0; pointNumber < points; pointNumber += 1) {
        try {
          window.Plotly.Fx.hover(chart, [{curveNumber, pointNumber}]);
        } catch (error) { /* a trace that has nothing to hover, such as a heat map */ }
        const found = chart.querySelectorAll('.hoverlayer a, .hoverlayer script');
        if (found.length) throw new Error('made of a name: ' + found[0].outerHTML);
        said += chart.querySelector('.hoverlayer')?.textContent || '';
        const bold = [...chart.querySelectorAll('.hoverlayer tspan')];
        if (bold.some(e => e.textContent === 'xbold')) throw new Error('a name was made bold');
      }
    });
  }
  return said;
}"""


def calls(until: int) -> Iterator[dict[str, Any]]:
    """Some minutes in which each name is an endpoint and a user, and all fails."""
    for at, text in enumerate(SCRIPTS):
        for minute in (2, 3, 4):
            for second in range(12):
                yield {
                    "timestamp": until - minute * MINUTE + second * 1000 + at,
                    "method": "GET",
                    "path": f"/{text}",
                    "endpoint": f"/{text}",
                    "user_id": text,
                    "ip_address": "192.0.2.7",
                    "status_code": 503,
                    "response_time_ms": 900,
                }


def log_lines(until: int) -> dict[str, list[bytes]]:
    """The same names in logs of each format."""
    moment = "[18/Mar/2026:15:30:07 +0000]"
    call = {"timestamp": until - 5 * MINUTE, "method": "GET", "status_code": 500}
    json_calls = [call | {"path": f"/{t}", "ip_address": t, "user_id": t} for t in SCRIPTS]
    quoted = [text.replace('"', '""') for text in SCRIPTS]
    return {
        "combined": [
            f'192.0.2.9 - {text} {moment} "GET /{text} HTTP/1.1" 500 5 "{text}" "{text}"'.encode()
            for text in SCRIPTS
        ],
        "json": [json.dumps(one).encode() for one in json_calls],
        "csv": [
            b"timestamp,method,path,status_code,ip_address,user_id",
            *(f'{until},GET,"/{t}",500,"{t}","{t}"'.encode() for t in quoted),
        ],
    }


def told(server: Server) -> None:
    """What people and programs say: questions, reasons, names of users that are refused."""
    for text in SCRIPTS:
        server.request("POST", "/api/admin/query", {"query": f"errors of {text}"})
        saved = {"name": text, "text": f"calls of user {text}"}
        assert server.request("POST", "/api/questions/saved", saved)[0] == 201
        user = text.encode().decode("latin-1")
        agent: dict[str, Any] = {
            "User_Agent": user,
            "X_Forwarded_User": user,
            "X_Forwarded_For": "203.0.113.9",
        }
        server.request("GET", f"/search/{quote(text)}", **agent)
    server.request("POST", "/api/admin/query", {"query": "calls by endpoint in the last hour"})


def fill(store: Store, server: Server) -> None:
    """Everything that a stranger can get stored, scored."""
    until = full_minute()
    batch = list(calls(until))
    status, _, body = server.request("POST", "/api/calls", batch)
    assert (status, json.loads(body)["accepted"]) == (202, len(batch))
    for form, lines in log_lines(until).items():
        report = import_log(store, lines, format=form, seal=SEAL)  # type: ignore[arg-type]
        assert report.stored > 0, form
    with store.begin() as connection:
        for text in SCRIPTS:
            accounts.add_token(
                connection,
                name=text[:64],
                digest=digest(text),
                hint="fs_12345678",
                role="viewer",
                scope="all",
                created_by=text[:64],
                created_at=until,
                expires_at=None,
            )
    score(store, until)
    told(server)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that was told every name."""
    options: dict[str, Any] = {"admin_password": PASSWORD, "trusted_proxies": "127.0.0.1/32"}
    with running_server(tmp_path_factory.mktemp("xss"), scheduler=0, demo=0, **options) as server:
        with store_of(server) as store:
            fill(store, server)
        yield server


def pages(server: Server) -> dict[str, str]:
    """Address of every page -> a text that it has to show as it is, empty where it shows none."""
    shown = "<script>window.__xss"
    high = server.get_json("/api/anomalies?subject=endpoint&priority=HIGH&limit=100")["items"]
    assert len(high) > 10
    names = list(dict.fromkeys(window["endpoint"] for window in high))
    found = {"/dashboard/?range=1h": shown, "/dashboard/analytics?range=1h": shown}
    for name in (names[0], names[-1]):
        query = urlencode({"endpoint": name, "method": "GET", "range": "1h"})
        found[f"/dashboard/endpoint?{query}"] = name[:20]
    for name in (SCRIPTS[0], SCRIPTS[14]):
        found[f"/dashboard/client?{urlencode({'client': name, 'range': '1h'})}"] = name[:20]
    ids = [window["id"] for window in high]
    every = urlencode({"q": "", "endpoint": SCRIPTS[0], "priority": SCRIPTS[1], "range": "1h"})
    questions = (f"errors on {names[0]}", "calls by user in the last hour", SCRIPTS[0], SCRIPTS[8])
    found |= {
        "/dashboard/client": shown,
        "/dashboard/alerts?range=1h": shown,
        f"/dashboard/alerts?range=1h&incident={ids[0]}": shown,
        "/dashboard/alerts?range=1h&view=windows": shown,
        f"/dashboard/alerts?{every}": shown,
        "/dashboard/models": "",
        f"/dashboard/models?{urlencode({'subject': SCRIPTS[0]})}": shown,
        "/dashboard/datasets?set=own&range=1h": shown,
        f"/dashboard/datasets?{urlencode({'set': SCRIPTS[0]})}": shown,
        f"/dashboard/?{urlencode({'range': SCRIPTS[1]})}": "onerror",
        "/dashboard/admin": "",
        "/dashboard/admin?tab=tokens": shown,
        "/dashboard/admin?tab=audit": shown,
        f"/dashboard/{quote(SCRIPTS[0], safe='')}": "",
        f"/no/such/{quote(SCRIPTS[0], safe='')}": "",
        f"/api/logs?{urlencode({'limit': SCRIPTS[0]})}": shown,
        "/api/docs": "",
    }
    return found | {f"/dashboard/ask?{urlencode({'q': text})}": "<" for text in questions}


def looked_at(seen: Watched, address: str, shown: str) -> str:
    """Open a page, point at all of its charts; nothing was made of a name. What the charts said."""
    page = seen.open(address)
    page.wait_for_load_state("networkidle")
    if shown:
        expect(page.locator("body")).to_contain_text(shown)
    said: str = page.evaluate(HOVER)
    assert page.evaluate(MADE) == [], address
    refused = [text for text in seen.errors if "Failed to load resource" not in text]
    assert refused == [], address
    seen.errors.clear()
    return said


def test_no_page_runs_or_draws_what_a_name_says(attacked: Server, watched: OpenPage) -> None:
    dialogs: list[str] = []

    def dismissed(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    with watched(attacked) as seen:
        seen.page.add_init_script(LISTEN)
        seen.page.on("dialog", dismissed)
        said = [looked_at(seen, *page) for page in pages(attacked).items()]
        seen.page.goto("about:blank")
    assert dialogs == []
    assert sum("<" in text for text in said) >= 2, "no chart told of a name"


def test_a_notice_of_the_stream_is_text(attacked: Server, watched: OpenPage) -> None:
    with watched(attacked) as seen, store_of(attacked) as store:
        seen.page.add_init_script(LISTEN)
        page = seen.open()
        expect(page.locator("html")).to_have_attribute("data-stream", "open")
        for text in (SCRIPTS[0], SCRIPTS[2], SCRIPTS[14]):
            add_news(store, f"/new{text}")
            note = page.locator("#shell-toasts .note").filter(has_text=f"/new{text[:20]}")
            expect(note).to_have_count(1)
        assert page.evaluate(MADE) == []


def test_a_name_that_is_refused_is_text_in_the_form(attacked: Server, watched: OpenPage) -> None:
    with watched(attacked, token=False) as seen:
        seen.page.add_init_script(LISTEN)
        for text in (SCRIPTS[1], SCRIPTS[4][:64]):
            page = seen.open(f"/auth/login?{urlencode({'next': text})}")
            page.locator("#username").fill(text)
            page.locator("#password").fill("wrong")
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_role("alert")).to_be_visible()
            expect(page.locator("#username")).to_have_value(text)
            assert page.evaluate(MADE) == []
        seen.errors[:] = [text for text in seen.errors if "status of 401" not in text]


INJECTED: Final = """() => {
  window.__ran = [];
  const script = document.createElement('script');
  script.textContent = "window.__ran.push('script')";
  document.body.append(script);
  const image = document.createElement('div');
  image.innerHTML = `<img src="data:," onerror="window.__ran.push('image')">`;
  document.body.append(image);
  const link = document.createElement('a');
  link.href = "javascript:void window.__ran.push('link')";
  document.body.append(link);
  link.click();
  return new Promise(done => setTimeout(() => done(window.__ran), 500));
}"""


@pytest.mark.parametrize("path", ["/dashboard/", "/auth/login", "/api/docs", "/no/such/page"])
def test_the_policy_stops_a_script_that_got_in(
    attacked: Server, browser: Browser, path: str
) -> None:
    ran = {}
    for bypass in (False, True):
        context = browser.new_context(
            extra_http_headers={"Authorization": f"Bearer {TOKEN}", "Accept": "text/html"},
            bypass_csp=bypass,
        )
        page = context.new_page()
        page.goto(attacked.url + path)
        ran[bypass] = set(page.evaluate(INJECTED))
        context.close()
    assert ran == {False: set(), True: {"script", "image", "link"}}
