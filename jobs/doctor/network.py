"""Checks of who can reach the server, and with what secrets."""

from __future__ import annotations

import http.client
import json
import socket
from typing import Final
from urllib.parse import urlsplit

from jobs.doctor.finding import Finding, fail, ok, warn
from jobs.fitness import unfit_for_public, weak_secrets
from settings import Settings

ANSWER_S: Final = 3.0


def secrets(settings: Settings) -> Finding:
    """Whether passwords, tokens and keys are hard to guess."""
    weak = weak_secrets(settings)
    if weak and settings.is_public:
        return fail("secrets", "; ".join(weak), "the server does not start: set better ones")
    if weak:
        return warn("secrets", "; ".join(weak), "set better ones before others reach the server")
    return ok("secrets", "none that is set is weak")


def address(settings: Settings) -> Finding:
    """Whether what others send can be read on its way."""
    if not settings.is_public:
        return ok("address", f"{settings.host}: this machine alone")
    unfit = [said for said in unfit_for_public(settings) if "there is no" in said]
    seen = f"others can reach {settings.host}"
    if unfit:
        mend = "; ".join(unfit)
        return warn("address", seen, f"{mend} (accounts of the store may have passwords)")
    if not settings.trusted_proxies:
        mend = (
            "passwords and cookies go over plain HTTP: put a proxy with TLS in front, listen on "
            "127.0.0.1 and name the proxy in FORESIGHT_TRUSTED_PROXIES"
        )
        return warn("address", f"{seen}, and no proxy is named", mend)
    return ok("address", f"{seen}, through {', '.join(map(str, settings.trusted_proxies))}")


def port(settings: Settings) -> Finding:
    """Whether the port is free, or a Foresight answers there."""
    where = f"{settings.host}:{settings.port}"
    if _answers(settings):
        return ok("port", f"a Foresight answers at {settings.local_url}")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        mend = "end what listens there, or choose another FORESIGHT_HOST or FORESIGHT_PORT"
        return fail("port", f"{where}: {error.strerror or error}", mend)
    return ok("port", f"{where} is free; no server runs")


def _answers(settings: Settings) -> bool:
    target = urlsplit(settings.local_url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=ANSWER_S)
    try:
        connection.request("GET", "/healthz")
        answer = json.loads(connection.getresponse().read(1_000))
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(answer, dict) and answer.get("status") == "ok"
