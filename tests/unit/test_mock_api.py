"""The mock shop over HTTP: what is answered, and who the capture hook is told the call is from."""

from __future__ import annotations

import json
import time

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from ingest import mock_api
from ingest.shop.faults import FaultSwitch, clear_fault, start_fault
from ingest.shop.front import DEMO_CARD, DEMO_PASSWORD, TOKEN_CHARACTERS, password
from ingest.shop.model import Shop
from ingest.signature import simulator_key

KEY = "k" * 40
PAID = {"amount": 12.5, "currency": "EUR", "card": DEMO_CARD}


@pytest.fixture
def server() -> Flask:
    """A server with nothing but the shop; keeps who each call was from."""
    server = Flask(__name__)
    server.register_blueprint(mock_api.blueprint(Shop(seed=1), KEY))
    callers: list[str | None] = []
    server.extensions["callers"] = callers

    @server.teardown_request
    def keep_caller(_: object) -> None:
        callers.append(request.environ.get(mock_api.USER_ID))

    return server


@pytest.fixture
def client(server: Flask) -> FlaskClient:
    return server.test_client()


@pytest.fixture
def bearer(client: FlaskClient) -> dict[str, str]:
    """Headers of the demo user after a login."""
    answer = client.post("/login", json={"username": "demo", "password": DEMO_PASSWORD})
    return {"Authorization": f"Bearer {answer.get_json()['token']}"}


def test_the_demo_user_gets_a_token_for_the_documented_password(client: FlaskClient) -> None:
    answer = client.post("/login", json={"username": "demo", "password": "demo-shop"})
    assert answer.status_code == 200
    assert answer.get_json()["token_type"] == "bearer"


def test_an_account_opens_with_the_password_that_follows_from_the_simulators_key(
    client: FlaskClient,
) -> None:
    known = password(simulator_key(KEY), "u017")
    answer = client.post("/login", json={"username": "u017", "password": known})
    assert answer.status_code == 200
    assert len(answer.get_json()["token"]) == TOKEN_CHARACTERS


@pytest.mark.parametrize(
    ("username", "given"),
    [("demo", "wrong"), ("u017", "wrong"), ("u999", "wrong"), ("nobody", "wrong"), ("ü17", "ß")],
)
def test_wrong_credentials_are_401(client: FlaskClient, username: str, given: str) -> None:
    answer = client.post("/login", json={"username": username, "password": given})
    assert answer.status_code == 401
    assert answer.get_json()["error"]["code"] == "wrong_credentials"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body"),
        (b"[1]", "body"),
        (b"{", "body"),
        (b"\xff\xfe", "body"),
        (b"[" * 9_000, "body"),
        (b"{}", "username"),
        (b'{"username": 7, "password": "x"}', "username"),
        (b'{"username": "demo"}', "password"),
        (b'{"username": "demo", "password": ""}', "password"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_malformed_login_is_400_and_says_what_is_wrong(
    client: FlaskClient, body: bytes, field: str
) -> None:
    answer = client.post("/login", data=body)
    assert answer.status_code == 400
    assert answer.get_json()["error"]["details"] == {"field": field}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x.y.z", "Basic abc"])
def test_a_payment_without_a_valid_token_is_401(client: FlaskClient, header: str) -> None:
    answer = client.post("/payment", json=PAID, headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="shop"'


def test_a_token_of_another_key_is_401(client: FlaskClient) -> None:
    foreign = mock_api.Tokens("another key, long enough to be one").token_for("demo")
    answer = client.post("/payment", json=PAID, headers={"Authorization": f"Bearer {foreign}"})
    assert answer.status_code == 401


def test_a_payment_is_201_with_a_receipt(client: FlaskClient, bearer: dict[str, str]) -> None:
    answer = client.post("/payment", json=PAID, headers=bearer)
    assert answer.status_code == 201
    receipt = answer.get_json()
    assert (receipt["amount"], receipt["currency"], receipt["customer"]) == (12.5, "EUR", "demo")
    assert receipt["card"] == "************0051"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -3}, "amount"),
        ({"amount": True}, "amount"),
        ({"amount": "12"}, "amount"),
        ({"amount": 1e9}, "amount"),
        ({"amount": float("nan")}, "amount"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": None}, "currency"),
        ({"currency": ["EUR"]}, "currency"),
        ({"card": "12"}, "card"),
        ({"card": 4000000000000051}, "card"),
        ({"card": "٤٤٤٤٤٤٤٤٤٤٤٤"}, "card"),
    ],
    ids=lambda value: json.dumps(value),
)
def test_a_malformed_payment_is_400_and_names_the_field(
    client: FlaskClient, bearer: dict[str, str], change: dict[str, object], field: str
) -> None:
    answer = client.post("/payment", json=PAID | change, headers=bearer)
    assert answer.status_code == 400
    assert answer.get_json()["error"]["details"] == {"field": field}


@pytest.mark.parametrize(
    "change",
    [{"card": "4000000000000052"}, {"card": "4242424242424242"}, {"amount": 2500.01}],
    ids=["wrong check digit", "not issued", "over the limit"],
)
def test_a_declined_payment_is_402(
    client: FlaskClient, bearer: dict[str, str], change: dict[str, object]
) -> None:
    answer = client.post("/payment", json=PAID | change, headers=bearer)
    assert answer.status_code == 402
    assert answer.get_json()["error"]["code"] == "declined"


def test_a_search_finds_products_by_all_words(client: FlaskClient) -> None:
    found = client.get("/search?q=red+lamp").get_json()
    assert found["total"] == 1
    assert found["items"][0]["name"] == "red lamp"


def test_an_answer_is_larger_the_more_it_found(client: FlaskClient) -> None:
    sizes = [len(client.get(f"/search?q={words}").data) for words in ("xyz", "red+lamp", "lamp")]
    assert sizes == sorted(sizes)
    assert sizes[0] < 100 < sizes[1] < 500 < 2_000 < sizes[2]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=x", "page"),
        ("page=", "page"),
        ("page=1001", "page"),
        ("page=%C2%B2", "page"),
        ("q=" + 101 * "x", "q"),
        (30 * "a=1&", "query"),
    ],
)
def test_a_bad_search_is_400_and_names_the_parameter(
    client: FlaskClient, query: str, field: str
) -> None:
    answer = client.get(f"/search?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["error"]["details"] == {"field": field}


def test_a_page_after_the_last_is_empty(client: FlaskClient) -> None:
    found = client.get("/search?q=lamp&page=9").get_json()
    assert (found["items"], found["pages"]) == ([], 1)


def test_health_is_200(client: FlaskClient) -> None:
    assert client.get("/health").get_json() == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/login"), ("DELETE", "/search"), ("PUT", "/payment")]
)
def test_another_method_is_405(client: FlaskClient, method: str, path: str) -> None:
    assert client.open(path, method=method).status_code == 405


def test_an_unknown_path_is_404(client: FlaskClient) -> None:
    assert client.get("/search/deeper").status_code == 404


def test_head_is_answered_like_get_without_a_body(client: FlaskClient) -> None:
    answer = client.head("/search?q=lamp")
    assert (answer.status_code, answer.data) == (200, b"")


def test_a_body_over_the_limit_is_413(client: FlaskClient) -> None:
    assert client.post("/login", data=b"x" * 20_000).status_code == 413


def test_the_call_is_known_to_be_from_who_logs_in_or_sends_a_token(
    server: Flask, client: FlaskClient, bearer: dict[str, str]
) -> None:
    client.get("/search?q=lamp", headers=bearer)
    client.get("/search?q=lamp")
    client.get("/search?q=lamp", headers={"Authorization": "Bearer forged"})
    client.post("/login", json={"username": "demo", "password": "wrong"})
    assert server.extensions["callers"] == ["demo", "demo", None, None, None]


def test_the_answer_comes_after_the_latency_of_the_shop(client: FlaskClient) -> None:
    began = time.perf_counter()
    client.post("/login", json={"username": "demo", "password": DEMO_PASSWORD})
    assert 0.015 < time.perf_counter() - began < 0.5


def test_a_fault_is_switched_by_the_data_folder_and_heals(tmp_path) -> None:  # type: ignore[no-untyped-def]
    server = Flask(__name__)
    switch = FaultSwitch(tmp_path / "fault.json")
    switch.CHECK_S = 0.0  # type: ignore[misc]
    server.register_blueprint(mock_api.blueprint(Shop(seed=1, faults=switch), KEY))
    client = server.test_client()
    assert client.get("/health").status_code == 200
    start_fault(tmp_path, "crash", 60)
    assert client.get("/health").status_code == 503
    assert client.get("/search").status_code == 503
    clear_fault(tmp_path)
    assert client.get("/health").status_code == 200


def test_a_request_cannot_switch_a_fault(client: FlaskClient) -> None:
    client.post("/login", json={"fault": "crash", "until": 9e12}, headers={"X-Fault": "crash"})
    client.get("/search?fault=crash")
    assert client.get("/health").status_code == 200
