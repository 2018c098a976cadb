"""Every exception class of the package.

The C module raises them; nothing here needs it. All of them pickle, so they may
cross process boundaries, and none ever holds a password, an API key or a token.
"""

import builtins

__all__ = [
    "APIError",
    "AuthenticationError",
    "CacheBusyError",
    "CacheError",
    "ConnectError",
    "GenLogsError",
    "InvalidRequestError",
    "InvalidResponseError",
    "PermissionDeniedError",
    "RateLimitError",
    "ServerError",
    "TLSError",
    "TimeoutError",
    "TransportError",
]


class GenLogsError(Exception):
    """Base of all errors of this package, but for TypeError and ValueError.

    Attributes:
        retryable: Whether the same call may succeed later.
    """

    retryable: bool = False


class TransportError(GenLogsError):
    """No usable answer came from the server.

    Args:
        message: What happened.
        curl_code: libcurl's CURLcode for it; 0 for none.
        retryable: Whether the same call may succeed later.
        attempts: How often the request was made.

    Attributes:
        curl_code: libcurl's CURLcode, as https://curl.se/libcurl/c/libcurl-errors.html
            explains them; 0 for none.
        attempts: How often the request was made, retries included.
    """

    curl_code: int
    attempts: int

    def __init__(
        self,
        message: str = "",
        *,
        curl_code: int = 0,
        retryable: bool = False,
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        self.curl_code = curl_code
        self.retryable = retryable
        self.attempts = attempts


class ConnectError(TransportError, builtins.ConnectionError):
    """No connection to the server came up. Also a builtin ConnectionError."""


class TimeoutError(TransportError, builtins.TimeoutError):  # noqa: A001 - the name users look for
    """The call ran out of time. Also a builtin TimeoutError."""


class TLSError(TransportError):
    """The connection could not be secured, for example for its certificate."""


class APIError(GenLogsError):
    """The server answered with an error.

    Args:
        message: What the user sees.
        status_code: The HTTP status.
        detail: The server's own text.
        retry_after: Seconds the server asked to wait.
        retryable: Whether the same call may succeed later.
        attempts: How often the request was made.

    Attributes:
        status_code: The HTTP status.
        detail: The server's own text; None when it sent none. Where it echoed a
            secret, three stars are in its place.
        retry_after: Seconds the server asked to wait; None when it did not.
        attempts: How often the request was made, retries included.
    """

    status_code: int
    detail: str | None
    retry_after: float | None
    attempts: int

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int = 0,
        detail: str | None = None,
        retry_after: float | None = None,
        retryable: bool = False,
        attempts: int = 1,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.detail = detail
        self.retry_after = retry_after
        self.retryable = retryable
        self.attempts = attempts

    @classmethod
    def from_status(
        cls,
        status_code: int,
        detail: str,
        retry_after: float | None,
        retryable: bool,
        attempts: int = 1,
        location: str = "",
    ) -> "APIError":
        """Make the error of the class that fits a status.

        Args:
            status_code: The HTTP status.
            detail: The server's own text, "" for none: the status's phrase then
                takes its place in the message.
            retry_after: Seconds the server asked to wait.
            retryable: Whether the same call may succeed later.
            attempts: How often the request was made.
            location: Where a redirect points that was not followed, "" for none.

        Returns:
            An instance of the subclass for `status_code`, or of `APIError`.
        """
        text = detail or _phrase(status_code)
        hint = _HINTS.get(status_code, "")
        if location:
            hint += f"; it points to {location}, which is not followed"
        return _CLASSES.get(status_code, ServerError if status_code >= 500 else APIError)(
            f"{text} (HTTP {status_code}{hint})",
            status_code=status_code,
            detail=detail or None,
            retry_after=retry_after,
            retryable=retryable,
            attempts=attempts,
        )


class AuthenticationError(APIError):
    """Email or password is wrong (401)."""


class PermissionDeniedError(APIError):
    """The API key is missing, wrong, or lacks a permission (403)."""


class InvalidRequestError(APIError):
    """The server does not take the request (400, 404, 405, 422)."""


class RateLimitError(APIError):
    """Too many requests (429). `retry_after` may say when to try again."""


class ServerError(APIError):
    """The server, or something before it, failed (5xx)."""


class InvalidResponseError(GenLogsError):
    """The server answered with success, but not with what the API promises."""


class CacheError(GenLogsError):
    """A token cache cannot be used. A TokenSource logs that, and goes on without it."""


class CacheBusyError(CacheError):
    """Somebody else has had a token cache's lock for longer than one can wait."""


_CLASSES: dict[int, type[APIError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: InvalidRequestError,
    405: InvalidRequestError,
    422: InvalidRequestError,
    429: RateLimitError,
}

# Where the server's words, or their absence, leave people guessing.
_HINTS = {
    403: "; is the API key right, and allowed to do this?",
    404: "; is base_url right?",
}


def _phrase(status_code: int) -> str:
    from http import HTTPStatus  # needed for errors without a text only

    try:
        return HTTPStatus(status_code).phrase
    except ValueError:
        return "Unknown status"
