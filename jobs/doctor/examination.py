"""All checks in the order in which one thing rests on another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from jobs.doctor import folder, installation, network, stored
from jobs.doctor.finding import Finding, fail
from secrecy import redacted
from settings import Settings, secrets_of, settings_from_environment

Check = Callable[[], Finding | None]


def examine(now: int) -> list[Finding]:
    """Look at everything that a server of this environment needs.

    Parameters
    ----------
    now : int
        Epoch ms.
    """
    findings = [installation.python(), installation.packages()]
    try:
        settings = settings_from_environment()
    except ValueError as error:
        mend = "correct the environment or the file .env; the rest can't be looked at before"
        return [*findings, fail("settings", str(error), mend)]
    secrets = secrets_of(settings)
    for found in _of(settings, now):
        seen, mend = redacted(found.seen, secrets), redacted(found.mend, secrets)
        findings.append(replace(found, seen=seen, mend=mend))
    return findings


def _of(settings: Settings, now: int) -> Iterator[Finding]:
    checks: list[tuple[str, Check]] = [
        ("secrets", lambda: network.secrets(settings)),
        ("address", lambda: network.address(settings)),
        ("port", lambda: network.port(settings)),
        (".env", folder.env_file),
        ("data folder", lambda: folder.data_folder(settings)),
        ("secret key", lambda: folder.secret_key(settings)),
        ("disk", lambda: folder.disk(settings)),
    ]
    for name, check in checks:
        yield from _tried(name, check)
    yield from stored.findings(settings, now)
    yield from _tried("models", lambda: installation.models(settings))
    yield from _tried("factory models", installation.factory_models)


def _tried(name: str, check: Check) -> Iterator[Finding]:
    """A check that can't be made is a finding; the others go on."""
    try:
        found = check()
    except OSError as error:
        found = fail(name, f"can't be looked at: {error}", "see what the error names")
    if found is not None:
        yield found
