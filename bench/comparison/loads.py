"""One run: a fresh server on one core, the load generator on another, and how busy others kept the machine."""

from __future__ import annotations

import json
import re
import resource
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import machine
from .paths import LOADGEN
from .results import Row
from .servers import CONNECTIONS, Server

SERVER_CORE, LOAD_CORE, BOTH = "0", "1", "0,1"
STARTING = 120.0
"""Seconds in which a server must listen."""
STOPPING = 60.0
"""Seconds in which a server must stop."""
SHORTEST = 0.1
"""Seconds that are measured in the smallest trial: on a busy machine, less could pass without an answer."""
RUNNING = 300.0
"""Seconds in which a run must end."""
COUNTS = re.compile(r"-(c|n) (\d{3,})")


@dataclass(frozen=True)
class Lab:
    """How runs are made."""

    work: Path
    """Where servers keep their files; it is emptied before each run."""
    scale: float = 1.0
    """By how much all runs are shorter or smaller than planned."""
    patience: float = 20.0
    """Seconds to wait for a quiet machine before each run; 0 to run on a busy one."""

    def fresh(self, name: str = "server") -> Path:
        """An empty folder that a server of another user can enter."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        return folder

    def shrink(self, count: int) -> int:
        return max(round(count * self.scale), 10)

    def arguments(self, load: str, secs: float, warm: float) -> list[str]:
        """The load generator's, of the size that was asked for."""
        smaller = (
            COUNTS.sub(lambda found: f"-{found[1]} {self.shrink(int(found[2]))}", load) if self.scale < 1 else load
        )
        spans = (
            ["--warm", f"{warm * self.scale:.3f}", "--secs", f"{max(secs * self.scale, SHORTEST):.3f}"] if secs else []
        )
        return [*smaller.split(), *spans]


def allow_connections() -> None:
    """Lifts the limit of open files for the servers, which inherit it."""
    wanted = CONNECTIONS + 1000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise RuntimeError(f"at most {hard} files may be open; {wanted} are needed: ulimit -n {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def spawn(command: list[str], cores: str) -> subprocess.Popen[bytes]:
    silent = subprocess.DEVNULL
    return subprocess.Popen(["taskset", "-c", cores, *command], stdin=silent, stdout=silent, stderr=silent)


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPPING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def running(command: list[str], port: int, cores: str = SERVER_CORE) -> Iterator[subprocess.Popen[bytes]]:
    """A server that listens. It is stopped in the end, unless it has ended by then."""
    process = spawn(command, cores)
    try:
        end = time.monotonic() + STARTING
        while True:
            if process.poll() is not None:
                raise RuntimeError(f"{shlex.join(command)} ended with {process.returncode}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if time.monotonic() > end:
                    raise RuntimeError(f"{shlex.join(command)} does not listen") from None
                time.sleep(0.01)
        time.sleep(0.2)  # It may still have to do with the connection that was only a test.
        yield process
    finally:
        if process.poll() is None:
            stop(process)


def load(
    server: Server,
    port: int,
    arguments: list[str],
    process: subprocess.Popen[bytes] | None = None,
    cores: str = LOAD_CORE,
) -> Row:
    """What the load generator reports, and in `foreign` how many cores others used."""
    mode, *options = arguments
    command = [
        "taskset",
        "-c",
        cores,
        str(LOADGEN),
        mode,
        "--peer",
        server.peer,
        "--addr",
        f"127.0.0.1:{port}",
        *server.options,
    ]
    if process:
        command += ["--pid", str(process.pid)]

    def used_by_others() -> float:
        own = resource.getrusage(resource.RUSAGE_CHILDREN)
        return machine.busy() - own.ru_utime - own.ru_stime - (machine.process_cpu(process.pid) if process else 0)

    before, start = used_by_others(), time.monotonic()
    try:
        done = subprocess.run(command + options, capture_output=True, text=True, timeout=RUNNING, check=False)
    except subprocess.TimeoutExpired:
        return failure("the load generator did not end")
    if done.returncode:
        return failure(done.stderr.strip().splitlines()[0] if done.stderr.strip() else "the load generator failed")
    report: Row = json.loads(done.stdout)
    report["foreign"] = round((used_by_others() - before) / (time.monotonic() - start), 3)
    return report


def failure(why: str) -> Row:
    return {"errors": 1, "first_error": why, "foreign": 0.0}
