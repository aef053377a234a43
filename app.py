"""The wiring: `create_app` builds the server, `python app.py` serves it."""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
import tempfile
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from dash import Dash
from flask import Flask, Response, redirect
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.routing import Rule

import cli
import pages
from api import calls, errors, gate, headers, openapi, origin, own_requests
from api.alerts import alerts as alerts_api
from api.ask import ask as ask_api
from api.datasets import datasets as datasets_api
from api.door import door, new_login_link
from api.forecasts import forecasts
from api.health import health
from api.live import live
from api.metrics import metrics
from api.models import models as models_api
from api.permissions import DASHBOARD
from api.questions import questions
from api.rest import rest
from ask.engine import prepare as prepare_questions
from ingest import hooks, mock_api
from ingest.journal import Journal
from ingest.seal import Seal
from ingest.shop.faults import FaultSwitch
from ingest.shop.model import Shop
from ingest.signature import simulator_key
from jobs import own_log
from jobs.access.register import Register
from jobs.background import Background
from jobs.fitness import unfit_for_public, weak_secrets
from jobs.runtime import EXTENSION, FACTORY_MODELS, Foresight, model_key
from jobs.tail import Tail
from ml.registry import Models
from pages import _compressed, _permissions, _shared
from secrecy import redacted
from settings import Settings, secrets_of, session_key, settings_from_environment
from store import open_store
from store.mending import look_through

ROOT = Path(__file__).parent
log = logging.getLogger("app")  # also when this file is the program
SESSION_HOURS = 12
MOST_BODY_BYTES = 8 * 2**20  # such as a grid to save; most routes take less, posted calls more
CHECK_S = 1.0  # of the store for damage; so much is 500 MB, what is left is checked when it is read
THREADS = 64  # of the one worker; the mock shop and the sockets stay well below


def create_app(settings: Settings | None = None) -> Flask:
    """Build the server: mock endpoints, REST, dashboard and commands. Starts no thread.

    Parameters
    ----------
    settings : Settings, optional
        Read from the environment when not given.
    """
    if settings is None and cli.stands_alone(sys.argv[1:]):
        return cli.bare()
    if settings is None:
        try:
            settings = settings_from_environment()
        except ValueError as error:
            raise SystemExit(f"wrong settings:\n{error}") from None
        own_log.install(settings)
    server = Flask(__name__, template_folder="api/templates", static_folder=None)
    parts = _parts(settings)
    server.extensions[EXTENSION] = parts
    server.config.update(
        SECRET_KEY=parts.session_key,
        MAX_CONTENT_LENGTH=MOST_BODY_BYTES,
        SESSION_COOKIE_NAME="foresight_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=SESSION_HOURS),
    )
    hooks.install(
        server,
        parts.journal,
        is_own=is_own,
        trusted_proxies=settings.trusted_proxies,
        simulator_key=simulator_key(parts.session_key),
        seal=parts.seal,
    )
    errors.install(server)
    own_requests.install(server, settings, is_own)
    origin.install(server, settings)
    shop = mock_api.blueprint(parts.shop, parts.session_key)
    gate.install(server, settings, shop)
    server.register_blueprint(door)
    server.register_blueprint(health)
    server.register_blueprint(rest)
    server.register_blueprint(alerts_api)
    server.register_blueprint(ask_api)
    server.register_blueprint(calls.blueprint(parts.seal))
    server.register_blueprint(datasets_api)
    server.register_blueprint(forecasts)
    server.register_blueprint(live)
    server.register_blueprint(metrics)
    server.register_blueprint(models_api)
    server.register_blueprint(openapi.blueprint())
    server.register_blueprint(questions)
    server.register_blueprint(shop)
    server.add_url_rule("/", "home", _home)
    dashboard = _mount_dashboard(server)
    headers.install(server, settings, dashboard.csp_hashes)
    _compressed.install(server, DASHBOARD)
    _shared.install(server, DASHBOARD, is_own)
    _permissions.install(server, dashboard)
    cli.install(server)
    return server


def is_own(rule: Rule) -> bool:
    """Whether a route is the product's own: its traffic is not what the product watches."""
    blueprint = rule.endpoint.partition(".")[0]
    own = {"home", "health", "door", "rest", "calls", "models", "forecasts", "metrics", "live"}
    own |= {"alerts", "datasets", "ask", "openapi", "questions"}
    return rule.rule.startswith(DASHBOARD) or blueprint in own


def _parts(settings: Settings) -> Foresight:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = open_store(settings.store_url, settings.window_ms, settings.step_ms)
    key = session_key(settings)
    return Foresight(
        settings=settings,
        store=store,
        journal=Journal(settings.journal_dir, settings.journal_max_mb * 2**20),
        shop=Shop(faults=FaultSwitch(settings.data_dir / "fault.json")),
        models=Models(settings.models_dir, FACTORY_MODELS, model_key(key)),
        session_key=key,
        seal=Seal(key, pseudonyms=settings.pseudonyms),
        tail=Tail(store),
        register=Register(store, settings, key),
    )


def _home() -> Response:
    return redirect(DASHBOARD)  # type: ignore[return-value]


def _mount_dashboard(server: Flask) -> Dash:
    dashboard = Dash(
        __name__,
        server=server,
        url_base_pathname=DASHBOARD,
        use_pages=True,
        pages_folder=str(ROOT / "pages"),
        assets_folder=str(ROOT / "assets"),
        assets_path_ignore=["vendor"],  # the page links these itself, before the rest
        assets_ignore=r"^(boot|docs)\.js$",
        include_pages_meta=False,
        suppress_callback_exceptions=True,  # else every index page carries the layouts of all pages
        title="Foresight",
        update_title=None,  # type: ignore[arg-type]
        serve_locally=True,
    )
    dashboard.index_string = pages.index_html(dashboard)
    pages.register_callbacks(dashboard)
    with server.app_context():  # Dash calls the layout once to validate it
        dashboard.layout = pages.layout
        # Binds the pages' callbacks to this app; else a second app's would come to it, too.
        dashboard._setup_server()
    return dashboard


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT: gunicorn where it exists, else waitress."""
    if sys.platform == "win32":
        _serve_waitress(settings)
        return
    from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
    from gunicorn.glogging import Logger  # type: ignore[import-untyped]

    class Told(Logger):  # type: ignore[misc]
        """What gunicorn tells comes out like all else."""

        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            self.error_log.handlers.clear()
            self.error_log.propagate = True

    class Gunicorn(BaseApplication):  # type: ignore[misc]
        """One worker, made by the framework's own way; threads start in it, after the fork."""

        def load_config(self) -> None:
            for name, value in _gunicorn_options(settings).items():
                self.cfg.set(name, value)
            self.cfg.set("logger_class", Told)

        def load(self) -> Flask:
            return create_app(settings)

    try:
        Gunicorn().run()
    except SystemExit as end:  # of the worker and, after it, of its parent
        if isinstance(end.code, str):
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        # All is stored and closed. Python would wait for threads that still send, and takes 0.7 s
        # for each process to take its modules apart.
        os._exit(end.code or 0)


def _gunicorn_options(settings: Settings) -> dict[str, Any]:
    stops: list[threading.Thread] = []
    host = f"[{settings.host}]" if ":" in settings.host else settings.host

    def post_worker_init(worker: Any) -> None:
        gc.collect()
        gc.freeze()  # what lives as long as the server is not looked through again: 0.1 s a time
        background = Background(worker.wsgi.extensions[EXTENSION])
        background.start()
        threading.Thread(target=prepare_questions, name="questions", daemon=True).start()

        def stop_with_worker() -> None:
            while worker.alive:
                time.sleep(0.05)
            background.stop()

        # Beside the worker's own wait for open connections, which takes all of its time to stop.
        stops.append(threading.Thread(target=stop_with_worker, name="stop", daemon=True))
        stops[0].start()

    def worker_exit(_server: Any, _worker: Any) -> None:
        for stop in stops:
            stop.join()

    return {
        "bind": f"{host}:{settings.port}",
        "worker_class": "api.worker.Worker",
        "workers": 1,
        "threads": THREADS,
        "graceful_timeout": 2,
        "keepalive": 30,
        "limit_request_line": 8190,  # a filter of 300 characters may take 3,600 in the address
        "control_socket_disable": True,
        "loglevel": "warning",
        "when_ready": lambda _: announce(settings),
        "post_worker_init": post_worker_init,
        "worker_exit": worker_exit,
    }


def _serve_waitress(settings: Settings) -> None:
    from waitress import serve as waitress_serve  # type: ignore[import-untyped]

    server = create_app(settings)
    background = Background(server.extensions[EXTENSION])
    background.start()
    announce(settings)
    log.warning("no live stream (/ws) on this system: its web server has no WebSockets")
    try:
        waitress_serve(server, host=settings.host, port=settings.port, threads=THREADS)
    finally:
        background.stop()


def refuse_what_can_not_work(settings: Settings) -> None:
    """Try the store, the secrets and the port before a server is started with them.

    Raises
    ------
    OSError, ValueError
        With a sentence that says which of them does not work.
    """
    try:
        store = open_store(settings.store_url, settings.window_ms, settings.step_ms)
        with closing(store):
            look_through(store, CHECK_S)
            _refuse_weak_secrets(settings, Register(store, settings, session_key(settings)))
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ValueError(f"FORESIGHT_DATABASE_URL: {cause}") from None
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        where = f"FORESIGHT_HOST={settings.host!r}, FORESIGHT_PORT={settings.port}"
        raise OSError(f"{where}: {error.strerror}") from None


def _refuse_data_folder(settings: Settings) -> None:
    """OSError with a sentence when nothing can be written to the data folder."""
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=settings.data_dir).close()
    except OSError as error:
        raise OSError(f"FORESIGHT_DATA_DIR={str(settings.data_dir)!r}: {error.strerror}") from None


def _refuse_weak_secrets(settings: Settings, register: Register) -> None:
    """ValueError when others can reach the server; on this machine alone a warning will do."""
    if not settings.is_public:
        for weak in weak_secrets(settings):
            log.warning("%s (a server that others can reach would not start)", weak)
    elif unfit := unfit_for_public(settings, has_password=register.has_passwords):
        said = "\n  ".join(unfit)
        raise ValueError(f"others can reach FORESIGHT_HOST={settings.host!r}, but\n  {said}")


def announce(settings: Settings) -> None:
    """Say where the product is and how to get in, once its port is open."""
    address = f"{settings.local_url}{DASHBOARD}"
    if settings.admin_password.get_secret_value():
        print(f"\n  Foresight is at {address} (user: admin, by password)\n", file=sys.stderr)
    else:
        link = new_login_link(settings)
        print(f"\n  Foresight is at {address}\n  Open it once with:  {link}\n", file=sys.stderr)


def main() -> None:
    """Serve the product with the settings of the environment."""
    try:
        settings = settings_from_environment()
    except ValueError as error:
        sys.exit(f"Foresight can't start: {error}")
    own_log.install(settings, own_requests.asking)
    try:
        _refuse_data_folder(settings)
        own_log.add_file(settings, session_key(settings), own_requests.asking)
        refuse_what_can_not_work(settings)
    except (OSError, ValueError) as error:
        sys.exit(f"Foresight can't start: {redacted(str(error), secrets_of(settings))}")
    serve(settings)


if __name__ == "__main__":
    main()
