"""The course's client."""

from __future__ import annotations

import json
import socket

__all__ = ["ChatClient"]


class ChatClient:
    """A client with at most one session: a typed line in, what to print out.

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

    def __init__(self, host: str = "127.0.0.1", port: int = 8889, timeout: float = 30.0) -> None:
        """Connect to a server."""
        self.tokenid = ""
        self._socket = socket.create_connection((host, port), timeout)
        self._answers = self._socket.makefile("rb")
        self._broken = False

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
        """Close the connection; a session lives on."""
        if hasattr(self, "_answers"):
            self._answers.close()
        self._socket.close()

    def proses(self, cmdline: str) -> str:
        """Do what a line says, and give what is to be printed."""
        line = cmdline.rstrip("\r\n")
        # With a line end in it, it would be two requests.
        command, *words = [""] if "\n" in line else line.split(" ")
        try:
            match command.strip():
                case "auth":
                    return self._login(words[0].strip(), words[1].strip())
                case "send":
                    return self._send(words[0].strip(), " ".join(words[1:]))
                case "inbox":
                    return self._inbox()
                case "activeuser":
                    return self._active_users()
                case "logout":
                    return self._logout()
        except IndexError:
            pass
        return "Error, Command tidak benar"

    def _login(self, user: str, password: str) -> str:
        answer = self._ask(f"auth {user} {password}")
        if answer["status"] != "OK":
            return f"Error, {answer['message']}"
        self.tokenid = str(answer["tokenid"])
        return f"username {user} logged in, token {self.tokenid}"

    def _send(self, to: str, text: str) -> str:
        if not self.tokenid:
            return "Error, not authorized"
        answer = self._ask(f"send {self.tokenid} {to} {text}")
        return (
            f"message sent to {to}" if answer["status"] == "OK" else f"Error, {answer['message']}"
        )

    def _inbox(self) -> str:
        if not self.tokenid:
            return "Error, not authorized"
        answer = self._ask(f"inbox {self.tokenid}")
        if answer["status"] != "OK":
            return f"Error, {answer['message']}"
        return json.dumps(answer["messages"])

    def _active_users(self) -> str:
        if not self.tokenid:
            return "Error, not authorized"
        answer = self._ask(f"activeuser {self.tokenid}")
        if answer["status"] != "OK":
            return f"Error, {answer['message']}"
        return f'Active User: "{answer["message"]}"'

    def _logout(self) -> str:
        if not self.tokenid:
            return "Error, not authorized"
        answer = self._ask(f"logout {self.tokenid}")
        if answer["status"] != "OK":
            return f"Error, {answer['message']}"
        self.tokenid = ""
        return "Logout success!"

    def _ask(self, line: str) -> dict[str, object]:
        # Until the whole answer is here, what comes next could be another's.
        broken, self._broken = self._broken, True
        if broken:
            return {"status": "ERROR", "message": "the connection is of no more use"}
        try:
            self._socket.sendall(line.encode(errors="surrogateescape") + b"\r\n")
            answer = self._answers.readline()
            end = self._answers.readline()
        except OSError as problem:
            return {"status": "ERROR", "message": f"the server is out of reach: {problem}"}
        if end != b"\r\n":
            return {"status": "ERROR", "message": "the server closed the connection"}
        self._broken = False
        found: dict[str, object] = json.loads(answer)
        return found
