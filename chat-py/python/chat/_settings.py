"""The keywords that a chat takes.

A test keeps the settings equal to the table that the library has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from typing import Literal


class Named(Protocol):
    """What a program knows of a user; it may also have a ``country``."""

    @property
    def full_name(self) -> str:
        """The name that others see."""


class Authenticator(Protocol):
    """Checks logins in place of the chat, for a program that has users and passwords already.

    The chat then does not look at the password hashes that it has itself. A user's first login
    creates their account, and later ones update its names. ``register`` is refused.

    It may be called from several threads at once, and may use the chat; it must not wait for a
    server to stop. A login over a connection has it called in a new thread, and is refused with
    ``Busy`` after 10 seconds. A callable that refers to the chat keeps it alive until ``close()``.
    """

    def __call__(self, user: str, password: str, /) -> bool | Mapping[str, str] | Named | None:
        """Say who logs in.

        ``None`` and ``False`` refuse the login with ``WrongPassword``. ``True`` accepts it, and so
        does what tells the user's names: a mapping with ``full_name`` and perhaps ``country``, or
        an object with these attributes. What is not told stays as it is in the chat.

        An exception, or any other value, refuses the login with ``StorageError``. It is logged to
        the logger ``chat``; in the process it is also the ``__cause__`` of that, and peers are not
        told.
        """


class Settings(TypedDict, total=False):
    """The settings of any chat; docs/settings.md has the defaults and the reasons for them."""

    #: Who may create an account with ``register``: nobody, anyone who can connect, or whoever has
    #: an invitation (``Chat.invite``).
    registration: Literal["closed", "open", "invite"] | None
    #: What hashing a password with Argon2id costs: KiB of memory, passes, lanes.
    password_cost: tuple[int, int, int] | None
    #: The longest request line in bytes, including its end.
    line_bytes: int | None
    #: How many bytes of answers may wait for one peer before no more of its requests are read.
    reply_bytes: int | None
    #: How many bytes may be held for the answers of all connections before ``inbox`` is refused.
    answers_bytes: int | None
    #: How many bytes of events may wait for one subscriber before its subscription ends.
    events_bytes: int | None
    #: How long a line may take from its first byte to its end before the connection is closed.
    line_time: timedelta | None
    #: How long answers may wait while the peer reads none of them before the connection is closed.
    stall_time: timedelta | None
    #: How long a ``Server`` that is stopping waits for peers to read their answers.
    shutdown_grace: timedelta | None
    #: How many connections a ``Server`` has at once.
    connections: int | None
    #: How many connections a ``Server`` has at once from one address.
    connections_per_address: int | None
    #: How many connections use sessions of one user at once.
    connections_per_user: int | None
    #: How many requests a connection may send in a second for any length of time.
    requests_per_second: int | None
    #: How many requests a connection may send at once.
    requests_burst: int | None
    #: How long a connection of a ``Server`` may be open until it has logged in or used a session.
    login_time: timedelta | None
    #: How long a connection of a ``Server`` may send nothing while it is not subscribed to events.
    idle_time: timedelta | None
    #: Whether the limits for each address and each user, and the rate of requests, apply to
    #: connections from this machine, too.
    limit_loopback: bool | None
    #: How long a session lasts without being used. One that gets events is in use.
    session_idle: timedelta | None
    #: How many unread messages a mailbox holds.
    mailbox_messages: int | None
    #: How many bytes the texts of a mailbox's unread messages may have together.
    mailbox_bytes: int | None
    #: How many members a room has at most, invitations included.
    room_members: int | None
    #: How many rooms a user can be a member of.
    rooms_per_user: int | None
    #: How many logins of one user, or from one address, may fail before the next one has to wait.
    failed_logins: int | None


class DirectorySettings(Settings, total=False):
    """The settings of a chat in a directory."""

    #: When a change is safe from a power failure: at once, within a second, or when the system
    #: writes it.
    sync: Literal["always", "everysec", "never"] | None
    #: How long read messages are kept, counted from when they were sent; ``None`` is as when the
    #: directory was last opened. New ones keep them.
    keep_read: timedelta | None
    #: How many messages are kept, in all conversations together; 0 for no limit.
    keep_messages: int | None
    #: How many bytes of messages are kept on the disk; 0 for no limit.
    keep_bytes: int | None
