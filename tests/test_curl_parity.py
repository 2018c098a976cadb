"""Ours, and what the documentation's curl command sends."""

import os
import shutil
import subprocess

import pytest

from genlogs_ext.testing import RecordedRequest, StubServer

from .helpers import create_token


def headers(request: RecordedRequest) -> dict[str, str]:
    """By lower-case name, as HTTP compares them."""
    return {name.lower(): value for name, value in request.headers}


@pytest.mark.skipif(
    shutil.which("curl") is None, reason="the curl program is not installed"
)
def test_the_request_is_the_documented_curl_commands(stub: StubServer) -> None:
    subprocess.run(
        [
            "curl", "--silent", "--fail", "--disable",
            "-X", "POST",
            f"{stub.base_url}/auth/token/?email=ada%40example.com&password=1234%2B",
            "-H", "accept: application/json",
            "-H", f"x-api-key: {stub.api_key}",
        ],
        check=True,
        env={**os.environ, "LD_PRELOAD": ""},
    )  # fmt: skip
    create_token(stub, credentials_in="query")
    theirs, ours = stub.requests

    assert ours.method == theirs.method == "POST"
    assert ours.target == theirs.target.replace("/token/?", "/token?")
    assert ours.body == theirs.body == b""
    their_headers, our_headers = headers(theirs), headers(ours)
    assert our_headers.pop("content-length") == "0"
    assert our_headers.pop("user-agent").startswith("genlogs-ext/")
    assert their_headers.pop("user-agent").startswith("curl/")
    assert our_headers == their_headers
    # The order of the headers is the same, too.
    names = [name.lower() for name, _ in ours.headers if name.lower() in our_headers]
    assert names == [
        name.lower() for name, _ in theirs.headers if name.lower() in our_headers
    ]
