"""The notebooks run, and what a notebook saves holds no secret."""

import base64
import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from genlogs_ext.testing import StubServer

from .notebooks import (
    NOTEBOOKS,
    Notebook,
    cells_of,
    lasting,
    outputs,
    read,
    run,
    secrets_in,
)

EMAIL, PASSWORD, API_KEY = "ada@example.com", "canary-password", "canary-key"


@pytest.fixture
def api() -> Iterator[StubServer]:
    with StubServer(users={EMAIL: PASSWORD}, api_keys=[API_KEY]) as server:
        yield server


# ---- the two that readers get ------------------------------------------------------


@pytest.fixture(scope="module", params=["quickstart", "pipeline"])
def pair(request: pytest.FixtureRequest) -> tuple[Path, Notebook, Notebook]:
    """A notebook as it is in the tree, and the same as a kernel has run it now."""
    paths = {path.stem: path for path in NOTEBOOKS}
    if not paths:
        pytest.skip("an installed package is tested")
    assert set(paths) == {"quickstart", "pipeline"}
    path = paths[request.param]
    return path, read(path), run(read(path))


def test_it_shows_what_the_file_shows(pair: tuple[Path, Notebook, Notebook]) -> None:
    """`make notebooks` saves it anew where that is not so."""
    path, kept, ran = pair
    assert lasting(kept) == lasting(ran)
    kinds = {kind for _, kind, _ in outputs(ran)}
    assert not kinds & {"error", "stderr"}
    expected = {
        "quickstart": {"text/html", "text/plain", "stdout"},
        "pipeline": {"text/html", "text/plain", "image/png"},
    }
    assert kinds == expected[path.stem]


def test_neither_file_nor_run_holds_a_secret(pair: tuple[Path, Notebook, Notebook]) -> None:
    path, kept, ran = pair
    assert secrets_in(kept) == secrets_in(ran) == []
    assert "stub-access" not in path.read_text("utf-8")


def test_the_file_is_plain(pair: tuple[Path, Notebook, Notebook]) -> None:
    path, kept, _ = pair
    assert (kept.nbformat, kept.nbformat_minor) == (4, 5)
    assert kept.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    counts = [cell.execution_count for cell in kept.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert all(cell.metadata == {} for cell in kept.cells)
    text = path.read_text("utf-8")
    for machine in ("/tmp", "/home", "/root", "/Users", "site-packages"):  # noqa: S108 - to be found nowhere
        assert machine not in text


def test_the_card_the_frame_and_the_picture_are_there(
    pair: tuple[Path, Notebook, Notebook],
) -> None:
    path, *notebooks = pair
    for notebook in notebooks:
        shown = {(cell, kind): text for cell, kind, text in outputs(notebook)}
        card = shown["login", "text/html"]
        for text in ("GenLogs token source", EMAIL, "valid until 2", "Expires in"):
            assert text in card
        if path.stem == "pipeline":
            assert shown["shape", "text/plain"] == "(12, 3)"
            assert '<table border="1" class="dataframe">' in shown["frame", "text/html"]
            picture = base64.b64decode(shown["plot", "image/png"])
            assert picture.startswith(b"\x89PNG\r\n\x1a\n")
            width, height = struct.unpack(">II", picture[16:24])
            assert width > 400
            assert height > 200


def test_where_cells_run_and_nobody_looks_login_names_what_to_set() -> None:
    ran = run(cells_of("import genlogs_ext\ngenlogs_ext.login()"), allow_errors=True)
    ((_, kind, text),) = outputs(ran)
    assert kind == "error"
    assert text.startswith("not set in the environment: GENLOGS_EMAIL, GENLOGS_PASSWORD")


# ---- what cells show ---------------------------------------------------------------

SAFE = [
    "%xmode Verbose\nimport genlogs_ext, os\n"
    "NOWHERE = {'base_url': 'http://127.0.0.1:1', 'max_retries': 0}",
    "source = genlogs_ext.login()\nsource",
    "source.token()",
    "await source.token_async()",
    "print(source, source.token(), [source], {'token': source.token()})",
    "f'{source} {source.token()}'",
    "from genlogs_ext.auth import GenLogsAuth\nGenLogsAuth(source)",
    "import requests\nsession = requests.Session()\nsession.auth = GenLogsAuth(source)\n"
    "session.get(source.base_url + '/data', timeout=20).json()",
    "names = ('GENLOGS_EMAIL', 'GENLOGS_PASSWORD', 'GENLOGS_API_KEY')\n"
    "def three():\n    return map(os.environ.get, names)",
    "tokens = genlogs_ext.create_token(*three())\nsorted(tokens)",
    "genlogs_ext.create_token(*three(), timeout=-1)",
    "await genlogs_ext.create_token_async(*three(), timeout=-1)",
    "await genlogs_ext.create_token_async(*three(), **NOWHERE)",
    "await genlogs_ext.TokenSource(*three(), **NOWHERE).token_async()",
    "genlogs_ext.login(**NOWHERE)",
    "genlogs_ext.login(api_key='another')",
    "genlogs_ext.login(timeout=-1)",
    "genlogs_ext.TokenSource.from_env(timeout=-1)",
    "genlogs_ext.TokenSource.from_env(**NOWHERE).token()",
    "source.token().value = 1",
]
UNSAFE = [
    "source.token().value",
    "source.token().raw",
    "source.headers()",
    "tokens",
]


def account(api: StubServer) -> dict[str, str]:
    return {
        "GENLOGS_BASE_URL": api.base_url,
        "GENLOGS_EMAIL": EMAIL,
        "GENLOGS_PASSWORD": PASSWORD,
        "GENLOGS_API_KEY": API_KEY,
    }


def test_a_token_is_saved_only_where_a_cell_asks_for_it(api: StubServer) -> None:
    api.data["/data"] = {"data": 1}
    ran = run(cells_of(*SAFE, *UNSAFE), account(api), allow_errors=True)
    safe, unsafe = ran.cells[: len(SAFE)], ran.cells[len(SAFE) :]
    for cell in safe:
        text = json.dumps(cell.outputs)
        for secret in (PASSWORD, API_KEY, "stub-access-", "stub-refresh-"):
            assert secret not in text, cell.source
    failed = [cell.source for cell in safe if "error" in json.dumps(cell.outputs[0:1])]
    assert len(failed) == 10, "these were to show how tracebacks look"
    for cell in unsafe:
        assert "stub-access-" in json.dumps(cell.outputs), cell.source
    # What looks for secrets in the two notebooks finds these.
    assert len(secrets_in(ran)) >= len(UNSAFE)


# ---- login asks through the kernel -------------------------------------------------


class Kernel:
    """A kernel, and somebody at the keyboard."""

    def __init__(self) -> None:
        self.manager, self.client = start_new_kernel(kernel_name="python3")
        self.asked: list[tuple[str, bool]] = []
        self.shown = ""

    def execute(self, code: str, answers: dict[str, str] | None = None) -> dict[str, Any]:
        """Run a cell; `answers` are by their questions, None for no keyboard at all."""

        def answer(message: dict[str, Any]) -> None:
            question = message["content"]["prompt"]
            self.asked.append((question, message["content"]["password"]))
            if answers and question in answers:
                self.client.input(answers[question])
            else:
                self.manager.interrupt_kernel()

        def show(message: dict[str, Any]) -> None:
            self.shown += json.dumps(message["content"], default=str)

        reply = self.client.execute_interactive(
            code,
            allow_stdin=answers is not None,
            stdin_hook=answer,
            output_hook=show,
            timeout=40,
        )
        content: dict[str, Any] = reply["content"]
        return content

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(api: StubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.setenv("GENLOGS_BASE_URL", api.base_url)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    started = Kernel()
    try:
        yield started
    finally:
        started.close()


LOGIN = "import genlogs_ext\nsource = genlogs_ext.login()\nsource"


def test_login_asks_in_a_notebook_and_hides_secrets(
    api: StubServer, kernel: Kernel
) -> None:
    answers = {"Email: ": EMAIL, "Password: ": PASSWORD, "API key: ": API_KEY}
    reply = kernel.execute(LOGIN, answers)
    assert reply["status"] == "ok", reply
    assert kernel.asked == [("Email: ", False), ("Password: ", True), ("API key: ", True)]
    assert f"<TokenSource of {EMAIL} at {api.base_url}: token valid until" in kernel.shown
    for secret in (PASSWORD, API_KEY, "stub-access-"):
        assert secret not in kernel.shown


def test_a_question_can_be_interrupted(api: StubServer, kernel: Kernel) -> None:
    began = time.monotonic()
    reply = kernel.execute(LOGIN, {"Email: ": EMAIL})
    assert reply["ename"] == "KeyboardInterrupt"
    assert kernel.asked[-1] == ("Password: ", True)
    assert time.monotonic() - began < 10
    assert kernel.execute("1 + 1", {})["status"] == "ok"
    assert api.requests == []


def test_a_kernel_that_cannot_ask_says_what_to_set(kernel: Kernel) -> None:
    reply = kernel.execute(LOGIN)
    assert reply["ename"] == "ValueError"
    assert "GENLOGS_EMAIL, GENLOGS_PASSWORD, GENLOGS_API_KEY; set what" in reply["evalue"]
    assert kernel.asked == []
