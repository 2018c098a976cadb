"""Each way libcurl has to end a transfer, as the exception that people catch.

preload/transfer_result.c stands before libcurl and says how transfers end.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import genlogs_ext
from genlogs_ext.testing import StubServer

from .helpers import preloaded, unused_port

CALLS = """
import ctypes, json, pickle, sys, genlogs_ext
from tests.helpers import shown
library = ctypes.CDLL(None)
for code in range(1, 103):
    library.transfer_result_set(code)
    try:
        genlogs_ext.create_token(
            "ada@example.com", "canary-password", "canary-key",
            base_url=sys.argv[1], max_retries=0,
        )
    except Exception as error:
        again = pickle.loads(pickle.dumps(error))
        print(json.dumps({
            "class": type(error).__name__, "said": str(error), **vars(error),
            "pickles": (type(again), vars(again), again.args)
            == (type(error), vars(error), error.args),
            "everything": shown(error),
        }))
    else:
        print(json.dumps(None))
"""

# By the promises of docs/reliability.md; all others are a TransportError.
CLASSES = {
    "ConnectError": {5, 6, 7, 97},  # no proxy, no host, no connection; a proxy's refusal
    "TimeoutError": {28},
    # Handshake, own certificate, cipher, peer's certificate, no TLS at all, engine, CA
    # file, issuer, OCSP.
    "TLSError": {35, 58, 59, 60, 64, 66, 77, 83, 91},
}

# Those of no connection, and: HTTP/2, a part, time, handshake, nothing, sending,
# receiving, an HTTP/2 stream.
RETRYABLE = {5, 6, 7} | {16, 18, 28, 35, 52, 55, 56, 92}

NO_MEMORY = 27
TOO_LARGE = 100
FIRST_UNKNOWN = 102

ADVICE = {
    5: "(is there a network, and is the proxy's name right?)",
    6: "(is there a network, and does base_url name the right host?)",
    7: "does a server listen there, and are base_url and the proxy right?)",
    35: "(does the server speak TLS 1.2 or newer at this port?)",
    60: "(base_url names another host than the certificate)",
    77: "(ca_file must be a readable PEM file of certificates)",
}


def class_of(code: int) -> str:
    for name, codes in CLASSES.items():
        if code in codes:
            return name
    return "TransportError"


@pytest.fixture(scope="module")
def preload(tmp_path_factory: pytest.TempPathFactory) -> str:
    return preloaded(tmp_path_factory.mktemp("preload"), "transfer_result")


def errors_of(base_url: str, preload: str) -> dict[int, dict[str, Any]]:
    """What becomes of each CURLcode in calls of a server."""
    answer = subprocess.run(
        [sys.executable, "-c", CALLS, base_url],
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "LD_PRELOAD": preload},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert len(lines) == FIRST_UNKNOWN
    return dict(enumerate(lines, start=1))


def assert_is_right(code: int, error: dict[str, Any], base_url: str) -> None:
    assert error["class"] == class_of(code), (code, error)
    assert error["curl_code"] == code
    assert error["retryable"] == (code in RETRYABLE), (code, error)
    assert error["attempts"] == 1
    assert error["pickles"]
    assert f" {base_url}: " in error["said"]
    assert error["said"].endswith(ADVICE.get(code, ""))
    assert "canary" not in error["everything"]


def test_each_curl_code_has_its_class_and_its_advice(preload: str) -> None:
    with unused_port() as port:
        base_url = f"http://127.0.0.1:{port}"
        errors = errors_of(base_url, preload)
    assert errors.pop(NO_MEMORY)["class"] == "MemoryError"
    for code, error in errors.items():
        assert_is_right(code, error, base_url)
    assert "(Connection refused; " in errors[7]["said"]


def test_an_answer_that_had_begun_does_not_make_another_error(preload: str) -> None:
    users = {"ada@example.com": "canary-password"}
    with StubServer(users=users, api_keys=["canary-key"]) as server:
        base_url = server.base_url
        errors = errors_of(base_url, preload)
    for code in (NO_MEMORY, TOO_LARGE):  # libcurl's ways to say so
        error = errors.pop(code)
        assert error["class"] == genlogs_ext.InvalidResponseError.__name__
        assert "headers are over" in error["said"]
    for code, error in errors.items():
        assert_is_right(code, error, base_url)
