"""Events in an event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from chat import errors
from chat.aio._wakeups import LoopWakeups
from chat.aio._workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from chat import Event, Events, Session

__all__ = ["AsyncEvents", "events"]


def events(session: Session, *, after: int | None = None) -> AsyncEvents:
    """Listen to the events of a session of a chat in the process, as ``Session.events`` does.

    >>> from chat import Chat, Message
    >>> async def main(room: Chat) -> None:
    ...     messi = room.login("messi", "surabaya")
    ...     async with events(messi) as happening:
    ...         messi.send("messi", "a note to myself")
    ...         async for event in happening:
    ...             match event:
    ...                 case Message(text=text):
    ...                     print(text)
    ...                     break
    >>> asyncio.run(main(Chat()))
    a note to myself
    """
    return AsyncEvents(lambda: session.events(after=after), remote=False)


class AsyncEvents:
    """What happens in a session's conversations: an asynchronous iterator that needs no thread.

    The session listens from the beginning of the ``async with`` block on, or else from the first
    event that is waited for. The iteration ends when this is closed, and after ``Closed``.
    """

    def __init__(self, listen: Callable[[], Events], *, remote: bool) -> None:
        """Call ``listen`` in a thread, for it may wait; ``remote`` if the chat is on a server."""
        self._listen, self._remote = listen, remote
        self._events: Events | None = None
        self._closed = False
        self._turn = asyncio.Lock()
        self._waiter: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return "AsyncEvents(closed)" if self.closed else "AsyncEvents()"

    @property
    def closed(self) -> bool:
        """Whether there will be no more events."""
        return self._closed or (self._events is not None and self._events.closed)

    @property
    def position(self) -> int | None:
        """The id of the last message that was returned, or that the events have begun after.

        ``events(after=...)`` takes it to go on from here. ``None`` before they have begun.
        """
        return None if self._events is None else self._events.position

    def close(self) -> None:
        """End the iteration, also in another task that waits for an event. The session goes on."""
        self._closed = True
        if self._events is not None:
            self._events.close()
        self.wake()

    async def next(self, timeout: float | None = None) -> Event | None:
        """Wait for the next event, for at most ``timeout`` seconds.

        Returns ``None`` if none has come, or there will be no more.
        """
        loop = asyncio.get_running_loop()
        until = None if timeout is None else loop.time() + timeout
        async with self._turn:
            found = await self._begin()
            while not self.closed:
                event = found.next(0)
                if event is not None:
                    return event
                if until is not None and loop.time() >= until:
                    break
                await self._wait(found, until)
        return None

    async def __aenter__(self) -> Self:
        async with self._turn:
            await self._begin()
        return self

    async def __aexit__(self, *_exception: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self.next()
        if event is None:
            raise StopAsyncIteration
        return event

    async def _begin(self) -> Events:
        if self._events is None:
            if self._closed:
                raise errors.ClosedError("it is closed")
            self._events = await Workers.shared().do(self._listen)
            if self._closed:
                self._events.close()
            elif not self._remote:
                LoopWakeups.of_running_loop().add(self, self._events)
        return self._events

    async def _wait(self, found: Events, until: float | None) -> None:
        """Wait until an event may be there."""
        if found.closed:
            return
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        times = [] if until is None else [until]
        descriptor = found.fileno() if self._remote else None
        if descriptor is not None:
            loop.add_reader(descriptor, self.wake)
            times.append(loop.time() + _LOOK)
        timers = [loop.call_at(time, self.wake) for time in times]
        try:
            await self._waiter
        finally:
            if descriptor is not None:
                loop.remove_reader(descriptor)
            for timer in timers:
                timer.cancel()

    def wake(self) -> None:
        """Look for events, if somebody waits for one."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


# How often to see whether a connection was lost, which is not told.
_LOOK = 1.0
