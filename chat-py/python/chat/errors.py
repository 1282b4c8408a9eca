"""The exceptions: one class for each code of docs/protocol.md and docs/protocol-2.md.

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
    "BadCertificate",
    "BadCommand",
    "BadDump",
    "BadJson",
    "BadParameters",
    "BadReply",
    "BadRequest",
    "Banned",
    "Blocked",
    "Busy",
    "ChatError",
    "Cleartext",
    "ClosedError",
    "DataFormat",
    "DataInUse",
    "Disconnected",
    "EntropyError",
    "HashingError",
    "InternalError",
    "InvalidCountry",
    "InvalidFullName",
    "InvalidKey",
    "InvalidPassword",
    "InvalidRequest",
    "InvalidRoomName",
    "InvalidTitle",
    "InvalidToken",
    "InvalidUserName",
    "InvitationRequired",
    "KeyReused",
    "LastOwner",
    "LineTooLong",
    "ListenError",
    "MailboxFull",
    "NetworkError",
    "NoSuchConversation",
    "NoSuchInvitation",
    "NoSuchMessage",
    "NoSuchMethod",
    "NoSuchRecipient",
    "NoSuchRoom",
    "NoSuchSession",
    "NoSuchUser",
    "NotAMember",
    "NotAnOwner",
    "NotEmpty",
    "NotYourMessage",
    "OutcomeUnknown",
    "PublicPassword",
    "RateLimited",
    "Refused",
    "RegistrationClosed",
    "RoomExists",
    "RoomFull",
    "StorageError",
    "TimedOut",
    "TlsError",
    "TooManyAttempts",
    "TooManyConnections",
    "TooManyRecipients",
    "TooManyRooms",
    "UserExists",
    "WrongPassword",
]


class ChatError(Exception):
    """The base class of all errors of a chat."""

    #: The permanent code: the same in Rust, on the wire, in C and here.
    code: str = "internal"


class InternalError(ChatError):
    """A bug in chat. The program can go on. Please report it, with the message."""


class ClosedError(ChatError):
    """The object that was used is closed."""

    code = "closed"


class NoSuchUser(ChatError):
    """A login with a user name that no account has."""

    code = "no_such_user"


class WrongPassword(ChatError):
    """A login with the wrong password."""

    code = "wrong_password"


class Banned(ChatError):
    """A login of a user whom the operator has banned; the password was right."""

    code = "banned"


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
    """Too many failed logins; try again later."""

    code = "too_many_attempts"


class RateLimited(ChatError):
    """The connection sends more requests than it may; try again later."""

    code = "rate_limited"


class TooManyConnections(ChatError):
    """There are too many connections to the server, from this address, or of this user."""

    code = "too_many_connections"


class RegistrationClosed(ChatError):
    """The server takes no registrations."""

    code = "registration_closed"


class InvitationRequired(ChatError):
    """The server takes registrations with an invitation only."""

    code = "invitation_required"


class NoSuchInvitation(ChatError):
    """The invitation was never given out, was used or revoked, or has expired."""

    code = "no_such_invitation"


class TooManyRecipients(ChatError):
    """The text is too long for so many recipients; send it to fewer at a time."""

    code = "too_many_recipients"


class Busy(ChatError):
    """The server is too busy to check passwords or to hold more answers; try again later."""

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


class InvalidRoomName(ChatError):
    """Not the name of a room."""

    code = "invalid_room_name"


class InvalidTitle(ChatError):
    """Not the title of a room."""

    code = "invalid_title"


class InvalidKey(ChatError):
    """Not the key of a message."""

    code = "invalid_key"


class KeyReused(ChatError):
    """The key was used for a message to another recipient; nothing was sent."""

    code = "key_reused"


class NoSuchConversation(ChatError):
    """A conversation that the user has no part in."""

    code = "no_such_conversation"


class NoSuchRoom(ChatError):
    """A room that does not exist, or that the user may not know of."""

    code = "no_such_room"


class RoomExists(ChatError):
    """A room of that name exists."""

    code = "room_exists"


class NotAMember(ChatError):
    """The user, or the one whom the call names, is not a member of the room."""

    code = "not_a_member"


class NotAnOwner(ChatError):
    """Only an owner of the room may do this."""

    code = "not_an_owner"


class LastOwner(ChatError):
    """The room would be left without an owner."""

    code = "last_owner"


class RoomFull(ChatError):
    """The room has as many members and invitations as it may have."""

    code = "room_full"


class TooManyRooms(ChatError):
    """The user is in as many rooms as allowed."""

    code = "too_many_rooms"


class Blocked(ChatError):
    """The recipient has blocked the sender."""

    code = "blocked"


class NoSuchMessage(ChatError):
    """A message that does not exist, or that the user cannot see."""

    code = "no_such_message"


class NotYourMessage(ChatError):
    """A message of somebody else."""

    code = "not_your_message"


class BadJson(ChatError):
    """The server could not read a line as JSON."""

    code = "bad_json"


class BadRequest(ChatError):
    """The server could not read a line as a request."""

    code = "bad_request"


class NoSuchMethod(ChatError):
    """The server does not know this method; it is of another version."""

    code = "no_such_method"


class BadParameters(ChatError):
    """A parameter of a request is missing, or has the wrong type."""

    code = "bad_parameters"


class InvalidToken(ChatError):
    """Not a session token."""

    code = "invalid_token"


class InvalidRequest(ChatError):
    """A word or text that cannot be sent in a request line; nothing was sent."""

    code = "invalid_request"


class StorageError(ChatError):
    """The disk could not be read or written, or the data is damaged."""

    code = "storage"


class OutcomeUnknown(ChatError):
    """It is not known whether this was done. Look before trying again."""

    code = "outcome_unknown"


class EntropyError(ChatError):
    """The system provided no randomness."""

    code = "entropy"


class HashingError(ChatError):
    """A password could not be hashed, most likely for lack of memory."""

    code = "hashing"


class DataInUse(ChatError):
    """The directory is in use, by another process or by this one."""

    code = "data_in_use"


class DataFormat(ChatError):
    """The directory was written by a version with another format."""

    code = "data_format"


class NotEmpty(ChatError):
    """A dump can only be restored into a chat without users."""

    code = "not_empty"


class BadDump(ChatError):
    """A line of a dump is invalid."""

    code = "bad_dump"


class PublicPassword(ChatError):
    """A demo user with the public password would become reachable from a network."""

    code = "public_password"


class Cleartext(ChatError):
    """Connections would cross a network without encryption."""

    code = "cleartext"


class BadCertificate(ChatError):
    """A TLS certificate or its private key cannot be used."""

    code = "bad_certificate"


class Refused(ChatError):
    """The server refused with a code that has no class; ``code`` is that code."""

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
    """The server sent something that is not an answer."""

    code = "bad_reply"


class Disconnected(NetworkError):
    """The server closed the connection before it answered."""

    code = "disconnected"


class TimedOut(NetworkError, TimeoutError):
    """The time-out has passed."""

    code = "timed_out"


class TlsError(NetworkError):
    """No encrypted connection came about that can be trusted.

    The server's certificate does not prove that it is the one that was meant, or there is no TLS at
    that address.
    """

    code = "tls"


def from_code(code: str, message: str, *, refused: bool = False) -> ChatError:
    """Return the exception for a code. A server's refusal is never a failure of the connection."""
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
