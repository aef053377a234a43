"""Settings: every FORESIGHT_* option with its type, unit, default and help."""

from __future__ import annotations

import os
import secrets
from datetime import UTC, tzinfo
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    NoDecode,
    SettingsConfigDict,
)

from secrecy import KEY_MIN_CHARACTERS, is_torn, secrets_of_url

_PREFIX: Final = "foresight_"
NEW_KEY: Final = 'python -c "import secrets; print(secrets.token_urlsafe(48))" prints one'


class Settings(BaseSettings):
    """All options, read from the environment (`FORESIGHT_DATA_DIR`, ...) and from `.env`."""

    model_config = SettingsConfigDict(
        env_prefix="FORESIGHT_",
        env_file=".env",
        env_ignore_empty=True,  # FORESIGHT_DATA_DIR= is the default, not the current folder
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Field(Path("var"), description="Folder of everything the product writes.")
    database_url: SecretStr = Field(
        SecretStr(""),
        description="SQLAlchemy URL; empty: SQLite `foresight.db` in the data folder.",
    )
    host: str = Field("127.0.0.1", description="Address the server listens on.")
    port: int = Field(8050, ge=1, le=65535, description="Port the server listens on.")
    demo: bool = Field(
        False, description="Simulated clients use the mock endpoints; shown on every page."
    )
    scheduler: bool = Field(True, description="Score closed windows in this server.")
    window_seconds: int = Field(60, ge=1, le=3600, description="Length of a window [s].")
    step_seconds: int = Field(
        0, ge=0, le=3600, description="Distance of window starts [s]; 0: WINDOW_SECONDS."
    )
    min_calls: int = Field(5, ge=1, description="A window with fewer calls is thin.")
    anomaly_weight: float = Field(
        0.45, ge=0, le=1, description="Weight of the anomaly score in the risk."
    )
    failure_weight: float = Field(
        0.35, ge=0, le=1, description="Weight of the failure probability in the risk."
    )
    bot_weight: float = Field(
        0.20, ge=0, le=1, description="Weight of the usage cluster bot in the risk."
    )
    high_risk: float = Field(0.8, gt=0, le=1, description="Risk from which a window is HIGH.")
    medium_risk: float = Field(0.5, gt=0, le=1, description="Risk from which it is MEDIUM.")
    admin_password: SecretStr = Field(
        SecretStr(""), description="Password of `admin`; empty: one-time link."
    )
    api_token: SecretStr = Field(
        SecretStr(""), description="Bootstrap admin bearer token; empty: none."
    )
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Signs sessions, >= 32 characters; empty: made once, kept in the data folder.",
    )
    api_limit: int = Field(
        100, ge=0, description="Requests/s of a token or person to the product's own API; 0: any."
    )
    mock_limit: int = Field(
        0, ge=0, description="Requests/s of an address to the mock endpoints; 0: any."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins, by commas, whose pages may ask the REST API with a token."
    )
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        (),
        description="Networks, by commas, whose X-Forwarded-For and X-Forwarded-User are believed.",
    )
    journal_max_mb: int = Field(
        1024, ge=32, description="Most bytes the journal of one data folder may take [MiB]."
    )
    calls_retention_days: int = Field(
        7, ge=1, description="Calls are kept this long after they came in [days]."
    )
    windows_retention_days: int = Field(30, ge=1, description="Windows are kept this long [days].")
    pseudonyms: bool = Field(
        False, description="Store users and addresses as keyed hashes, never as they are."
    )
    time_zone: str = Field(
        "UTC", description="Zone of days and times of day in questions, such as Europe/Berlin."
    )
    reference_data_dir: Path = Field(
        Path("../shared/data"), description="Public data sets of the user, if any."
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What the own log tells at least: debug, info, warning or error."
    )
    log_max_mb: int = Field(
        50, ge=0, description="Most bytes of the own log in the data folder [MiB]; 0: no file."
    )

    @field_validator("log_level", mode="before")
    @classmethod
    def _in_lower_case(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _in_one_piece(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and is_torn(value.get_secret_value()):
            raise ValueError(
                "is no URL such as postgresql+psycopg://USER:PASSWORD@HOST:5432/NAME; special "
                "characters of the password must be percent-encoded (%40 for @, %2F for /)"
            )
        return value

    @field_validator("trusted_proxies", "cors_origins", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            if (
                parts.scheme not in ("http", "https")
                or origin != f"{parts.scheme}://{parts.netloc}"
            ):
                raise ValueError(f"{origin!r} is no origin; one is such as https://ops.example.com")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError("is no time zone; names are such as UTC or Europe/Berlin") from None
        return value

    @field_validator("secret_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if 0 < len(value.get_secret_value()) < KEY_MIN_CHARACTERS:
            raise ValueError(
                f"has {len(value.get_secret_value())} characters, "
                f"needs {KEY_MIN_CHARACTERS} or more: {NEW_KEY}"
            )
        return value

    @model_validator(mode="after")
    def _window_is_whole_steps(self) -> Settings:
        if self.step_seconds and self.window_seconds % self.step_seconds:
            raise ValueError(
                f"step_seconds={self.step_seconds} must divide "
                f"window_seconds={self.window_seconds} without rest"
            )
        return self

    @model_validator(mode="after")
    def _risk_adds_up(self) -> Settings:
        weights = (self.anomaly_weight, self.failure_weight, self.bot_weight)
        if abs(sum(weights) - 1) > 1e-9:
            raise ValueError(
                "anomaly_weight, failure_weight and bot_weight must add up to 1, "
                f"{' + '.join(map(str, weights))} is {sum(weights):g}"
            )
        if self.medium_risk >= self.high_risk:
            raise ValueError(
                f"medium_risk={self.medium_risk} must be below high_risk={self.high_risk}"
            )
        return self

    @property
    def risk(self) -> tuple[float, float, float, float, float]:
        """Weights of anomaly, failure and bot, and the thresholds of HIGH and MEDIUM."""
        return (
            self.anomaly_weight,
            self.failure_weight,
            self.bot_weight,
            self.high_risk,
            self.medium_risk,
        )

    @property
    def zone(self) -> tzinfo:
        """The zone of days and times of day in questions."""
        return UTC if self.time_zone == "UTC" else ZoneInfo(self.time_zone)

    @property
    def window_ms(self) -> int:
        """Length of a window [ms]."""
        return self.window_seconds * 1000

    @property
    def step_ms(self) -> int:
        """Distance between two window starts [ms]; equal to the length unless windows slide."""
        return (self.step_seconds or self.window_seconds) * 1000

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        url = self.database_url.get_secret_value()
        return url or f"sqlite:///{self.data_dir.absolute() / 'foresight.db'}"

    @property
    def is_public(self) -> bool:
        """Whether other machines may reach the server: HOST is no address of this machine alone."""
        address = _address(self.host)
        return self.host != "localhost" if address is None else not address.is_loopback

    @property
    def local_url(self) -> str:
        """Base address of the server for browsers and clients on this machine."""
        address, host = _address(self.host), self.host
        if address is not None and address.is_unspecified:
            host = "127.0.0.1" if address.version == 4 else "::1"
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def journal_dir(self) -> Path:
        """Folder of the capture journals."""
        return self.data_dir / "journal"

    @property
    def models_dir(self) -> Path:
        """Folder of the model versions trained for this data folder."""
        return self.data_dir / "models"


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """A host as an address, None when it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def session_key(settings: Settings) -> str:
    """The key that signs sessions: the configured one, else one made at the first start and kept.

    Several servers may start on one empty folder: the file is linked into place, the first wins.
    """
    if configured := settings.secret_key.get_secret_value():
        return configured
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = settings.data_dir / "secret_key"
    if not kept.exists():
        draft = settings.data_dir / f".secret_key-{secrets.token_hex(8)}"
        with open(
            os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii"
        ) as file:
            file.write(secrets.token_urlsafe(48))
        try:
            os.link(draft, kept)
        except FileExistsError:
            pass  # another server was first; its key counts
        finally:
            draft.unlink()
    return kept.read_text(encoding="ascii")


def secrets_of(settings: Settings) -> list[str]:
    """All that must never be told, the longest first: secrets and passwords of the database."""
    fields = (settings.admin_password, settings.api_token, settings.secret_key)
    found = {field.get_secret_value() for field in fields}
    found.update(secrets_of_url(settings.database_url.get_secret_value()))
    return sorted(found - {""}, key=len, reverse=True)


def settings_from_environment() -> Settings:
    """The settings of the environment and `.env`.

    Raises
    ------
    ValueError
        One line for each wrong option: its name, the value unless it is a secret, what is right;
        and for each `FORESIGHT_*` that is none.
    """
    problems = unknown_names()
    try:
        settings = Settings()
    except ValidationError as error:
        problems += map(_wrong_option, error.errors())
    if problems:
        raise ValueError("\n".join(problems))
    return settings


def unknown_names() -> list[str]:
    """A sentence for each `FORESIGHT_*` of the environment and `.env` that is no setting.

    It does not quote the value: of a secret the name may be misspelt.
    """
    sources = (EnvSettingsSource(Settings), DotEnvSettingsSource(Settings))
    given = {name.lower() for source in sources for name in source.env_vars}
    names = {name.removeprefix(_PREFIX) for name in given if name.startswith(_PREFIX)}
    return [_unknown(name) for name in sorted(names - set(Settings.model_fields))]


def _unknown(name: str) -> str:
    near = get_close_matches(name, Settings.model_fields, n=1)
    hint = f"; did you mean {_PREFIX.upper()}{near[0].upper()}?" if near else ""
    return f"{_PREFIX.upper()}{name.upper()}: there is no such setting{hint}"


def _wrong_option(error: Any) -> str:
    name = str(error["loc"][0]) if error["loc"] else ""
    reason = str(error["msg"]).removeprefix("Value error, ")
    if not name:
        return reason
    field = Settings.model_fields[name]
    value = "" if field.annotation is SecretStr else f"={str(error['input'])!r}"
    return f"FORESIGHT_{name.upper()}{value}: {reason}"
