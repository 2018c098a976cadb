"""What a StubServer can be told to do instead of answering as the API would."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Delay:
    """Answer as the API would, but late.

    Attributes:
        seconds: How late.
    """

    seconds: float


@dataclass(frozen=True)
class Reply:
    """Answer with a status and a body of your choice.

    Attributes:
        status: The HTTP status.
        body: The body. A str is sent as UTF-8; a dict or list as JSON, with the
            Content-Type for that.
        headers: More headers; they come after, or instead of, the server's own.
        delay: Seconds to wait before answering.
    """

    status: int
    body: bytes | str | Mapping[str, object] | list[object] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0

    @property
    def payload(self) -> bytes:
        """The body as it goes on the wire."""
        if isinstance(self.body, bytes):
            return self.body
        if isinstance(self.body, str):
            return self.body.encode()
        return json.dumps(self.body).encode()


@dataclass(frozen=True)
class Drop:
    """Close the connection without an answer.

    Attributes:
        delay: Seconds to wait before that.
    """

    delay: float = 0.0


@dataclass(frozen=True)
class Raw:
    """Send these bytes in place of an HTTP response, then close the connection.

    Attributes:
        data: The bytes.
        delay: Seconds to wait before sending them.
    """

    data: bytes
    delay: float = 0.0


Fault = Delay | Reply | Drop | Raw
"""Any of the above."""
