"""genlogs_ext.login, on a terminal and where nobody can be asked."""

import json
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

import genlogs_ext
from genlogs_ext.testing import Reply, StubServer

from .command import API_KEY, EMAIL, PASSWORD, Terminal, run, set_keyring, terminal

LOGIN = [sys.executable, "-W", "always", "-c", "import genlogs_ext; print({})"]
QUESTION = "Keep them in the system's keyring? [y/N] "
SECRETS = (PASSWORD, API_KEY, "stub-access-", "stub-refresh-")


@pytest.fixture
def api() -> Iterator[StubServer]:
    users = {EMAIL: PASSWORD, "bob@example.com": "bobs"}
    with StubServer(users=users, api_keys=[API_KEY]) as server:
        yield server


@pytest.fixture(autouse=True)
def keyring_file(api: StubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keyring of the test's own, and the API's address."""
    monkeypatch.setenv("GENLOGS_BASE_URL", api.base_url)
    return set_keyring(monkeypatch, tmp_path)


def set_account(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Put an account into the environment, but for what is named otherwise."""
    account = {"EMAIL": EMAIL, "PASSWORD": PASSWORD, "API_KEY": API_KEY, **values}
    for name, value in account.items():
        monkeypatch.setenv(f"GENLOGS_{name}", value)


def command(call: str = "genlogs_ext.login()") -> list[str]:
    return [*LOGIN[:-1], LOGIN[-1].format(call)]


def run_alone(call: str = "genlogs_ext.login()") -> subprocess.CompletedProcess[str]:
    """Run a call where nobody can be asked."""
    done = subprocess.run(
        command(call), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=40, check=False,
    )  # fmt: skip
    for secret in SECRETS:
        assert secret not in done.stdout + done.stderr
    return done


def type_all(screen: Terminal, password: str = PASSWORD) -> None:
    screen.answer("Email: ", f"{EMAIL}\n")
    screen.answer("Password: ", f"{password}\n")
    screen.answer("API key: ", f"{API_KEY}\n")


def end(screen: Terminal, status: int = 0) -> str:
    """What was printed, in which there is no secret, nor in what the screen shows."""
    ended, output = screen.end()
    assert ended == status, screen.seen
    for secret in SECRETS:
        assert secret not in screen.seen + output
    return output


def log_in(answer: str = "y") -> str:
    with terminal(command=command()) as screen:
        type_all(screen)
        screen.answer(QUESTION, f"{answer}\n")
        return end(screen)


# ---- asking ------------------------------------------------------------------------


def test_it_asks_for_what_is_missing_and_hides_secrets(api: StubServer) -> None:
    with terminal(command=command("genlogs_ext.login(store=False)")) as screen:
        type_all(screen)
        output = end(screen)
        assert screen.is_echoing()  # again
    assert screen.seen == f"Email: {EMAIL}\nPassword: \nAPI key: \n"
    assert output.startswith(f"<TokenSource of {EMAIL} at {api.base_url}: token valid")
    assert len(api.requests) == 1


def test_what_is_given_or_in_the_environment_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENLOGS_API_KEY", API_KEY)
    call = f"genlogs_ext.login(email={EMAIL!r}, store=False)"
    with terminal(command=command(call)) as screen:
        screen.answer("Password: ", f"{PASSWORD}\n")
        end(screen)
    assert screen.seen == "Password: \n"


def test_with_all_in_the_environment_nobody_is_asked(
    monkeypatch: pytest.MonkeyPatch, keyring_file: Path
) -> None:
    set_account(monkeypatch)
    done = run_alone()
    assert (done.returncode, done.stderr) == (0, "")
    assert "token valid until" in done.stdout
    with terminal(command=command()) as screen:
        end(screen)
    assert screen.seen == ""
    assert not keyring_file.exists()


def test_where_nobody_can_be_asked_it_says_what_to_set(api: StubServer) -> None:
    done = run_alone(f"genlogs_ext.login(email={EMAIL!r})")
    assert done.stderr.splitlines()[-1] == (
        "ValueError: not set in the environment: GENLOGS_PASSWORD, GENLOGS_API_KEY; set "
        "what is missing, or store it in a keyring by `genlogs-token login` on a terminal "
        f"(the keyring has nothing for {api.base_url})"
    )
    assert api.requests == []


def test_a_closed_standard_input_is_nobody() -> None:
    code = "import sys; sys.stdin = None; import genlogs_ext; genlogs_ext.login()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert "ValueError: not set in the environment: GENLOGS_EMAIL" in done.stderr


def test_ctrl_c_at_a_question_ends_it() -> None:
    with terminal(command=command()) as screen:
        screen.answer("Email: ", f"{EMAIL}\n")
        screen.answer("Password: ", "\x03")
        screen.end()
    assert screen.seen.rstrip().endswith("KeyboardInterrupt")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"timeout": -1}, ValueError),
        ({"email": 5}, TypeError),
        ({"password": ""}, ValueError),
        ({"api_key": "a\nb"}, ValueError),
        ({"no_such": 1}, TypeError),
        ({"cache": "redis://"}, TypeError),
        ({"store": "yes"}, TypeError),
        ({"base_url": "ftp://x"}, ValueError),
    ],
)
def test_a_bad_argument_is_said_before_anything_is_asked(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object], error: type[Exception]
) -> None:
    def ask(_: str) -> str:
        raise AssertionError("it asked")

    monkeypatch.setattr("builtins.input", ask)
    monkeypatch.setattr("getpass.getpass", ask)
    (name,) = options
    with pytest.raises(error, match=name):
        genlogs_ext.login(**options)  # type: ignore[arg-type] # the point of it


# ---- what the server says ----------------------------------------------------------


def test_refused_ones_say_what_to_do_and_are_not_stored(keyring_file: Path) -> None:
    with terminal(command=command("genlogs_ext.login(store=True)")) as screen:
        type_all(screen, "wrong")
        end(screen, status=1)
    assert screen.seen.endswith(
        "AuthenticationError: Incorrect email or password (HTTP 401); run login() again\n"
    )
    assert not keyring_file.exists()


def test_a_refusal_keeps_what_it_knows(
    api: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_account(monkeypatch, API_KEY="another")
    with pytest.raises(genlogs_ext.PermissionDeniedError, match="check GENLOGS_") as raised:
        genlogs_ext.login()
    assert (raised.value.status_code, raised.value.detail) == (403, "Forbidden")
    api.script(Reply(401, {"detail": "Account is locked"}))
    with pytest.raises(genlogs_ext.AuthenticationError, match="check email") as locked:
        genlogs_ext.login(email=EMAIL, password=PASSWORD, api_key=API_KEY)
    assert locked.value.detail == "Account is locked"


def test_other_failures_come_through(
    api: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_account(monkeypatch)
    api.script(Reply(500))
    with pytest.raises(genlogs_ext.ServerError):
        genlogs_ext.login(max_retries=0)


def test_the_options_are_the_sources(
    tls_stub: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_account(monkeypatch, PASSWORD=tls_stub.password, API_KEY=tls_stub.api_key)
    source = genlogs_ext.login(
        email=tls_stub.email,
        base_url=tls_stub.base_url,
        ca_file=tls_stub.ca_file,
        cache=genlogs_ext.MemoryCache(),
    )
    assert source.base_url == tls_stub.base_url
    assert source.token() is source.token()
    assert len(tls_stub.requests) == 1


def test_nothing_shows_a_secret(api: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    set_account(monkeypatch, PASSWORD="canary-password", API_KEY="canary-key")
    api.script(Reply(401, {"detail": "canary-password canary-key"}))
    with pytest.raises(genlogs_ext.AuthenticationError) as refused:
        genlogs_ext.login()
    with pytest.raises(ValueError, match="timeout") as bad:
        genlogs_ext.login(password="canary-" + "password", timeout=0)
    for error in (refused.value, bad.value):
        shows = traceback.TracebackException.from_exception(error, capture_locals=True)
        frames = [frame for frame in shows.stack if "genlogs_ext" in frame.filename]
        assert frames
        said = "".join(traceback.format_list(frames)) + str([f.locals for f in frames])
        assert "canary" not in said + str(error)


# ---- accounts are not mixed --------------------------------------------------------


def test_the_environments_password_is_for_its_email_alone(
    api: StubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_account(monkeypatch)
    done = run_alone("genlogs_ext.login(email='bob@example.com')")
    assert "not set in the environment: GENLOGS_PASSWORD, GENLOGS_API_KEY" in done.stderr
    assert api.requests == []


def test_the_environments_email_may_be_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    set_account(monkeypatch)
    assert not genlogs_ext.login(email=EMAIL).token().expired


def test_the_keyrings_password_is_for_its_email_alone(api: StubServer) -> None:
    log_in()
    asked = len(api.requests)
    done = run_alone("genlogs_ext.login(email='bob@example.com')")
    assert "the keyring has another email" in done.stderr
    assert len(api.requests) == asked


# ---- the keyring -------------------------------------------------------------------


def test_what_was_typed_is_kept_if_wanted_and_found_again() -> None:
    assert log_in("y").startswith("Stored in the system's keyring")
    done = run_alone()
    assert (done.returncode, done.stderr) == (0, "")
    assert run("--check").stdout.startswith(f"{EMAIL} may use ")
    assert run("logout").returncode == 0
    assert "ValueError" in run_alone().stderr


@pytest.mark.parametrize("answer", ["", "n", "no", "maybe"])
def test_it_is_not_kept_otherwise(keyring_file: Path, answer: str) -> None:
    assert log_in(answer).startswith("<TokenSource")
    assert not keyring_file.exists()


GONE = """
import builtins, getpass, genlogs_ext

def gone(question):
    raise EOFError

builtins.input, getpass.getpass = gone, lambda _: {!r}
print(genlogs_ext.login(email={!r}, api_key={!r}))
"""


def test_who_is_gone_when_the_question_comes_keeps_nothing(keyring_file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GONE.format(PASSWORD, EMAIL, API_KEY)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=40, check=True,
    )  # fmt: skip
    assert "token valid" in done.stdout
    assert not keyring_file.exists()


def test_store_answers_the_question(
    monkeypatch: pytest.MonkeyPatch, keyring_file: Path
) -> None:
    set_account(monkeypatch)
    run_alone("genlogs_ext.login(store=False)")
    assert not keyring_file.exists()
    assert run_alone("genlogs_ext.login(store=True)").stdout.startswith("Stored")
    (kept,) = json.loads(keyring_file.read_text()).values()
    assert json.loads(kept) == {"email": EMAIL, "password": PASSWORD, "api_key": API_KEY}


@pytest.mark.parametrize(
    "backend", ["keyring.backends.fail.Keyring", "fake_keyring.Locked"]
)
def test_without_a_keyring_nothing_is_offered(
    monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    with terminal(command=command()) as screen:
        type_all(screen)
        end(screen)
    assert screen.seen.endswith("API key: \n")


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("keyring.backends.fail.Keyring", "this system has no keyring that could be used"),
        ("fake_keyring.Swallowing", "the keyring keeps nothing"),
    ],
)
def test_a_keyring_that_fails_takes_no_source_away(
    monkeypatch: pytest.MonkeyPatch, backend: str, reason: str
) -> None:
    set_account(monkeypatch)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", backend)
    done = run_alone("genlogs_ext.login(store=True)")
    assert done.returncode == 0
    assert done.stdout.startswith("<TokenSource")
    assert re.search(
        rf"RuntimeWarning: signed in, but the credentials are not stored: {reason}",
        done.stderr,
    )


def test_another_accounts_entry_is_not_replaced_unasked(keyring_file: Path) -> None:
    log_in()
    call = "genlogs_ext.login(email='bob@example.com')"
    for answer, kept in (("n", EMAIL), ("y", "bob@example.com")):
        with terminal(command=command(call)) as screen:
            screen.answer("Password: ", "bobs\n")
            screen.answer("API key: ", f"{API_KEY}\n")
            screen.answer("keyring, in place of another account's? [y/N] ", f"{answer}\n")
            end(screen)
        assert kept in keyring_file.read_text()


def test_what_the_keyring_has_and_the_server_refuses_is_asked_for_anew(
    api: StubServer, keyring_file: Path
) -> None:
    log_in()
    api.users[EMAIL] = "changed"
    alone = run_alone()
    assert alone.stderr.endswith("; run `genlogs-token login` to store others\n")
    with terminal(command=command()) as screen:
        type_all(screen, "changed")
        screen.answer(QUESTION, "y\n")
        output = end(screen)
    assert "(HTTP 401): the keyring has what is no longer taken." in output
    assert "changed" in keyring_file.read_text()
    assert run_alone().returncode == 0


def test_what_is_typed_then_may_be_wrong_too(api: StubServer, keyring_file: Path) -> None:
    log_in()
    before = keyring_file.read_text()
    api.users[EMAIL] = "changed"
    with terminal(command=command()) as screen:
        type_all(screen, "wrong")
        end(screen, status=1)
    assert screen.seen.endswith("; run login() again\n")
    assert keyring_file.read_text() == before
