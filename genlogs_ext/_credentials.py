"""Where the command and `login` get credentials from, and in which order."""

import os
import sys
from types import BuiltinFunctionType

from genlogs_ext import _keyring
from genlogs_ext._display import HiddenDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLES = {
    "email": "GENLOGS_EMAIL",
    "password": "GENLOGS_PASSWORD",
    "api_key": "GENLOGS_API_KEY",
}
_PROMPTS = {"email": "Email: ", "password": "Password: ", "api_key": "API key: "}
_LONGEST = 65536  # bytes on standard input


class UsageError(Exception):
    """It cannot be done like this. Says what to do, and holds no secret."""


class Credentials:
    """Email, password and API key, and where the last of them was found.

    Attributes:
        values: By the names of `create_token`'s arguments; not shown by its repr.
        origin: "arguments", "environment", "standard input", "keyring", "asked" or
            "stub".
    """

    __slots__ = ("origin", "values")

    def __init__(self, values: "Mapping[str, str | None]", origin: str) -> None:
        self.values = HiddenDict({name: values.get(name) or "" for name in VARIABLES})
        self.origin = origin

    def missing(self) -> list[str]:
        """What is not known yet."""
        return [name for name in VARIABLES if not self.values[name]]


def find(
    base_url: str,
    *,
    given: Credentials | None = None,
    password_stdin: bool = False,
    use_keyring: bool = True,
) -> Credentials:
    """Look in the environment, then in the keyring, then ask whoever is there.

    Each takes what those before it left open. What the environment or the keyring has is
    taken for the email that stands beside it there, and for no other.

    Args:
        base_url: Of the API that they are for.
        given: What is known already. It is left as it is.
        password_stdin: Whether standard input is the password.
        use_keyring: Whether to look there.

    Returns:
        All three.

    Raises:
        UsageError: Something is missing, and nobody can be asked.
        KeyboardInterrupt: Whoever was asked pressed Ctrl-C.
    """
    found = Credentials({}, "arguments") if given is None else _copy(given)
    reason = look_in_environment(found)
    if password_stdin:
        found.values["password"] = read_password()
        found.origin = "standard input"
    if use_keyring and found.missing():
        reason = _look_in_keyring(found, base_url) or reason
    if found.missing() and _is_anybody_there():
        for name in found.missing():
            found.values[name] = _ask(name)
        found.origin = "asked"
    missing = [VARIABLES[name] for name in found.missing()]
    if missing:
        raise UsageError(
            f"not set in the environment: {', '.join(missing)}; set what is missing, or "
            "store it in a keyring by `genlogs-token login` on a terminal"
            + (reason and f" ({reason})")
        )
    return found


def _copy(credentials: Credentials) -> Credentials:
    return Credentials(credentials.values, credentials.origin)


def look_in_environment(found: Credentials) -> str:
    """Take what is missing from the environment, unless that is of another email.

    Args:
        found: What is known already; what is found is put there.

    Returns:
        Why nothing was taken; "" if that is not so.
    """
    missing = found.missing()
    if not missing:
        return ""
    there = os.environ.get(VARIABLES["email"], "")
    if there and found.values["email"] not in ("", there):
        return "the environment has another email"
    for name in missing:
        found.values[name] = os.environ.get(VARIABLES[name], "")
    found.origin = "environment"
    return ""


def _look_in_keyring(found: Credentials, base_url: str) -> str:
    """Take what is missing from the keyring; return why that is not possible."""
    try:
        stored = _keyring.load(base_url)
    except _keyring.KeyringError as error:
        return str(error)
    if stored is None:
        return f"the keyring has nothing for {base_url}"
    if found.values["email"] not in ("", stored["email"]):
        return "the keyring has another email"
    for name in found.missing():
        found.values[name] = stored[name]
    found.origin = "keyring"
    return ""


def read_password() -> str:
    """Read the password from standard input, without the line's end.

    Returns:
        The password.

    Raises:
        UsageError: There is none, or it is no text.
    """
    if sys.stdin is None:
        raise UsageError("--password-stdin: standard input is closed")
    if sys.stdin.isatty():  # which would show what is typed
        raise UsageError("--password-stdin: pipe the password in, or leave this out")
    data = sys.stdin.buffer.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise UsageError(f"--password-stdin: more than {_LONGEST} bytes are no password")
    try:
        password = data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise UsageError("--password-stdin: standard input is not UTF-8") from None
    if not password:
        raise UsageError("--password-stdin: standard input is empty; pipe the password in")
    return password


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _is_anybody_there() -> bool:
    """Whether there is a terminal, or a notebook that asks in a way of its own."""
    return _is_terminal() or not isinstance(input, BuiltinFunctionType)


def _ask(name: str) -> str:
    """Ask for one of the three; "" for no answer. Secrets are not shown."""
    try:
        return ask(_PROMPTS[name]) if name == "email" else _ask_secret(name)
    except (EOFError, NotImplementedError):  # a notebook that runs where nobody looks
        return ""


def ask(question: str) -> str:
    """Ask a question, on a terminal never on standard output.

    Args:
        question: To be shown as it is.

    Returns:
        The answer, without spaces around it.

    Raises:
        EOFError, NotImplementedError: There is nobody to be asked.
    """
    if not _is_terminal():
        return input(question).strip()
    if sys.stderr is not None:
        print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()


def _ask_secret(name: str) -> str:
    import getpass
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(_PROMPTS[name])
        except getpass.GetPassWarning:
            raise UsageError(
                f"this terminal would show what is typed: set {VARIABLES[name]}"
            ) from None
