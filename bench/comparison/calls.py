"""Stages without peers: reactors, other benchmarks of the repository, and the size of the binary."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import machine
from .loads import BOTH, LOAD_CORE, SERVER_CORE, Lab, failure, free_port, load, running
from .paths import CHAT_SERVER, REPOSITORY, TARGET
from .results import Row
from .servers import SERVERS

PYTHON_ENVIRONMENT = TARGET / "bench-calls"
"""Where the Python package is installed."""


def reactors(lab: Lab, how: str) -> list[Row]:
    """The same load on one core and on two, which the load generator then shares."""
    server = SERVERS["chat"]
    rows = []
    for name, work in (("64 × 1", "send -c 64 -p 1"), ("64 × 32", "send -c 64 -p 32")):
        machine.wait_for_quiet(lab.patience)
        port = free_port()
        cores = (SERVER_CORE, LOAD_CORE) if how == "one" else (BOTH, BOTH)
        with running(server.command(lab.fresh(), port), port, cores[0]) as process:
            row = load(server, port, lab.arguments(work, 1.0, 0.3), process, cores[1])
            rows.append(row | {"point": f"{name}, {how}"})
    return rows


def figures(command: list[str | Path], pattern: str, names: list[str]) -> Row:
    """What a benchmark of the repository prints, by name."""
    done = subprocess.run(
        ["taskset", "-c", SERVER_CORE, *command], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    found = re.search(pattern, done.stdout, re.DOTALL)
    if done.returncode or not found:
        return failure(f"{command[0]} said: {(done.stderr.strip() or done.stdout.strip())[-200:]}")
    numbers = dict(zip(names, map(float, found.groups()), strict=True))
    return {"errors": 0, "foreign": 0.0, **numbers}


def call_from_c(_: Lab) -> list[Row]:
    pattern = r"answered: (\d+) ns in Rust, (\d+) ns through C.*call: (\d+) ns in Rust, (\d+) ns through C"
    row = figures(
        ["cargo", "bench", "-q", "-p", "chat-ffi", "--bench", "send"],
        pattern,
        ["line_rust_ns", "line_c_ns", "send_rust_ns", "send_c_ns"],
    )
    return [row | {"point": "C"}]


def call_from_python(_: Lab) -> list[Row]:
    python = PYTHON_ENVIRONMENT / "bin" / "python"
    row = figures(
        [python, "chat-py/benches/send.py"],
        r"Rust: ([\d.]+) us; Chat.proses: ([\d.]+) us, ([+-][\d.]+) us",
        ["rust_us", "python_us", "added_us"],
    )
    return [row | {"point": "Python"}]


def memory(_: Lab) -> list[Row]:
    """What a user, and a conversation, takes in a chat that lives in memory."""
    command: list[str | Path] = ["cargo", "bench", "-q", "-p", "chat-server", "--bench", "start", "--", "--memory"]
    pattern = r"(\d+) bytes per user\s+(\d+) bytes per conversation"
    return [figures(command, pattern, ["bytes_per_user", "bytes_per_conversation"])]


def build_calls(lab: Lab) -> None:
    """Builds what both need, by running them once, so that no build disturbs a measurement."""
    subprocess.run([sys.executable, "-m", "venv", PYTHON_ENVIRONMENT], check=True)
    pip = str(PYTHON_ENVIRONMENT / "bin" / "pip")
    subprocess.run([pip, "install", "-q", "--disable-pip-version-check", "./chat-py"], cwd=REPOSITORY, check=True)
    call_from_c(lab)
    call_from_python(lab)


def build_memory(lab: Lab) -> None:
    """Builds what it needs, likewise."""
    memory(lab)


def binary_size(_: Lab) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        stripped = Path(folder) / "chat-server"
        subprocess.run(["strip", "-o", stripped, CHAT_SERVER], check=True)
        return [{"bytes": stripped.stat().st_size, "errors": 0, "foreign": 0.0}]
