"""login: a TokenSource for whoever sits at a notebook or a terminal."""

import warnings
from typing import Any

from genlogs_ext import _keyring
from genlogs_ext._credentials import VARIABLES, Credentials, UsageError, ask, find
from genlogs_ext._display import HiddenTuple
from genlogs_ext.cache import TokenCache
from genlogs_ext.errors import AuthenticationError, PermissionDeniedError
from genlogs_ext.token_source import TokenSource

__all__ = ["login"]

_REFUSALS = (AuthenticationError, PermissionDeniedError)


def login(
    *,
    email: str | None = None,
    password: str | None = None,
    api_key: str | None = None,
    store: bool | None = None,
    cache: TokenCache | None = None,
    **options: Any,
) -> TokenSource:
    """Make a source of tokens, and ask for what that takes and is not known yet.

    What is not given is looked for in the environment (GENLOGS_EMAIL, GENLOGS_PASSWORD,
    GENLOGS_API_KEY), then in the system's keyring; what is missing there too is asked
    for, in a notebook or on a terminal. Password and API key are not shown while they are
    typed. The password of one account is never used for another: what the environment or
    the keyring has beside another email is left there.

    A first token is made, so that wrong credentials show at once. If the server refuses
    what the keyring has, all is asked for anew.

    What was typed can be kept in the keyring, where the next `login` and the command
    `genlogs-token` find it (`pip install 'genlogs-ext[keyring]'`); `genlogs-token logout`
    removes it. Nothing is stored that the server did not take.

    Args:
        email: Of the GenLogs user.
        password: Of that user. Cells are saved, so better leave it out there.
        api_key: Provided by GenLogs.
        store: Whether to keep the credentials in the keyring. Default: ask, if something
            was typed and there is a keyring.
        cache: As for `TokenSource`.
        **options: The other arguments of `TokenSource` that are given by name, such as
            base_url and timeout.

    Returns:
        The source, with a token.

    Raises:
        AuthenticationError, PermissionDeniedError: The server refused the credentials.
        GenLogsError: No token could be made for another reason.
        TypeError, ValueError: An argument cannot be used; or something is missing, and
            nobody can be asked.

    Example:
        >>> from genlogs_ext.testing import StubServer
        >>> with StubServer() as server:
        ...     source = login(
        ...         email=server.email,
        ...         password=server.password,
        ...         api_key=server.api_key,
        ...         base_url=server.base_url,
        ...     )
        >>> source.token().expired
        False
    """
    # Tools that show tracebacks with their variables see this frame if it fails.
    three = HiddenTuple((email, password, api_key))
    del email, password, api_key
    if store not in (None, True, False):
        raise TypeError("store must be True, False or None")
    # What is wrong with an argument is said before anything is asked.
    probe = TokenSource(
        *("-" if value is None else value for value in three), cache=cache, **options
    )
    given = Credentials(dict(zip(VARIABLES, three, strict=True)), "arguments")
    options["base_url"] = probe.base_url
    found = _find(given, probe.base_url)
    try:
        source = _sign_in(found, cache, options)
    except _REFUSALS as refusal:
        source, found = _sign_in_anew(refusal, given, found, cache, options)
    if store or (store is None and found.origin == "asked" and _may_store(found, source)):
        _store(found, source)
    return source


def _find(given: Credentials, base_url: str) -> Credentials:
    """All three, or ValueError."""
    try:
        return find(base_url, given=given)
    except UsageError as error:
        raise ValueError(str(error)) from None


def _sign_in(
    found: Credentials, cache: TokenCache | None, options: dict[str, Any]
) -> TokenSource:
    """A source that has a token."""
    source = TokenSource(*found.values.values(), cache=cache, **options)
    try:
        source.token()
    except BaseException:  # Ctrl-C, too, ends the request
        source.close()
        raise
    return source


def _sign_in_anew(
    refusal: AuthenticationError | PermissionDeniedError,
    given: Credentials,
    found: Credentials,
    cache: TokenCache | None,
    options: dict[str, Any],
) -> tuple[TokenSource, Credentials]:
    """Ask for what was refused, if that was the keyring's; else say what to do."""
    if found.origin == "keyring":
        print(f"{refusal}: the keyring has what is no longer taken.")
        try:
            anew = find(options["base_url"], given=given, use_keyring=False)
        except UsageError:  # nobody is there
            raise _with_advice(
                refusal, "run `genlogs-token login` to store others"
            ) from None
        try:
            return _sign_in(anew, cache, options), anew
        except _REFUSALS as error:
            raise _with_advice(error, "run login() again") from None
    todo = {
        "asked": "run login() again",
        "environment": "check GENLOGS_EMAIL, GENLOGS_PASSWORD and GENLOGS_API_KEY",
    }.get(found.origin, "check email, password and api_key")
    raise _with_advice(refusal, todo) from None


def _with_advice(
    error: AuthenticationError | PermissionDeniedError, todo: str
) -> AuthenticationError | PermissionDeniedError:
    """The same error, which says what to do, too."""
    return type(error)(
        f"{error}; {todo}",
        status_code=error.status_code,
        detail=error.detail,
        retry_after=error.retry_after,
        retryable=error.retryable,
        attempts=error.attempts,
    )


# ---- the keyring -------------------------------------------------------------------


def _may_store(found: Credentials, source: TokenSource) -> bool:
    """Ask whether to keep what was typed, if there is a keyring to keep it in."""
    try:
        there = _keyring.load(source.base_url)
    except _keyring.KeyringError:
        return False
    others = there is not None and there["email"] != found.values["email"]
    instead = ", in place of another account's" if others else ""
    try:
        answer = ask(f"Keep them in the system's keyring{instead}? [y/N] ")
    except (EOFError, NotImplementedError):
        return False
    return answer.lower() in ("y", "yes")


def _store(found: Credentials, source: TokenSource) -> None:
    """Store what the server took. That it cannot be done does not take the source away."""
    try:
        _keyring.store(source.base_url, found.values)
    except _keyring.KeyringError as error:
        warnings.warn(
            f"signed in, but the credentials are not stored: {error}",
            RuntimeWarning,
            stacklevel=3,
        )
        return
    print("Stored in the system's keyring; `genlogs-token logout` removes it.")
