"""The asyncio server."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from typing import TYPE_CHECKING

from chat import errors
from chat.aio._peer import ChatProtocol, without_scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chat import Chat

__all__ = ["ChatServer", "serve"]


async def serve(
    chat: Chat, host: str = "127.0.0.1", port: int = 0, *, allow_cleartext: bool = False
) -> ChatServer:
    """Serve a chat in the running event loop, without encryption and without the web page.

    ``Server`` has both, in threads of its own.

    On an address that is not loopback, others could read passwords, so it takes
    ``allow_cleartext``.

    >>> import asyncio
    >>> from chat import Chat
    >>> from chat.aio import AsyncClient
    >>> async def main() -> None:
    ...     server = await serve(Chat())
    ...     address = server.sockets[0].getsockname()
    ...     async with server, await AsyncClient.connect(*address) as client:
    ...         messi = await client.login("messi", "surabaya")
    ...         await messi.send("messi", "a note to myself")
    ...         print([message.text for message in await messi.inbox()])
    >>> asyncio.run(main())
    ['a note to myself']
    """
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: ChatProtocol(chat), host, port, start_serving=False)
    try:
        for listener in server.sockets:
            address, number = listener.getsockname()[:2]
            chat.may_listen(without_scope(address), number)
            if not allow_cleartext and not _is_loopback(without_scope(address)):
                raise errors.Cleartext(
                    f"connections to {address} would not be encrypted, and it is not loopback"
                )
    except errors.ChatError:
        server.close()
        raise
    await server.start_serving()
    return ChatServer(server)


def _is_loopback(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


class ChatServer(asyncio.AbstractServer):
    """A running server, with the interface of ``asyncio.Server``."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        self._process = os.getpid()
        # Copies, for the server may have closed its own when they are to be shut down.
        listeners = server.sockets
        self._listeners = [socket.fromfd(one.fileno(), one.family, one.type) for one in listeners]

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """The sockets that the server listens on."""
        return self._server.sockets

    def close(self) -> None:
        """Stop listening, even if a child of fork() has copies of the sockets.

        Connected peers are still served.
        """
        self._server.close()
        while self._listeners:
            with self._listeners.pop() as listener:
                if self._process == os.getpid():
                    listener.shutdown(socket.SHUT_RDWR)

    async def wait_closed(self) -> None:
        """Wait until the server is closed."""
        await self._server.wait_closed()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop that the server runs in."""
        return self._server.get_loop()

    def is_serving(self) -> bool:
        """Tell whether the server is listening."""
        return self._server.is_serving()

    async def start_serving(self) -> None:
        """Do nothing: the server listens from its creation."""
        await self._server.start_serving()

    async def serve_forever(self) -> None:
        """Serve until cancelled."""
        try:
            await self._server.serve_forever()
        finally:
            self.close()

    def __repr__(self) -> str:
        addresses = [listener.getsockname()[:2] for listener in self._listeners]
        return f"ChatServer(addresses={addresses})"
