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

    @property
    def delay(self) -> float:
        """The same, as the other faults call it."""
        return self.seconds


@dataclass(frozen=True)
class Reply:
    """Answer with a status and a body of your choice.

    Attributes:
        status: The HTTP status.
        body: The body. A str is sent as UTF-8; a dict or list as JSON, with the
            Content-Type for that.
        headers: More headers; they come after, or instead of, the server's own.
        delay: Seconds to wait before answering.
        close: Close the connection afterwards, without saying so in a header.
    """

    status: int
    body: bytes | str | Mapping[str, object] | list[object] = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    close: bool = False

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


@dataclass(frozen=True)
class Drip:
    """Send these bytes little by little, then close the connection.

    Attributes:
        data: The bytes.
        head: Bytes to send at once before them.
        interval: Seconds before each piece.
        size: Bytes of a piece.
        endless: Begin anew at the end, until the client has had enough.
        delay: Seconds to wait before the first.
    """

    data: bytes
    head: bytes = b""
    interval: float = 0.0
    size: int = 1
    endless: bool = False
    delay: float = 0.0


@dataclass(frozen=True)
class Reset:
    """Send these bytes, then reset the connection.

    Attributes:
        data: The bytes; none for a reset before the headers.
        delay: Seconds to wait before sending them.
    """

    data: bytes = b""
    delay: float = 0.0


Fault = Delay | Reply | Drop | Raw | Drip | Reset
"""Any of the above."""
