"""Flame graphs of the server under load: where its processor time goes.

It needs `perf` (Debian's linux-perf) and `inferno` (`cargo install inferno`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from .loads import LOAD_CORE, Lab, allow_connections, free_port, running
from .paths import LOADGEN, REPOSITORY, TARGET
from .servers import SERVERS, Server

SECONDS = 5
RATE = 999
"""Samples in a second. A timer makes them, as virtual machines often have no counters."""
STACK = 8192
"""Bytes of stack that are kept of each sample, to find the callers in."""
THINNEST = 0.25
"""Percent of all samples below which a frame is left out, so that the file stays small."""

GRAPHS = {
    "flame-memory.svg": ("chat", "send -c 64 -p 1", "chat in memory, 64 connections, one request in flight on each"),
    "flame-durable.svg": (
        "chat-durable",
        "send -c 64 -p 32",
        "chat, durable, 64 connections, 32 requests in flight on each",
    ),
}

# Type parameters and hashes of symbols: they fill frames without saying more.
NOISE = re.compile(r"::h[0-9a-f]{16}\b|::\{\{closure\}\}|<impl [^>]*>::")


def draw(pictures: Path) -> None:
    """Writes all flame graphs."""
    missing = [name for name in ("perf", "inferno-collapse-perf", "inferno-flamegraph") if not shutil.which(name)]
    if missing:
        raise SystemExit(
            f"not installed: {', '.join(missing)}; perf is in Debian's linux-perf, "
            "and `cargo install inferno` brings the others"
        )
    program = build()
    allow_connections()
    pictures.mkdir(parents=True, exist_ok=True)
    for name, (server, work, title) in GRAPHS.items():
        with tempfile.TemporaryDirectory(dir=TARGET, prefix="bench-") as folder:
            picture = graph(Lab(Path(folder)), program, SERVERS[server], work, title)
        (pictures / name).write_text(picture)
        print(f"wrote {name}")


def build() -> Path:
    """The release binary, with the names of functions."""
    names = os.environ | {"CARGO_PROFILE_RELEASE_STRIP": "none"}
    subprocess.run(
        ["cargo", "build", "-q", "--release", "--locked", "-p", "chat-server"], cwd=REPOSITORY, env=names, check=True
    )
    return TARGET / "release" / "chat-server"


def graph(lab: Lab, program: Path, server: Server, work: str, title: str) -> str:
    port = free_port()
    _, *options = server.command(lab.fresh(), port)
    samples = lab.work / "perf.data"
    mode, *load = work.split()
    with running([str(program), *options], port) as process:
        generator = subprocess.Popen(
            [
                "taskset",
                "-c",
                LOAD_CORE,
                str(LOADGEN),
                mode,
                "--peer",
                server.peer,
                "--addr",
                f"127.0.0.1:{port}",
                *load,
                "--secs",
                str(SECONDS + 2),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            subprocess.run(
                [
                    "perf",
                    "record",
                    "-q",
                    "-e",
                    "cpu-clock",
                    "-F",
                    str(RATE),
                    "--call-graph",
                    f"dwarf,{STACK}",
                    "-o",
                    samples,
                    "-p",
                    str(process.pid),
                    "--",
                    "sleep",
                    str(SECONDS),
                ],
                check=True,
                stderr=subprocess.DEVNULL,
            )
        finally:
            generator.wait()
    # Inlined functions would double the depth; addr2line would take minutes to find them.
    script = subprocess.run(["perf", "script", "--no-inline", "-i", samples], check=True, capture_output=True)
    folded = subprocess.run(
        ["inferno-collapse-perf", "--kernel"], input=script.stdout, check=True, capture_output=True
    ).stdout
    options = [
        "--title",
        title,
        "--subtitle",
        "share of the server's processor time: the kernel orange, Rust yellow, C red",
        "--countname",
        "samples",
        "--colors",
        "java",
        "--bgcolors",
        "#ffffff",
        "--hash",
        "--width",
        "1200",
        "--height",
        "15",
        "--minwidth",
        str(THINNEST),
    ]
    drawn = subprocess.run(
        ["inferno-flamegraph", *options], input=NOISE.sub("", folded.decode()).encode(), check=True, capture_output=True
    )
    return drawn.stdout.decode()
