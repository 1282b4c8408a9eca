"""One peer of a server."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING

from chat import _chat, errors
from chat.aio._sockets import hang_up, keep_alive
from chat.aio._wakeups import LoopWakeups
from chat.aio._workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from chat import Chat

__all__ = ["ChatProtocol", "without_scope"]


class ChatProtocol(asyncio.Protocol):
    """One peer, under the same limits as a peer of ``Server``.

    Only the number of connections, in all and from each address, and the times to log in and to be
    idle are left to whoever accepts the connections.

    What it asks for is done in threads, for it may wait for the disk or for a password.
    """

    def __init__(self, chat: Chat) -> None:
        """Serve ``chat``."""
        self._chat = chat
        self._received = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._is_served = self._ended = self._parting = self._lost = False
        # Something was received since it last waited; and not only have events come.
        self._was_fed = False
        # When the line began that has not ended, and when the peer last took something.
        self._line_began: float | None = None
        self._taken_at = 0.0
        # Requests are being done, and none of their answers is written.
        self._working = False
        # What the transport holds, as far as it is known.
        self._unsent = 0
        self._alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start serving the peer."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError("a chat needs a byte stream")
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        # Nothing is answered before all that was answered is sent.
        transport.set_write_buffer_limits(high=0)
        keep_alive(transport)
        peer = transport.get_extra_info("peername")
        address = (without_scope(peer[0]), peer[1]) if isinstance(peer, tuple) else None
        try:
            self._connection = _chat.Connection(self._chat, address)
            self._line_time, self._stall_time = self._chat.peer_times()
        except errors.ChatError as problem:
            self._give_up(problem)
        else:
            self._is_served = True
            LoopWakeups.of_running_loop().add(self, self._connection)

    def data_received(self, data: bytes) -> None:
        """Take received bytes."""
        if self._transport.is_closing() or self._parting:
            return
        self._set_alarm(None)
        self._received += data
        self._was_fed = True
        # One piece at a time, and no more is read while it is answered.
        self._transport.pause_reading()
        self._begin()

    def eof_received(self) -> bool:
        """Close once all earlier requests are answered."""
        self._ended = True
        return self._task is not None

    def pause_writing(self) -> None:
        """Pause until the peer takes its answers."""
        self._writable.clear()
        self._unsent, self._taken_at = self._transport.get_write_buffer_size(), self._loop.time()
        self._set_alarm(self._taken_at + self._stall_time / _STALL_LOOKS, self._look_for_a_stall)

    def resume_writing(self) -> None:
        """Resume."""
        self._unsent = 0
        self._set_alarm(None)
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Clean up after the peer."""
        self._lost = True
        self._set_alarm(None)
        hang_up(self._transport)
        self._writable.set()
        if self._task is None and self._is_served:
            self._close()

    def wake(self) -> None:
        """Take a turn although nothing was received: an event has come."""
        if not self._transport.is_closing() and not self._parting:
            self._begin()

    def _begin(self) -> None:
        if self._task is None:
            self._task = self._loop.create_task(self._answer())

    async def _answer(self) -> None:
        try:
            while self._wants_turn():
                await self._take_turn()
        except _Lost as lost:
            await self._abandon(lost.unsent)
        except asyncio.CancelledError:
            # The loop ends, and nothing more is sent.
            self._transport.abort()
            with contextlib.suppress(errors.ChatError):
                self._connection.abandon(sys.maxsize if self._working else self._unsent)
            raise
        except Exception as problem:  # noqa: BLE001
            # Whatever it is, this peer alone must not wait for ever.
            self._give_up(problem)
            # What may wait for a thread still has nobody to answer.
            with contextlib.suppress(errors.ChatError):
                self._connection.abandon(0)
        else:
            self._task = None
            if not self._lost:
                self._go_on()
                return
        self._close()

    def _wants_turn(self) -> bool:
        if self._connection.is_over:
            return False
        return bool(self._received) or (not self._lost and self._connection.wants_turn)

    async def _take_turn(self) -> None:
        do = Workers.shared().do
        self._working = True
        taken, answers, job = await do(self._connection.step, bytes(self._received))
        self._working = False
        del self._received[:taken]
        await self._send(answers)
        while job is not None:
            finished = await Workers.shared().run(job)
            self._working = True
            answers, job = await do(self._connection.finish_job, finished)
            self._working = False
            await self._send(answers)

    async def _send(self, answers: bytes) -> None:
        if not answers:
            return
        if self._was_fed:
            self._line_began = None
        if not self._lost:
            self._transport.write(answers)
        # If it could not be written at all, the transport is closing now, or has been.
        if self._lost or self._transport.is_closing():
            raise _Lost(len(answers))
        await self._writable.wait()
        if self._lost:
            raise _Lost(self._unsent)
        self._connection.sent()

    def _go_on(self) -> None:
        self._was_fed = False
        if self._ended:
            self._transport.close()
        elif self._connection.is_over:
            # If the peer sends more to a closed socket, answers on their way are thrown away.
            self._parting = True
            self._transport.write_eof()
            self._transport.resume_reading()
            self._set_alarm(self._loop.time() + _chat.LINGER_TIMEOUT, self._transport.abort)
        else:
            self._transport.resume_reading()
            if self._connection.mid_line:
                if self._line_began is None:
                    self._line_began = self._loop.time()
                self._set_alarm(self._line_began + self._line_time, self._transport.abort)

    def _look_for_a_stall(self) -> None:
        unsent, now = self._transport.get_write_buffer_size(), self._loop.time()
        if unsent < self._unsent:
            self._unsent, self._taken_at = unsent, now
        elif now >= self._taken_at + self._stall_time:
            self._transport.abort()
            return
        self._set_alarm(now + self._stall_time / _STALL_LOOKS, self._look_for_a_stall)

    def _set_alarm(self, when: float | None, what: Callable[[], None] | None = None) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(when, what) if when is not None and what else None

    def _close(self) -> None:
        """End the connection, which tells others that its user is gone."""
        Workers.shared().begin(self._connection.close)

    async def _abandon(self, unsent: int) -> None:
        self._transport.abort()
        try:
            await Workers.shared().do(self._connection.abandon, unsent)
        except Exception as problem:  # noqa: BLE001
            self._give_up(problem)

    def _give_up(self, problem: Exception) -> None:
        context = {"message": "a peer cannot be served", "exception": problem, "protocol": self}
        asyncio.get_running_loop().call_exception_handler(context)
        self._transport.abort()


class _Lost(Exception):
    """The peer is gone, and the last ``unsent`` bytes of its answers were not sent."""

    def __init__(self, unsent: int) -> None:
        self.unsent = unsent


def without_scope(address: str) -> str:
    """Return an IPv6 address without its scope id."""
    return address.partition("%")[0]


# How often a peer that takes nothing is looked at before its time is over.
_STALL_LOOKS = 4
