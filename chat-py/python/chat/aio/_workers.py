"""Threads for work that an event loop must not wait for."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from chat import _chat

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    _T = TypeVar("_T")

__all__ = ["Workers"]


class Workers:
    """Threads for commands, which may wait for the disk, and others for passwords and logins.

    They are not those of the loop's default executor, where the rest of the program would wait
    behind them. All servers of a process share them.
    """

    _shared: Workers | None = None

    def __init__(self) -> None:
        cores = os.cpu_count() or 1
        # A peer has one command under way; those that wait for the disk are committed together.
        self._commands = ThreadPoolExecutor(min(32, cores + 4), "chat-command")
        # As in the server in threads: the other cores are for everything else.
        hashing = (cores + 1) // 2
        self._passwords = ThreadPoolExecutor(hashing, "chat-password")
        # They wait for a database, and hardly use a processor.
        self._logins = ThreadPoolExecutor(_chat.AUTHENTICATOR_THREADS, "chat-login")
        self._room = threading.Semaphore(hashing + _chat.JOBS_WAITING)

    @classmethod
    def shared(cls) -> Workers:
        """Return the threads of this process."""
        cls._shared = cls._shared or cls()
        return cls._shared

    @classmethod
    def after_fork(cls) -> None:
        """Forget the threads, which a child of fork() does not have."""
        cls._shared = None

    async def do(self, work: Callable[..., _T], *arguments: object) -> _T:
        """Run work that may wait for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._commands, work, *arguments)

    def begin(self, work: Callable[[], None]) -> None:
        """Run work that may wait for the disk, and that nobody waits for."""
        try:
            self._commands.submit(work)
        except RuntimeError:
            # The system has no thread left, or Python ends.
            work()

    async def run(self, job: _chat.Job) -> _chat.FinishedJob:
        """Run the job that a command waits for, or refuse it if too many are waiting."""
        if job.is_io_bound:
            return await self.do(job.run)
        if not self._room.acquire(blocking=False):
            return job.refuse_busy()
        try:
            pool = self._logins if job.asks_authenticator else self._passwords
            running = pool.submit(job.run)
        except RuntimeError:
            # The system has no thread left.
            self._room.release()
            return job.refuse_busy()
        running.add_done_callback(lambda _finished: self._room.release())
        return await asyncio.wrap_future(running)


os.register_at_fork(after_in_child=Workers.after_fork)
