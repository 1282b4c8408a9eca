"""A fixture for pytest: a real server in the process, on a free port.

pytest imports this in every project of an environment, also where another module is called
``chat``. So nothing of ``chat`` is imported before a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chat import Chat, Client, Server


class ChatServer(NamedTuple):
    """A running server, and the chat that it serves."""

    chat: Chat
    server: Server

    @property
    def address(self) -> tuple[str, int]:
        """The host and port of the server."""
        return self.server.address

    def connect(self) -> Client:
        """Connect a client to the server."""
        from chat import Client  # noqa: PLC0415

        return Client(*self.address)


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    """Run a server with the users messi, henderson and lineker, all with the password surabaya."""
    from chat import Chat, Server  # noqa: PLC0415

    with Chat() as chat, Server(chat) as server:
        yield ChatServer(chat, server)
