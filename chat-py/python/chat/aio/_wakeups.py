"""What is woken in an event loop by events: connections, and subscribers in the process."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from typing import TYPE_CHECKING, Protocol

from chat._chat import Wakeups

if TYPE_CHECKING:
    from chat import Connection, Events

__all__ = ["LoopWakeups", "Sleeper"]


class Sleeper(Protocol):
    """Who waits for events."""

    def wake(self) -> None:
        """Look for events."""


class LoopWakeups:
    """Wakes those who wait for events in a loop. All of a loop share it."""

    def __init__(self) -> None:
        self._wakeups = Wakeups()
        self._numbers = itertools.count()
        # A loop that ends does not tell its protocols, and these hold it and the chat.
        self._sleepers: weakref.WeakValueDictionary[int, Sleeper] = weakref.WeakValueDictionary()
        asyncio.get_running_loop().add_reader(self._wakeups.fileno(), self._wake)

    @classmethod
    def of_running_loop(cls) -> LoopWakeups:
        """Return the running loop's."""
        loop = asyncio.get_running_loop()
        if loop not in _OF_LOOPS:
            _OF_LOOPS[loop] = cls()
        return _OF_LOOPS[loop]

    def add(self, sleeper: Sleeper, source: Connection | Events) -> None:
        """Call ``sleeper.wake()`` whenever ``source`` may have events."""
        number = next(self._numbers)
        self._sleepers[number] = sleeper
        source.set_wakeups(self._wakeups, number)

    def _wake(self) -> None:
        for number in self._wakeups.take():
            sleeper = self._sleepers.get(number)
            if sleeper is not None:
                sleeper.wake()


_OF_LOOPS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopWakeups] = (
    weakref.WeakKeyDictionary()
)
