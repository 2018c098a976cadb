"""Types of the C module."""

from os import PathLike
from typing import Any, Literal, SupportsFloat, SupportsIndex, final

from typing_extensions import Self

from genlogs_ext.types import TokenResponse

__version__: str
libcurl: str  # what runs, for bug reports

def create_token(
    email: str,
    password: str,
    api_key: str,
    *,
    base_url: str | None = None,
    credentials_in: Literal["auto", "query", "body"] = "auto",
    timeout: SupportsFloat | SupportsIndex = 30.0,
    connect_timeout: SupportsFloat | SupportsIndex = 10.0,
    max_retries: int = 2,
    ca_file: str | bytes | PathLike[str] | PathLike[bytes] | None = None,
    proxy: str | None = None,
) -> TokenResponse: ...
def check(*args: Any, **kwargs: Any) -> str: ...
def end_calls() -> None: ...
def loads(document: bytes, /) -> Any: ...

@final
class Call:
    def __new__(cls) -> Self: ...
    @property
    def date(self) -> float | None: ...
    @property
    def credentials_in(self) -> Literal["query", "body"] | None: ...
    @property
    def attempts(self) -> int: ...
    def create_token(self, *args: Any, **kwargs: Any) -> TokenResponse: ...
    def cancel(self) -> None: ...
