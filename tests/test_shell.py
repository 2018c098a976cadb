"""genlogs-token, as shells run it: in pipes, and on a terminal."""

import getpass
import json
import os
import re
import signal
import stat
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import genlogs_ext
from genlogs_ext import _credentials, _threads, shell
from genlogs_ext.testing import Delay, Reply, StubServer
from genlogs_ext.testing.faults import Fault

from .command import (
    API_KEY,
    COMMAND,
    EMAIL,
    PASSWORD,
    refusal,
    run,
    set_keyring,
    terminal,
)
from .helpers import unused_port, wait_for

SCRIPT = Path(sysconfig.get_path("scripts"), "genlogs-token")


@pytest.fixture
def api() -> Iterator[StubServer]:
    with StubServer(users={EMAIL: PASSWORD}, api_keys=[API_KEY]) as server:
        yield server


@pytest.fixture(autouse=True)
def plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own keyring decides nothing here, and output is buffered."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")


@pytest.fixture
def account(api: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment has all that is needed."""
    monkeypatch.setenv("GENLOGS_BASE_URL", api.base_url)
    monkeypatch.setenv("GENLOGS_EMAIL", EMAIL)
    monkeypatch.setenv("GENLOGS_PASSWORD", PASSWORD)
    monkeypatch.setenv("GENLOGS_API_KEY", API_KEY)


@pytest.fixture
def keyring_file(api: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment has a keyring, and the API's address."""
    monkeypatch.setenv("GENLOGS_BASE_URL", api.base_url)
    return set_keyring(monkeypatch, tmp_path)


# ---- what it prints ----------------------------------------------------------------


@pytest.mark.usefixtures("account")
def test_it_prints_the_token_and_a_newline(api: StubServer) -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"stub-access-[\w-]+\n", done.stdout)
    assert len(api.requests) == 1


@pytest.mark.usefixtures("account")
def test_the_console_script_is_the_same_command() -> None:
    done = subprocess.run([SCRIPT], capture_output=True, text=True, timeout=40, check=True)
    assert re.fullmatch(r"stub-access-[\w-]+\n", done.stdout)


@pytest.mark.usefixtures("account")
def test_json_is_all_that_the_server_sent(api: StubServer) -> None:
    answer = {
        "access_token_data": {"token": "tök".encode().hex(), "expires": "2126-01-01T00:00"},
        "customer_name": "Größe \ud800",
        "more": [1, None, {"deep": 10**30}],
    }
    api.script(Reply(200, answer))
    assert json.loads(run("--json").stdout) == answer


@pytest.mark.usefixtures("account")
def test_curl_takes_the_headers(api: StubServer) -> None:
    lines = run("--headers").stdout
    url = f"{api.base_url}/carrier/recommendations"
    subprocess.run(
        ["curl", "--disable", "-s", "-H", "@-", url], input=lines.encode(), timeout=40,
        check=True, capture_output=True, env={**os.environ, "LD_PRELOAD": ""},
    )  # fmt: skip
    request = api.requests[-1]
    assert request.header("x-api-key") == API_KEY
    token = request.header("access-token")
    assert token is not None
    assert token.startswith("stub-access-")


@pytest.mark.usefixtures("account")
def test_check_says_until_when_and_no_secret(api: StubServer) -> None:
    api.token_lifetime = 7200
    done = run("--check")
    assert (done.returncode, done.stderr) == (0, "")
    said = re.fullmatch(
        r"ada@example.com may use (\S+); a token made now would expire at "
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, in (\d+) s\n",
        done.stdout,
    )
    assert said is not None, done.stdout
    assert said[1] == api.base_url
    assert 7100 < int(said[2]) <= 7201
    for secret in (PASSWORD, API_KEY, "stub-access-", "stub-refresh-"):
        assert secret not in done.stdout


@pytest.mark.usefixtures("account")
def test_an_email_moves_no_cursor(api: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    api.users = {"ada\x1b[2J\n@x": PASSWORD}
    monkeypatch.setenv("GENLOGS_EMAIL", "ada\x1b[2J\n@x")
    assert run("--check").stdout.startswith("ada [2J @x may use ")


def test_the_stub_needs_no_account() -> None:
    assert run("--stub").stdout.startswith("stub-access-")
    assert run("--stub", "--check").stdout.startswith("ada@example.com may use http://127")


def test_the_stub_gets_nobodys_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLOGS_API_KEY", API_KEY)
    assert run("--stub", "--headers").stdout.endswith("x-api-key: stub-api-key\n")


def test_version_is_the_packages() -> None:
    assert run("--version").stdout.startswith(f"genlogs-token {genlogs_ext.__version__} ")


def test_help_documents_every_exit_status_option_and_variable() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    listed = done.stdout.partition("exit status:")[2]
    statuses = {int(number) for number in re.findall(r"^ +(\d+)   ", listed, re.MULTILINE)}
    assert statuses == {0, 1, 2, 3, 4, 5, 130, 141}
    for name in ("EMAIL", "PASSWORD", "API_KEY", "BASE_URL"):
        assert f"GENLOGS_{name}" in done.stdout
    assert "examples:" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert run("-h").stdout == done.stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "tcsh"])
def test_shtab_writes_completions(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "shtab", f"--shell={name}", "genlogs_ext.shell.parser"],
        capture_output=True, text=True, timeout=40, check=True,
    )  # fmt: skip
    assert "password-stdin" in done.stdout
    assert "logout" in done.stdout


# ---- the cache ---------------------------------------------------------------------


@pytest.fixture
def cache(account: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001 - it is used for what it does
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "genlogs-ext"


def make_due(cache: Path) -> None:
    """Make the kept token one that is to be renewed."""
    (path,) = (path for path in cache.iterdir() if path.suffix == ".json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "lifetime": 1e6}))


def test_runs_share_a_token_by_the_cache(api: StubServer, cache: Path) -> None:
    first, second = run("--cache"), run("--cache", "--headers")
    assert (first.returncode, first.stderr) == (0, "")
    assert second.stdout == f"Access-Token: {first.stdout}x-api-key: {API_KEY}\n"
    assert len(api.requests) == 1
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_a_token_that_is_about_to_expire_is_renewed(api: StubServer, cache: Path) -> None:
    api.token_lifetime = 200
    first = run("--cache")
    make_due(cache)
    second = run("--cache")
    assert (second.returncode, second.stderr) == (0, "")
    assert second.stdout != first.stdout
    assert len(api.requests) == 2


def test_a_renewal_that_fails_is_a_warning(api: StubServer, cache: Path) -> None:
    api.token_lifetime = 200
    first = run("--cache")
    make_due(cache)
    api.script(Reply(404))
    second = run("--cache")
    assert (second.returncode, second.stdout) == (0, first.stdout)
    assert re.fullmatch(
        r"genlogs-token: renewing the token failed, [^\n]+\n", second.stderr
    )


def test_a_cache_that_others_can_read_is_a_warning(cache: Path) -> None:
    cache.mkdir()
    cache.chmod(0o755)
    done = run("--cache")
    assert done.returncode == 0
    assert done.stdout.startswith("stub-access-")
    assert done.stderr.startswith("genlogs-token: ")
    assert list(cache.iterdir()) == []


# ---- what goes wrong ---------------------------------------------------------------


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("faults", "status", "todo"),
    [
        ([Reply(401, {"detail": "Incorrect"})], 3, "check GENLOGS_EMAIL"),
        ([Reply(401, {"detail": f"not\n\x1b[2J {PASSWORD}"})], 3, "check GENLOGS_EMAIL"),
        ([Reply(403, {"message": f"Forbidden {API_KEY}"})], 3, "is the API key right"),
        ([Delay(20)], 4, "try again later"),
        ([Reply(404)], 5, "GENLOGS_BASE_URL says where"),
        ([Reply(503, headers={"retry-after": "0"})] * 3, 5, "try again later"),
        ([Reply(429, headers={"retry-after": "900"})], 5, "try again in 900 s"),
        ([Reply(200, "<html>")], 5, "not what the API promises"),
        ([Reply(200, {"access_token_data": {"token": "a b", "expires": "2126-01-01 00:00"}})
          ], 5, "HTTP header"),
        ([Reply(200, b'{"access_token_data": {"token": "a", "expires": "2126-01-01T00:00"},'
          b'"x": 1e999}')], 5, "a float can hold"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_that_says_what_to_do(
    api: StubServer, faults: list[Fault], status: int, todo: str
) -> None:
    api.script(*faults)
    assert todo in refusal(run("--json", "--timeout", "2"), status)


@pytest.mark.usefixtures("account")
def test_where_nobody_listens_there_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with unused_port() as port:
        monkeypatch.setenv("GENLOGS_BASE_URL", f"http://127.0.0.1:{port}")
        refusal(run("--timeout", "2"), 4)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--password", PASSWORD],
        [f"--password={PASSWORD}"],
        [f"-p{PASSWORD}"],
        [PASSWORD],
        [f"--json={PASSWORD}"],
        ["--jso"],
        ["--timeout", PASSWORD],
        ["--timeout", "-1"],
        ["--timeout"],
        ["--json", "--check"],
        ["--cache", "--check"],
        ["--stub", "--cache"],
        ["--stub", "--password-stdin"],
        ["login", "--stub"],
        ["login", "--json"],
        ["login", "login"],
        ["logout", "--cache"],
        ["logout", "--password-stdin"],
    ],
)
@pytest.mark.usefixtures("account")
def test_what_is_no_usage_is_refused_without_its_words(
    api: StubServer, arguments: list[str]
) -> None:
    assert "--help" in refusal(run(*arguments), 2)
    assert api.requests == []


def test_a_typing_error_gets_a_guess() -> None:
    assert "did you mean --json?" in refusal(run("--jsn"), 2)
    assert "did you mean --password-stdin?" in refusal(run("--password", PASSWORD), 2)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["EMAIL", "PASSWORD", "API_KEY"])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(f"GENLOGS_{name}")
    error = refusal(run(), 2)
    assert f"not set in the environment: GENLOGS_{name};" in error
    assert "no keyring that could be used" in error


@pytest.mark.usefixtures("account")
def test_a_base_url_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLOGS_BASE_URL", f"https://ada:{PASSWORD}@api.example")
    assert "GENLOGS_BASE_URL" in refusal(run(), 2)


@pytest.mark.usefixtures("account")
def test_credentials_that_are_no_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLOGS_PASSWORD", PASSWORD + "\udcff")
    assert "password" in refusal(run(), 2)


# ---- streams and signals -----------------------------------------------------------


def test_what_the_output_cannot_hold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with StubServer(users={"größe@example.com": PASSWORD}) as server:
        monkeypatch.setenv("GENLOGS_BASE_URL", server.base_url)
        monkeypatch.setenv("GENLOGS_EMAIL", "größe@example.com")
        monkeypatch.setenv("GENLOGS_PASSWORD", PASSWORD)
        monkeypatch.setenv("GENLOGS_API_KEY", server.api_key)
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")
        said = refusal(run("--check"), 2)
    assert "standard output is ascii" in said
    assert "set PYTHONIOENCODING=utf-8" in said


@pytest.mark.usefixtures("account")
def test_without_a_thread_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def no_thread(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(_threads, "start", no_thread)
    assert shell.main(["--cache"]) == shell.FAILED
    assert capsys.readouterr() == ("", "genlogs-token: can't start new thread\n")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("option", ["--json", "--help", "--version"])
def test_a_closed_pipe_ends_it_quietly(option: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [*COMMAND, option],
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=40,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("redirection", "message"), [(">/dev/full", "No space left"), (">&-", "is closed")]
)
def test_output_that_cannot_be_written_is_an_error(redirection: str, message: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert message in refusal(done, 1)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("argument", "redirections", "status"),
    [("--password-stdin", "0>/dev/null >&-", 1), ("--no-such-thing", "2>&-", 2)],
)
def test_streams_that_are_closed_break_nothing(
    argument: str, redirections: str, status: int
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *COMMAND, argument],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == ("" if status == 2 else "genlogs-token: Bad file descriptor\n")


@pytest.mark.usefixtures("account")
def test_a_closed_input_is_no_password() -> None:
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *COMMAND, "--password-stdin"],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert "standard input is closed" in refusal(done, 2)


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("option", ["--json", "--cache"])
def test_ctrl_c_ends_a_request(
    api: StubServer, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    api.script(Delay(25))
    process = subprocess.Popen(
        [*COMMAND, option], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    wait_for(lambda: api.requests)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == (b"", b"")
    assert process.returncode == 130
    assert time.monotonic() - began < 2


# ---- standard input and the terminal -----------------------------------------------


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_the_password_is_read_from_standard_input(
    api: StubServer, monkeypatch: pytest.MonkeyPatch, end: bytes
) -> None:
    monkeypatch.setenv("GENLOGS_PASSWORD", "another")
    done = run("--password-stdin", stdin=PASSWORD.encode() + end)
    assert (done.returncode, done.stderr) == (0, "")
    assert api.requests[0].query["password"] == PASSWORD


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (PASSWORD.encode() + b"\xff", "is not UTF-8"),
        (b"x" * 65537, "are no password"),
    ],
)
def test_standard_input_that_is_no_password_is_refused(data: bytes, message: str) -> None:
    assert message in refusal(run("--password-stdin", stdin=data), 2)


@pytest.mark.usefixtures("account")
def test_a_terminal_is_no_pipe_for_a_password(api: StubServer) -> None:
    with terminal("--password-stdin") as screen:
        assert screen.end() == (2, "")
    assert "pipe the password in" in screen.seen
    assert api.requests == []


@pytest.mark.usefixtures("account")
def test_what_is_missing_is_asked_for_without_echo(
    api: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("EMAIL", "PASSWORD", "API_KEY"):
        monkeypatch.delenv(f"GENLOGS_{name}")
    with terminal() as screen:
        screen.answer("Email: ", f"{EMAIL}\n")
        screen.answer("Password: ", f"{PASSWORD}\n")
        screen.answer("API key: ", f"{API_KEY}\n")
        status, output = screen.end()
        assert screen.is_echoing()  # again
    assert status == 0, screen.seen
    assert re.fullmatch(r"stub-access-[\w-]+\n", output)
    assert screen.seen == f"Email: {EMAIL}\nPassword: \nAPI key: \n"
    assert len(api.requests) == 1


@pytest.mark.usefixtures("account")
def test_where_errors_have_no_place_it_asks_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("GENLOGS_EMAIL")
    silent = ["/bin/sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND]
    with terminal(command=silent) as screen:
        screen.answer("", f"{EMAIL}\n")
        status, output = screen.end()
    assert status == 0
    assert re.fullmatch(r"stub-access-[\w-]+\n", output)


def test_a_terminal_that_shows_what_is_typed_gets_no_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(getpass, "getpass", getpass.fallback_getpass)  # type: ignore[attr-defined] # what getpass becomes there
    with pytest.raises(_credentials.UsageError, match="set GENLOGS_PASSWORD"):
        _credentials._ask_secret("password")


@pytest.mark.usefixtures("account")
def test_an_email_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENLOGS_EMAIL")
    monkeypatch.setenv("PYTHONIOENCODING", "utf-8:strict")
    with terminal() as screen:
        screen.answer("Email: ", b"\xff@example.com\n")
        assert screen.end() == (2, "")
    assert "must be UTF-8" in screen.seen


@pytest.mark.usefixtures("account")
def test_only_what_is_missing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENLOGS_PASSWORD")
    with terminal() as screen:
        screen.answer("Password: ", "wrong\n")
        status, output = screen.end()
    assert (status, output) == (3, "")
    assert screen.seen.startswith("Password: \ngenlogs-token: Incorrect email or password")
    assert "; try again\n" in screen.seen


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["EMAIL", "PASSWORD"])
def test_ctrl_c_ends_a_prompt(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(f"GENLOGS_{name}")
    with terminal() as screen:
        screen.answer(": ", "\x03")
        assert screen.end() == (130, "")
        assert screen.is_echoing()
    assert "Traceback" not in screen.seen
    assert screen.seen.endswith("\n")


@pytest.mark.usefixtures("account")
@pytest.mark.parametrize("name", ["EMAIL", "PASSWORD"])
def test_ctrl_d_at_a_prompt_leaves_it_missing(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv(f"GENLOGS_{name}")
    with terminal() as screen:
        screen.answer(": ", "\x04")
        assert screen.end() == (2, "")
    assert f"GENLOGS_{name}; set what is missing" in screen.seen
    assert "Traceback" not in screen.seen


# ---- the keyring -------------------------------------------------------------------


@pytest.fixture
def logged_in(keyring_file: Path) -> Path:
    with terminal("login") as screen:
        screen.answer("Email: ", f"{EMAIL}\n")
        screen.answer("Password: ", f"{PASSWORD}\n")
        screen.answer("API key: ", f"{API_KEY}\n")
        status, output = screen.end()
    assert status == 0, screen.seen
    assert output.startswith(f"The keyring now has the credentials of {EMAIL} for http://")
    assert PASSWORD not in screen.seen + output
    return keyring_file


@pytest.mark.usefixtures("logged_in")
def test_after_login_nothing_is_asked() -> None:
    assert run().stdout.startswith("stub-access-")


def test_logout_removes_what_login_stored(logged_in: Path) -> None:
    assert run("logout").stdout.startswith("The keyring no longer has credentials for ")
    assert json.loads(logged_in.read_text()) == {}
    assert run("logout").stdout.startswith("The keyring had no credentials for ")
    assert "the keyring has nothing for" in refusal(run(), 2)


@pytest.mark.usefixtures("logged_in")
def test_the_environment_comes_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLOGS_PASSWORD", "another")
    refusal(run(), 3)


@pytest.mark.usefixtures("logged_in")
def test_a_stored_password_is_for_its_email_alone(
    api: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = len(api.requests)
    monkeypatch.setenv("GENLOGS_EMAIL", "bob@example.com")
    assert "the keyring has another email" in refusal(run(), 2)
    assert len(api.requests) == asked


@pytest.mark.usefixtures("logged_in")
def test_stored_credentials_are_for_their_api_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with StubServer(users={EMAIL: PASSWORD}, api_keys=[API_KEY]) as other:
        monkeypatch.setenv("GENLOGS_BASE_URL", other.base_url)
        refusal(run(), 2)
        assert other.requests == []


@pytest.mark.usefixtures("logged_in")
def test_refused_ones_from_the_keyring_want_a_login(api: StubServer) -> None:
    api.users[EMAIL] = "changed"
    assert "run `genlogs-token login`" in refusal(run(), 3)


@pytest.mark.usefixtures("account")
def test_login_takes_the_environment_and_standard_input(keyring_file: Path) -> None:
    done = run("login", "--password-stdin", stdin=f"{PASSWORD}\n".encode())
    assert (done.returncode, done.stderr) == (0, "")
    assert "correct horse" in keyring_file.read_text()


@pytest.mark.usefixtures("account")
def test_login_stores_nothing_that_is_refused(keyring_file: Path) -> None:
    refusal(run("login", "--password-stdin", stdin=b"wrong"), 3)
    assert not keyring_file.exists()


@pytest.mark.usefixtures("account", "keyring_file")
@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("fake_keyring.Swallowing", "the keyring keeps nothing"),
        ("fake_keyring.Locked", r"cannot be used \(KeyringLocked\): unlock it"),
        (
            "keyring.backends.fail.Keyring",
            "no keyring that could be used: set the GENLOGS_",
        ),
    ],
)
def test_login_says_what_is_wrong_with_the_keyring(
    monkeypatch: pytest.MonkeyPatch, backend: str, message: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    assert re.search(message, refusal(run("login"), 2))


def test_a_broken_entry_wants_a_login(logged_in: Path) -> None:
    (name,) = json.loads(logged_in.read_text())
    for broken in ("", "[]", '{"email": 1, "password": "", "api_key": ""}'):
        logged_in.write_text(json.dumps({name: broken}))
        assert "run `genlogs-token login` anew" in refusal(run(), 2)


@pytest.mark.parametrize("command", ["login", "logout"])
@pytest.mark.usefixtures("account")
def test_without_keyring_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "keyring.py").write_text("raise ModuleNotFoundError(name='keyring')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "pip install 'genlogs-ext[keyring]'" in refusal(run(command), 2)
    assert run().returncode == 0  # the environment has all


@pytest.mark.parametrize(
    ("argument", "package", "extra"),
    [("login", "keyring", "keyring"), ("--cache", "filelock", "file-cache")],
)
def test_a_missing_package_is_named_before_anything_is_asked(
    api: StubServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argument: str,
    package: str,
    extra: str,
) -> None:
    missing = f"raise ModuleNotFoundError(name={package!r})\n"
    (tmp_path / f"{package}.py").write_text(missing)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    said = refusal(run(argument), 2)  # without credentials, which come second
    assert f"needs {package}: pip install 'genlogs-ext[{extra}]'" in said
    assert "not set" not in said
    assert api.requests == []


# ---- the start ---------------------------------------------------------------------


def test_the_start_imports_nothing_heavy() -> None:
    code = "import sys; from genlogs_ext.shell import main; main(['--version']);"
    names = subprocess.run(
        [sys.executable, "-c", code + "print(*sys.modules)"],
        capture_output=True, text=True, timeout=40, check=True,
    ).stdout.split()  # fmt: skip
    assert "genlogs_ext.shell" in names
    heavy = {"asyncio", "ssl", "http", "logging", "keyring", "getpass", "datetime"}
    assert not heavy & set(names)


def test_it_starts_in_little_more_than_python_does() -> None:
    def best(*command: str) -> float:
        times = []
        for _ in range(7):
            began = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            times.append(time.perf_counter() - began)
        return min(times)

    # About twice; with asyncio and ssl it would be six times.
    assert best(*COMMAND, "--version") < 4 * best(sys.executable, "-c", "pass")


def test_main_returns_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert shell.main(["--version"]) == shell.OK
    assert shell.main(["--no-such-thing"]) == shell.USAGE
    assert capsys.readouterr().err.count("\n") == 1
