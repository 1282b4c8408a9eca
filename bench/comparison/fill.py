"""Data directories with as many users, conversations and messages as wanted, made by `chat-server restore`.

Conversation `k` is one of sender `s<k // users>` and user `u<k % users>`, and message `m` is in conversation
`m % conversations`. So each sender has a conversation with each user, and a load of `s0` that is scattered over all
users finds conversations that exist.
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


@dataclass(frozen=True)
class Size:
    users: int
    conversations: int
    messages: int

    def __str__(self) -> str:
        return f"{self.users}-{self.conversations}-{self.messages}"


def lines(size: Size) -> Iterator[str]:
    """The lines of a dump; see docs/dump.md."""
    senders = -(-size.conversations // size.users)
    users = size.users + senders
    yield '{"chat_dump":{"version":5,"hashes":true}}\n'
    names = sorted([f"u{number}" for number in range(size.users)] + [f"s{number}" for number in range(senders)])
    for name in names:
        password = f',"password":"{HASH}"' if name[0] == "s" else ""
        yield f'{{"user":{{"name":"{name}","full_name":"Bench {name}","country":"ID"{password}}}}}\n'
    pairs = ((k // size.users, k % size.users) for k in range(size.conversations))
    for sender, user in pairs:
        yield f'{{"conversation":{{"members":[{{"user":"s{sender}","read":0}},{{"user":"u{user}","read":0}}]}}}}\n'
    for number in range(size.messages):
        k = number % size.conversations
        sender = k // size.users
        yield (
            f'{{"message":{{"id":{number + 1},"to":"u{k % size.users}","from":"s{sender}",'
            f'"from_name":"Bench s{sender}","time":{1_700_000_000_000 + number},"text":"{TEXT}"}}}}\n'
        )
    yield (
        f'{{"end":{{"users":{users},"invitations":0,"blocks":0,"conversations":{size.conversations},'
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
