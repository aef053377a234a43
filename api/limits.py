"""How often: requests of a token, a person or an address; beyond it 429 with `Retry-After`."""

from __future__ import annotations

import math
from collections.abc import Callable

from flask import Blueprint, Flask, Response
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded

from api.errors import error_answer
from settings import Settings


def install(
    server: Flask,
    settings: Settings,
    key: Callable[[], str],
    is_open: Callable[[], bool],
    shop: Blueprint,
) -> None:
    """Limit the product's own routes together, and each mock endpoint if a limit is set.

    Parameters
    ----------
    key : callable
        Whose requests are counted together.
    is_open : callable
        Whether the request needs no login; those are not limited here.
    shop : Blueprint
        The mock endpoints.
    """
    own = ApplicationLimit(f"{settings.api_limit}/second", exempt_when=is_open)
    limiter = Limiter(
        key, application_limits=[own], storage_uri="memory://", strategy="moving-window"
    )
    if settings.mock_limit:
        limiter.limit(f"{settings.mock_limit}/second")(shop)
    if settings.mock_limit or settings.api_limit:
        limiter.init_app(server)
    server.register_error_handler(RateLimitExceeded, _too_many)


def _too_many(error: RateLimitExceeded) -> Response:
    """Says how many there may be, and when to try again."""
    assert error.limit is not None
    limit = error.limit.limit
    seconds = seconds_to_wait(limit.get_expiry())
    answer = error_answer(429, f"more than {limit.amount} requests a second; wait {seconds} s")
    answer.headers["Retry-After"] = str(seconds)
    return answer


def seconds_to_wait(wait_s: float) -> int:
    """Whole seconds after which the wait is over, at least one."""
    return max(1, math.ceil(wait_s))
