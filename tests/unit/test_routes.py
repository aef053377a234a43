"""Names of endpoints: what a path is called, and that there are never too many names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.call import UNMATCHED
from ingest.routes import MAX_NAME_CHARACTERS, OTHER_ENDPOINT, RouteNames, route_template


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        pytest.param("/", "/", id="root"),
        pytest.param("//", "/", id="double root"),
        pytest.param("/search", "/search", id="plain"),
        pytest.param("/search/?q=1", "/search", id="slash at the end, query"),
        pytest.param("/search#top", "/search", id="fragment"),
        pytest.param("//admin//index.php", "/admin/index.php", id="double slashes"),
        pytest.param("/a/./b/../c", "/a/c", id="dots"),
        pytest.param("/../../etc/passwd", "/etc/passwd", id="dots above the root"),
        pytest.param("/%61dmin%2Findex.php", "/admin/index.php", id="percent-encoded"),
        pytest.param("/Straße/%C3%A4rzte", "/Straße/ärzte", id="other alphabets"),
        pytest.param("/a;jsessionid=12AB/b", "/a/b", id="matrix parameter"),
        pytest.param("http://x.example/a/7?b", "/a/{id}", id="absolute form"),
        pytest.param("http://x.example", "/", id="absolute form of the root"),
        pytest.param("/robots.txt", "/robots.txt", id="robots"),
        pytest.param("/favicon.ico", "/favicon.ico", id="favicon"),
        pytest.param("/INDEX.PHP", "/INDEX.php", id="case of the extension"),
        pytest.param("/.env", "/.env", id="dot file"),
        pytest.param("/backup.sql", "/backup.sql", id="a file that should not be there"),
        pytest.param("/orders/1042", "/orders/{id}", id="number"),
        pytest.param("/orders/1042/lines/3", "/orders/{id}/lines/{id}", id="two numbers"),
        pytest.param("/orders/order-1042", "/orders/{id}", id="prefix and number"),
        pytest.param("/users/user12345", "/users/{id}", id="letters and number"),
        pytest.param("/users/ann@mail.example", "/users/{id}", id="mail address"),
        pytest.param("/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "/u/{id}", id="UUID"),
        pytest.param("/commit/3f2504e0", "/commit/{id}", id="short hash"),
        pytest.param("/t/dGhpcyBpcyBh1HRva2Vu", "/t/{id}", id="base64"),
        pytest.param("/t/01hx5zzkbkactav9wevgemmvrz", "/t/{id}", id="ULID"),
        pytest.param("/days/2026-03-18", "/days/{id}", id="date"),
        pytest.param("/2026/03/18/news", "/{id}/{id}/{id}/news", id="date in parts"),
        pytest.param("/api/v1/users", "/api/v1/users", id="version"),
        pytest.param("/reset-password-now", "/reset-password-now", id="three words"),
        pytest.param("/defaced", "/defaced", id="a word of hexadecimal letters"),
        pytest.param("/news/why-we-moved-to-the-hills", "/news/{slug}", id="title"),
        pytest.param("/news/why-we-moved.html", "/news/{slug}.html", id="title of a page"),
        pytest.param("/item/1042.html", "/item/{id}.html", id="page of a number"),
        pytest.param("/logo.PNG", "/{file}.png", id="asset at the root"),
        pytest.param("/static/app.3f25.min.js", "/static/{file}.js", id="asset"),
        pytest.param("/a/b/c/d/e.css", "/a/{path}/{file}.css", id="deep asset"),
        pytest.param("/u/1042/face.jpg", "/u/{path}/{file}.jpg", id="asset of a number"),
        pytest.param("/a/b/c/d", "/a/b/c/d", id="four deep"),
        pytest.param("/a/b/c/d/e", "/a/b/c/{path}", id="five deep"),
        pytest.param("/a/b/c/d/e.html", "/a/b/c/{path}.html", id="five deep with extension"),
        pytest.param("/<script>", "/{text}", id="markup"),
        pytest.param("/tags/a%00b", "/tags/{text}", id="control character"),
        pytest.param("/{id}", "/{text}", id="what looks like a template"),
        pytest.param("/(unmatched)", "/{text}", id="what looks like the name of no route"),
        pytest.param("/" + "z" * 41, "/{slug}", id="long"),
        pytest.param("*", UNMATCHED, id="asterisk"),
        pytest.param("x.example:443", UNMATCHED, id="authority form"),
        pytest.param("", UNMATCHED, id="empty"),
        pytest.param("../etc", UNMATCHED, id="no slash"),
    ],
)
def test_a_path_has_the_name_of_its_route(path: str, endpoint: str) -> None:
    assert route_template(path, 200) == endpoint


@pytest.mark.parametrize("path", ["/", "/orders/1042", "/wp-login.php"])
def test_a_path_that_was_not_found_has_no_route(path: str) -> None:
    assert route_template(path, 404) == UNMATCHED


@pytest.mark.parametrize("status", [200, 304, 301, 400, 401, 403, 405, 410, 500, 503])
def test_any_other_answer_comes_from_a_route(status: int) -> None:
    assert route_template("/orders/1042", status) == "/orders/{id}"


@given(st.text())
def test_any_text_has_a_name_that_fits_and_is_stable(path: str) -> None:
    name = route_template(path, 200)
    assert name == UNMATCHED or (name.startswith("/") and len(name) <= MAX_NAME_CHARACTERS)
    assert name.isprintable()
    assert route_template(path, 200) == name


def test_a_very_long_path_has_a_name() -> None:
    assert route_template("/a" * 100_000, 200) == "/a/a/a/{path}"


def test_a_directory_has_no_more_names_than_its_breadth() -> None:
    names = RouteNames(breadth=2)
    words = ["ant", "bee", "cat", "ant", "dog"]
    assert [names.name(f"/tags/{word}", 200) for word in words] == [
        "/tags/ant",
        "/tags/bee",
        "/tags/{name}",
        "/tags/ant",
        "/tags/{name}",
    ]
    assert names.name("/tags", 200) == "/tags"
    assert names.name("/tags/eel/edit", 200) == "/tags/{name}/edit"
    assert names.name("/tags/fox/edit", 200) == "/tags/{name}/edit"


def test_names_beyond_the_limit_share_one() -> None:
    names = RouteNames(limit=2)
    paths = ["/a", "/b", "/c", "/a", "/d/7"]
    assert [names.name(path, 200) for path in paths] == [
        "/a",
        "/b",
        OTHER_ENDPOINT,
        "/a",
        OTHER_ENDPOINT,
    ]
    assert names.given("/given/{by}/the/application") == OTHER_ENDPOINT
    assert names.name("/e", 404) == UNMATCHED


def test_an_endpoint_that_the_log_names_stays_as_it_is() -> None:
    names = RouteNames(breadth=1)
    assert names.given("/a/<int:id>") == "/a/<int:id>"
    assert names.given("/a/<int:id>/b") == "/a/<int:id>/b"


def test_a_scanner_of_a_site_that_answers_everything_makes_few_names() -> None:
    names = RouteNames()
    words = [
        f"{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)}" for n in range(5_000)
    ]
    for word in words:
        names.name(f"/{word}", 200)
        names.name(f"/{word}/{word}.php", 200)
    assert len(names) < 200
