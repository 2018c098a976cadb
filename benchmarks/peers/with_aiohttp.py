"""A token by aiohttp."""

import asyncio
import os
import ssl
import sys
from collections.abc import Awaitable, Callable

import aiohttp

Call = Callable[[], Awaitable[str]]
opened: list[aiohttp.ClientSession] = []


async def close() -> None:
    """Close what kept and concurrent opened."""
    while opened:
        await opened.pop().close()


def keep(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    """A session that close() ends."""
    opened.append(aiohttp.ClientSession(connector=connector))
    return opened[-1]


def caller(base_url: str, session: aiohttp.ClientSession) -> Call:
    """Calls on a session."""
    params = {
        "email": os.environ["GENLOGS_EMAIL"],
        "password": os.environ["GENLOGS_PASSWORD"],
    }
    headers = {
        "accept": "application/json",
        "x-api-key": os.environ["GENLOGS_API_KEY"],
    }

    async def call() -> str:
        async with session.post(
            f"{base_url}/auth/token", params=params, headers=headers
        ) as response:
            response.raise_for_status()
            return str((await response.json())["access_token_data"]["token"])

    return call


async def once(base_url: str, ca_file: str) -> str:
    """A session for one call."""
    context = ssl.create_default_context(cafile=ca_file)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context)
    ) as session:
        return await caller(base_url, session)()


def plain(base_url: str, ca_file: str) -> str:
    """One call, as a script writes it."""
    return asyncio.run(once(base_url, ca_file))


async def kept(base_url: str, ca_file: str) -> Call:
    """A ClientSession."""
    context = ssl.create_default_context(cafile=ca_file)
    return caller(base_url, keep(aiohttp.TCPConnector(ssl=context)))


async def concurrent(base_url: str, ca_file: str) -> dict[str, Call]:
    """A ClientSession: with its limit of 100 connections, and without."""
    context = ssl.create_default_context(cafile=ca_file)
    without_limit = keep(aiohttp.TCPConnector(ssl=context, limit=0))
    return {
        "aiohttp.ClientSession": await kept(base_url, ca_file),
        "aiohttp.ClientSession, limit=0": caller(base_url, without_limit),
    }


if __name__ == "__main__":
    print(plain(*sys.argv[1:3]))
