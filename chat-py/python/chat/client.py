"""A client for a terminal: ``python -m chat.client [ADDRESS [PORT]]``."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys

from chat import errors
from chat._course import ChatClient
from chat._terminal import printable

__all__ = ["ChatClient", "main"]


def main(arguments: list[str] | None = None) -> int:
    """Talk on the terminal until the end of input."""
    parser = argparse.ArgumentParser(prog="python -m chat.client", description="Talks to a chat.")
    parser.add_argument(
        "address",
        nargs="?",
        default="127.0.0.1:8889",
        help="the server: HOST, HOST:PORT, chat://HOST or, encrypted, chats://HOST (%(default)s)",
    )
    parser.add_argument("port", nargs="?", type=port_number, help="its port, after HOST alone")
    parser.add_argument(
        "--ca", metavar="FILE", help="trust the authorities in this PEM file, not the system's"
    )
    options = parser.parse_args(arguments)
    if isinstance(sys.stdin, io.TextIOWrapper):
        # The server refuses what is not UTF-8; that must not end the client.
        sys.stdin.reconfigure(errors="surrogateescape")
    try:
        client = ChatClient(options.address, options.port, ca=options.ca)
    except (OSError, errors.ChatError) as problem:
        where = options.address if options.port is None else f"{options.address}:{options.port}"
        print(printable(f"chat: {where}: {problem}"), file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        return 0
    with client:
        return _talk(client)


def _talk(client: ChatClient) -> int:
    try:
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            mark = "\N{ZERO WIDTH NO-BREAK SPACE}"  # Some editors put it before a text.
            while True:
                line = input(f"Command {printable(client.tokenid)}:").removeprefix(mark)
                print(printable(client.proses(line)), flush=True)  # noqa: T201
        print(flush=True)  # noqa: T201
    except OSError as problem:
        if not isinstance(problem, BrokenPipeError):
            print(f"chat: the terminal: {problem}", file=sys.stderr)  # noqa: T201
        # What could not be written is not to be tried again at the end of the program.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def port_number(text: str) -> int:
    """Read a port off the command line."""
    number = int(text)
    if number not in range(2**16):
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return number


if __name__ == "__main__":
    sys.exit(main())
