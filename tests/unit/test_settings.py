"""Settings: what is refused, and that each is documented."""

from __future__ import annotations

import re
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from pydantic import ValidationError

from cli.options import table
from jobs.fitness import unfit_for_public
from settings import Settings, secrets_of, session_key, settings_from_environment

README = (Path(__file__).parent.parent.parent / "README.md").read_text()


def read(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


def test_the_readme_has_the_settings_of_the_code() -> None:
    assert table() in README, "`flask settings --markdown` prints the table"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"secret_key": "short"}, "has 5 characters, needs 32 or more"),
        ({"window_seconds": 60, "step_seconds": 7}, "step_seconds=7 must divide window_seconds=60"),
        ({"port": 70000}, "65535"),
        ({"trusted_proxies": "10.0.0.0/8, nonsense"}, "nonsense"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(given: dict, says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(**given)
    assert says in str(refused.value) or says in str(refused.value.errors(include_input=True))


def test_a_refused_secret_is_not_in_the_message() -> None:
    with pytest.raises(ValidationError) as refused:
        read(secret_key="swordfish")
    assert "swordfish" not in str(refused.value)


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESIGHT_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8")
    monkeypatch.setenv("FORESIGHT_STEP_SECONDS", "10")
    settings = read()
    assert [str(network) for network in settings.trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8"]
    assert (settings.window_ms, settings.step_ms) == (60_000, 10_000)


def test_the_session_key_is_made_once_by_whoever_is_first(tmp_path: Path) -> None:
    settings = read(data_dir=tmp_path / "new")
    with ThreadPool(8) as pool:
        keys = set(pool.map(session_key, [settings] * 8))
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    assert [path.name for path in settings.data_dir.iterdir()] == ["secret_key"]
    assert (settings.data_dir / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_configured_key_is_used_and_not_written(tmp_path: Path) -> None:
    assert session_key(read(data_dir=tmp_path, secret_key="k" * 32)) == "k" * 32
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_time_zone_is_refused_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESIGHT_TIME_ZONE", "Mars/Base")
    with pytest.raises(ValueError, match=r"FORESIGHT_TIME_ZONE='Mars/Base': is no time zone"):
        settings_from_environment()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("PROT", "FORESIGHT_PROT: there is no such setting; did you mean FORESIGHT_PORT?"),
        ("API_TOKNE", "did you mean FORESIGHT_API_TOKEN?"),
        ("ZZZ", "FORESIGHT_ZZZ: there is no such setting"),
    ],
)
def test_an_unknown_name_is_refused_with_the_near_one(
    monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.setenv(f"FORESIGHT_{name}", "swordfish")
    with pytest.raises(ValueError, match="no such setting") as refused:
        settings_from_environment()
    assert says in str(refused.value)
    assert "swordfish" not in str(refused.value), "it may be a secret"


def test_names_of_the_env_file_are_looked_at_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("FORESIGHT_PORT=8051\nFORESIGHT_HOTS=0.0.0.0\nOTHER=1\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="did you mean FORESIGHT_HOST") as refused:
        settings_from_environment()
    assert "OTHER" not in str(refused.value)
    (tmp_path / ".env").write_text("FORESIGHT_PORT=8051\n")
    assert settings_from_environment().port == 8051


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORESIGHT_PROT", "1")
    monkeypatch.setenv("FORESIGHT_PORT", "70000")
    monkeypatch.setenv("FORESIGHT_SECRET_KEY", "swordfish")
    with pytest.raises(ValueError, match="PROT") as refused:
        settings_from_environment()
    assert "FORESIGHT_PORT='70000'" in str(refused.value)
    assert "FORESIGHT_SECRET_KEY: has 9 characters" in str(refused.value)
    assert "swordfish" not in str(refused.value)


SECRETS = {
    "admin_password": "correct horse battery",
    "api_token": "Xk7-api-token-0f2c",
    "secret_key": "9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "database_url": "postgresql://bob:sword%40fish@db/x",
}


def test_no_secret_is_in_what_settings_look_like() -> None:
    settings = read(**SECRETS)
    looks = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    for secret in (*SECRETS.values(), "fish"):
        assert secret not in looks


def test_all_secrets_are_known_to_be_secret() -> None:
    known = secrets_of(read(**SECRETS))
    assert {SECRETS["admin_password"], SECRETS["api_token"], SECRETS["secret_key"]} < set(known)
    assert {"sword%40fish", "sword@fish"} < set(known)
    assert known == sorted(known, key=len, reverse=True)


@pytest.mark.parametrize(
    ("host", "public"),
    [
        ("127.0.0.1", False),
        ("127.8.8.8", False),
        ("::1", False),
        ("localhost", False),
        ("0.0.0.0", True),
        ("::", True),
        ("10.0.0.4", True),
        ("", True),
        ("api.example.com", True),
    ],
)
def test_a_server_is_public_unless_only_this_machine_reaches_it(host: str, public: bool) -> None:
    assert read(host=host).is_public is public


def test_a_public_server_needs_a_password_and_a_key_that_are_not_weak() -> None:
    strong = {"admin_password": SECRETS["admin_password"], "secret_key": SECRETS["secret_key"]}
    assert unfit_for_public(read(**strong)) == []
    assert unfit_for_public(read(secret_key=strong["secret_key"]), has_password=True) == []
    assert "FORESIGHT_ADMIN_PASSWORD" in unfit_for_public(read(secret_key="9f8e7d6c5b4a" * 3))[0]
    assert "FORESIGHT_SECRET_KEY" in unfit_for_public(read(admin_password="pR7!xkqe9wTz"))[0]
    weak = {"admin_password": "password1234", "secret_key": "k" * 32, "api_token": "tok_12345"}
    assert [said.split()[0] for said in unfit_for_public(read(**weak))] == [
        "FORESIGHT_ADMIN_PASSWORD",
        "FORESIGHT_API_TOKEN",
        "FORESIGHT_SECRET_KEY",
    ]


def test_a_database_url_that_would_show_its_password_is_refused_without_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORESIGHT_DATABASE_URL", "postgresql://bob:sword/fish@db/x")
    with pytest.raises(ValueError, match="percent-encoded") as refused:
        settings_from_environment()
    assert "fish" not in str(refused.value)


def test_the_level_of_the_log_is_one_of_four_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(log_level="WARNING").log_level == "warning"
    monkeypatch.setenv("FORESIGHT_LOG_LEVEL", "loud")
    with pytest.raises(ValueError, match="FORESIGHT_LOG_LEVEL='loud'"):
        settings_from_environment()


def test_every_foresight_name_of_the_repository_is_a_setting() -> None:
    root = Path(__file__).parent.parent.parent
    files = [file for kind in ("*.py", "*.md", "Makefile") for file in root.rglob(kind)]
    for file in files:
        if ".venv" in file.parts or file.name in ("test_settings.py", "test_doctor.py"):
            continue
        for name in re.findall(r"FORESIGHT_([A-Z_]*[A-Z])", file.read_text(encoding="utf-8")):
            assert name.lower() in Settings.model_fields, (file, name)
