"""A token by curl_cffi."""

import os
import sys
from collections.abc import Callable
from typing import Any

import curl_cffi

# Its types know no file of authorities, which its documentation and its code do.
post: Any = curl_cffi.post
Session: Any = curl_cffi.Session


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
        "timeout": 30,
    }


def plain(base_url: str, ca_file: str) -> str:
    """One call, as a script writes it."""
    response = post(f"{base_url}/auth/token", verify=ca_file, **request())
    response.raise_for_status()
    return str(response.json()["access_token_data"]["token"])


def kept(base_url: str, ca_file: str) -> Callable[[], str]:
    """A Session."""
    session = Session(verify=ca_file)
    arguments = request()

    def call() -> str:
        response = session.post(f"{base_url}/auth/token", **arguments)
        response.raise_for_status()
        return str(response.json()["access_token_data"]["token"])

    return call


if __name__ == "__main__":
    print(plain(*sys.argv[1:3]))
