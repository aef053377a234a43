"""The state of the product on the Admin page: this server, its store, jobs, settings."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from components import format, quantities
from components.admin_system import Fact, Finding, Job, Setting
from jobs.backlog import backlog
from jobs.doctor import examine
from jobs.retention import LOW_CLIENT_WINDOWS_DAYS, QUESTIONS_DAYS, VERDICTS_DAYS
from jobs.runtime import Foresight, RefusedLogins
from ml.registry import ModelError
from settings import Settings
from store import gauges
from store.checkup import SCHEMA_VERSION, Look, look_at
from store.damaged import set_aside_files
from store.size import size_of

ROOT: Final = Path(__file__).parent.parent
_KINDS: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_LOSSES: Final = {  # counters of the store that should stay at 0
    "calls_lost": "Calls lost",
    "records_torn": "Records torn",
    "records_refused": "Records refused",
}
_REFUSALS: Final = {
    "password": "Wrong passwords",  # words  # nosec B105
    "link": "Links used before",
    "token": "Unknown tokens",  # words  # nosec B105
    "throttled": "Too many tries",
}
_FULL: Final = 0.8  # share of the journal's bound from which it is close to losing calls
_MB: Final = 2**20


@dataclass(frozen=True)
class Seen:
    """What was read at one moment [epoch ms]."""

    look: Look
    waiting_windows: int
    groups: list[tuple[str, str, list[Fact]]]
    jobs: list[Job]


def seen(parts: Foresight, now: int) -> Seen:
    """All that changes while the server runs."""
    with parts.store.read() as connection:
        look = look_at(connection)
        waiting = gauges.windows_waiting(connection, now - parts.store.window_ms)
    groups = [
        ("Server", "The process that answers you", _server(parts)),
        ("Store", "Where calls, windows and this page's accounts are", _store(parts)),
        ("Capture", "From the answered request to the store", _capture(parts, look)),
        ("Scoring", "One server on a store leads", _scoring(parts, look, waiting, now)),
        ("Retention", "Older ones are removed each hour", _retention(parts.settings)),
        ("Refused logins", "Of this server since it started", _refused(parts.refused_logins)),
    ]
    return Seen(look, waiting, groups, _jobs(look))


def settings_of(settings: Settings) -> list[Setting]:
    """Every option; of secrets only whether they are set."""
    return [
        Setting(
            f"FORESIGHT_{name.upper()}",
            _told(getattr(settings, name)),
            _told(_default(field)),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def findings(now: int) -> list[Finding]:
    """What the doctor finds of the installation; takes up to half a minute."""
    return [Finding(found.check, found.state, found.seen, found.mend) for found in examine(now)]


def _server(parts: Foresight) -> list[Fact]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    try:
        models = Fact("Models", parts.models.version())
    except ModelError as error:
        models = Fact("Models", str(error), "fail")
    settings = parts.settings
    return [
        Fact("Version", str(project["version"])),
        Fact("Started", "", since=parts.started_at),
        Fact("Listens on", f"{settings.host}:{settings.port}"),
        models,
        Fact("Live streams open", str(parts.tail.listeners)),
    ]


def _store(parts: Foresight) -> list[Fact]:
    store = parts.store
    url = store.writer.url
    where = str(store.file) if store.file else f"{url.host or 'this machine'}, {url.database}"
    trouble = store.condition.trouble
    facts = [
        Fact("Kind", _KINDS.get(url.get_backend_name(), url.get_backend_name())),
        Fact("Where", where),
        Fact("Size", quantities.size(size_of(store))),
        Fact("Schema", str(SCHEMA_VERSION)),
        _room(parts.settings.data_dir),
        Fact("Condition", trouble.value, "fail") if trouble else Fact("Condition", "works"),
    ]
    return [
        *facts,
        *(
            Fact(
                "Set aside, damaged", f"{aside.file.name} ({quantities.size(aside.bytes)})", "warn"
            )
            for aside in set_aside_files(store.file)
        ),
    ]


def _room(folder: Path) -> Fact:
    """Free bytes for the journal and, on SQLite, the store."""
    usage = shutil.disk_usage(folder)
    tone = "warn" if usage.free < usage.total / 20 else "ok"
    return Fact("Free disk", quantities.size(usage.free), tone)


def _capture(parts: Foresight, look: Look) -> list[Fact]:
    waiting = backlog(parts.settings.journal_dir, look.journal_positions)
    share = waiting.bytes / (parts.settings.journal_max_mb * _MB)
    words = f"{format.plural(waiting.records, 'call')}, {quantities.size(waiting.bytes)}"
    losses = {name: look.counters.get(name, 0) for name in _LOSSES}
    return [
        Fact("Waits in the journals", words, "fail" if share > _FULL else "ok"),
        Fact("Share of their bound", format.percent(share), "fail" if share > _FULL else "ok"),
        Fact("Newest call stored", "", since=look.newest_call_at)
        if look.newest_call_at
        else Fact("Newest call stored", "none yet"),
        *(
            Fact(_LOSSES[name], format.number(number), "fail" if number else "ok")
            for name, number in losses.items()
        ),
    ]


def _scoring(parts: Foresight, look: Look, waiting: int, now: int) -> list[Fact]:
    led = (look.leads_until or 0) > now
    newest = look.newest_window_at
    return [
        Fact("Last minute scored", "", since=newest + parts.store.window_ms)
        if newest is not None
        else Fact("Last minute scored", "none yet"),
        Fact("Minutes waiting", format.number(waiting), "warn" if waiting > 2 else "ok"),
        Fact("Scheduled jobs", "run by one server" if led else "run by no server", _if_not(led)),
        Fact("This server", "may lead" if parts.settings.scheduler else "never leads"),
        Fact("Demo", "on: simulated clients call" if parts.settings.demo else "off"),
    ]


def _retention(settings: Settings) -> list[Fact]:
    kept = [
        ("Calls", settings.calls_retention_days),
        ("Windows", settings.windows_retention_days),
        ("LOW client windows", LOW_CLIENT_WINDOWS_DAYS),
        ("Verdicts on alerts", VERDICTS_DAYS),
        ("Questions", QUESTIONS_DAYS),
    ]
    hidden = "as keyed hashes" if settings.pseudonyms else "as they come"
    return [
        *(Fact(name, format.plural(days, "day")) for name, days in kept),
        Fact("Audit log", "for ever"),
        Fact("Users and addresses", f"stored {hidden}"),
    ]


def _refused(refused: RefusedLogins) -> list[Fact]:
    counts = refused.by_kind()
    return [Fact(words, format.number(counts[kind])) for kind, words in _REFUSALS.items()]


def _jobs(look: Look) -> list[Job]:
    return [_job(name, run) for name, run in sorted(look.jobs.items())]


def _job(name: str, run: Mapping[str, Any]) -> Job:
    began, ended = run["started_at"], run["finished_at"]
    took_ms = ended - began if ended is not None and ended >= began else None
    return Job(name, run["succeeded_at"], took_ms, run["detail"] or "", run["error"])


def _if_not(well: bool) -> str:
    return "ok" if well else "warn"


def _default(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True)


def _told(value: Any) -> str:
    match value:
        case SecretStr():
            return "set" if value.get_secret_value() else "not set"
        case bool():
            return "on" if value else "off"
        case tuple():
            return ", ".join(map(str, value)) or "none"
        case float():
            return f"{value:g}"
        case _:
            return str(value) if str(value) else "none"
