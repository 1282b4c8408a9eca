"""Stages that need a filled store: growth, and how soon a server is ready."""

from __future__ import annotations

import os
import shutil
import signal
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

READING = 120.0
"""Seconds within which a server has read all users."""


def growth_sizes() -> dict[str, Size]:
    """By point, "what grows: how many"; what does not grow is a thousand."""
    sizes = {}
    for count in (10**power for power in range(3, 8)):
        sizes[f"messages: {count}"] = Size(1000, 1000, count)
    for count in (10**power for power in range(3, 7)):
        # With fewer users, some conversations would be the same.
        sizes[f"conversations: {count}"] = Size(10_000, count, count)
        sizes[f"users: {count}"] = Size(count, count, count)
    sizes["all: 10000000"] = FULL
    return sizes


def scaled(lab: Lab, size: Size) -> Size:
    if lab.scale >= 1:
        return size
    users, conversations, messages = (
        max(round(count * lab.scale / 1000), 10) for count in (size.users, size.conversations, size.messages)
    )
    return Size(users, min(conversations, users * ((users - 1) // 2)), messages)


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


def crowd(lab: Lab, size: Size) -> list[str]:
    """The load generator's option for messages between users of this store."""
    size = scaled(lab, size)
    return ["--crowd", f"{size.users},{size.senders()},{size.spacing()},{size.partners()}"]


def growth(lab: Lab, point: str, size: Size) -> list[Row]:
    folder = store(lab, size)
    if size.messages <= COPIED:
        copy = lab.fresh() / "data"
        shutil.copytree(folder, copy)
        folder = copy
    port = free_port()
    with running(command_on(folder, port), port) as process:
        # It answers before it has read all users.
        machine.wait_for_quiet(READING)
        arguments = lab.arguments("send -c 64 -p 1", secs=1.0, warm=0.6) + crowd(lab, size)
        return [
            load(DURABLE, port, arguments, process) | {"point": point, "own_bytes": machine.own_memory(process.pid)}
        ]


def ready(lab: Lab, how: str) -> list[Row]:
    """The time until the full store serves a login, after it took messages and then stopped or was killed."""
    folder = store(lab, FULL)
    port = free_port()
    with running(command_on(folder, port), port) as process:
        took = load(DURABLE, port, lab.arguments("send -c 64 -p 1", 1.0, 0.0) + crowd(lab, FULL), process)
        if took["errors"]:
            return [took]
        process.send_signal(signal.SIGKILL if how == "killed" else signal.SIGTERM)
        process.wait()
    machine.wait_for_quiet(lab.patience)
    port = free_port()
    arguments = ["ready", "--users", "u0,u0", "--", *command_on(folder, port)]
    return [load(DURABLE, port, arguments, cores=BOTH) | {"point": how}]
