"""What somebody finds who has never seen the course's code."""

from __future__ import annotations

import copy
import os
import pickle
import socket
import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import chat
from chat import (
    Chat,
    ChatClient,
    Client,
    Connection,
    DirectorySettings,
    InboxMessage,
    Server,
    Settings,
    _chat,
    errors,
)

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_chat_server import ChatServer

#: The first one is also the first thing that the server is told.
TEXTS = ["satu\ndua", "\n", "tiga\n\r", "\nempat\n", "two\r\nlines", "lima\r\n"]


def test_a_chat_in_memory() -> None:
    with Chat.memory(password_cost=(8, 1, 1), mailbox_messages=2) as room:
        room.add_user("ana", "secret", full_name="Ana Lima", country="Brasil")
        with pytest.raises(errors.UserExists):
            room.add_user("ana", "secret", full_name="Ana Lima")
        with pytest.raises(errors.InvalidUserName):
            room.add_user("a b", "secret", full_name="A")
        with room.login("ana", "secret") as ana:
            ana.send("ana", "one\r\n1")
            ana.send("ana", "dua \N{ROCKET}")
            with pytest.raises(errors.MailboxFull) as full:
                ana.send("ana", "three")
            assert full.value.code == "mailbox_full"
            assert ana.inbox() == [
                InboxMessage(
                    sender="ana",
                    recipient="ana",
                    sender_name="Ana Lima",
                    recipient_name="Ana Lima",
                    text=text,
                )
                for text in ["one\r\n1", "dua \N{ROCKET}"]
            ]
            assert ana.active_users() == ["ana"]
            assert room.session(ana.token).user == "ana"
        with pytest.raises(errors.NoSuchSession):
            ana.inbox()
        room.edit_user("ana", full_name="Ana Souza")
        assert room.get_user("ana") == {"nama": "Ana Souza", "negara": "Brasil"}
        room.set_password("ana", "other")
        with pytest.raises(errors.WrongPassword):
            room.login("ana", "secret")
        room.remove_user("ana")
        assert len(room.users) == 0
    with pytest.raises(errors.ClosedError):
        room.login("ana", "other")


def test_a_chat_that_is_kept(tmp_path: Path) -> None:
    data = tmp_path / "chat-data"
    with Chat.open(data, sync="never", keep_read=timedelta(days=1)) as room:
        room.add_demo_users()
        token = room.login("messi", "surabaya").token
        room.session(token).send("messi", "a note to myself")
        with pytest.raises(errors.DataInUse):
            Chat.open(data)
    with Chat.open(data) as room:
        assert [message.text for message in room.session(token).inbox()] == ["a note to myself"]
    with Chat.open(data) as room:
        session = room.session(token)
    with pytest.raises(errors.ClosedError):
        session.inbox()
    with pytest.raises(TypeError):
        Chat.open(None)  # type: ignore[arg-type]
    (data / "chat.db").write_bytes(b"")
    with pytest.raises(errors.StorageError, match=r"chat\.db"):
        Chat.open(data)
    with pytest.raises(ValueError, match="always"):
        Chat.open(data, sync="sometimes")  # type: ignore[arg-type]


def test_each_setting_is_a_keyword() -> None:
    """There were keywords for some of the settings only."""
    settings: dict[str, Any] = {
        "registration": "open",
        "password_cost": (8, 1, 1),
        "line_bytes": 65_536,
        "reply_bytes": 1_000,
        "events_bytes": 1_000_000,
        "answers_bytes": 10_000,
        "line_time": timedelta(milliseconds=1500),
        "stall_time": timedelta.max,
        "shutdown_grace": timedelta(0),
        "connections": 100,
        "connections_per_address": 10,
        "connections_per_user": 10,
        "requests_per_second": 10,
        "requests_burst": 20,
        "login_time": timedelta(minutes=1),
        "idle_time": timedelta(hours=1),
        "limit_loopback": True,
        "session_idle": timedelta(days=1),
        "mailbox_messages": 1,
        "mailbox_bytes": 1_000,
        "room_members": 2,
        "rooms_per_user": 3,
        "failed_logins": 3,
    }
    on_disk = {"sync", "keep_read", "keep_messages", "keep_bytes"}
    assert set(Settings.__annotations__) == set(settings)
    assert set(DirectorySettings.__annotations__) == set(settings) | on_disk == set(_chat.SETTINGS)
    with Chat.memory(**settings) as room:
        assert room.peer_times() == (1.5, timedelta.max.total_seconds())
        ana = room.register("ana", "secret", "Ana Lima")
        ana.send("ana", "one")
        with pytest.raises(errors.MailboxFull):
            ana.send("ana", "two")
    with Chat.memory(**dict.fromkeys(settings)) as room:
        assert room.peer_times() == (60, 600)
    for name in settings:
        wrong: dict[str, Any] = {name: ["?"]}
        with pytest.raises((TypeError, ValueError), match=f"argument '{name}': "):
            Chat.memory(**wrong)
    for name in on_disk:
        with pytest.raises(TypeError, match=f"'{name}' is for a chat in a directory"):
            Chat.memory(**{name: None})
    with pytest.raises(TypeError, match="unexpected keyword argument 'line_byte'"):
        Chat.memory(line_byte=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="password_cost: "):
        Chat.memory(password_cost=(1, 2, 1))
    with pytest.raises(OverflowError, match="argument 'line_bytes': "):
        Chat.memory(line_bytes=-1)


def test_a_server_and_clients(chat_server: ChatServer) -> None:
    with chat_server.connect() as client:
        with client.login("messi", "surabaya") as messi:
            messi.send("henderson", "Halo Henderson, apa kabar?")
            with pytest.raises(errors.NoSuchRecipient):
                messi.send("nobody", "?")
            assert messi.active_users() == ["messi"]
        henderson = client.login("henderson", "surabaya")
        assert [message.recipient for message in henderson.inbox()] == ["henderson"]
        again = client.session(henderson.token, "henderson")
        again.logout()
    with pytest.raises(errors.ClosedError):
        client.login("messi", "surabaya")


def test_to_register_is_to_log_in() -> None:
    """Whoever had registered had to send the password a second time at once."""
    with Chat.memory(registration="open", password_cost=(8, 1, 1)) as room, Server(room) as server:
        with room.register("ana", "secret", "Ana Lima") as ana:
            assert ana.user == "ana"
            ana.send("ana", "a note to myself")
        with Client(*server.address) as client:
            bea = client.register("bea", "secret", "Bea Souza")
            bea.send("ana", "halo")
            assert bea.active_users() == ["bea"]
            with pytest.raises(errors.UserExists):
                client.register("bea", "secret", "Bea Souza")
            with pytest.raises(errors.InvalidRequest):
                client.register("be a", "secret", "Bea Souza")
        with ChatClient(*server.address) as typed:
            line = typed.proses("register cia secret Cia da Silva")
            assert line == f"username cia logged in, token {typed.tokenid}"
            assert typed.proses("send ana halo") == "message sent to ana"
            assert typed.proses("register dee secret") == "Error, Command tidak benar"
            assert typed.proses("register cia secret Cia").startswith("Error, ")
        assert room.get_user("cia") == {"nama": "Cia da Silva", "negara": ""}
        assert [message.text for message in room.login("ana", "secret").inbox()] == [
            "a note to myself",
            "halo",
            "halo",
        ]
    with pytest.raises(errors.RegistrationClosed):
        Chat.memory().register("ana", "secret", "Ana Lima")


def test_a_client_sends_line_ends_in_a_text(chat_server: ChatServer) -> None:
    token = chat_server.chat.login("messi", "surabaya").token
    with chat_server.connect() as client:
        messi = client.session(token, "messi")
        texts = [*TEXTS, "two\r\nlines"]
        for text in texts:
            messi.send("messi", text)
        with pytest.raises(errors.InvalidRequest):
            messi.send_to_all(["messi"], "two\r\nlines")
        assert [message.text for message in messi.inbox()] == texts


def test_a_server_that_stops() -> None:
    with Chat() as room:
        server = Server(room)
        client = Client(*server.address, timeout=5)
        with pytest.raises(TimeoutError):
            server.join(0.01)
        with pytest.raises(errors.ListenError):
            Server(room, *server.address)
        with pytest.raises(errors.PublicPassword):
            Server(room, "0.0.0.0")  # noqa: S104
        server.stop()
        server.join(30)
        server.join()
        with pytest.raises(errors.Disconnected):
            client.login("messi", "surabaya")
        with pytest.raises(errors.NetworkError):
            Client(*server.address)


def test_a_connection_without_io() -> None:
    connection = Connection(Chat())
    assert connection.receive(b"ha") == b""
    assert connection.mid_line
    refused = b'{"status": "ERROR", "message": "Command tidak benar"}\r\n\r\n'
    assert connection.receive(b"lo\r\nhalo\r\n") == refused * 2
    assert not connection.mid_line
    with pytest.raises(ValueError, match="IP address"):
        Connection(Chat(), ("nowhere", 1))


def test_reprs_have_no_secrets() -> None:
    room = Chat()
    session = room.login("messi", "surabaya")
    session.send("messi", "a secret")
    (message,) = session.inbox()
    shown = repr([room, session, message])
    assert "messi" in shown
    assert not any(secret in shown for secret in [session.token, "surabaya", "a secret"])
    with pytest.raises(AttributeError):
        message.text = "another"  # type: ignore[misc]
    assert len({message, message}) == 1
    with pytest.raises(TypeError):
        pickle.dumps(session)
    assert pickle.loads(pickle.dumps(message)) == copy.deepcopy(message) == message  # noqa: S301
    room.close()
    assert repr(room) == "Chat(closed)"
    assert room.closed


def test_threads_share_a_chat() -> None:
    room = Chat()
    sessions = [room.login("messi", "surabaya") for _ in range(8)]

    def send(place: int) -> None:
        for number in range(200):
            sessions[place].send("henderson", f"{place}:{number}")

    threads = [threading.Thread(target=send, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = [message.text for message in room.login("henderson", "surabaya").inbox()]
    assert len(texts) == 1600
    for place in range(8):
        mine = [text for text in texts if text.startswith(f"{place}:")]
        assert mine == [f"{place}:{number}" for number in range(200)]


def test_threads_share_a_client(chat_server: ChatServer) -> None:
    client = chat_server.connect()
    session = client.login("messi", "surabaya")

    def send() -> None:
        for _ in range(50):
            session.send("messi", "x")

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(session.inbox()) == 200


def test_the_version() -> None:
    assert chat.__version__ == "0.1.0"


def test_a_with_block_does_not_hide_what_was_raised_in_it(chat_server: ChatServer) -> None:
    client = chat_server.connect()
    with pytest.raises(KeyError, match="mine"), client.login("messi", "surabaya"):
        chat_server.server.stop()
        chat_server.server.join(30)
        raise KeyError("mine")
    room = Chat()
    with pytest.raises(KeyError, match="mine"), room.login("messi", "surabaya"):
        room.close()
        raise KeyError("mine")


def test_a_client_is_closed_while_somebody_waits() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    client = Client(*silent.getsockname(), timeout=60)
    outcome: list[BaseException] = []

    def ask() -> None:
        try:
            client.login("messi", "surabaya")
        except errors.ChatError as error:
            outcome.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    peer, _address = silent.accept()
    assert peer.recv(100)
    client.close()
    asking.join(30)
    assert [type(error) for error in outcome] == [errors.ClosedError]
    assert repr(client) == "Client(closed)"
    peer.close()
    silent.close()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_chat_does_not_cross_a_fork(tmp_path: Path) -> None:
    room = Chat.open(tmp_path / "data")
    room.add_demo_users()
    session = room.login("messi", "surabaya")
    with Server(room) as server:
        child = os.fork()
        if child == 0:
            try:
                session.send("messi", "from the child")
            except errors.ClosedError:
                server.join()
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    session.send("messi", "from the parent")
    assert [message.text for message in session.inbox()] == ["from the parent"]


def test_arguments_that_make_no_sense() -> None:
    room = Chat()
    with Server(room) as server:
        for timeout in [-1.0, float("nan")]:
            with pytest.raises(ValueError, match="time-out"):
                server.join(timeout)
            with pytest.raises(ValueError, match="time-out"):
                Client(*server.address, timeout=timeout)
    with pytest.raises(TypeError):
        Chat("chat-data")
