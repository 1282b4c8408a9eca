"""Programs that were written for the course's code."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from chat import Chat, ChatClient, Server


def test_the_calls_of_the_course() -> None:
    chat = Chat()
    assert chat.get_user("messi") == {"nama": "Lionel Messi", "negara": "Argentina"}
    assert chat.get_user("nobody") is False
    assert chat.autentikasi_user("nobody", "x") == {"status": "ERROR", "message": "User Tidak Ada"}
    assert chat.autentikasi_user("messi", "x") == {"status": "ERROR", "message": "Password Salah"}
    answer = chat.autentikasi_user("messi", "surabaya")
    assert list(answer) == ["status", "tokenid"]
    token = answer["tokenid"]
    assert chat.send_message(token, "messi", "henderson", " halo\r\n") == {
        "status": "OK",
        "message": "Message Sent",
    }
    assert chat.send_message(token, "messi", "nobody", " halo\r\n") == {
        "status": "ERROR",
        "message": "User tidak ditemukan",
    }
    refused = {"status": "ERROR", "message": "Informasi tidak ditemukan"}
    assert chat.send_message(token, "henderson", "messi", " I am he\r\n") == refused
    assert chat.send_message("nonsense", "messi", "henderson", " halo\r\n") == refused
    assert chat.get_inbox("henderson") == {
        "status": "OK",
        "messages": {
            "messi": [
                {"msg_from": "Lionel Messi", "msg_to": "Jordan Henderson", "msg": " halo\r\n"}
            ]
        },
    }
    assert chat.get_inbox("henderson") == {"status": "OK", "messages": {}}
    assert chat.get_inbox("nobody") == {"status": "OK", "messages": {}}


def test_users_and_sessions_can_be_read() -> None:
    chat = Chat()
    assert list(chat.users) == ["henderson", "lineker", "messi"]
    assert chat.users["lineker"] == {"nama": "Gary Lineker", "negara": "Inggris"}
    with pytest.raises(KeyError):
        chat.users["nobody"]
    token = chat.proses("auth messi surabaya")["tokenid"]
    assert token in chat.sessions
    assert "nonsense" not in chat.sessions
    assert "\ud83d" not in chat.sessions
    session = {"username": "messi", "userdetail": {"nama": "Lionel Messi", "negara": "Argentina"}}
    assert chat.sessions[token] == session
    assert [chat.sessions[name] for name in chat.sessions] == [session]
    assert token not in str((chat.sessions, list(chat.sessions)))
    assert chat.proses(f"logout {token}") == {"status": "OK", "messages": "Logged Out!"}
    assert len(chat.sessions) == 0


def test_what_the_courses_family_has_besides() -> None:
    """The README said "runs unchanged", and these calls of the course's programs were not there."""
    chat = Chat()
    token, other = (
        chat.proses(f"auth {user} surabaya")["tokenid"] for user in ["messi", "lineker"]
    )
    connection = object()
    assert chat.proses("auth messi surabaya", connection)["status"] == "OK"
    assert chat.activeuser() == {"status": "OK", "message": "messi, lineker, "}
    assert chat.logout(other) == {"status": "OK", "messages": "Logged Out!"}
    assert other not in chat.sessions
    refused = {"status": "ERROR", "message": "Informasi tidak ditemukan"}
    for nonsense in [other, "nonsense", f"{token} x", "\ud83d"]:
        assert chat.logout(nonsense) == refused
    assert chat.activeuser() == {"status": "OK", "message": "messi, "}


def test_what_the_courses_programs_do_not_find() -> None:
    """The README says so: a password is kept as a hash, and users are added with a call."""
    chat = Chat()
    for key in ["password", "incoming", "outgoing"]:
        with pytest.raises(KeyError):
            chat.users["messi"][key]
    with pytest.raises(TypeError):
        chat.users["ana"] = {"nama": "Ana Lima"}  # type: ignore[index]
    chat.add_user("ana", "secret", full_name="Ana Lima", country="Brasil")
    assert chat.proses("auth ana secret")["status"] == "OK"


def test_the_courses_server_in_threads() -> None:
    """What the course's server did: a thread for each peer, pieces of 32 bytes, a shared chat."""
    chat = Chat()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(peer: socket.socket) -> None:
        received = b""
        with peer:
            while data := peer.recv(32):
                received += data
                if received.endswith(b"\r\n"):
                    answer = json.dumps(chat.proses(received.decode())) + "\r\n\r\n"
                    received = b""
                    peer.sendall(answer.encode())

    def accept() -> None:
        for _ in range(8):
            peer, _address = listener.accept()
            threading.Thread(target=serve, args=(peer,)).start()

    accepting = threading.Thread(target=accept)
    accepting.start()

    def talk() -> None:
        with ChatClient(*listener.getsockname()) as client:
            assert "logged in, token" in client.proses("auth messi surabaya")
            for _ in range(20):
                assert client.proses("send henderson halo") == "message sent to henderson"

    talking = [threading.Thread(target=talk) for _ in range(8)]
    for thread in talking:
        thread.start()
    for thread in [*talking, accepting]:
        thread.join()
    listener.close()
    inbox = chat.get_inbox("henderson")["messages"]
    assert [message["msg"] for message in inbox["messi"]] == [" halo\r\n"] * 160


def test_what_the_courses_client_prints() -> None:
    with Chat() as chat, Server(chat) as server, ChatClient(*server.address) as client:
        for line in ["send messi halo", "inbox", "activeuser", "logout"]:
            assert client.proses(line) == "Error, not authorized"
        for line in ["", "halo", "auth", "auth messi", "send"]:
            assert client.proses(line) == "Error, Command tidak benar"
        assert client.proses("auth nobody x") == "Error, User Tidak Ada"
        assert client.proses("auth messi x") == "Error, Password Salah"
        line = client.proses("auth messi surabaya\n")
        assert line == f"username messi logged in, token {client.tokenid}"
        assert client.proses("send nobody halo") == "Error, User tidak ditemukan"
        assert client.proses("send messi Halo, apa kabar?") == "message sent to messi"
        assert client.proses("inbox") == (
            '{"messi": [{"msg_from": "Lionel Messi", "msg_to": "Lionel Messi", '
            '"msg": " Halo, apa kabar?\\r\\n"}]}'
        )
        assert client.proses("activeuser") == 'Active User: "messi, "'
        assert client.proses("logout") == "Logout success!"
        assert client.tokenid == ""


def test_a_text_with_line_ends_in_it() -> None:
    """The course's server delivers such a text; ours delivered half of it and answered twice, so
    that its client read every later answer one too late.
    """
    with Chat() as chat, Server(chat) as server:
        with ChatClient(*server.address) as client:
            client.tokenid = chat.login("messi", "surabaya").token
            # As the very first request, and later.
            for line in ["send messi satu\ndua", "send messi \n\n", "send messi satu\rdua\r"]:
                assert client.proses(line) == "message sent to messi"
            for line in ["send messi satu\r\ndua", "auth messi\r\nlogout x"]:
                assert client.proses(line) == "Error, Command tidak benar"
            assert client.proses("send messi\nsatu dua") == "Error, User tidak ditemukan"
            assert client.proses("activeuser\n") == 'Active User: "messi, "'
        messages = chat.get_inbox("messi")["messages"]["messi"]
        texts = [message["msg"] for message in messages]
        assert texts == [" satu\ndua\r\n", " \n\r\n", " satu\rdua\r\r\n"]


def test_the_courses_own_client() -> None:
    """What it sends, to the byte; it reads until what it has read ends with an empty line."""
    with Chat() as chat, Server(chat) as server, socket.create_connection(server.address) as peer:

        def ask(line: str) -> dict[str, object]:
            peer.sendall(line.encode())
            received = ""
            while not received.endswith("\r\n\r\n"):
                received += peer.recv(64).decode()
            found: dict[str, object] = json.loads(received)
            return found

        token = ask("auth messi surabaya \r\n")["tokenid"]
        assert ask(f"send {token} messi  satu\ndua \r\n") == {
            "status": "OK",
            "message": "Message Sent",
        }
        assert ask(f"logout {token} \r\n") == {"status": "OK", "messages": "Logged Out!"}
        assert chat.get_inbox("messi")["messages"]["messi"][0]["msg"] == "  satu\ndua \r\n"


def test_a_server_that_sends_nonsense() -> None:
    nonsense = [b"[]", b"x", b'"OK"', b'{"status": "OK"}', b'{"status": "ERROR"}', b"\xff"]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for answer in nonsense:
            with ChatClient(*listener.getsockname()) as client:
                peer, _address = listener.accept()
                with peer:
                    peer.sendall(answer + b"\r\n\r\n")
                    told = client.proses("auth messi surabaya")
                    assert told == "Error, what the server sent is no answer"
                    told = client.proses("auth messi surabaya")
                    assert told == "Error, the connection is of no more use"


def test_a_subclass_with_a_constructor() -> None:
    class Mine(Chat):
        def __init__(self, name: str) -> None:
            self.name = name

    mine = Mine("kelas")
    assert mine.name == "kelas"
    assert mine.proses("auth messi surabaya")["status"] == "OK"


def test_what_no_request_could_carry() -> None:
    chat = Chat()
    half = "\ud83d"
    assert chat.proses(f"auth {half} x") == {"status": "ERROR", "message": "Command tidak benar"}
    assert chat.autentikasi_user(half, half)["message"] == "User Tidak Ada"
    token = chat.autentikasi_user("messi", "surabaya")["tokenid"]
    assert chat.send_message(token, "messi", "messi", half)["status"] == "OK"
    assert chat.get_inbox("messi")["messages"]["messi"][0]["msg"] == "?"
    refused = chat.send_message(token, "messi", "messi", "x" * 1_000_000)
    assert refused["code"] == "line_too_long"


def test_users_come_and_go_while_they_are_looked_at() -> None:
    chat = Chat()
    for _ in chat.users.items():
        chat.remove_user("messi") if "messi" in chat.users else None
    tokens = [chat.login("lineker", "surabaya").token for _ in range(3)]
    for _ in chat.sessions.items():
        chat.logout(tokens.pop())
    assert (tokens, len(chat.sessions)) == ([], 0)
    assert 3 not in chat.sessions  # type: ignore[comparison-overlap]


def test_an_answer_that_is_nested_too_deeply() -> None:
    """The course's client ended with a RecursionError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = ChatClient(*listener.getsockname())
        peer, _address = listener.accept()
        with client, peer:
            peer.sendall(b"[" * 100_000 + b"\r\n\r\n")
            assert client.proses("auth a b") == "Error, what the server sent is no answer"
