"""Where the command line gets its credentials from, and in which order."""

import os
import sys

from genlogs_ext import _keyring

VARIABLES = {
    "email": "GENLOGS_EMAIL",
    "password": "GENLOGS_PASSWORD",
    "api_key": "GENLOGS_API_KEY",
}
_PROMPTS = {"email": "Email: ", "password": "Password: ", "api_key": "API key: "}
_LONGEST = 65536  # bytes on standard input


class UsageError(Exception):
    """The command cannot be run like this. Says what to do, and holds no secret."""


class Credentials:
    """Email, password and API key, and where the last of them was found.

    Attributes:
        values: By the names of `create_token`'s arguments.
        origin: "environment", "standard input", "keyring", "terminal" or "stub".
    """

    __slots__ = ("origin", "values")

    def __init__(self, values: dict[str, str], origin: str) -> None:
        self.values = values
        self.origin = origin

    def missing(self) -> list[str]:
        """What is not known yet."""
        return [name for name in VARIABLES if not self.values.get(name)]


def find(base_url: str, *, password_stdin: bool, use_keyring: bool = True) -> Credentials:
    """Look in the environment, then in the keyring, then ask on the terminal.

    Each takes what those before it left open. What the keyring has is taken for the
    email that it was stored with, and for no other.

    Args:
        base_url: Of the API that they are for.
        password_stdin: Whether standard input is the password.
        use_keyring: Whether to look there.

    Returns:
        All three.

    Raises:
        UsageError: Something is missing, and nobody can be asked.
        KeyboardInterrupt: Whoever was asked pressed Ctrl-C.
    """
    found = Credentials(
        {name: os.environ.get(variable, "") for name, variable in VARIABLES.items()},
        "environment",
    )
    if password_stdin:
        found.values["password"] = read_password()
        found.origin = "standard input"
    reason = _look_in_keyring(found, base_url) if use_keyring and found.missing() else ""
    if found.missing() and _is_terminal():
        for name in found.missing():
            found.values[name] = _prompt(name)
        found.origin = "terminal"
    missing = [VARIABLES[name] for name in found.missing()]
    if missing:
        raise UsageError(
            f"not set in the environment: {', '.join(missing)}; set what is missing, or "
            "on a terminal run `genlogs-token login` once" + (reason and f" ({reason})")
        )
    return found


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


def _prompt(name: str) -> str:
    """Ask on the terminal, never on standard output; secrets are not echoed."""
    if name == "email":
        if sys.stderr is not None:
            print(_PROMPTS[name], end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip()
    import getpass
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(_PROMPTS[name])
        except EOFError:
            return ""
        except getpass.GetPassWarning:
            raise UsageError(
                f"this terminal would show what is typed: set {VARIABLES[name]}"
            ) from None
