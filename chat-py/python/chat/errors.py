"""What goes wrong, as a tree of exceptions: one class for each code of docs/protocol.md.

>>> from chat import Chat
>>> from chat.errors import ChatError, NoSuchUser
>>> try:
...     Chat().login("nobody", "secret")
... except NoSuchUser as error:
...     print(error.code, "-", error)
no_such_user - there is no such user
>>> issubclass(NoSuchUser, ChatError)
True
"""

from __future__ import annotations

__all__ = [
    "BadCommand",
    "BadDump",
    "BadReply",
    "Busy",
    "ChatError",
    "ClosedError",
    "DataFormat",
    "DataInUse",
    "Disconnected",
    "EntropyError",
    "HashingError",
    "InternalError",
    "InvalidCountry",
    "InvalidFullName",
    "InvalidPassword",
    "InvalidRequest",
    "InvalidToken",
    "InvalidUserName",
    "LineTooLong",
    "ListenError",
    "MailboxFull",
    "NetworkError",
    "NoSuchRecipient",
    "NoSuchSession",
    "NoSuchUser",
    "NotEmpty",
    "PublicPassword",
    "Refused",
    "RegistrationClosed",
    "StorageError",
    "TimedOut",
    "TooManyAttempts",
    "UserExists",
    "WrongPassword",
]


class ChatError(Exception):
    """Whatever goes wrong in a chat."""

    #: The permanent code: the same in Rust, on the wire, in C and here.
    code: str = "internal"


class InternalError(ChatError):
    """A bug in chat, which has not harmed the program. Please report it, with the message."""


class ClosedError(ChatError):
    """What was used is closed."""

    code = "closed"


class NoSuchUser(ChatError):
    """A login with a user name that no account has."""

    code = "no_such_user"


class WrongPassword(ChatError):
    """A login with the wrong password."""

    code = "wrong_password"


class NoSuchRecipient(ChatError):
    """A message to a user name that no account has."""

    code = "no_such_recipient"


class NoSuchSession(ChatError):
    """A token that opens no session: never given out, logged out, or expired."""

    code = "no_such_session"


class BadCommand(ChatError):
    """Not a command, or a word is missing."""

    code = "bad_command"


class LineTooLong(ChatError):
    """A line or a text is longer than the limit."""

    code = "line_too_long"


class MailboxFull(ChatError):
    """The recipient has too much unread."""

    code = "mailbox_full"


class TooManyAttempts(ChatError):
    """Too many failed logins; wait."""

    code = "too_many_attempts"


class RegistrationClosed(ChatError):
    """The server takes no registrations."""

    code = "registration_closed"


class Busy(ChatError):
    """Too many logins wait for their passwords to be checked; try again later."""

    code = "busy"


class UserExists(ChatError):
    """The user name is taken."""

    code = "user_exists"


class InvalidUserName(ChatError):
    """Not a user name."""

    code = "invalid_user_name"


class InvalidFullName(ChatError):
    """Not a full name."""

    code = "invalid_full_name"


class InvalidCountry(ChatError):
    """Not a country."""

    code = "invalid_country"


class InvalidPassword(ChatError):
    """Not a password."""

    code = "invalid_password"


class InvalidToken(ChatError):
    """Not a session token."""

    code = "invalid_token"


class InvalidRequest(ChatError):
    """A word or a text that cannot travel in a request line; nothing was sent."""

    code = "invalid_request"


class StorageError(ChatError):
    """The disk could not be read or written, or what it holds is damaged."""

    code = "storage"


class EntropyError(ChatError):
    """The system gave no randomness."""

    code = "entropy"


class HashingError(ChatError):
    """A password could not be hashed, most likely for want of memory."""

    code = "hashing"


class DataInUse(ChatError):
    """The directory is in use, by another process or by this one."""

    code = "data_in_use"


class DataFormat(ChatError):
    """The directory was written by a version with another format."""

    code = "data_format"


class NotEmpty(ChatError):
    """A dump was to be restored where there are users."""

    code = "not_empty"


class BadDump(ChatError):
    """A line of a dump is not as it should be."""

    code = "bad_dump"


class PublicPassword(ChatError):
    """A user with a public password was to be on a network."""

    code = "public_password"


class Refused(ChatError):
    """The server refused with a code that has no class; the exception's ``code`` is that one."""

    code = "refused"

    def __init__(self, message: str, code: str = "refused") -> None:
        super().__init__(message)
        self.code = code


class NetworkError(ChatError):
    """Reading, writing or polling failed."""

    code = "io"


class ListenError(NetworkError):
    """The address cannot be listened on."""

    code = "listen"


class BadReply(NetworkError):
    """What came from the server is no answer."""

    code = "bad_reply"


class Disconnected(NetworkError):
    """The server closed the connection before it answered."""

    code = "disconnected"


class TimedOut(NetworkError, TimeoutError):
    """It did not happen in time."""

    code = "timed_out"


def from_code(code: str, message: str, *, refused: bool = False) -> ChatError:
    """Make the exception for a code; a refusal of a server is none of its connection."""
    kind = _BY_CODE.get(code)
    if kind is None or (refused and issubclass(kind, (NetworkError, ClosedError, InternalError))):
        return Refused(message, code)
    return kind(message)


def _collect(kind: type[ChatError]) -> dict[str, type[ChatError]]:
    found = {kind.code: kind}
    for sub in kind.__subclasses__():
        found |= _collect(sub)
    return found


_BY_CODE = _collect(ChatError) | {"internal": InternalError}
