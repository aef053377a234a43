"""Settings: what is refused, and that each is documented."""

from __future__ import annotations

from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from pydantic import ValidationError

from settings import Settings, session_key, settings_from_environment

README = (Path(__file__).parent.parent.parent / "README.md").read_text()


def read(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"`FORESIGHT_{name.upper()}` | " in README
    assert (Settings.model_fields[name].description or "") in README


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
