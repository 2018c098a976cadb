"""StubServer: an HTTP(S) server that behaves as the GenLogs API is documented to."""

import contextlib
import hashlib
import hmac
import io
import json
import secrets
import socket
import ssl
import struct
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from urllib.parse import parse_qs

from genlogs_ext.testing.faults import Delay, Drip, Drop, Fault, Raw, Reply, Reset

TOKEN_PATH = "/auth/token"  # noqa: S105 - a path, not a secret
DEFAULT_USERS = {"ada@example.com": "1234+"}
DEFAULT_API_KEYS = ("stub-api-key",)


@dataclass(frozen=True)
class RecordedRequest:
    """A request as the server received it.

    Attributes:
        method: For example "POST".
        target: Path and query, as they stood on the wire.
        headers: Names and values (decoded as Latin-1), in the order of arrival.
        body: The body.
        raw: All bytes of the request.
        connection: The client's port: the same for requests on one connection.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    raw: bytes
    connection: int = 0

    @property
    def path(self) -> str:
        """The target up to the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, decoded; the first of each name.

        What is no UTF-8 is replaced by U+FFFD, as FastAPI does.
        """
        parsed = parse_qs(
            self.target.partition("?")[2], keep_blank_values=True, errors="replace"
        )
        return {name: values[0] for name, values in parsed.items()}

    def header(self, name: str) -> str | None:
        """Return the first header of a name, in any case, or None."""
        for candidate, value in self.headers:
            if candidate.lower() == name.lower():
                return value
        return None


Json = Mapping[str, object] | list[object]
Data = Json | Callable[[RecordedRequest], Json | Reply]
"""What is at a path: JSON, or a function that answers with JSON or a `Reply`."""


class StubServer:
    """A stand-in for the GenLogs API on a free port of this machine.

    Use it in a `with` statement, or call `start` and `stop`.

    Args:
        users: Password by email. Default: one user, ada@example.com.
        api_keys: The keys it takes. Default: "stub-api-key".
        credentials_in: Where it wants email and password: "query", or "body" as
            the API does since July 2026.
        token_lifetime: Seconds from making a token to its `expires`; may be
            changed while the server runs.
        data: What else there is, by path: JSON, or a function that is called with the
            RecordedRequest and returns JSON or a Reply. It is for whoever brings an API
            key and a token of this server that has not expired; others get a 403 or 401.
        tls: True for https with a certificate of its own making (needs trustme:
            `pip install 'genlogs-ext[testing]'`), or your own context.
        host: Loopback address or name to listen on.
        port: 0 for a free one.

    Attributes:
        requests: All requests so far, in the order they came.
        token_lifetime: See above.
        data: See above; may be changed while the server runs.

    Example:
        >>> with StubServer(users={"a@b.example": "secret"}, api_keys={"k"}) as server:
        ...     server.base_url.startswith("http://127.0.0.1:")
        True
        >>> import requests
        >>> from genlogs_ext import TokenSource
        >>> with StubServer(data={"/lanes": {"lanes": ["TX-CA"]}}) as server:
        ...     source = TokenSource(
        ...         server.email, server.password, server.api_key, base_url=server.base_url
        ...     )
        ...     url = f"{server.base_url}/lanes"
        ...     requests.get(url, headers=source.headers(), timeout=30).json()
        {'lanes': ['TX-CA']}
    """

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        api_keys: Iterable[str] | None = None,
        credentials_in: Literal["query", "body"] = "query",
        token_lifetime: float = 3600.0,
        data: Mapping[str, Data] | None = None,
        tls: bool | ssl.SSLContext = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.users = dict(DEFAULT_USERS if users is None else users)
        self.api_keys = list(DEFAULT_API_KEYS if api_keys is None else api_keys)
        self.credentials_in = credentials_in
        self.token_lifetime = token_lifetime
        self.data = dict(data or {})
        self.requests: list[RecordedRequest] = []
        self._host = host
        self._port = port
        self._faults: deque[Fault] = deque()
        self._lock = threading.Lock()
        self._seal_key = secrets.token_bytes(32)
        self._cleanup = contextlib.ExitStack()
        self._ca_file: str | None = None
        self._tls = tls
        self._http: _HTTPServer | None = None

    @property
    def base_url(self) -> str:
        """For `create_token(..., base_url=...)`; the server must have been started."""
        scheme = "https" if self._tls else "http"
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{scheme}://{host}:{self.port}"

    @property
    def port(self) -> int:
        """The port it listens on; the server must have been started."""
        if self._http is None:
            raise RuntimeError("the StubServer is not running: call start() or use `with`")
        return self._http.server_port

    @property
    def ca_file(self) -> str | None:
        """PEM file of the CA behind `tls=True` while the server runs, else None."""
        return self._ca_file

    @property
    def email(self) -> str:
        """Email of the first user."""
        return next(iter(self.users))

    @property
    def password(self) -> str:
        """Password of the first user."""
        return self.users[self.email]

    @property
    def api_key(self) -> str:
        """The first API key."""
        return self.api_keys[0]

    def script(self, *faults: Fault, times: int = 1) -> None:
        """Say what to do with the next requests, one fault for each.

        Args:
            *faults: In order. When all are used up the server behaves again.
            times: How often to go through them.
        """
        with self._lock:
            self._faults.extend(faults * times)

    def start(self) -> "StubServer":
        """Listen, and serve in a thread.

        Returns:
            Itself.

        Raises:
            RuntimeError: It is running.
        """
        if self._http is not None:
            raise RuntimeError("the StubServer is running already")
        context = self._make_context() if self._tls is True else self._tls or None
        self._http = _HTTPServer((self._host, self._port), self, context)
        thread = threading.Thread(
            target=self._http.serve_forever,
            kwargs={"poll_interval": 0.02},
            name="genlogs-stub",
            daemon=True,
        )
        thread.start()
        self._cleanup.callback(thread.join)
        self._cleanup.callback(self._http.stop)
        return self

    def stop(self) -> None:
        """Close every connection and stop. Does nothing when it is not running."""
        self._cleanup.close()
        self._http = None
        self._ca_file = None

    def __enter__(self) -> "StubServer":
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _make_context(self) -> ssl.SSLContext:
        try:
            import trustme
        except ImportError as error:
            raise ImportError(
                "StubServer(tls=True) needs trustme: pip install 'genlogs-ext[testing]'"
            ) from error
        authority = trustme.CA()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("localhost", "127.0.0.1", "::1").configure_cert(context)
        directory = self._cleanup.enter_context(tempfile.TemporaryDirectory())
        self._ca_file = str(Path(directory, "ca.pem"))
        authority.cert_pem.write_to_path(self._ca_file)
        return context

    def _take(self, request: RecordedRequest) -> Fault | None:
        """Record a request; return the fault it is to meet."""
        with self._lock:
            self.requests.append(request)
            return self._faults.popleft() if self._faults else None

    def _answer(self, request: RecordedRequest) -> Reply:
        """Answer as the API would."""
        if request.header("x-api-key") not in self.api_keys:
            return Reply(403, {"message": "Forbidden"})
        if request.path == TOKEN_PATH + "/":
            query = request.target.partition("?")[2]
            return Reply(307, headers={"location": f"{TOKEN_PATH}?{query}"})
        if request.path in self.data:
            return self._answer_data(request, self.data[request.path])
        if request.path != TOKEN_PATH:
            return Reply(404, {"detail": "Not Found"})
        if request.method != "POST":
            return Reply(405, {"detail": "Method Not Allowed"}, {"allow": "POST"})
        if self.credentials_in == "query":
            return self._answer_credentials(request.query, "query")
        return self._answer_body(request.body)

    def _answer_body(self, body: bytes) -> Reply:
        if not body:
            return _unprocessable("missing", ["body"], "Field required", None)
        try:
            values = json.loads(body)
        except ValueError:
            return _unprocessable("json_invalid", ["body", 0], "JSON decode error", {})
        if not isinstance(values, dict):
            return _unprocessable(
                "model_attributes_type",
                ["body"],
                "Input should be a valid dictionary",
                values,
            )
        return self._answer_credentials(values, "body")

    def _answer_credentials(self, values: Mapping[str, Any], where: str) -> Reply:
        echoed = None if where == "query" else dict(values)
        wrong: list[object] = []
        for name in ("email", "password"):
            if name not in values:
                wrong.append(_problem("missing", [where, name], "Field required", echoed))
            elif not isinstance(values[name], str):
                wrong.append(
                    _problem(
                        "string_type",
                        [where, name],
                        "Input should be a valid string",
                        values[name],
                    )
                )
        if wrong:
            return Reply(422, {"detail": wrong})
        if self.users.get(values["email"]) != values["password"]:
            return Reply(401, {"detail": "Incorrect email or password"})
        return Reply(200, self._tokens(values["email"]))

    def _answer_data(self, request: RecordedRequest, data: Data) -> Reply:
        if not self._is_valid(request.header("access-token") or ""):
            return Reply(401, {"detail": "Invalid or expired access token"})
        answer = data(request) if callable(data) else data
        return answer if isinstance(answer, Reply) else Reply(200, answer)

    def _is_valid(self, token: str) -> bool:
        """Whether this server made a token that has not expired."""
        begin, _, seal = token.rpartition("-")
        if not hmac.compare_digest(seal.encode(), self._seal(begin).encode()):
            return False
        return int(begin.rpartition("-")[2], 16) > time.time() * 1000

    def _seal(self, text: str) -> str:
        """What nobody else could put to a text, so that tokens need not be remembered."""
        return hmac.digest(self._seal_key, text.encode(), hashlib.sha256).hex()[:16]

    def _tokens(self, email: str) -> dict[str, object]:
        now = datetime.now(timezone.utc)
        access = now + timedelta(seconds=self.token_lifetime)
        refresh = now + timedelta(days=30)
        end = max(0, int(access.timestamp() * 1000))
        token = f"stub-access-{secrets.token_hex(16)}-{end:x}"
        return {
            "access_token_data": {
                "token": f"{token}-{self._seal(token)}",
                "expires": access.isoformat(timespec="microseconds"),
            },
            "refresh_token_data": {
                "token": f"stub-refresh-{secrets.token_urlsafe(24)}",
                "expires": refresh.isoformat(timespec="microseconds"),
            },
            "user_id": str(1 + list(self.users).index(email)),
            "company_id": 77,
            "customer_name": None,
        }


def _problem(kind: str, loc: list[object], msg: str, echoed: object) -> dict[str, object]:
    return {"type": kind, "loc": loc, "msg": msg, "input": echoed}


def _unprocessable(kind: str, loc: list[object], msg: str, echoed: object) -> Reply:
    return Reply(422, {"detail": [_problem(kind, loc, msg, echoed)]})


class _HTTPServer(ThreadingHTTPServer):
    """The listening socket, and every connection that is open."""

    daemon_threads = True
    request_queue_size = 1024  # hundreds of clients may knock at once

    def __init__(
        self, address: tuple[str, int], stub: StubServer, context: ssl.SSLContext | None
    ) -> None:
        self.stub = stub
        self.stopping = threading.Event()
        self._context = context
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve one connection, in its own thread: TLS handshake, requests, end."""
        try:
            with self._kept_open(request):
                if self._context is None:
                    super().finish_request(request, client_address)
                    return
                secured = self._context.wrap_socket(
                    request, server_side=True, do_handshake_on_connect=False
                )
                with secured, self._kept_open(secured):
                    secured.do_handshake()
                    super().finish_request(secured, client_address)
        except OSError:
            pass  # the client does not like us, or is gone

    @contextlib.contextmanager
    def _kept_open(self, connection: socket.socket) -> Iterator[None]:
        """Make `stop` end a connection for as long as this lasts."""
        with self._open_lock:
            if self.stopping.is_set():
                raise ConnectionAbortedError("the server is stopping")
            self._open.add(connection)
        try:
            yield
        finally:
            with self._open_lock:
                self._open.discard(connection)

    def stop(self) -> None:
        """Stop listening and end every connection."""
        self.stopping.set()
        self.shutdown()
        self.server_close()
        with self._open_lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


class _Recorder(io.BufferedReader):
    """Reads a connection and keeps what was read since `recorded` was cleared."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__(raw)
        self.recorded = bytearray()

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.recorded += line
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.recorded += data
        return data


class _Handler(BaseHTTPRequestHandler):
    """One connection: reads requests with http.server, answers by itself."""

    protocol_version = "HTTP/1.1"
    # Or the body would wait 40 ms for the acknowledgement of the head.
    disable_nagle_algorithm = True
    server: _HTTPServer

    def setup(self) -> None:
        """Put the recorder between socket and parser."""
        super().setup()
        self.rfile.close()
        self._recorder = _Recorder(self.connection.makefile("rb", buffering=0))
        self.rfile = self._recorder

    def parse_request(self) -> bool:
        """Let http.server parse, whatever the method: they all go to `_serve`."""
        parsed = super().parse_request()
        if parsed:
            setattr(self, f"do_{self.command}", self._serve)
        return parsed

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: test output belongs to the tests."""

    def _serve(self) -> None:
        request = self._record()
        fault = self.server.stub._take(request)
        self.close_connection |= not isinstance(fault, Reply | Delay | None)
        if fault is not None and self.server.stopping.wait(fault.delay):
            self.close_connection = True
        elif isinstance(fault, Raw):
            self.wfile.write(fault.data)
        elif isinstance(fault, Drip):
            self._drip(fault)
        elif isinstance(fault, Reset):
            self._reset(fault)
        elif not isinstance(fault, Drop):
            self._send(
                fault if isinstance(fault, Reply) else self.server.stub._answer(request)
            )

    def _drip(self, fault: Drip) -> None:
        self.wfile.write(fault.head)
        data = fault.data
        while data and not self.server.stopping.wait(fault.interval):
            self.wfile.write(data[: fault.size])
            data = data[fault.size :]
            if not data and fault.endless:
                data = fault.data

    def _reset(self, fault: Reset) -> None:
        self.wfile.write(fault.data)
        # Linger for no time: close() sends a reset in place of a farewell.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.rfile.close()
        self.connection.close()

    def _record(self) -> RecordedRequest:
        # http.server's own header parser splits lines at more than CR LF.
        head = bytes(self._recorder.recorded)
        headers = tuple(
            (name, value.strip(" \t"))
            for name, _, value in (
                line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:-2]
            )
        )
        lengths = [value for name, value in headers if name.lower() == "content-length"]
        body = self.rfile.read(int(lengths[0])) if lengths else b""
        raw = bytes(self._recorder.recorded)
        self._recorder.recorded.clear()
        port = self.client_address[1]
        return RecordedRequest(self.command, self.path, headers, body, raw, port)

    def _send(self, reply: Reply) -> None:
        payload = reply.payload
        is_json = not isinstance(reply.body, bytes | str)
        own = {
            "date": self.date_time_string(),
            "content-type": "application/json" if is_json else "text/plain; charset=utf-8",
            "content-length": str(len(payload)),
        }
        given = {name.lower(): value for name, value in reply.headers.items()}
        try:
            phrase = HTTPStatus(reply.status).phrase
        except ValueError:
            phrase = ""
        self.send_response_only(reply.status, phrase)
        for name, value in {**own, **given}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)
        self.close_connection |= reply.close
