"""A session over an asyncio connection. A new command has its method here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from chat import _chat, errors

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from typing_extensions import Self

    from chat import (
        Conversation,
        InboxMessage,
        Member,
        Message,
        Page,
        Room,
        Sent,
        SessionView,
        SyncPage,
        UserView,
    )
    from chat.aio._client import AsyncClient
    from chat.aio._events import AsyncEvents

__all__ = ["AsyncSession"]


class AsyncSession:
    """A user's session over an asyncio connection, with the methods of ``Session``.

    As an asynchronous context manager, it logs out at the end.
    """

    def __init__(self, client: AsyncClient, token: str, user: str) -> None:
        """Use the session that ``token`` opens; ``AsyncClient.login`` makes one."""
        self._client, self._token, self._user = client, token, user

    @property
    def user(self) -> str:
        """The name of the user whose session it is."""
        return self._user

    @property
    def token(self) -> str:
        """The token, which is a secret: anyone who has it can act as the user."""
        return self._token

    def __repr__(self) -> str:
        return f"AsyncSession(user={self.user!r})"

    async def send(self, to: str, text: str, *, key: str | None = None) -> Sent:
        """Send a message to a user or a room. Once this returns, the message is kept.

        With a ``key``, sending the message again does not store it twice.
        """
        sent: Sent = await self._call("send", to=to, text=text, key=self._client.new_key(key))
        return sent

    async def send_to_all(self, to: Iterable[str], text: str) -> None:
        """Send one message to several users. All get it, or none. It cannot contain CRLF."""
        users = list(to)
        if not users:
            raise errors.NoSuchRecipient("there are no recipients")
        request = _chat.Request.of_message_to_all(self.token, users, text)
        await self._client.ask(request, self.user)

    async def delete(self, id: int) -> None:
        """Delete a message that the user has sent, or one in a room that the user owns."""
        await self._call("delete", id=id)

    async def typing(self, conversation: str) -> None:
        """Tell the other members of a conversation that the user is typing."""
        await self._call("typing", {"with": conversation})

    async def inbox(self) -> list[InboxMessage]:
        """Take all unread direct messages out of the inbox: no later call returns them again."""
        messages: list[InboxMessage] = await self._ask("inbox")
        return messages

    async def room_inbox(self, room: str) -> list[InboxMessage]:
        """Take all unread messages of a room. The ``sender`` of each is "nobody"."""
        request = _chat.Request.of_room_inbox(self.token, room)
        messages: list[InboxMessage] = await self._client.ask(request, self.user)
        return messages

    async def history(
        self,
        conversation: str,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int = 100,
    ) -> Page[Message]:
        """Return the last messages of a conversation, in ascending order.

        Or the last ones before the id ``before``, or the first ones after the id ``after``. At
        most ``limit``, and 1,000. This does not mark them as read.
        """
        if before is not None and after is not None:
            raise ValueError("there can be 'before' or 'after', but not both")
        page: Page[Message] = await self._call(
            "history", {"with": conversation}, before=before, after=after, limit=limit
        )
        return page

    async def sync(self, after: int = 0, *, limit: int = 100) -> SyncPage:
        """Return the first messages after the id ``after`` of all of the user's conversations.

        Whoever remembers the page's ``next`` and passes it on gets every message once.
        """
        page: SyncPage = await self._call("sync", after=after, limit=limit)
        return page

    async def read(self, conversation: str, upto: int | None = None) -> int:
        """Mark a conversation as read up to the message with the id ``upto``, or the last one.

        Returns how many of its messages are unread then.
        """
        upto = _chat.LAST_MESSAGE if upto is None else upto
        unread: int = await self._call("read", {"with": conversation}, upto=upto)
        return unread

    async def conversations(
        self, *, before: int | None = None, limit: int = 100
    ) -> Page[Conversation]:
        """Return the user's conversations, the one with the latest message first.

        With ``before``, only those whose last message is older than that id.
        """
        page: Page[Conversation] = await self._call("conversations", before=before, limit=limit)
        return page

    def events(self, *, after: int | None = None) -> AsyncEvents:
        """Listen to what happens from now on, over a connection of its own.

        With ``after``, all messages after that id come first.
        """
        return self._client.listen(self.token, after)

    async def users(self, *, after: str = "", limit: int = 100) -> Page[UserView]:
        """Return the users of the chat, in order of user name; only those after ``after``."""
        page: Page[UserView] = await self._call("users", after=after, limit=limit)
        return page

    async def active_users(self) -> list[str]:
        """Name each user with a live session once, in order of login."""
        users: list[str] = await self._ask("activeuser")
        return users

    async def block(self, user: str) -> None:
        """Take no more direct messages from a user, and hide presence and typing from them."""
        await self._call("block", user=user)

    async def unblock(self, user: str) -> None:
        """Take direct messages from a user again."""
        await self._call("unblock", user=user)

    async def blocks(self) -> list[UserView]:
        """Return the users whom this user has blocked, in order of user name."""
        users: list[UserView] = await self._call("blocks")
        return users

    async def set_profile(
        self, *, full_name: str | None = None, country: str | None = None
    ) -> None:
        """Change the user's full name, country, or both."""
        await self._call("profile", name=full_name, country=country)

    async def set_password(self, old: str, new: str) -> None:
        """Change the user's password, and end the user's other sessions."""
        await self._call("password", old=old, new=new)

    async def sessions(self) -> list[SessionView]:
        """Return the user's live sessions, in order of login."""
        sessions: list[SessionView] = await self._call("sessions")
        return sessions

    async def end_session(self, id: str) -> None:
        """End the session of the user's that has this ``id`` in ``sessions()``."""
        await self._call("session.end", session=id)

    async def create_room(self, room: str, *, title: str = "", open: bool = True) -> None:
        """Create a room, whose owner and only member is the user."""
        await self._call("room.create", room=room, title=title, open=open)

    async def join_room(self, room: str) -> None:
        """Join a room that is open or that the user was invited to."""
        await self._call("room.join", room=room)

    async def leave_room(self, room: str) -> None:
        """Leave a room, whose messages the user cannot see any more. The last owner cannot."""
        await self._call("room.leave", room=room)

    async def delete_room(self, room: str) -> None:
        """Delete a room with all its messages. Only owners can."""
        await self._call("room.delete", room=room)

    async def invite(self, room: str, user: str) -> None:
        """Allow a user to join a room."""
        await self._call("room.invite", room=room, user=user)

    async def remove_from_room(self, room: str, user: str) -> None:
        """Remove a member from a room, or take an invitation back. Only owners can."""
        await self._call("room.remove", room=room, user=user)

    async def set_room(
        self,
        room: str,
        *,
        title: str | None = None,
        open: bool | None = None,
        owners: Iterable[str] | None = None,
    ) -> None:
        """Change a room; what is ``None`` stays as it is. Only owners can."""
        names = None if owners is None else list(owners)
        await self._call("room.set", room=room, title=title, open=open, owners=names)

    async def members(self, room: str, *, after: str = "", limit: int = 100) -> Page[Member]:
        """Return the members of a room that the user is in, in order of user name."""
        page: Page[Member] = await self._call("room.members", room=room, after=after, limit=limit)
        return page

    async def rooms(self, *, after: str = "", limit: int = 100) -> Page[Room]:
        """Return the rooms that are open, or that the user is in or is invited to."""
        page: Page[Room] = await self._call("room.list", after=after, limit=limit)
        return page

    async def logout(self) -> None:
        """End this session, and no other of the user's."""
        await self._ask("logout")

    async def _ask(self, command: str) -> Any:  # noqa: ANN401
        """Make a request of protocol 1."""
        return await self._client.ask(_chat.Request.of_words(command, self.token), self.user)

    async def _call(
        self, method: str, names: dict[str, str] | None = None, **parameters: object
    ) -> Any:  # noqa: ANN401
        """Make a request of protocol 2. ``names`` are parameters that Python has no name for."""
        given = {name: value for name, value in parameters.items() if value is not None}
        call = {"jsonrpc": "2.0", "method": method, "params": {**(names or {}), **given}}
        line = json.dumps(call, ensure_ascii=False).encode()
        return await self._client.ask(_chat.Request.of_call(self.token, line), self.user)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, *_exception: object) -> None:
        try:
            await self.logout()
        except errors.NoSuchSession:
            # It has ended already.
            return
        except errors.ChatError:
            # What the block itself has raised is not to be hidden.
            if kind is None:
                raise
