"""A chat server that a program contains.

>>> import chat
>>> with chat.Chat.memory() as room:
...     room.add_user("ana", "secret", full_name="Ana Lima", country="Brasil")
...     with room.login("ana", "secret") as ana:
...         ana.send("ana", "a note to myself")
...         for message in ana.inbox():
...             print(f"{message.sender_name}: {message.text}")
Ana Lima: a note to myself

The wire, its codes and its limits are in docs/protocol.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from chat import _chat, errors
from chat._chat import Client, ClientSession, Connection, Message, Server, Session, __version__
from chat.client import ChatClient
from chat.errors import ChatError

if TYPE_CHECKING:
    import os
    from datetime import timedelta
    from typing import Literal

    from typing_extensions import Self, Unpack

__all__ = [
    "Chat",
    "ChatClient",
    "ChatError",
    "Client",
    "ClientSession",
    "Connection",
    "Message",
    "Server",
    "Session",
    "Settings",
    "__version__",
    "errors",
]


class Settings(TypedDict, total=False):
    """What a chat can be told; what is left out is as docs/protocol.md has it under "Limits"."""

    #: Whether peers may make accounts for themselves, with ``register``.
    registration: bool
    #: How long a session lives without being used.
    session_idle: timedelta | None
    #: How many unread messages a mailbox holds.
    mailbox_messages: int | None
    #: How many bytes the texts of a mailbox's unread messages have together.
    mailbox_bytes: int | None
    #: The longest request line, in bytes.
    line_bytes: int | None
    #: How many logins may fail before the next must wait.
    failed_logins: int | None
    #: What hashing a password costs: KiB of memory, passes, lanes.
    password_cost: tuple[int, int, int] | None


class Chat(_chat.Chat):
    r"""A chat: users, their sessions and their mailboxes. Threads may share it.

    ``Chat()`` is what the course's program of that name was: in memory, with the users messi,
    henderson and lineker, and with ``proses`` and its like, which give dicts.

    >>> Chat().proses("auth messi surabaya")["status"]
    'OK'
    >>> Chat().proses("halo")
    {'status': 'ERROR', 'message': 'Command tidak benar'}

    ``Chat.memory()`` and ``Chat.open()`` begin with nobody, and give values and exceptions.
    """

    def __new__(cls) -> Self:
        """Make a chat in memory, with the three demo users."""
        return super().__new__(cls, demo=True)

    @classmethod
    def memory(cls, **settings: Unpack[Settings]) -> Self:
        """Make an empty chat that is kept in memory only."""
        return super().__new__(cls, **settings)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        sync: Literal["always", "everysec", "never"] = "always",
        keep_read: timedelta | None = None,
        **settings: Unpack[Settings],
    ) -> Self:
        """Open the chat that is kept in a directory; if there is none, make it.

        Every call that changes something returns when that is safe: from a loss of power with
        ``sync="always"``, and from a crash of the program always. ``keep_read`` keeps messages
        that were read for so long.
        """
        return super().__new__(cls, path=path, sync=sync, keep_read=keep_read, **settings)

    def __enter__(self) -> Self:
        return self

    def __repr__(self) -> str:
        return "Chat(closed)" if self.closed else f"Chat({len(self.users)} users)"

    @property
    def users(self) -> Mapping[str, dict[str, str]]:
        """Users by user name, each a dict with ``nama`` and ``negara``."""
        return _Users(self)

    @property
    def sessions(self) -> Mapping[str, dict[str, Any]]:
        """Live sessions by token, each a dict with ``username`` and ``userdetail``."""
        return _Sessions(self)

    def proses(self, data: str) -> dict[str, Any]:
        """Do what a request line says, and give what its answer holds."""
        return _dict(self.answer(data.encode(errors="surrogatepass")))

    def autentikasi_user(self, username: str, password: str) -> dict[str, Any]:
        """Log in."""
        return _dict(self.answer_login(username, password))

    def get_user(self, username: str) -> dict[str, str] | Literal[False]:
        """Give a user's ``nama`` and ``negara``; ``False`` if there is no such user."""
        return self.users.get(username, False)

    def send_message(
        self, sessionid: str, username_from: str, username_dest: str, message: str
    ) -> dict[str, Any]:
        """Put a message into a mailbox, verbatim, if the session is the sender's."""
        return _dict(self.answer_send(sessionid, username_from, username_dest, message))

    def get_inbox(self, username: str) -> dict[str, Any]:
        """Take all unread messages out of a user's mailbox."""
        return _dict(self.answer_inbox(username))


class _Users(Mapping[str, dict[str, str]]):
    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def _all(self) -> dict[str, dict[str, str]]:
        return {
            user: {"nama": full_name, "negara": country}
            for user, full_name, country in self._chat.profiles()
        }

    def __getitem__(self, user: str) -> dict[str, str]:
        return self._all()[user]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class _Sessions(Mapping[str, dict[str, Any]]):
    def __init__(self, chat: Chat) -> None:
        self._chat = chat

    def __getitem__(self, token: str) -> dict[str, Any]:
        try:
            user = self._chat.session(token).user
        except errors.NoSuchSession:
            raise KeyError(token) from None
        return {"username": user, "userdetail": self._chat.users[user]}

    def __iter__(self) -> Iterator[str]:
        return (token for token, _ in self._chat.live_sessions())

    def __len__(self) -> int:
        return len(self._chat.live_sessions())


def _dict(answer: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer)
    return found
