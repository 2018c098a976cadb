"""`python -m genlogs_ext.testing`: run a StubServer by hand."""

import argparse
import shlex
import sys
import threading

from genlogs_ext.testing.stub_server import (
    DEFAULT_API_KEYS,
    DEFAULT_USERS,
    StubServer,
)

EMAIL, PASSWORD = next(iter(DEFAULT_USERS.items()))


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m genlogs_ext.testing",
        description="Run a stand-in for the GenLogs API on this machine until Ctrl-C.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="0 for a free one")
    parser.add_argument("--email", default=EMAIL, help="the user it knows")
    parser.add_argument("--password", default=PASSWORD, help="that user's password")
    parser.add_argument("--api-key", default=DEFAULT_API_KEYS[0], help="the key it takes")
    parser.add_argument(
        "--credentials-in",
        choices=("query", "body"),
        default="query",
        help="where it wants email and password",
    )
    parser.add_argument(
        "--lifetime", type=float, default=3600.0, help="seconds that a token lives"
    )
    parser.add_argument("--tls", action="store_true", help="https, with a CA of its own")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Run the server until Ctrl-C.

    Args:
        arguments: Of the command line; None for the process's own.
    """
    options = _parse(arguments)
    server = StubServer(
        users={options.email: options.password},
        api_keys=[options.api_key],
        credentials_in=options.credentials_in,
        token_lifetime=options.lifetime,
        tls=options.tls,
        port=options.port,
    )
    try:
        server.start()
    except ImportError as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(
            f"cannot listen on port {options.port}: {error.strerror}; try another, or 0"
        )
    try:
        _tell(server)
        threading.Event().wait()
    except KeyboardInterrupt:
        print()
    finally:
        server.stop()


def _tell(server: StubServer) -> None:
    """Print what to type in another terminal."""
    variables = {
        "GENLOGS_BASE_URL": server.base_url,
        "GENLOGS_EMAIL": server.email,
        "GENLOGS_PASSWORD": server.password,
        "GENLOGS_API_KEY": server.api_key,
        "SSL_CERT_FILE": server.ca_file,
    }
    print(f"The stand-in for the GenLogs API listens on {server.base_url}\n")
    print("In another terminal:\n")
    for name, value in variables.items():
        if value:
            print(f"  export {name}={shlex.quote(value)}")
    print("  genlogs-token --json\n")
    print("Ctrl-C ends it.", flush=True)


if __name__ == "__main__":
    main()
