"""Whether the settings are fit for the address that a server listens on."""

from __future__ import annotations

from secrecy import KEY_MIN_CHARACTERS, TOKEN_MIN_CHARACTERS, weakness, weakness_of_random
from settings import NEW_KEY, Settings


def weak_secrets(settings: Settings) -> list[str]:
    """A sentence for each secret that is set and weak; it does not quote the secret."""
    password = settings.admin_password.get_secret_value()
    token = settings.api_token.get_secret_value()
    key = settings.secret_key.get_secret_value()
    found = {
        "ADMIN_PASSWORD": password and weakness(password),
        "API_TOKEN": token and weakness_of_random(token, TOKEN_MIN_CHARACTERS),
        "SECRET_KEY": key and weakness_of_random(key, KEY_MIN_CHARACTERS),
    }
    return [f"FORESIGHT_{name} {problem}" for name, problem in found.items() if problem]


def unfit_for_public(settings: Settings, *, has_password: bool = False) -> list[str]:
    """Why a server must not be reachable from other machines, a sentence each; [] when it may.

    Parameters
    ----------
    settings : Settings
    has_password : bool
        Whether an account of the store has a password.
    """
    problems = weak_secrets(settings)
    if not has_password and not settings.admin_password.get_secret_value():
        problems.append("there is no password: set FORESIGHT_ADMIN_PASSWORD")
    if not settings.secret_key.get_secret_value():
        problems.append(f"there is no FORESIGHT_SECRET_KEY: {NEW_KEY}")
    return problems
