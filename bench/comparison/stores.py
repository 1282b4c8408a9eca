"""Stages that need a filled store: growth, memory at rest, and how soon a server is ready."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

from . import machine
from .fill import Size, fill
from .loads import BOTH, Lab, free_port, load, running
from .results import Row
from .servers import SERVERS

DURABLE = SERVERS["chat-durable"]
FULL = Size(1_000_000, 1_000_000, 10_000_000)
"""The chat that the goals speak of."""
COPIED = 100_000
"""Up to this many messages, each run gets a copy of the store, as it would change much."""
SENDERS = 64
SETTLING = 1.0
"""Seconds after which a server that has started has nothing more to do."""


def growth_sizes() -> dict[str, Size]:
    """By point, "what grows: how many"; what does not grow is a thousand."""
    sizes = {}
    for count in (10**power for power in range(3, 8)):
        sizes[f"messages: {count}"] = Size(1000, 1000, count)
    for count in (10**power for power in range(3, 7)):
        sizes[f"conversations: {count}"] = Size(1000, count, count)
        sizes[f"users: {count}"] = Size(count, count, count)
    sizes["all: 10000000"] = FULL
    return sizes


def scaled(lab: Lab, size: Size) -> Size:
    if lab.scale >= 1:
        return size
    counts = [
        max(round(count * lab.scale / 1000), 10) if count > 10 else count
        for count in (size.users, size.conversations, size.messages)
    ]
    return Size(*counts)


def store(lab: Lab, size: Size) -> Path:
    """The data directory of this size; made if it is not there."""
    size = scaled(lab, size)
    folder = lab.work / "stores" / str(size)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = folder.with_suffix(".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        fill(unfinished, size)
        os.sync()  # Else the system would write it during the runs.
        unfinished.rename(folder)
    return folder


def command_on(folder: Path, port: int) -> list[str]:
    """The server's command, with this data directory."""
    command = DURABLE.command(folder, port)
    command[command.index("--data") + 1] = str(folder)
    return command


def scattered(lab: Lab, size: Size) -> list[str]:
    """Options of a load from up to 64 senders to all users."""
    size = scaled(lab, size)
    senders = min(-(-size.conversations // size.users), SENDERS)
    names = ",".join(f"s{number % senders}" for number in range(max(senders, 2)))
    return ["--users", names, "--spread", str(min(size.users, size.conversations))]


def growth(lab: Lab, point: str, size: Size) -> list[Row]:
    folder = store(lab, size)
    if size.messages <= COPIED:
        copy = lab.fresh() / "data"
        shutil.copytree(folder, copy)
        folder = copy
    machine.wait_for_quiet(lab.patience)
    port = free_port()
    with running(command_on(folder, port), port) as process:
        arguments = lab.arguments("send -c 64 -p 1", secs=1.0, warm=0.3) + scattered(lab, size)
        return [
            load(DURABLE, port, arguments, process) | {"point": point, "own_bytes": machine.own_memory(process.pid)}
        ]


def memory(lab: Lab) -> list[Row]:
    """What one more user, and one more conversation, adds to the memory of a server at rest."""
    many = 1_000_000
    sizes = [Size(1000, 1, 1), Size(many, 1, 1), Size(many, 1, many), Size(many, many, many)]
    used = []
    for size in sizes:
        folder, port = store(lab, size), free_port()
        with running(command_on(folder, port), port) as process:
            time.sleep(SETTLING * min(lab.scale, 1))
            used.append(machine.own_memory(process.pid))
    users = scaled(lab, sizes[1]).users - scaled(lab, sizes[0]).users
    conversations = scaled(lab, sizes[3]).conversations - 1
    return [
        {
            "bytes_per_user": round((used[1] - used[0]) / users, 1),
            "bytes_per_conversation": round((used[3] - used[2]) / conversations, 1),
            "own_bytes": used[3],
            "foreign": 0.0,
            "errors": 0,
        }
    ]


def ready(lab: Lab, how: str) -> list[Row]:
    """The time until the full store serves a login, after it took messages and then stopped or was killed."""
    folder = store(lab, FULL)
    port = free_port()
    with running(command_on(folder, port), port) as process:
        took = load(DURABLE, port, lab.arguments("send -c 64 -p 1", 1.0, 0.0) + scattered(lab, FULL), process)
        if took["errors"]:
            return [took]
        process.send_signal(signal.SIGKILL if how == "killed" else signal.SIGTERM)
        process.wait()
    machine.wait_for_quiet(lab.patience)
    port = free_port()
    arguments = ["ready", "--users", "s0,s0", "--", *command_on(folder, port)]
    return [load(DURABLE, port, arguments, cores=BOTH) | {"point": how}]
