"""One or more servers of a chat: which one to connect to, and when to try again."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from typing import TYPE_CHECKING

from chat import _chat, errors
from chat._tls import client_context, tls_error

if TYPE_CHECKING:
    import os

__all__ = ["LOSSES", "Retry", "Servers"]

# What says that a connection is of no more use.
LOSSES = (errors.Disconnected, errors.NetworkError, errors.TimedOut, errors.TlsError)


class Servers:
    """The servers that a client may connect to."""

    def __init__(
        self, addresses: list[tuple[str, str, int, bool]], ca: str | os.PathLike[str] | None
    ) -> None:
        """Check that ``ca`` is one for all of them."""
        self._all = [
            (host, port, client_context(url, ca, is_encrypted=is_encrypted))
            for url, host, port, is_encrypted in addresses
        ]
        schemes = ("" if "://" in url else "chat://" for url, *_ in addresses)
        texts = [scheme + url for scheme, (url, *_) in zip(schemes, addresses, strict=True)]
        self.text = ",".join(texts) if len(texts) > 1 else addresses[0][0]
        self._next = random.randrange(len(addresses))  # noqa: S311

    @property
    def are_several(self) -> bool:
        """Whether there is another one."""
        return len(self._all) > 1

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to the next server that answers, and try each of them once."""
        problem: errors.ChatError | None = None
        for _ in self._all:
            host, port, context = self._all[self._next % len(self._all)]
            self._next += 1
            try:
                opening = asyncio.open_connection(host, port, ssl=context)
                if not self.are_several:
                    return await opening
                return await asyncio.wait_for(opening, _chat.FAILOVER_CONNECT)
            except ssl.SSLError as caught:
                problem = tls_error(caught)
                problem.__cause__ = caught
            except (TimeoutError, asyncio.TimeoutError) as caught:
                problem = errors.TimedOut(str(caught))
                problem.__cause__ = caught
            except OSError as caught:
                problem = errors.NetworkError(str(caught))
                problem.__cause__ = caught
        raise problem or errors.Disconnected("there is no server")


class Retry:
    """When to try again after failures, twice as late each time."""

    def __init__(self) -> None:
        """Begin before the first failure."""
        self._until: float | None = None
        self._failures = self._refusals = 0

    def pause(self) -> float | None:
        """Return how many seconds to wait after a failure; ``None`` to give up."""
        now = time.monotonic()
        if self._until is None:
            self._until = now + _chat.FAILOVER_PATIENCE
        longest = min(_chat.FAILOVER_DELAY * 2**self._failures, _chat.FAILOVER_DELAY_MAX)
        # Where the connection was lost, another server is asked at once.
        is_first = self._failures == 0 and self._refusals == 0
        delay = 0.0 if is_first else longest * random.uniform(0.5, 1)  # noqa: S311
        self._failures += 1
        return delay if now + delay < self._until else None

    def is_refused_often(self) -> bool:
        """Count a refusal as busy, and return whether another server should be asked."""
        self._refusals += 1
        return self._refusals % _REFUSALS_OF_ONE == 0


# So often a server may say that it is busy before another one is asked.
_REFUSALS_OF_ONE = 5
