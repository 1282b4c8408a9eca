"""A chat server that a program contains.

>>> import chat
>>> with chat.Chat.memory() as room:
...     room.add_user("ana", "secret", full_name="Ana Lima", country="Brasil")
...     with room.login("ana", "secret") as ana:
...         sent = ana.send("ana", "a note to myself")
...         for message in ana.inbox():
...             print(f"{message.sender_name}: {message.text}")
Ana Lima: a note to myself

A chat is live: ``events()`` tells what happens, and ``history()`` what was said before.

>>> with chat.Chat() as room:  # with three demo users
...     messi, lineker = room.login("messi", "surabaya"), room.login("lineker", "surabaya")
...     messi.create_room("#bench", title="The bench")
...     lineker.join_room("#bench")
...     with lineker.events() as events:
...         sent = messi.send("#bench", "halo")
...         for event in events:
...             match event:
...                 case chat.Message(conversation="#bench", sender=sender, text=text):
...                     print(f"{sender}: {text}")
...                     break
...     lineker.read("#bench", sent.id)
messi: halo
0

The wire, its codes and its limits are in docs/protocol.md and docs/protocol-2.md.
"""

from __future__ import annotations

import atexit
import json
import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from chat import _chat, errors
from chat._chat import (
    Announcement,
    Client,
    Closed,
    Connection,
    Conversation,
    Deleted,
    Events,
    InboxMessage,
    Invitation,
    Lagged,
    Member,
    Message,
    Page,
    Presence,
    Read,
    Restored,
    Room,
    RoomChange,
    Sent,
    Server,
    Session,
    SessionInfo,
    SessionView,
    SyncPage,
    Typing,
    User,
    UserView,
    Wakeups,
    __version__,
)
from chat._course import ChatClient
from chat._sessions import Sessions
from chat._settings import Authenticator, DirectorySettings, Settings
from chat.errors import ChatError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal, TypeAlias

    from typing_extensions import Self, Unpack

__all__ = [
    "Announcement",
    "Authenticator",
    "Chat",
    "ChatClient",
    "ChatError",
    "Client",
    "Closed",
    "Connection",
    "Conversation",
    "Deleted",
    "DirectorySettings",
    "Event",
    "Events",
    "InboxMessage",
    "Invitation",
    "Lagged",
    "Member",
    "Message",
    "Page",
    "Presence",
    "Read",
    "Restored",
    "Room",
    "RoomChange",
    "Sent",
    "Server",
    "Session",
    "SessionInfo",
    "SessionView",
    "Settings",
    "SyncPage",
    "Typing",
    "User",
    "UserView",
    "Wakeups",
    "__version__",
    "errors",
]

#: What happens in a session's conversations.
Event: TypeAlias = (
    Message | Read | Presence | Typing | RoomChange | Deleted | Announcement | Lagged | Closed
)


class Chat(_chat.Chat):
    r"""A chat in the process. Threads may share it.

    Whoever has a chat is its operator: its methods may do anything. What a user can do is on the
    ``Session`` that ``login`` returns.

    ``Chat()`` is what the course's program of that name was: in memory, with the users messi,
    henderson and lineker, and with ``proses`` and the like, which return dicts.

    >>> Chat().proses("auth messi surabaya")["status"]
    'OK'
    >>> Chat().proses("halo")
    {'status': 'ERROR', 'message': 'Command tidak benar'}

    ``Chat.memory()`` and ``Chat.open()`` start without users.
    """

    def __new__(cls, *arguments: object, **keywords: object) -> Self:
        """Create a chat in memory, with the three demo users. Arguments are for subclasses."""
        if cls.__init__ is object.__init__ and (arguments or keywords):
            raise TypeError("Chat() takes no arguments; there are Chat.memory() and Chat.open()")
        return super().__new__(cls, demo=True)

    @classmethod
    def memory(
        cls, *, authenticate: Authenticator | None = None, **settings: Unpack[Settings]
    ) -> Self:
        """Create an empty chat that is kept in memory only.

        ``authenticate`` checks logins in place of the chat, for a program that has users and
        passwords already; ``chat.Authenticator`` says how.

        >>> def authenticate(user: str, password: str) -> object:
        ...     return {"full_name": "Ana Lima"} if (user, password) == ("ana", "secret") else None
        >>> with Chat.memory(authenticate=authenticate) as room:
        ...     room.login("ana", "secret")
        Session(user='ana')
        """
        return super().__new__(cls, authenticate=authenticate, **settings)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        authenticate: Authenticator | None = None,
        **settings: Unpack[DirectorySettings],
    ) -> Self:
        """Open the chat that is kept in a directory; create it if there is none.

        Every call that changes something returns when that is safe: from a loss of power unless
        ``sync`` says otherwise, and from a crash of the program always.

        ``authenticate`` is as for ``memory()``.
        """
        return super().__new__(cls, path=os.fsdecode(path), authenticate=authenticate, **settings)

    def __enter__(self) -> Self:
        return self

    def __repr__(self) -> str:
        return "Chat(closed)" if self.closed else f"Chat({len(self.users)} users)"

    @property
    def users(self) -> Mapping[str, dict[str, str]]:
        """The current users by user name, each a dict with ``nama`` and ``negara``."""
        return MappingProxyType(
            {
                user.name: {"nama": user.full_name, "negara": user.country}
                for user in self.list_users()
            }
        )

    @property
    def sessions(self) -> Mapping[str, dict[str, Any]]:
        """The sessions that are live now, each with ``username`` and ``userdetail``.

        The keys are session ids, because a chat stores no tokens. But ``sessions[token]`` is the
        session that a token opens, and ``token in sessions`` tells whether there is one.
        """
        return Sessions(self)

    def proses(self, data: str, connection: object = None) -> dict[str, Any]:  # noqa: ARG002
        """Execute a request line, and return its answer as a dict.

        ``connection`` is there for programs that pass one, and is ignored.
        """
        return _dict(self.answer(data.encode("utf-8", "surrogatepass")))

    def autentikasi_user(self, username: str, password: str) -> dict[str, Any]:
        """Log in."""
        return _dict(self.answer_login(_clean(username), _clean(password)))

    def get_user(self, username: str) -> dict[str, str] | Literal[False]:
        """Return a user's ``nama`` and ``negara``; ``False`` if there is no such user."""
        return self.users.get(username, False)

    def send_message(
        self, sessionid: str, username_from: str, username_dest: str, message: str
    ) -> dict[str, Any]:
        """Send a message, verbatim, if the session is the sender's."""
        words = map(_clean, (sessionid, username_from, username_dest, message))
        return _dict(self.answer_send(*words))

    def get_inbox(self, username: str) -> dict[str, Any]:
        """Take all unread messages out of a user's inbox."""
        return _dict(self.answer_inbox(_clean(username)))

    def logout(self, sessionid: str) -> dict[str, Any]:
        """End a session."""
        return _dict(self.answer_logout(_clean(sessionid)))

    def activeuser(self) -> dict[str, Any]:
        """Name each user with a live session once, in order of login."""
        return _dict(self.answer_active_users())


# ``json.loads`` first finds out an encoding, and looks for white space.
_decode: Callable[[str], tuple[dict[str, Any], int]] = json.JSONDecoder().raw_decode


def _dict(answer: bytes) -> dict[str, Any]:
    return _decode(answer.decode())[0]


def _clean(text: str) -> str:
    """Replace unpaired surrogates, which no request can contain."""
    return text.encode(errors="replace").decode()


atexit.register(_chat._before_exit)  # noqa: SLF001
os.register_at_fork(after_in_child=_chat._after_fork)  # noqa: SLF001
