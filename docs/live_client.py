"""Prints each anomaly that Foresight finds, once, also across restarts of the server.

pip install websockets
FORESIGHT_API_TOKEN=... python live_client.py ws://127.0.0.1:8050/ws
"""

import json
import os
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

LONGEST_S = 30.0  # between two attempts to connect


def anomalies(address: str, token: str, last_id: int | None = None) -> Iterator[dict[str, Any]]:
    """Each event after `last_id`, and the newest 20 without one; remember its `id` to go on."""
    headers = {"Authorization": f"Bearer {token}"}
    pause = 1.0
    while True:
        query = "" if last_id is None else f"?last_id={last_id}"
        try:
            with connect(address + query, additional_headers=headers) as socket:
                for text in socket:
                    message = json.loads(text)
                    pause = 1.0
                    if message["type"] == "anomaly":
                        last_id = message["id"]
                        yield message
                    elif message["type"] == "heartbeat":
                        last_id = message["last_id"]
        except InvalidStatus as refused:
            if refused.response.status_code < 500:  # a wrong token stays wrong
                raise
        except (OSError, ConnectionClosed):
            pass  # the server is away
        time.sleep(pause * random.uniform(0.5, 1))
        pause = min(2 * pause, LONGEST_S)


if __name__ == "__main__":
    for event in anomalies(sys.argv[1], os.environ["FORESIGHT_API_TOKEN"]):
        window = event["window"]
        subject = window["client"] or f"{window['method']} {window['endpoint']}"
        print(event["id"], window["timestamp"], window["priority"], subject, flush=True)
