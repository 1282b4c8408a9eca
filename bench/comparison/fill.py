"""Data directories with as many users, conversations and messages as wanted, made by `chat-server restore`.

Users stand in a ring: conversation `k` is one of user `k % users` and of a user after it, the next one for the first
conversation that it begins, the one after that for the second, and so on. Message `m` is in conversation
`m % conversations`, from the first of the two.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .paths import CHAT_SERVER

CHUNK = 10_000
# 64 bytes, as the load generator sends.
TEXT = "A message of sixty-four bytes, like those the generator sends us"
# Of the password that all servers here have, with the cheapest cost. Only senders log in.
HASH = "$argon2id$v=19$m=8,t=1,p=1$Gnd6OkQpnkR+qyU5Cw1lpg$1IE8VQdMY1zIdLTkXOe10fPx/knW8pBLIYBv007eCLs"
SENDERS = 1000
"""How many users send in a load, however many there are: each load then does the same work."""


@dataclass(frozen=True)
class Size:
    users: int
    conversations: int
    messages: int

    def __str__(self) -> str:
        return f"{self.users}-{self.conversations}-{self.messages}"

    def spacing(self) -> int:
        """Every so many users, one sends."""
        return max(min(self.users, self.conversations) // SENDERS, 1)

    def senders(self) -> int:
        return min(self.users, self.conversations, SENDERS)

    def partners(self) -> int:
        """With how many of those after it a sender has a conversation."""
        return max(self.conversations // self.users, 1)

    def pair(self, k: int) -> tuple[int, int]:
        """Whose conversation number `k` is."""
        first = k % self.users
        return first, (first + 1 + k // self.users) % self.users


def lines(size: Size) -> Iterator[str]:
    """The lines of a dump; see docs/dump.md."""
    yield '{"chat_dump":{"version":5,"hashes":true}}\n'
    sending = {f"u{number * size.spacing()}" for number in range(size.senders())}
    for name in sorted(f"u{number}" for number in range(size.users)):
        password = f',"password":"{HASH}"' if name in sending else ""
        yield f'{{"user":{{"name":"{name}","full_name":"Bench {name}","country":"ID"{password}}}}}\n'
    for k in range(size.conversations):
        one, other = size.pair(k)
        yield f'{{"conversation":{{"members":[{{"user":"u{one}","read":0}},{{"user":"u{other}","read":0}}]}}}}\n'
    for number in range(size.messages):
        one, other = size.pair(number % size.conversations)
        yield (
            f'{{"message":{{"id":{number + 1},"to":"u{other}","from":"u{one}","from_name":"Bench u{one}",'
            f'"time":{1_700_000_000_000 + number},"text":"{TEXT}"}}}}\n'
        )
    yield (
        f'{{"end":{{"users":{size.users},"invitations":0,"blocks":0,"conversations":{size.conversations},'
        f'"rooms":0,"messages":{size.messages},"keys":0}}}}\n'
    )


def fill(data: Path, size: Size) -> None:
    """Makes a data directory; `data` must not exist."""
    command = [str(CHAT_SERVER), "restore", "--data", str(data)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stderr
        try:
            process.stdin.writelines(lines(size))
            process.stdin.close()
        except BrokenPipeError:
            pass  # Its own words say more.
        said = process.stderr.read()
    if process.returncode:
        raise RuntimeError(f"restore failed: {said.strip()}")
