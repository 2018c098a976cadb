"""A token by http.client, of the standard library."""

import http.client
import json
import os
import ssl
import sys
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit


def kept(base_url: str, ca_file: str) -> Callable[[], str]:
    """One connection, kept."""
    base = urlsplit(base_url)
    assert base.hostname is not None
    connection = (
        http.client.HTTPSConnection(
            base.hostname,
            base.port,
            timeout=30,
            context=ssl.create_default_context(cafile=ca_file),
        )
        if base.scheme == "https"
        else http.client.HTTPConnection(base.hostname, base.port, timeout=30)
    )
    query = urlencode(
        {
            "email": os.environ["GENLOGS_EMAIL"],
            "password": os.environ["GENLOGS_PASSWORD"],
        }
    )
    target = f"{base.path}/auth/token?{query}"
    headers = {
        "accept": "application/json",
        "x-api-key": os.environ["GENLOGS_API_KEY"],
    }

    def call() -> str:
        connection.request("POST", target, headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        return str(json.load(response)["access_token_data"]["token"])

    return call


def plain(base_url: str, ca_file: str) -> str:
    """One call, as a script writes it."""
    return kept(base_url, ca_file)()


if __name__ == "__main__":
    print(plain(*sys.argv[1:3]))
