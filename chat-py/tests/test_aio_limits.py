"""A server in an event loop has the limits of the one in threads, and leaves the loop alone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
from datetime import timedelta
from typing import TYPE_CHECKING

from chat import Chat, _chat
from chat.aio import AsyncClient, serve
from chat.aio._workers import Workers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

#: A login that takes as long as one with a wrong password, and more failures than there are peers.
WRONG = b"auth nobody x\r\n"
PATIENT = 1000
SHORT = timedelta(milliseconds=200)


class Peers:
    """Connections to a server, closed at the end."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(*self.address)
        self.writers.append(writer)
        return reader, writer

    async def ask(self, request: bytes) -> bytes:
        reader, writer = await self.connect()
        writer.write(request)
        return await reader.readuntil(b"\r\n\r\n")


@contextlib.asynccontextmanager
async def peers_of(chat: Chat) -> AsyncIterator[Peers]:
    async with await serve(chat) as server:
        peers = Peers(server.sockets[0].getsockname())
        try:
            yield peers
        finally:
            for writer in peers.writers:
                writer.transport.abort()


def test_the_program_does_not_wait_for_logins() -> None:
    """60 peers with wrong logins made ``run_in_executor`` of the host program wait for 11 to 24 s,
    and each other peer, too.
    """

    async def main() -> None:
        async with peers_of(Chat.memory(failed_logins=PATIENT)) as peers:
            logins = [asyncio.create_task(peers.ask(WRONG)) for _ in range(60)]
            await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.get_running_loop().run_in_executor(None, lambda: None)
            await peers.ask(b"halo\r\n")
            assert sum(login.done() for login in logins) < 30
            answers = await asyncio.gather(*logins)
            assert all(b"User Tidak Ada" in answer for answer in answers)

    asyncio.run(main())


def test_logins_past_the_queue_are_refused() -> None:
    async def main() -> None:
        workers, hold = Workers.shared(), threading.Event()
        cores = workers._passwords._max_workers
        held = [workers._passwords.submit(hold.wait, 30) for _ in range(cores)]
        chat = Chat.memory(failed_logins=PATIENT, password_cost=(8, 1, 1))
        async with peers_of(chat) as peers:
            room = cores + _chat.JOBS_WAITING
            logins = {asyncio.create_task(peers.ask(WRONG)) for _ in range(room + 10)}
            refused: set[asyncio.Task[bytes]] = set()
            while len(refused) < 10:
                done, logins = await asyncio.wait(logins, return_when=asyncio.FIRST_COMPLETED)
                refused |= done
            assert all(b'"code": "busy"' in login.result() for login in refused)
            hold.set()
            answers = await asyncio.gather(*logins)
            assert len(answers) == room
            # And there is room again.
            for answer in [*answers, await peers.ask(WRONG)]:
                assert b"User Tidak Ada" in answer
        assert all(one.result() for one in held)

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_line_that_does_not_end() -> None:
    async def main() -> None:
        async with peers_of(Chat.memory(line_time=SHORT)) as peers:
            idle, _writer = await peers.connect()
            reader, writer = await peers.connect()
            writer.write(b"halo\r\nha")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b'{"status": "ERROR"')
            assert await reader.read() == b""
            assert not idle.at_eof()

    asyncio.run(main())


def test_a_peer_that_takes_nothing() -> None:
    async def main() -> None:
        async with peers_of(Chat.memory(stall_time=SHORT, reply_bytes=4096)) as peers:
            reader, writer = await peers.connect()
            # Far more than fits into the buffers between the two, so the server must stop reading.
            reader._transport.pause_reading()  # type: ignore[attr-defined]
            lines = b"halo\r\n" * 100_000
            with contextlib.suppress(ConnectionError):
                while True:
                    writer.write(lines)
                    await writer.drain()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_answers_wait_for_a_slow_peer() -> None:
    """What a peer asks for without taking it was made and held, whatever it asked for."""

    async def main() -> None:
        chat = Chat.memory(reply_bytes=4096)
        chat.add_demo_users()
        text = "x" * 60_000
        with chat.login("messi", "surabaya") as messi:
            for _ in range(200):
                messi.send("messi", text)
            async with peers_of(chat) as peers:
                reader, writer = await peers.connect()
                reader._transport.pause_reading()  # type: ignore[attr-defined]
                writer.write(f"inbox {messi.token}\r\n".encode() + b"halo\r\n" * 1000)
                await peers.ask(b"halo\r\n")
                reader._transport.resume_reading()  # type: ignore[attr-defined]
                reader._limit = 2**30  # type: ignore[attr-defined]
                inbox = json.loads(await reader.readuntil(b"\r\n\r\n"))
                assert len(inbox["messages"]["messi"]) == 200
                for _ in range(1000):
                    await reader.readuntil(b"\r\n\r\n")

    asyncio.run(main())


def test_a_browser_is_refused() -> None:
    async def main() -> None:
        async with peers_of(Chat()) as peers:
            reader, writer = await peers.connect()
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\n\r\nauth messi surabaya\r\n")
            refused = b'{"status": "ERROR", "message": "Command tidak benar"}\r\n\r\n'
            assert await reader.read() == refused

    asyncio.run(main())


def test_an_inbox_whose_answer_never_leaves() -> None:
    """Its messages were lost: the mailbox was empty, and nobody had seen them."""

    async def main() -> None:
        chat = Chat()
        messi = chat.login("messi", "surabaya")
        messi.send("messi", "x" * 60_000)
        async with peers_of(chat) as peers:
            for _ in range(20):
                with socket.create_connection(peers.address) as peer:
                    # It resets the connection when it is closed.
                    linger = struct.pack("ii", 1, 0)
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    peer.sendall(f"inbox {messi.token}\r\n".encode())
                # Whoever comes later is answered later; and what could not be sent is put back.
                await peers.ask(b"halo\r\n")
                tasks = asyncio.all_tasks()
                answering = (one for one in tasks if "ChatProtocol" in repr(one.get_coro()))
                await asyncio.gather(*answering)
            async with await AsyncClient.connect(*peers.address) as client:
                session = client.session(messi.token, "messi")
                assert len(await session.inbox()) == 1

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_loop_that_ends_loses_no_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that ended while an inbox was read lost it: its answer was not written any more."""
    chat = Chat()
    messi = chat.login("messi", "surabaya")
    messi.send("messi", "halo")

    async def main() -> None:
        workers, done = Workers.shared(), asyncio.Event()
        do = workers.do

        async def do_and_wait(work: Callable[..., object], *arguments: object) -> object:
            found = await do(work, *arguments)
            done.set()
            await asyncio.Event().wait()
            return found

        async with peers_of(chat) as peers:
            _reader, writer = await peers.connect()
            monkeypatch.setattr(workers, "do", do_and_wait)
            writer.write(f"inbox {messi.token}\r\n".encode())
            await done.wait()

    asyncio.run(main())
    assert [message.text for message in messi.inbox()] == ["halo"]
