"""Flame graphs of the server under load: where its processor time goes.

It needs `perf` (Debian's linux-perf) and `inferno` (`cargo install inferno`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from . import machine
from .loads import LOAD_CORE, Lab, allow_connections, free_port, running
from .paths import CHAT_SERVER, LOADGEN, REPOSITORY, TARGET
from .results import line
from .run import CARGO, build_loadgen
from .servers import SERVERS, Server

SECONDS = 5
RATE = 999
"""Samples in a second. A timer makes them, as virtual machines often have no counters."""
STACK = 8192
"""Bytes of stack that are kept of each sample, to find the callers in."""
THINNEST = 0.25
"""Percent of all samples below which a frame is left out, so that the file stays small."""

GRAPHS = {
    "flame-memory.svg": ("chat", "send -c 64 -p 1", "send, memory, 64 × 1"),
    "flame-durable-1.svg": ("chat-durable", "send -c 64 -p 1", "send, durable, 64 × 1"),
    "flame-durable.svg": ("chat-durable", "send -c 64 -p 32", "send, durable, 64 × 32"),
    "flame-fanout.svg": ("chat2", "fanout -c 100 -p 16", "fan-out to 100, memory"),
    "flame-live.svg": ("chat2", "live -c 64 -p 32", "live, memory, 64 × 32"),
}

# What the processor does in a stack with such a frame; the first one that is found counts. Waiting takes none of its
# time, so it does not show.
PARTS = {
    "syncing files": r"fdatasync|do_fsync",
    "writing files": r"vfs_write|pwrite|ftruncate",
    "sending": r"(^|;)_*(libc_)?send(to|msg)?(;|$)|sys_sendto",
    "receiving": r"(^|;)_*(libc_)?recv(from|msg)?(;|$)|sys_recvfrom",
    "polling": r"epoll",
    "page faults": r"page_fault",
    "SQLite": r"sqlite3|walIndex|\bwal[A-Z]|\bpager|\bbtree",
    "the allocator": r"\b_?mi_",
    "chat-lib": r"chat_lib",
}

OTHER = "other"
KERNEL = "of all of these, in the kernel"

# Type parameters and hashes of symbols: they fill frames without saying more.
NOISE = re.compile(r"::h[0-9a-f]{16}\b|::\{\{closure\}\}|<impl [^>]*>::")


def draw(pictures: Path, results: Path) -> None:
    """Writes all flame graphs, and appends what takes which share of the time to the results."""
    missing = [name for name in ("perf", "inferno-collapse-perf", "inferno-flamegraph") if not shutil.which(name)]
    if missing:
        raise SystemExit(
            f"not installed: {', '.join(missing)}; perf is in Debian's linux-perf, "
            "and `cargo install inferno` brings the others"
        )
    build()
    commit = machine.description()["commit"]
    allow_connections()
    pictures.mkdir(parents=True, exist_ok=True)
    for name, (server, work, title) in GRAPHS.items():
        with tempfile.TemporaryDirectory(dir=TARGET, prefix="bench-") as folder:
            folded = profile(Lab(Path(folder)), SERVERS[server], work)
        (pictures / name).write_text(picture(folded, title))
        row = {"stage": "flame", "server": server, "part": "", "point": "", "rep": 0, "errors": 0, "foreign": 0.0}
        with results.open("a") as file:
            file.write(line(row | {"title": title, "point": title, "commit": commit, "shares": shares(folded)}))
        print(f"wrote {name}")


def build() -> None:
    """The release binary with the names of functions, unless another one is named."""
    if CHAT_SERVER.is_relative_to(TARGET):
        names = os.environ | {"CARGO_PROFILE_RELEASE_STRIP": "none"}
        subprocess.run([*CARGO, "-p", "chat-server"], cwd=REPOSITORY, env=names, check=True)
    build_loadgen()


def profile(lab: Lab, server: Server, work: str) -> str:
    """Folded stacks: a line for each, with the number of its samples."""
    port = free_port()
    mode, *load = work.split()
    generator = ["taskset", "-c", LOAD_CORE, str(LOADGEN), mode, "--peer", server.peer, "--addr", f"127.0.0.1:{port}"]
    samples = str(lab.work / "perf.data")
    record = f"perf record -q -e cpu-clock -F {RATE} --call-graph dwarf,{STACK}".split()
    with running(server.command(lab.fresh(), port), port) as process:
        under_load = subprocess.Popen([*generator, *load, "--secs", str(SECONDS + 2)], stdout=subprocess.DEVNULL)
        try:
            watch = [*record, "-o", samples, "-p", str(process.pid), "--", "sleep", str(SECONDS)]
            subprocess.run(watch, check=True, stderr=subprocess.DEVNULL)
        finally:
            under_load.wait()
    # Inlined functions would double the depth; addr2line would take minutes to find them.
    stacks = piped(["perf", "script", "--no-inline", "-i", samples], b"")
    return NOISE.sub("", piped(["inferno-collapse-perf", "--kernel"], stacks).decode())


def shares(folded: str) -> dict[str, float]:
    """Percent of all samples, by part."""
    counts: Counter[str] = Counter()
    kernel = 0
    for sampled in folded.splitlines():
        stack, _, count = sampled.rpartition(" ")
        found = (part for part, pattern in PARTS.items() if re.search(pattern, stack))
        counts[next(found, OTHER)] += int(count)
        # The collapsed stacks mark the kernel's frames.
        kernel += int(count) * stack.endswith("_[k]")
    named = {part: round(counts[part] / counts.total() * 100, 1) for part in [*PARTS, OTHER]}
    return named | {KERNEL: round(kernel / counts.total() * 100, 1)}


def picture(folded: str, title: str) -> str:
    look = f"--colors java --bgcolors #ffffff --hash --width 1200 --height 15 --minwidth {THINNEST}".split()
    titles = ["--title", title, "--subtitle", "the server's processor time: the kernel orange, Rust yellow, C red"]
    return piped(["inferno-flamegraph", *look, *titles], folded.encode()).decode()


def piped(command: list[str], given: bytes) -> bytes:
    return subprocess.run(command, input=given, check=True, stdout=subprocess.PIPE).stdout
