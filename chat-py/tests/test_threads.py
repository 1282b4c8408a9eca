"""A system that has no thread left."""

from __future__ import annotations

import os
import subprocess
import sys

#: A limit that binds root, too: threads of 256 MiB of stack each, where there are 64 MiB.
LIMITED = """
import resource
import socket

import chat
from chat import errors

listener = socket.create_server(("127.0.0.1", 0))
room = chat.Chat()


def refused(make):
    with open("/proc/self/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 64 * 2**20, resource.RLIM_INFINITY))
    try:
        make()
    except errors.NetworkError as error:
        print(error.code, "unavailable" in str(error))
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)


refused(lambda: chat.Client(*listener.getsockname()))
refused(lambda: chat.Server(room))
with chat.Server(room) as server, chat.Client(*server.address) as client:
    print(client.login("messi", "surabaya").user)
"""


def test_a_thread_that_the_system_refuses() -> None:
    """A refused thread was a panic in the client; the next attempt must work."""
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", LIMITED],
        env=os.environ | {"RUST_MIN_STACK": str(256 * 2**20)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout, run.stderr) == ("io True\nio True\nmessi\n", "")
