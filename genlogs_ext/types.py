"""The shape of what `create_token` returns, for type checkers.

At run time it is a plain dict of all that the server sent.
"""

from typing import TypedDict


class TokenData(TypedDict):
    """A token and the end of its life."""

    token: str
    expires: str
    """ISO 8601 date and time, as the server wrote it."""


class _Promised(TypedDict):
    access_token_data: TokenData


class TokenResponse(_Promised, total=False):
    """The answer to a token request.

    `access_token_data` is always there; the other members are as the server
    sees fit, and it may send more than these.
    """

    refresh_token_data: TokenData
    """Documented as not usable at this time."""
    user_id: str | int
    company_id: int | None
    customer_name: str | None
