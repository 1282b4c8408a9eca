"""A client for a terminal: ``python -m chat.client [HOST [PORT]]``."""

from __future__ import annotations

import argparse
import sys

from chat._course import ChatClient

__all__ = ["ChatClient", "main"]


def main(arguments: list[str] | None = None) -> int:
    """Talk on the terminal until the end of input."""
    parser = argparse.ArgumentParser(prog="python -m chat.client", description="Talks to a chat.")
    parser.add_argument("host", nargs="?", default="127.0.0.1", help="the server's (%(default)s)")
    parser.add_argument(
        "port", nargs="?", default=8889, type=port_number, help="its port (%(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        with ChatClient(options.host, options.port) as client:
            while True:
                print(client.proses(input(f"Command {client.tokenid}:")))  # noqa: T201
    except (EOFError, KeyboardInterrupt):
        print()  # noqa: T201
        return 0
    except OSError as problem:
        print(f"chat: {options.host}:{options.port}: {problem}", file=sys.stderr)  # noqa: T201
        return 1


def port_number(text: str) -> int:
    """Read a port off the command line."""
    number = int(text)
    if number not in range(2**16):
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return number


if __name__ == "__main__":
    sys.exit(main())
