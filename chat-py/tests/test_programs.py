"""``python -m chat`` and ``python -m chat.client``, the docstrings and the READMEs."""

from __future__ import annotations

import doctest
import importlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from player import ROOT

from chat import Chat, Client, InboxMessage, errors

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_chat_server import ChatServer


def test_a_server_and_a_client_on_the_command_line(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    serve = [sys.executable, "-m", "chat", "--demo", "--port", "0", "--data", data]
    server = subprocess.Popen(serve, stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert server.stderr
    port = server.stderr.readline().rpartition(":")[2].strip()
    talk = [sys.executable, "-W", "error", "-m", "chat.client", "127.0.0.1", port]
    lines = "auth messi surabaya\nsend messi Halo!\ninbox\nlogout\n"
    client = subprocess.run(  # noqa: S603
        talk, input=lines, capture_output=True, text=True, timeout=30, check=True
    )
    assert "message sent to messi" in client.stdout
    assert '"msg": " Halo!\\r\\n"' in client.stdout
    assert "Logout success!" in client.stdout
    assert client.stderr == ""
    nobody = subprocess.run(  # noqa: S603
        [*talk[:-1], "1"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (nobody.returncode, nobody.stderr.count("\n")) == (1, 1)
    again = subprocess.run(serve, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    assert again.returncode == 1
    assert f"is in use by process {server.pid} " in again.stderr
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 0
    server.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server(tmp_path: Path, number: signal.Signals) -> None:
    """As process 1 of a container, it did not end on SIGTERM; and SIGHUP ended it at once."""
    serve = [sys.executable, "-m", "chat", "--demo", "--port", "0", "--data", str(tmp_path)]
    server = subprocess.Popen(serve, stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert server.stderr
    port = server.stderr.readline().rpartition(":")[2].strip()
    for ignored in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        server.send_signal(ignored)
    with Client("127.0.0.1", int(port)) as client:
        client.login("messi", "surabaya").send("messi", "halo")
        server.send_signal(number)
        _out, err = server.communicate(timeout=30)
    assert (server.returncode, err) == (0, "")
    with Chat.open(tmp_path) as chat:
        assert [message.text for message in chat.login("messi", "surabaya").inbox()] == ["halo"]


HOSTILE = "\x1b]0;owned\x07\x7f\x9b2J\u202e\u2066\u200b\u3164\r\n"
ESCAPED = r"\u{1b}]0;owned\u{7}\u{7f}\u{9b}2J\u{202e}\u{2066}\u{200b}\u{3164}\r\n"
TALK = [sys.executable, "-W", "error", "-m", "chat.client"]


def test_what_a_server_does_to_the_terminal() -> None:
    """ESC and BEL of the server reached the terminal, and could do to it what they liked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        talking = [*TALK, *map(str, listener.getsockname())]
        client = subprocess.Popen(  # noqa: S603
            talking, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        peer, _address = listener.accept()
        with peer:
            assert client.stdin is not None
            for line, answer in [
                (b"auth a b\n", {"status": "ERROR", "message": HOSTILE}),
                (b"auth a b\n", {"status": "OK", "tokenid": HOSTILE}),
                (b"auth a b\n", {"status": "OK", "tokenid": "t"}),
                (b"activeuser\n", {"status": "OK", "message": HOSTILE}),
                (b"inbox\n", {"status": "OK", "messages": {HOSTILE: [{"msg": HOSTILE}]}}),
            ]:
                client.stdin.write(line)
                client.stdin.flush()
                assert peer.recv(1024)
                peer.sendall(f"{json.dumps(answer)}\r\n\r\n".encode())
            out, err = client.communicate(timeout=30)
    told = out.decode()
    assert "Command :Error, what the server sent is no answer\n" in told
    assert f"Command :Error, {ESCAPED}\n" in told
    assert f'Command t:Active User: "{ESCAPED}"\n' in told
    assert told.count("owned") == 4
    assert not any(char in told for char in HOSTILE[:-1] if not char.isalnum() and char not in "];")
    assert (err, client.returncode) == (b"", 0)


def test_what_a_server_does_to_a_traceback() -> None:
    """An exception that nobody catches is on the terminal, too, and so is a message's repr."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(*listener.getsockname())
        peer, _address = listener.accept()
        with peer:
            answer = json.dumps({"status": "ERROR", "message": HOSTILE, "code": "new"})
            peer.sendall(f"{answer}\r\n\r\n".encode())
            with pytest.raises(errors.Refused) as refused:
                client.login("messi", "surabaya")
            assert str(refused.value).endswith(ESCAPED)
        client.close()
    message = InboxMessage(
        sender=HOSTILE, recipient="a", sender_name="", recipient_name="", text=""
    )
    assert "\x1b" not in repr(message)


def test_a_line_that_is_not_utf_8(chat_server: ChatServer) -> None:
    """One such byte ended the client with a traceback, and the token was gone."""
    talking = [*TALK, *map(str, chat_server.address)]
    lines = b"auth messi surabaya\nsend messi \xff\nsend messi halo\n"
    # As in any locale but C.
    strict = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    client = subprocess.run(  # noqa: S603
        talking, input=lines, capture_output=True, timeout=30, check=True, env=strict
    )
    assert b"Error, Command tidak benar" in client.stdout
    assert b"message sent to messi" in client.stdout


def test_a_byte_order_mark_is_skipped(chat_server: ChatServer) -> None:
    """The mark that some editors put before a text was part of the first command."""
    talking = [*TALK, *map(str, chat_server.address)]
    utf_8 = os.environ | {"PYTHONIOENCODING": "utf-8"}
    client = subprocess.run(  # noqa: S603
        talking,
        input=b"\xef\xbb\xbfauth messi surabaya\n",
        capture_output=True,
        timeout=30,
        check=True,
        env=utf_8,
    )
    assert b"username messi logged in" in client.stdout


def test_nobody_reads_what_the_client_prints(chat_server: ChatServer) -> None:
    """A closed pipe was told as a failure of the server's address."""
    talking = [*TALK, *map(str, chat_server.address)]
    client = subprocess.Popen(  # noqa: S603
        talking, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert client.stdout
    client.stdout.close()
    client.stdout = None
    _out, err = client.communicate(b"halo\n", timeout=30)
    assert (client.returncode, err) == (1, b"")


@pytest.mark.parametrize(
    "module",
    [
        "chat",
        "chat.errors",
        "chat._course",
        "chat._terminal",
        "chat.aio._server",
        "chat.aio._events",
    ],
)
def test_docstrings(module: str) -> None:
    outcome = doctest.testmod(importlib.import_module(module))
    assert outcome.failed == 0
    assert outcome.attempted > 0


@pytest.mark.parametrize("readme", ["README.md", "chat-py/README.md"])
def test_readmes(readme: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / readme).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, readme, "exec"), {})  # noqa: S102
