"""Socket operations that event loops lack."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from chat import _chat

if TYPE_CHECKING:
    import asyncio

__all__ = ["hang_up", "keep_alive"]


def hang_up(transport: asyncio.BaseTransport | asyncio.StreamWriter) -> None:
    """End a connection, even if a child of fork() holds a copy of its descriptor."""
    peer = transport.get_extra_info("socket")
    # Not every event loop lets this be done.
    with contextlib.suppress(OSError, TypeError, AttributeError):
        peer.shutdown(socket.SHUT_RDWR)


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Turn on TCP keepalive, to detect peers that are gone."""
    peer = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _chat.KEEPALIVE)
