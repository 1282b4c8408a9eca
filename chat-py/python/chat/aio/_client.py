"""The asyncio client."""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
from typing import TYPE_CHECKING

from chat import _chat, errors
from chat._tls import tls_error
from chat.aio._events import AsyncEvents
from chat.aio._servers import LOSSES, Retry, Servers
from chat.aio._session import AsyncSession
from chat.aio._sockets import hang_up

if TYPE_CHECKING:
    from collections.abc import Sequence
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
        # The connection is of no more use; the last request may have been received; it was not
        # answered.
        self._lost = self._sent = self._asked = False
        self._closed = False
        self._process = os.getpid()
        # Where events come from, and whose certificates are trusted there.
        self._address: str | None = None
        self._ca: str | os.PathLike[str] | None = None
        # Where else to connect, if there are several servers.
        self._servers: Servers | None = None

    @classmethod
    async def connect(
        cls,
        address: str | Sequence[str] = "127.0.0.1",
        port: int | None = None,
        *,
        ca: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Connect to a server, or to any of several, as ``chat.Client`` does.

        ``address`` is a host, ``HOST:PORT``, ``chat://HOST``, or ``chats://HOST`` for an encrypted
        connection. That trusts the authorities in the PEM file ``ca``, or else the system's.
        """
        servers = Servers(_chat.parse_addresses(address, port), ca)
        client = cls(*await servers.connect())
        client._address, client._ca = servers.text, ca
        client._servers = servers if servers.are_several else None
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
            if self._servers is None:
                return await self._attempt(request, user)
            return await self._persist(self._servers, request, user)

    def new_key(self, key: str | None) -> str | None:
        """Return a key for a message that may be sent again, unless there is one already."""
        return secrets.token_hex(16) if key is None and self._servers is not None else key

    async def _attempt(self, request: _chat.Request, user: str) -> Any:  # noqa: ANN401
        self._sent = False
        resume = self._requester.resume_first(request)
        if resume is not None:
            await self._exchange(resume, user)
        self._sent = True
        return await self._exchange(request, user)

    async def _persist(self, servers: Servers, request: _chat.Request, user: str) -> Any:  # noqa: ANN401
        """Make a request, and again as long as that may help and does nothing twice."""
        retry = Retry()
        unknown: errors.ChatError | None = None
        while True:
            self._sent = False
            try:
                if self._lost or self._reader.at_eof() or self._writer.is_closing():
                    await self._move(servers)
                attempt = self._attempt(request, user)
                return await asyncio.wait_for(attempt, _chat.FAILOVER_PATIENCE)
            except asyncio.TimeoutError:
                problem: errors.ChatError = errors.TimedOut("the server did not answer in time")
            except (*LOSSES, errors.Busy) as caught:
                problem = caught
            except BaseException:
                # Cancelled, or an answer that makes no sense: what comes next could be anything.
                self._lost = self._lost or self._asked
                raise
            if isinstance(problem, errors.Busy):
                self._lost = retry.is_refused_often()
            else:
                self._lost = True
                if self._sent and not request.is_repeatable:
                    raise problem
            # A later failure does not say whether the request was done.
            if unknown is None and self._sent and not isinstance(problem, errors.Busy):
                unknown = problem
            delay = retry.pause()
            if delay is None:
                raise unknown or problem
            await asyncio.sleep(delay)

    async def _move(self, servers: Servers) -> None:
        """Connect to another server."""
        self._lost = True
        self._writer.close()
        self._reader, self._writer = await servers.connect()
        self._requester, self._lost = _chat.Requester(), False

    async def _exchange(self, request: _chat.Request, user: str) -> Any:  # noqa: ANN401
        try:
            line, self._asked = self._requester.request(request), True
            self._writer.write(line)
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
        self._asked = False
        try:
            return answer.read(request, user)
        except errors.BadReply:
            self._requester.give_up()
            self._lost = True
            raise


_READ_BYTES = 64 * 1024
