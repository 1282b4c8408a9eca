"""Serves: ``python -m chat [--demo] [--data DIR] [--port PORT] [--web [ADDR]]``, and more."""

from __future__ import annotations

import argparse
import signal
import sys

from chat import Chat, ChatError, Server
from chat._terminal import printable
from chat.client import port_number


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m chat", description="Serves a chat.")
    parser.add_argument(
        "--demo",
        action="store_true",
        help="add the users messi, henderson and lineker with the password surabaya",
    )
    parser.add_argument("--data", metavar="DIR", help="keep everything there, not in memory")
    parser.add_argument("--host", default="127.0.0.1", help="listen on it (%(default)s)")
    parser.add_argument("--port", type=port_number, default=8889, help="listen on it (%(default)s)")
    parser.add_argument(
        "--web",
        nargs="?",
        const="127.0.0.1:8080",
        metavar="ADDR",
        help="serve browsers, too, on HOST:PORT (%(const)s)",
    )
    parser.add_argument(
        "--tls",
        nargs=2,
        metavar=("CERTIFICATE", "KEY"),
        help="encrypt connections, with these PEM files",
    )
    parser.add_argument(
        "--allow-cleartext",
        action="store_true",
        help="listen without --tls where others can read passwords",
    )
    options = parser.parse_args(arguments)
    tls = tuple(options.tls) if options.tls else None
    # As the first process of a container, it would not end on a signal that has no handler.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # There is nothing to reload, and the terminal may go.
    for ignored in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(ignored, signal.SIG_IGN)
    try:
        chat = Chat.open(options.data) if options.data else Chat.memory()
        with chat:
            if options.demo:
                chat.add_demo_users()
            with Server(
                chat,
                options.host,
                options.port,
                tls=tls,
                allow_cleartext=options.allow_cleartext,
                web=options.web,
            ) as server:
                host, port = server.address
                print(f"chat: listening on {host}:{port}", file=sys.stderr, flush=True)  # noqa: T201
                if server.web_url:
                    told = f"chat: browsers can open {server.web_url}"
                    print(told, file=sys.stderr, flush=True)  # noqa: T201
                server.join()
    except KeyboardInterrupt:
        return 0
    except ChatError as error:
        print(printable(f"chat: {error}"), file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
