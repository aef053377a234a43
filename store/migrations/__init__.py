"""Bringing an older store up to date, by the revisions in `versions/`, with alembic."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

_FOLDER: Final = Path(__file__).parent
_ONE_AT_A_TIME: Final = threading.Lock()  # alembic keeps what it works on in its module


def upgrade(connection: Connection) -> None:
    """Run the revisions that the store lacks, in the transaction of `connection`.

    Parameters
    ----------
    connection : Connection
        Of `Store.begin`. What fails leaves nothing behind when it is rolled back.
    """
    # 0.16 s that a store which is up to date need not wait for
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with _ONE_AT_A_TIME:
        command.upgrade(config, "head")
