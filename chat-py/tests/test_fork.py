"""A child of fork() has copies of all descriptors: it keeps nothing open, and closes nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

HARNESS = """
import asyncio
import contextlib
import gc
import multiprocessing
import socket
import sys

from chat import Chat, ChatClient, Client, Connection, Message, Server, errors
from chat.aio import AsyncClient, serve

fork = multiprocessing.get_context("fork")


@contextlib.contextmanager
def child(work=lambda: None):
    mine, theirs = fork.Pipe()

    def live():
        work()
        gc.collect()
        theirs.send("done")
        theirs.recv()

    process = fork.Process(target=live)
    process.start()
    try:
        assert mine.poll(20) and mine.recv() == "done"
        yield
    finally:
        mine.send("end")
        process.join(20)
    assert process.exitcode == 0


def accepting():
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(20)
    return listener


def assert_closed(peer):
    peer.settimeout(20)
    assert peer.recv(1) == b""


def assert_refused(address):
    try:
        socket.create_connection(address, 20)
    except ConnectionRefusedError:
        return
    raise AssertionError("somebody listens still")
"""

STORIES = {
    "events": """
with Chat() as room, Server(room) as server, Client(*server.address) as client:
    messi = room.login("messi", "surabaya")
    both = [messi.events(), client.session(messi.token, "messi").events()]

    def use():
        for events in both:
            assert events.closed and events.next() is None
            events.close()
        both.clear()

    with child(use):
        messi.send("messi", "halo")
        for events in both:
            while not isinstance(events.next(20), Message):
                pass
            events.close()
""",
    "the directory of a chat": """
with Chat.open(sys.argv[1]) as room:
    room.add_demo_users()
    with child():
        room.close()
        with Chat.open(sys.argv[1]) as again:
            assert len(again.users) == 3
""",
    "the directory of a chat, from a child": """
with Chat.open(sys.argv[1]) as room:
    room.add_demo_users()
    connection = Connection(room)
    room.close()

    def drop_all():
        global room, connection
        room.close()
        try:
            connection.receive(b"halo\\r\\n")
        except errors.ClosedError:
            del room, connection

    with child(drop_all):
        assert connection.receive(b"halo\\r\\n").startswith(b'{"status": "ERROR"')
        try:
            Chat.open(sys.argv[1])
        except errors.DataInUse:
            del connection
    Chat.open(sys.argv[1]).close()
""",
    "a server's address": """
with Chat() as room:
    server = Server(room)
    with child(server.stop):
        with Client(*server.address) as client:
            client.login("messi", "surabaya")
        server.stop()
        server.join(20)
        assert_refused(server.address)
        Server(room, *server.address).stop()
""",
    "a client's connection": """
with accepting() as listener:
    for close in [lambda: client.close(), lambda: globals().pop("client")]:
        client = Client(*listener.getsockname())
        with child(), listener.accept()[0] as peer:
            close()
            assert_closed(peer)
""",
    "a client's connection, from a child": """
with Chat() as room, Server(room) as server:
    client = Client(*server.address)
    messi = client.login("messi", "surabaya")
    with child(client.close):
        assert messi.active_users() == ["messi"]
    with child(lambda: [globals().pop(name) for name in ("client", "messi")]):
        assert messi.active_users() == ["messi"]
""",
    "answers, which are not mixed": """
with Chat() as room, Server(room) as server:
    client, course = Client(*server.address), ChatClient(*server.address)
    messi = client.login("messi", "surabaya")
    course.proses("auth messi surabaya")

    def use():
        try:
            messi.active_users()
        except errors.ClosedError:
            assert course.proses("inbox") == "Error, the connection is of no more use"
            return
        raise AssertionError("a child asked over its parent's connection")

    with child(use):
        assert messi.active_users() == ["messi"]
        assert course.proses("inbox") == "{}"
""",
    "the connection of the course's client": """
with accepting() as listener:
    for close in [lambda: client.close(), lambda: globals().pop("client")]:
        client = ChatClient(*listener.getsockname())
        with child(), listener.accept()[0] as peer:
            close()
            assert_closed(peer)
""",
    "the connection of the course's client, from a child": """
with Chat() as room, Server(room) as server:
    client = ChatClient(*server.address)
    client.proses("auth messi surabaya")
    with child(client.close):
        assert client.proses("activeuser") == 'Active User: "messi, "'
    with child(lambda: globals().pop("client")):
        assert client.proses("activeuser") == 'Active User: "messi, "'
""",
    "the connection of the loop's client": """
async def main():
    with accepting() as listener:
        client = await AsyncClient.connect(*listener.getsockname())
        with child(), listener.accept()[0] as peer:
            await client.close()
            assert_closed(peer)

asyncio.run(main())
""",
    "the address and the peers of the loop's server": """
async def main():
    room = Chat()
    server = await serve(room)
    address = server.sockets[0].getsockname()
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"halo\\r\\n")
    await reader.readuntil(b"\\r\\n\\r\\n")
    with child():
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
        server.close()
        await server.wait_closed()
        assert_refused(address)
        again = await serve(room, *address)
        again.close()
        await again.wait_closed()

asyncio.run(main())
""",
}


@pytest.mark.parametrize("story", STORIES)
def test_a_child_that_lives_on(tmp_path: Path, story: str) -> None:
    """After ``with Chat.open(d): Process(target=f).start()``, the child kept ``d`` in use, and so
    it did with every address and connection. Only the process that made a thing frees it.
    """
    program = [sys.executable, "-c", HARNESS + STORIES[story], str(tmp_path / "data")]
    run = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
