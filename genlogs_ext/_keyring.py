"""Credentials in the system's keyring: one entry for each API, by its base URL.

What is stored for one API is never read for another. keyring is imported on first use.
"""

import json
from typing import Any

SERVICE = "genlogs-ext"
NAMES = ("email", "password", "api_key")


class KeyringError(Exception):
    """The keyring cannot be used. Says why and what to do, and holds no secret."""


class NoKeyringError(KeyringError):
    """There is none: keyring is not installed, or the system has nothing for it."""


def load(base_url: str) -> dict[str, str] | None:
    """Read what is stored.

    Args:
        base_url: Of the API that the credentials are for.

    Returns:
        email, password and api_key; None when nothing is stored.

    Raises:
        KeyringError: The keyring, or what is in there, cannot be used.
    """
    text = _ask("get_password", base_url)
    if text is None:
        return None
    try:
        stored = json.loads(text)
        values = {name: stored[name] for name in NAMES}
    except (ValueError, LookupError, TypeError):
        values = {}
    if not values or not all(isinstance(value, str) for value in values.values()):
        raise KeyringError(
            f"the keyring's entry for {base_url} is broken: run `genlogs-token login` anew"
        )
    return values


def store(base_url: str, values: dict[str, str]) -> None:
    """Store credentials in place of what was there.

    Args:
        base_url: Of the API that they are for.
        values: email, password and api_key.

    Raises:
        KeyringError: They are not stored.
    """
    _ask("set_password", base_url, json.dumps({name: values[name] for name in NAMES}))
    if load(base_url) != values:  # a backend may swallow what it gets
        raise NoKeyringError(
            "the keyring keeps nothing: `keyring --list-backends` shows which there are"
        )


def remove(base_url: str) -> bool:
    """Remove what is stored.

    Args:
        base_url: Of the API that it is for.

    Returns:
        Whether there was anything.

    Raises:
        KeyringError: The keyring cannot be used.
    """
    if _ask("get_password", base_url) is None:
        return False
    _ask("delete_password", base_url)
    return True


def _ask(method: str, *arguments: str) -> Any:
    """Call the backend; whatever it raises becomes a KeyringError."""
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise NoKeyringError(
            f"the keyring needs {error.name}: pip install 'genlogs-ext[keyring]'"
        ) from None
    try:
        return getattr(keyring, method)(SERVICE, *arguments)
    except keyring.errors.NoKeyringError:
        raise NoKeyringError(
            "this system has no keyring that could be used: set the GENLOGS_ variables"
        ) from None
    except Exception as error:  # backends raise what their libraries raise
        raise KeyringError(
            f"the keyring cannot be used ({type(error).__name__}): unlock it, or set the "
            "GENLOGS_ variables in the environment"
        ) from None
