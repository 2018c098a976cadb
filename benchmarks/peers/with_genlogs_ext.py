"""A token by this package."""

import os
import sys
from collections.abc import Awaitable, Callable

import genlogs_ext


def plain(base_url: str, ca_file: str) -> str:
    """One call, as a script writes it."""
    return genlogs_ext.create_token(
        os.environ["GENLOGS_EMAIL"],
        os.environ["GENLOGS_PASSWORD"],
        os.environ["GENLOGS_API_KEY"],
        base_url=base_url,
        ca_file=ca_file,
    )["access_token_data"]["token"]


def kept(base_url: str, ca_file: str) -> Callable[[], str]:
    """The same: its connection is kept without being asked to."""
    email = os.environ["GENLOGS_EMAIL"]
    password = os.environ["GENLOGS_PASSWORD"]
    api_key = os.environ["GENLOGS_API_KEY"]

    def call() -> str:
        return genlogs_ext.create_token(
            email, password, api_key, base_url=base_url, ca_file=ca_file
        )["access_token_data"]["token"]

    return call


async def concurrent(
    base_url: str, ca_file: str
) -> dict[str, Callable[[], Awaitable[str]]]:
    """create_token_async."""
    email = os.environ["GENLOGS_EMAIL"]
    password = os.environ["GENLOGS_PASSWORD"]
    api_key = os.environ["GENLOGS_API_KEY"]

    async def call() -> str:
        tokens = await genlogs_ext.create_token_async(
            email, password, api_key, base_url=base_url, ca_file=ca_file
        )
        return tokens["access_token_data"]["token"]

    return {"create_token_async": call}


if __name__ == "__main__":
    print(plain(*sys.argv[1:3]))
