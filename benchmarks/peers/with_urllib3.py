"""A token by urllib3."""

import os
import sys
from collections.abc import Callable
from urllib.parse import urlencode

import urllib3


def kept(base_url: str, ca_file: str) -> Callable[[], str]:
    """A PoolManager."""
    pool = urllib3.PoolManager(ca_certs=ca_file, timeout=30)
    query = urlencode(
        {
            "email": os.environ["GENLOGS_EMAIL"],
            "password": os.environ["GENLOGS_PASSWORD"],
        }
    )
    url = f"{base_url}/auth/token?{query}"
    headers = {
        "accept": "application/json",
        "x-api-key": os.environ["GENLOGS_API_KEY"],
    }

    def call() -> str:
        response = pool.request("POST", url, headers=headers)
        assert response.status == 200
        return str(response.json()["access_token_data"]["token"])

    return call


def plain(base_url: str, ca_file: str) -> str:
    """One call by a PoolManager of its own: urllib3.request takes no authorities."""
    return kept(base_url, ca_file)()


if __name__ == "__main__":
    print(plain(*sys.argv[1:3]))
