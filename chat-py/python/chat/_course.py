"""The course's client."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket

from chat import _chat, errors
from chat._tls import client_context

__all__ = ["ChatClient"]


class ChatClient:
    """A client with at most one session: takes a typed line, returns the text to print.

    >>> from chat import Chat, Server
    >>> with Server(Chat()) as server:
    ...     client = ChatClient(*server.address)
    ...     print(client.proses("inbox"))
    ...     print(client.proses("auth messi malang"))
    ...     print(client.proses("auth messi surabaya").replace(client.tokenid, "TOKEN"))
    ...     print(client.proses("send henderson Halo!"))
    ...     print(client.proses("activeuser"))
    ...     print(client.proses("logout"))
    Error, not authorized
    Error, Password Salah
    username messi logged in, token TOKEN
    message sent to henderson
    Active User: "messi, "
    Logout success!
    """

    def __init__(
        self,
        address: str = "127.0.0.1",
        port: int | None = None,
        timeout: float = 30.0,
        *,
        ca: str | os.PathLike[str] | None = None,
    ) -> None:
        """Connect to a server, as ``chat.Client`` does."""
        self.tokenid = ""
        self._process = os.getpid()
        url, host, number, is_encrypted = _chat.parse_address(address, port)
        context = client_context(url, ca, is_encrypted=is_encrypted)
        self._socket = socket.create_connection((host, number), timeout)
        if context is not None:
            self._socket = context.wrap_socket(self._socket, server_hostname=host)
        self._requester = _chat.Requester()

    def __del__(self) -> None:
        if hasattr(self, "_socket"):
            self.close()

    def __enter__(self) -> ChatClient:  # noqa: PYI034
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return "ChatClient()"

    def close(self) -> None:
        """Close the connection. The session goes on."""
        # Closing would not do: a child of fork() may hold a copy of the descriptor. And a child
        # that is done with its copy must not end the connection.
        if self._process == os.getpid():
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def proses(self, cmdline: str) -> str:
        """Execute a line, and return the text to print. A text may contain LF, but no CRLF."""
        line = re.sub(r"\r?\n\Z", "", cmdline)
        # With CRLF in it, it would be two requests.
        command, *words = [""] if "\r\n" in line else line.split(" ")
        try:
            return self._do(command.strip(), words)
        except IndexError:
            return "Error, Command tidak benar"
        except _Refusal as refusal:
            return f"Error, {refusal}"

    def _do(self, command: str, words: list[str]) -> str:
        match command:
            case "auth":
                return self._log_in("auth", words[0].strip(), words[1].strip())
            case "register":
                full_name = " ".join([words[2], *words[3:]])
                return self._log_in("register", words[0].strip(), words[1].strip(), full_name)
            case "send":
                return self._send(words[0].strip(), " ".join(words[1:]))
            case "inbox":
                return json.dumps(self._ask(f"inbox {self._token()}", "messages"))
            case "activeuser":
                return f'Active User: "{self._ask(f"activeuser {self._token()}", "message")}"'
            case "logout":
                return self._logout()
        raise _Refusal("Command tidak benar")

    def _log_in(self, *words: str) -> str:
        token = self._ask(" ".join(words), "tokenid")
        # It becomes a word of requests, and is printed.
        if not isinstance(token, str) or not token.isprintable() or " " in token:
            raise _Refusal("what the server sent is no answer")
        self.tokenid = token
        return f"username {words[1]} logged in, token {self.tokenid}"

    def _send(self, to: str, text: str) -> str:
        self._ask(f"send {self._token()} {to} {text}", "message")
        return f"message sent to {to}"

    def _logout(self) -> str:
        self._ask(f"logout {self._token()}", "messages")
        self.tokenid = ""
        return "Logout success!"

    def _token(self) -> str:
        if not self.tokenid:
            raise _Refusal("not authorized")
        return self.tokenid

    def _ask(self, line: str, field: str) -> object:
        """Return a field of the answer; raise `_Refusal` with the text to print instead."""
        try:
            answer = json.loads(self._exchange(line.encode(errors="surrogateescape") + b"\r\n"))
            refused = answer["status"] != "OK"
            found: object = answer["message" if refused else field]
        except errors.Disconnected as problem:
            raise _Refusal("the connection is of no more use") from problem
        except OSError as problem:
            raise _Refusal(f"the server is out of reach: {problem}") from problem
        except (KeyError, RecursionError, TypeError, ValueError, errors.BadReply) as problem:
            self._requester.give_up()
            raise _Refusal("what the server sent is no answer") from problem
        if refused:
            raise _Refusal(found)
        return found

    def _exchange(self, line: bytes) -> bytes:
        # In a child of fork(), its answers would be mixed with its parent's.
        if self._process != os.getpid():
            raise _Refusal("the connection is of no more use")
        self._socket.sendall(self._requester.request_line(line))
        answer = None
        while answer is None:
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise _Refusal("the server closed the connection")
            answer = self._requester.receive(data)
        return answer.line() or b""


class _Refusal(Exception):
    """A text to print in place of an answer."""


_READ_BYTES = 64 * 1024
