"""A token by httpx."""

import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx


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


def token_of(response: httpx.Response) -> str:
    """Of an answer that is one."""
    response.raise_for_status()
    return str(response.json()["access_token_data"]["token"])


def plain(base_url: str, ca_file: str) -> str:
    """One call, as a script writes it."""
    context = ssl.create_default_context(cafile=ca_file)
    return token_of(httpx.post(f"{base_url}/auth/token", verify=context, **request()))


def kept(base_url: str, ca_file: str) -> Callable[[], str]:
    """A Client."""
    client = httpx.Client(verify=ssl.create_default_context(cafile=ca_file))
    arguments = request()
    return lambda: token_of(client.post(f"{base_url}/auth/token", **arguments))


async def concurrent(
    base_url: str, ca_file: str
) -> dict[str, Callable[[], Awaitable[str]]]:
    """An AsyncClient, with its limit of 100 connections: without, it is slower still."""
    client = httpx.AsyncClient(verify=ssl.create_default_context(cafile=ca_file))
    arguments = request()

    async def call() -> str:
        return token_of(await client.post(f"{base_url}/auth/token", **arguments))

    return {"httpx.AsyncClient": call}


if __name__ == "__main__":
    print(plain(*sys.argv[1:3]))
