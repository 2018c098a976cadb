"""What `make demo` shows: a local stand-in for the API, and a token from it."""

import json

import genlogs_ext
from genlogs_ext.testing import StubServer


def main() -> None:
    """Get a token and print it."""
    print("==> Starting a stand-in for the GenLogs API")
    with StubServer(users={"ada@example.com": "1234+"}, api_keys={"demo-key"}) as server:
        print(f"    It listens on {server.base_url}")
        print("==> genlogs_ext.create_token('ada@example.com', '1234+', 'demo-key')")
        tokens = genlogs_ext.create_token(
            "ada@example.com", "1234+", "demo-key", base_url=server.base_url
        )
        print(json.dumps(tokens, indent=4))
        print("==> The access token")
        print(tokens["access_token_data"]["token"])


if __name__ == "__main__":
    main()
