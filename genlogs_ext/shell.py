"""The command `genlogs-token`: an access token for shells and scripts.

Everything heavy is imported where it is used: most runs need little of it.
"""

import argparse
import os
import sys
import threading
from contextlib import ExitStack, suppress

from genlogs_ext import __version__, _core
from genlogs_ext._credentials import Credentials, UsageError, find
from genlogs_ext._display import one_line
from genlogs_ext.errors import (
    AuthenticationError,
    GenLogsError,
    InvalidResponseError,
    PermissionDeniedError,
    TransportError,
)

TYPE_CHECKING = False  # typing would slow every start down
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from genlogs_ext.access_token import AccessToken
    from genlogs_ext.file_cache import FileCache

OK, FAILED, USAGE, REFUSED, NO_ANSWER, BAD_ANSWER = range(6)
INTERRUPTED, CLOSED_PIPE = 130, 141  # what shells say of SIGINT and SIGPIPE

_DESCRIPTION = """\
Print a GenLogs access token.

Credentials come from the environment; what is missing there from the system's
keyring; what is missing there too is asked for on the terminal, where secrets
are not echoed. They are never taken from arguments, which `ps` shows to
everybody."""

_EPILOG = """\
examples:
  token=$(genlogs-token)
        keep a token in a variable of the shell
  genlogs-token --headers | curl -H @- https://api.genlogs.io/carrier/...
        call an endpoint; neither token nor API key is on a command line
  genlogs-token --check && ./nightly-job
        see to it that the credentials work before anything starts
  genlogs-token --json | jq -r .access_token_data.expires
        pick something out of the response
  pass genlogs | genlogs-token --password-stdin
        take the password from a password manager
  genlogs-token login
        ask for credentials, try them, store them in the keyring
  genlogs-token --stub --json
        try it without an account, against a stand-in on this machine

environment:
  GENLOGS_EMAIL, GENLOGS_PASSWORD, GENLOGS_API_KEY
        the credentials
  GENLOGS_BASE_URL
        where the API is (default: https://api.genlogs.io)
  https_proxy, all_proxy, no_proxy
        the proxy to use
  SSL_CERT_FILE, CURL_CA_BUNDLE, REQUESTS_CA_BUNDLE
        PEM file of the certificate authorities to trust

exit status:
    0   it worked
    1   the output could not be written, or the system failed
    2   usage: bad arguments, or credentials or a package are missing
    3   the server refused the credentials
    4   no answer: no connection, no trust, or no time left
    5   bad answer: an error such as 429 or 503, or not what the API promises
  130   Ctrl-C
  141   whoever read the output has gone

The keyring needs `pip install 'genlogs-ext[keyring]'`, --cache needs
`pip install 'genlogs-ext[file-cache]'`."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> "NoReturn":  # noqa: ARG002 - it may quote a secret
        """Say that the arguments are wrong, but not what they are."""
        raise UsageError("these arguments are not understood")


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line; tools that write completions use it too.

    Returns:
        The parser.
    """
    # An abbreviation would read `--password secret` as --password-stdin.
    made = _Parser(
        prog="genlogs-token",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
    )
    add = made.add_argument
    add(
        "command",
        nargs="?",
        choices=("login", "logout"),
        help="login: try credentials, then store them in the system's keyring; "
        "logout: remove them from there",
    )
    what = made.add_argument_group("what to print (default: the token)")
    one = what.add_mutually_exclusive_group()
    one.add_argument("--json", action="store_true", help="all that the server sent")
    one.add_argument(
        "--headers", action="store_true", help="the two header lines, for `curl -H @-`"
    )
    one.add_argument(
        "--check",
        action="store_true",
        help="whether the credentials work, and when a token would expire; no secret",
    )
    how = made.add_argument_group("how to get it")
    how.add_argument(
        "--cache",
        action="store_true",
        help="share one token with all of your processes on this machine",
    )
    how.add_argument(
        "--password-stdin", action="store_true", help="the password is standard input"
    )
    how.add_argument(
        "--timeout",
        default="30",
        metavar="SECONDS",
        help="for the whole request, retries included (default: 30)",
    )
    how.add_argument(
        "--stub", action="store_true", help="ask a stand-in that runs for this command only"
    )
    more = made.add_argument_group("more")
    more.add_argument("-h", "--help", action="store_true", help="show this help")
    more.add_argument("--version", action="store_true", help="show the version")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Of the command line; None for the process's own.

    Returns:
        The exit status, as `--help` documents it.
    """
    try:
        return _run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        if sys.stderr is not None and sys.stderr.isatty():
            _say("", prefix="")  # the prompt of the shell gets a line of its own
        return INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        return CLOSED_PIPE
    except UsageError as error:
        return _fail(USAGE, f"{error}; see `genlogs-token --help`")
    except OSError as error:
        _forget_output()
        return _fail(FAILED, error.strerror or type(error).__name__)
    except RuntimeError as error:  # no thread is to be had
        return _fail(FAILED, str(error))


def _run(arguments: list[str]) -> int:
    options = _parse(arguments)
    if options.help:
        return _write(parser().format_help())
    if options.version:
        return _write(f"genlogs-token {__version__} ({_core.libcurl})\n")
    credentials: Credentials | None = None
    try:
        with ExitStack() as stack:
            base_url = None
            if options.stub:
                from genlogs_ext.testing import StubServer

                stub = stack.enter_context(StubServer())
                base_url = stub.base_url
                values = {name: getattr(stub, name) for name in ("email", "password")}
                credentials = Credentials({**values, "api_key": stub.api_key}, "stub")
            timeout = _seconds(options.timeout)
            endpoint = _core.check("-", "-", "-", base_url=base_url, timeout=timeout)
            base_url = endpoint.removesuffix("/auth/token")
            if options.command == "logout":
                return _logout(base_url)
            if options.command == "login":
                _want_keyring(base_url)
            get = _shared() if options.cache else _request
            if credentials is None:
                credentials = find(
                    base_url,
                    password_stdin=options.password_stdin,
                    use_keyring=options.command != "login",
                )
            token = get(credentials.values, base_url, timeout)
            if options.command == "login":
                return _login(credentials, base_url)
            return _write(_shown(token, options, credentials, base_url))
    except UnicodeError:
        raise UsageError("email, password and API key must be UTF-8") from None
    except (ValueError, ImportError) as error:
        raise UsageError(str(error)) from None
    except GenLogsError as error:
        return _explain(error, credentials)


def _parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; what is wrong with it is said without its words."""
    made = parser()
    try:
        options = made.parse_args(arguments)
    except UsageError as error:
        import difflib

        known = [name for action in made._actions for name in action.option_strings]
        wrong = (word.partition("=")[0] for word in arguments if word not in known)
        near = [name for word in wrong for name in difflib.get_close_matches(word, known)]
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"{error}{hint}") from None
    clashes = {
        "--stub": ("command", "cache", "password_stdin"),
        "--cache": ("command", "check"),
        "login and logout": ("json", "headers", "check"),
    }
    given = {
        "--stub": options.stub,
        "--cache": options.cache,
        "login and logout": options.command,
    }
    for what, others in clashes.items():
        for other in others:
            if given[what] and getattr(options, other):
                name = options.command if other == "command" else f"--{other}"
                raise UsageError(f"{what} and {name.replace('_', '-')} do not go together")
    if options.command == "logout" and options.password_stdin:
        raise UsageError("logout needs no password")
    return options


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError("--timeout takes a number of seconds") from None


# ---- getting a token ---------------------------------------------------------------


def _request(values: dict[str, str], base_url: str, timeout: float) -> "AccessToken":
    """Make a token. The request has a thread of its own, so that Ctrl-C ends it at once."""
    from genlogs_ext import _threads
    from genlogs_ext.access_token import AccessToken, lifetime

    call = _core.Call()
    outcome: list[AccessToken | BaseException] = []
    landed = threading.Event()

    def work() -> None:
        try:
            response = call.create_token(**values, base_url=base_url, timeout=timeout)
            outcome.append(AccessToken(response, lifetime(response, call.date)))
        except BaseException as error:  # it is the main thread's
            outcome.append(error)
        landed.set()

    _threads.start(work, "genlogs-create-token")
    while not landed.wait(0.05):  # Windows lets no signal into a wait without an end
        pass
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def _shared() -> "Callable[[dict[str, str], str, float], AccessToken]":
    """Make the way by the machine's cache, or say what that needs."""
    from functools import partial

    from genlogs_ext import FileCache

    return partial(_share, FileCache())


def _share(
    cache: "FileCache", values: dict[str, str], base_url: str, timeout: float
) -> "AccessToken":
    """Take the token of the machine's cache, or make the next one for it."""
    import logging

    from genlogs_ext import TokenSource

    logging.basicConfig(format="genlogs-token: %(message)s", level=logging.WARNING)
    source = TokenSource(
        values["email"],
        values["password"],
        values["api_key"],
        cache=cache,
        base_url=base_url,
        timeout=timeout,
    )
    # The first look takes what is there; the second renews what is about to expire.
    for _ in range(2):
        source.token()
        for thread in threading.enumerate():
            if thread.name == "genlogs-token":
                thread.join(timeout)
    return source.token()


# ---- what to do with it ------------------------------------------------------------


def _shown(
    token: "AccessToken",
    options: argparse.Namespace,
    credentials: Credentials,
    base_url: str,
) -> str:
    """What to print of a token."""
    if options.json:
        import json

        try:
            return json.dumps(token.raw, allow_nan=False) + "\n"
        except ValueError:  # 1e999 is JSON, but nothing that Python could write
            raise InvalidResponseError(
                "the server's answer has a number beyond what a float can hold"
            ) from None
    if options.headers:
        api_key = credentials.values["api_key"]
        return f"Access-Token: {token.value}\nx-api-key: {api_key}\n"
    if options.check:
        when = token.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")
        who = one_line(credentials.values["email"])
        return (
            f"{who} may use {base_url}; a token made now would expire at {when}, "
            f"in {token.expires_in:.0f} s\n"
        )
    return f"{token.value}\n"


def _want_keyring(base_url: str) -> None:
    """Say that there is no keyring before anybody types what it should keep."""
    from genlogs_ext import _keyring

    try:
        _keyring.load(base_url)
    except _keyring.NoKeyringError as error:
        raise UsageError(str(error)) from None
    except _keyring.KeyringError:  # a broken entry is about to be replaced
        pass


def _login(credentials: Credentials, base_url: str) -> int:
    """Store what the server has just taken."""
    from genlogs_ext import _keyring

    try:
        _keyring.store(base_url, credentials.values)
    except _keyring.KeyringError as error:
        raise UsageError(f"the credentials work, but are not stored: {error}") from None
    who = one_line(credentials.values["email"])
    return _write(f"The keyring now has the credentials of {who} for {base_url}\n")


def _logout(base_url: str) -> int:
    from genlogs_ext import _keyring

    try:
        removed = _keyring.remove(base_url)
    except _keyring.KeyringError as error:
        raise UsageError(str(error)) from None
    now = "no longer has credentials" if removed else "had no credentials"
    return _write(f"The keyring {now} for {base_url}\n")


def _explain(error: GenLogsError, credentials: Credentials | None) -> int:
    """Say in one line what went wrong and what to do, and return the exit status."""
    if isinstance(error, AuthenticationError | PermissionDeniedError):
        todo = {
            "keyring": "run `genlogs-token login` to store others",
            "asked": "try again",
        }.get(
            credentials.origin if credentials is not None else "",
            "check GENLOGS_EMAIL, GENLOGS_API_KEY and the password",
        )
        return _fail(REFUSED, f"{error}; {todo}")
    if isinstance(error, TransportError):
        todo = "; try again later" if error.retryable else ""
        return _fail(NO_ANSWER, f"{error}{todo}")
    after = getattr(error, "retry_after", None)
    later = f"in {after:.0f} s" if after else "later"
    todo = (
        f"try again {later}"
        if error.retryable
        else "GENLOGS_BASE_URL says where the API is"
    )
    return _fail(BAD_ANSWER, f"{error}; {todo}")


# ---- the three streams -------------------------------------------------------------


def _write(text: str) -> int:
    """Write to standard output, all of it, or raise OSError."""
    if sys.stdout is None:
        return _fail(FAILED, "standard output is closed")
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError:
        raise UsageError(
            f"standard output is {sys.stdout.encoding}, which has no way to write this: "
            "set PYTHONIOENCODING=utf-8"
        ) from None
    sys.stdout.flush()
    return OK


def _forget_output() -> None:
    """Let nobody try to write again what could not be written."""
    if sys.stdout is not None:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(status: int, text: str) -> int:
    _say(one_line(text))
    return status


def _say(text: str, prefix: str = "genlogs-token: ") -> None:
    if sys.stderr is not None:
        with suppress(OSError):
            print(f"{prefix}{text}", file=sys.stderr, flush=True)
