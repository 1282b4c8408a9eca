"""A system that has no thread left."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

#: A limit that binds root, too: threads of 256 MiB of stack each, where there are 64 MiB.
LIMIT = """
import asyncio
import contextlib
import resource
import socket
import threading

import chat
from chat import errors
from chat.aio import serve


@contextlib.contextmanager
def no_threads():
    with open("/proc/self/statm") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + 64 * 2**20, resource.RLIM_INFINITY))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
"""

IN_THREADS = """
def refused(make):
    with no_threads():
        try:
            make()
        except errors.NetworkError as error:
            print(error.code, "unavailable" in str(error))


listener = socket.create_server(("127.0.0.1", 0))
room = chat.Chat()
refused(lambda: chat.Client(*listener.getsockname()))
refused(lambda: chat.Server(room))
with chat.Server(room) as server, chat.Client(*server.address) as client:
    print(client.login("messi", "surabaya").user)
"""


IN_A_LOOP = """
async def ask(server):
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"halo\\r\\nauth nobody x\\r\\n")
    writer.write_eof()
    try:
        answers = await reader.read()
    except ConnectionError:
        answers = b""
    writer.close()
    return answers.count(b"ERROR")


async def main():
    problems = []
    handler = lambda _loop, context: problems.append(type(context["exception"]).__name__)
    asyncio.get_running_loop().set_exception_handler(handler)
    async with await serve(chat.Chat()) as server:
        with no_threads():
            print(await ask(server), problems)
        print(await ask(server), problems)


threading.stack_size(256 * 2**20)
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (IN_THREADS, "io True\nio True\nmessi\n"),
        (IN_A_LOOP, "0 ['RuntimeError']\n2 ['RuntimeError']\n"),
    ],
)
def test_a_thread_that_the_system_refuses(program: str, told: str) -> None:
    """A refused thread was a panic in the client; the next attempt must work."""
    run = subprocess.run(  # noqa: S603
        [sys.executable, "-c", LIMIT + program],
        env=os.environ | {"RUST_MIN_STACK": str(256 * 2**20)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout, run.stderr) == (told, "")
