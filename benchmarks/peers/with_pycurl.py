"""A token by pycurl."""

import io
import json
import os
import sys
from collections.abc import Callable
from urllib.parse import urlencode

import pycurl


def kept(base_url: str, ca_file: str) -> Callable[[], str]:
    """One handle, kept."""
    query = urlencode(
        {
            "email": os.environ["GENLOGS_EMAIL"],
            "password": os.environ["GENLOGS_PASSWORD"],
        }
    )
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, f"{base_url}/auth/token?{query}")
    handle.setopt(pycurl.CAINFO, ca_file)
    handle.setopt(
        pycurl.HTTPHEADER,
        [
            "accept: application/json",
            f"x-api-key: {os.environ['GENLOGS_API_KEY']}",
            "Content-Type:",
        ],
    )
    handle.setopt(pycurl.POST, 1)
    handle.setopt(pycurl.POSTFIELDS, "")
    handle.setopt(pycurl.TIMEOUT_MS, 30000)
    handle.setopt(pycurl.NOSIGNAL, 1)

    def call() -> str:
        body = io.BytesIO()
        handle.setopt(pycurl.WRITEDATA, body)
        handle.perform()
        assert handle.getinfo(pycurl.RESPONSE_CODE) == 200
        return str(json.loads(body.getvalue())["access_token_data"]["token"])

    return call


def plain(base_url: str, ca_file: str) -> str:
    """One call, as a script writes it."""
    return kept(base_url, ca_file)()


if __name__ == "__main__":
    print(plain(*sys.argv[1:3]))
