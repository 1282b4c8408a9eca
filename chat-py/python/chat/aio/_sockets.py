"""What an event loop does not do with its sockets."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from chat import _chat

if TYPE_CHECKING:
    import asyncio

__all__ = ["hang_up", "keep_alive"]


def hang_up(transport: asyncio.BaseTransport | asyncio.StreamWriter) -> None:
    """End a connection although a child of fork() may hold a copy of its descriptor."""
    peer = transport.get_extra_info("socket")
    # Not every event loop lets this be done.
    with contextlib.suppress(OSError, TypeError, AttributeError):
        peer.shutdown(socket.SHUT_RDWR)


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Have the system ask whether a silent peer is still there."""
    peer = transport.get_extra_info("socket")
    with contextlib.suppress(OSError, AttributeError):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _chat.KEEPALIVE)
