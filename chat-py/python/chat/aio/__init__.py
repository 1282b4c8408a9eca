"""The chat in an asyncio event loop: a server and a client."""

from chat.aio._client import AsyncClient, AsyncSession
from chat.aio._peer import ChatProtocol
from chat.aio._server import ChatServer, serve

__all__ = ["AsyncClient", "AsyncSession", "ChatProtocol", "ChatServer", "serve"]
