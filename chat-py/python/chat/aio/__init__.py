"""The chat in an asyncio event loop: a server, a client, and events."""

from chat.aio._client import AsyncClient
from chat.aio._events import AsyncEvents, events
from chat.aio._peer import ChatProtocol
from chat.aio._server import ChatServer, serve
from chat.aio._session import AsyncSession

__all__ = [
    "AsyncClient",
    "AsyncEvents",
    "AsyncSession",
    "ChatProtocol",
    "ChatServer",
    "events",
    "serve",
]
