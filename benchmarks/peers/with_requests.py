"""A token by requests."""

import os
import sys
from collections.abc import Callable
from typing import Any

import requests


def request() -> dict[str, Any]:
    """What is the same for each call."""
    return {
        "params": {
            "email": os.environ["GENLOGS_EMAIL"],
            "password": os.environ["GENLOGS_PASSWORD"],
        },
        "headers": {
            "accept": "application/json",
            "x-api-key": os.environ["GENLOGS_API_KEY"],
        },
    }


def plain(base_url: str, ca_file: str) -> str:
    """One call, as a script writes it."""
    response = requests.post(
        f"{base_url}/auth/token", verify=ca_file, timeout=30, **request()
    )
    response.raise_for_status()
    return str(response.json()["access_token_data"]["token"])


def kept(base_url: str, ca_file: str) -> Callable[[], str]:
    """A Session, which asks neither netrc nor environment for each call."""
    session = requests.Session()
    session.verify = ca_file
    session.trust_env = False
    arguments = request()

    def call() -> str:
        response = session.post(f"{base_url}/auth/token", timeout=30, **arguments)
        response.raise_for_status()
        return str(response.json()["access_token_data"]["token"])

    return call


if __name__ == "__main__":
    print(plain(*sys.argv[1:3]))
