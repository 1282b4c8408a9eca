"""Logins that the program checks itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from chat import Chat, Client, Server, errors
from chat.aio import AsyncClient, serve

if TYPE_CHECKING:
    from pathlib import Path


def right(_user: str, password: str) -> bool:
    return password == "right"


def test_the_first_login_creates_the_account(tmp_path: Path) -> None:
    for room in [Chat.memory(authenticate=right), Chat.open(tmp_path, authenticate=right)]:
        with room:
            room.add_user("bea", "stored", full_name="Bea Souza")
            for user, password in [("ana", "wrong"), ("bea", "stored")]:
                with pytest.raises(errors.WrongPassword):
                    room.login(user, password)
            room.login("bea", "right")
            room.login("ana", "right")
            assert [user.full_name for user in room.list_users()] == ["ana", "Bea Souza"]
            with pytest.raises(errors.RegistrationClosed):
                room.register("eva", "right", "Eva")
            room.ban_user("ana")
            with pytest.raises(errors.Banned):
                room.login("ana", "right")
    with pytest.raises(TypeError, match="authenticate"):
        Chat.memory(authenticate="right")  # type: ignore[arg-type]


def test_what_it_may_return(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[Any] = []
    room = Chat.memory(authenticate=lambda _user, _password: answers.pop(), failed_logins=1_000)

    def login(answer: object) -> tuple[str, str]:
        answers.append(answer)
        room.login("ana", "x")
        (ana,) = room.list_users()
        return ana.full_name, ana.country

    for refusal in [None, False]:
        with pytest.raises(errors.WrongPassword):
            login(refusal)
    assert login(True) == ("ana", "")
    assert login({"full_name": "Ana Lima", "country": "Brasil"}) == ("Ana Lima", "Brasil")
    assert login({"full_name": "Ana Souza"}) == ("Ana Souza", "Brasil")
    assert login(SimpleNamespace(full_name="Ana", country="")) == ("Ana", "")
    assert login(SimpleNamespace(full_name="Ana Lima")) == ("Ana Lima", "")
    assert login(room.list_users()[0]) == ("Ana Lima", "")
    assert not caplog.records
    # Nothing that was returned by mistake lets anyone in.
    for mistake in [0, 1, "", "Ana", {}, {"name": "Ana"}, [], object(), {"full_name": 1}]:
        with pytest.raises(errors.StorageError) as raised:
            login(mistake)
        assert isinstance(raised.value.__cause__, (AttributeError, KeyError, TypeError))
    assert len(caplog.records) == 9
    with pytest.raises(errors.StorageError, match="a full name has"):
        login({"full_name": ""})


def test_an_exception_is_logged_and_not_shown_to_peers(caplog: pytest.LogCaptureFixture) -> None:
    def authenticate(user: str, password: str) -> bool:
        if user == "stops":
            raise KeyboardInterrupt
        if user != "ana":
            raise LookupError("db.example is down")
        return right(user, password)

    room = Chat.memory(authenticate=authenticate)
    with Server(room) as server, Client(*server.address) as client:
        for _ in range(10):
            with pytest.raises(errors.StorageError) as raised:
                client.login("bea", "right")
            assert "example" not in str(raised.value)
        client.login("ana", "right")
    logged = [record.exc_info for record in caplog.records if record.name == "chat"]
    assert [str(info[1]) for info in logged if info] == ["db.example is down"] * 10
    with pytest.raises(errors.StorageError, match=r"db\.example is down") as raised:
        room.login("bea", "right")
    assert isinstance(raised.value.__cause__, LookupError)
    with pytest.raises(KeyboardInterrupt):
        room.login("stops", "right")


def test_it_may_use_the_chat(tmp_path: Path) -> None:
    """With a lock or the GIL held, it would wait for itself."""

    def authenticate(user: str, password: str) -> bool:
        if user != "bot" and right(user, password):
            room.login("bot", "right").send("bot", f"{user} logs in")
            room.check()
        return right(user, password)

    with Chat.open(tmp_path, authenticate=authenticate) as room:
        with Server(room) as server:
            clients = [Client(*server.address) for _ in range(4)]
            names = [f"user{number}" for number in range(len(clients))]
            logins = [
                threading.Thread(target=client.login, args=(name, "right"))
                for client, name in zip(clients, names, strict=True)
            ]
            for thread in logins:
                thread.start()
            for thread in logins:
                thread.join()
        room.login("ana", "right")
        texts = sorted(message.text for message in room.inbox_of("bot"))
        assert texts == [f"{name} logs in" for name in ["ana", *names]]


class Slow:
    """Hangs for a user named slow until it is told to go on."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.go = threading.Event()

    def __call__(self, user: str, password: str) -> bool:
        if user == "slow":
            self.began.set()
            self.go.wait()
        return right(user, password)


def test_a_server_is_stopped_and_a_chat_closed_while_it_runs() -> None:
    """Both waited with the GIL held for a thread that needed it."""
    slow = Slow()
    room = Chat.memory(authenticate=slow)
    server = Server(room)
    outcome: list[str] = []

    def login() -> None:
        with Client(*server.address) as client:
            outcome.append(client.login("slow", "right").user)

    thread = threading.Thread(target=login)
    thread.start()
    slow.began.wait()
    server.stop()
    with pytest.raises(errors.TimedOut):
        server.join(0)
    room.close()
    slow.go.set()
    server.join()
    thread.join()
    assert outcome == ["slow"]


def test_in_an_event_loop() -> None:
    slow = Slow()
    threads = set()

    def authenticate(user: str, password: str) -> bool:
        threads.add(threading.get_ident())
        return slow(user, password)

    async def main() -> None:
        async with await serve(Chat.memory(authenticate=authenticate)) as server:
            address = server.sockets[0].getsockname()
            async with (
                await AsyncClient.connect(*address) as client,
                await AsyncClient.connect(*address) as other,
            ):
                login = asyncio.create_task(client.login("slow", "right"))
                await asyncio.to_thread(slow.began.wait)
                # Nobody waits for it.
                for _ in range(10):
                    await other.login("ana", "right")
                slow.go.set()
                assert (await login).user == "slow"
                with pytest.raises(errors.WrongPassword):
                    await other.login("ana", "wrong")

    asyncio.run(main())
    assert threading.get_ident() not in threads


IN_A_CHILD = """
import os
import sys
import socket
import threading
import chat

began, go = threading.Event(), threading.Event()

def authenticate(user, password):
    began.set()
    return go.wait()

server = chat.Server(chat.Chat.memory(authenticate=authenticate))
client = socket.create_connection(server.address)
client.sendall(b"auth ana right\\r\\n")
began.wait()
child = os.fork()
if child == 0:
    sys.exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
go.set()
"""


def test_a_child_of_fork_does_not_wait_for_its_parents_calls() -> None:
    command = [sys.executable, "-W", "ignore", "-c", IN_A_CHILD]
    # It would wait for 10 s.
    run = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=8, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "7\n", "")


AT_THE_END = """
import atexit
import socket
import threading
import chat

began, ends = threading.Event(), threading.Event()
atexit.register(ends.set)

def authenticate(user, password):
    began.set()
    ends.wait()
    return sum(sum(range(1000)) for _ in range(10_000)) < 0

server = chat.Server(chat.Chat.memory(authenticate=authenticate))
client = socket.create_connection(server.address)
client.sendall(b"auth ana right\\r\\n")
began.wait()
print("ends")
"""


def test_a_program_ends_while_it_runs() -> None:
    """Python aborted the process when it ended a thread of Rust's."""
    command = [sys.executable, "-c", AT_THE_END]
    run = subprocess.run(  # noqa: S603
        command, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "ends\n", "")
