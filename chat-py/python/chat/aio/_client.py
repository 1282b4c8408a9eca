"""The asyncio client."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import TYPE_CHECKING

from chat import _chat, errors
from chat._tls import client_context, tls_error
from chat.aio._events import AsyncEvents
from chat.aio._session import AsyncSession
from chat.aio._sockets import hang_up

if TYPE_CHECKING:
    from typing import Any

    from typing_extensions import Self

    from chat import Events

__all__ = ["AsyncClient"]


class AsyncClient:
    """A connection to a server. Tasks may share it; their requests are made one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Use an open connection; ``connect`` opens one."""
        self._reader, self._writer = reader, writer
        self._turn = asyncio.Lock()
        self._requester = _chat.Requester()
        self._closed = False
        self._process = os.getpid()
        # Where events come from, and whose certificates are trusted there.
        self._address: str | None = None
        self._ca: str | os.PathLike[str] | None = None

    @classmethod
    async def connect(
        cls,
        address: str = "127.0.0.1",
        port: int | None = None,
        *,
        ca: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Connect to a server.

        ``address`` is a host, ``HOST:PORT``, ``chat://HOST``, or ``chats://HOST`` for an encrypted
        connection. That trusts the authorities in the PEM file ``ca``, or else the system's.
        """
        url, host, number, is_encrypted = _chat.parse_address(address, port)
        context = client_context(url, ca, is_encrypted=is_encrypted)
        try:
            client = cls(*await asyncio.open_connection(host, number, ssl=context))
        except ssl.SSLError as problem:
            raise tls_error(problem) from problem
        except TimeoutError as problem:
            raise errors.TimedOut(str(problem)) from problem
        except OSError as problem:
            raise errors.NetworkError(str(problem)) from problem
        client._address, client._ca = url, ca
        return client

    async def login(self, user: str, password: str) -> AsyncSession:
        """Log in. The session can be used over any connection, also after this one is closed."""
        token = await self.ask(_chat.Request.of_words("auth", user, password), user)
        return AsyncSession(self, token, user)

    async def register(
        self, user: str, password: str, full_name: str, *, invitation: str | None = None
    ) -> AsyncSession:
        """Create an account and open its first session, if the server takes registrations.

        Where an invitation is needed, ``invitation`` is its code.
        """
        if invitation is None:
            request = _chat.Request.of_words("register", user, password, full_name)
        else:
            request = _chat.Request.of_invited(user, password, full_name, invitation)
        token = await self.ask(request, user)
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

    def listen(self, token: str, after: int | None) -> AsyncEvents:
        """Return the events of a session, over a connection of their own."""

        def listen() -> Events:
            if self._closed or self._process != os.getpid():
                raise errors.ClosedError("it is closed")
            return _chat.listen(self._target(), token, ca=self._ca, after=after)

        return AsyncEvents(listen, remote=True)

    def _target(self) -> str:
        """Return the address of the server."""
        if self._address is not None:
            return self._address
        peer = self._writer.get_extra_info("peername")
        if not isinstance(peer, tuple) or self._writer.get_extra_info("ssl_object") is not None:
            problem = "events need a connection of their own, so connect with AsyncClient.connect()"
            raise errors.NetworkError(problem)
        return _chat.parse_address(peer[0], peer[1])[0]

    async def ask(self, request: _chat.Request, user: str) -> Any:  # noqa: ANN401
        """Make a request of ``user``, and return the value in its answer."""
        async with self._turn:
            # In a child of fork(), its answers would be mixed with its parent's.
            if self._closed or self._process != os.getpid():
                raise errors.ClosedError("it is closed")
            resume = self._requester.resume_first(request)
            if resume is not None:
                await self._exchange(resume, user)
            return await self._exchange(request, user)

    async def _exchange(self, request: _chat.Request, user: str) -> Any:  # noqa: ANN401
        try:
            self._writer.write(self._requester.request(request))
            await self._writer.drain()
            answer = None
            while answer is None:
                data = await self._reader.read(_READ_BYTES)
                if not data:
                    raise errors.Disconnected("the server closed the connection")
                answer = self._requester.receive(data)
        except (ConnectionError, ssl.SSLEOFError) as problem:
            raise errors.Disconnected("the server closed the connection") from problem
        except ssl.SSLError as problem:
            raise tls_error(problem) from problem
        except TimeoutError as problem:
            raise errors.TimedOut(str(problem)) from problem
        except OSError as problem:
            raise errors.NetworkError(str(problem)) from problem
        try:
            return answer.read(request, user)
        except errors.BadReply:
            self._requester.give_up()
            raise


_READ_BYTES = 64 * 1024
