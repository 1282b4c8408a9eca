"""The asyncio client."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from chat import _chat, errors
from chat.aio._sockets import hang_up

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

    from chat import Message

__all__ = ["AsyncClient", "AsyncSession"]


class AsyncClient:
    """A connection to a server. Tasks may share it; their requests are made one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use an open connection; ``connect`` opens one."""
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()
        self._requester = _chat.Requester()
        self._closed = False
        self._process = os.getpid()

    @classmethod
    async def connect(cls, host: str = "127.0.0.1", port: int = 8889) -> Self:
        """Connect to a server."""
        try:
            return cls(*await asyncio.open_connection(host, port))
        except TimeoutError as problem:
            raise errors.TimedOut(str(problem)) from problem
        except OSError as problem:
            raise errors.NetworkError(str(problem)) from problem

    async def login(self, user: str, password: str) -> AsyncSession:
        """Log in. The session can be used over any connection, also after this one is closed."""
        return AsyncSession(self, await self._ask(user, "auth", user, password), user)

    async def register(self, user: str, password: str, full_name: str) -> AsyncSession:
        """Create an account and open its first session, if the server takes registrations."""
        token = await self._ask(user, "register", user, password, full_name)
        return AsyncSession(self, token, user)

    def session(self, token: str, user: str) -> AsyncSession:
        """Return the session of ``user`` that a token opens. The server is not asked."""
        return AsyncSession(self, token, user)

    async def close(self) -> None:
        """Close the connection. Sessions go on."""
        self._closed = True
        if self._process == os.getpid():
            hang_up(self._writer)
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            # It is closed all the same.
            return

    def __repr__(self) -> str:
        return "AsyncClient(closed)" if self._closed else "AsyncClient()"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.close()

    async def _ask(self, user: str, *words: str) -> Any:  # noqa: ANN401
        """Make a request of ``user``, and return the value in its answer."""
        line = _chat.write_request(*words)
        async with self._turn:
            # In a child of fork(), its answers would be mixed with its parent's.
            if self._closed or self._process != os.getpid():
                raise errors.ClosedError("it is closed")
            try:
                answer = await self._exchange(line)
            except ConnectionError as problem:
                raise errors.Disconnected("the server closed the connection") from problem
            except TimeoutError as problem:
                raise errors.TimedOut(str(problem)) from problem
            except OSError as problem:
                raise errors.NetworkError(str(problem)) from problem
            try:
                return _chat.read_answer(line, answer, user)
            except errors.BadReply:
                self._requester.give_up()
                raise

    async def _exchange(self, line: bytes) -> bytes:
        self._writer.write(self._requester.request(line))
        await self._writer.drain()
        answer = None
        while answer is None:
            data = await self._reader.read(_READ_BYTES)
            if not data:
                raise errors.Disconnected("the server closed the connection")
            answer = self._requester.receive(data)
        return answer


class AsyncSession:
    """A user's session over an asyncio connection, with the methods of ``Session``."""

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

    async def send(self, to: str, text: str) -> None:
        """Send a message. Once this returns, the message is kept.

        The text may contain LF, but no CRLF, which would end the request.
        """
        await self._ask("send", to, f" {text}")

    async def inbox(self) -> list[Message]:
        """Take all unread messages out of the user's inbox: no later call returns them again."""
        messages: list[Message] = await self._ask("inbox")
        return messages

    async def active_users(self) -> list[str]:
        """Name each user with a live session once, in order of login."""
        users: list[str] = await self._ask("activeuser")
        return users

    async def logout(self) -> None:
        """End this session, and no other of the user's."""
        await self._ask("logout")

    async def _ask(self, command: str, *words: str) -> Any:  # noqa: ANN401
        return await self._client._ask(self.user, command, self.token, *words)  # noqa: SLF001

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


_READ_BYTES = 64 * 1024
