"""This machine: how busy it is, and what it is called in a report."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
import time
from pathlib import Path

from .paths import REPOSITORY
from .servers import SERVERS

QUIET = 0.10
"""Cores that others may use before a run counts as disturbed."""
LOOK = 0.3
"""Seconds for which the machine must be quiet before a run."""
TICKS = os.sysconf("SC_CLK_TCK")


def busy() -> float:
    """Core-seconds that all work on this machine has used so far."""
    line = Path("/proc/stat").read_text().splitlines()[0]
    user, nice, system, _, _, irq, soft, steal = map(int, line.split()[1:9])
    return (user + nice + system + irq + soft + steal) / TICKS


def process_cpu(pid: int) -> float:
    """Seconds of processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def own_memory(pid: int) -> int:
    """Bytes that a process has allocated, without what it maps from files."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no RssAnon: this needs Linux")


def wait_for_quiet(limit: float) -> bool:
    """Returns once others leave the machine alone; false if they do not within `limit` seconds."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        before, start = busy(), time.monotonic()
        time.sleep(LOOK)
        if (busy() - before) / (time.monotonic() - start) < QUIET:
            return True
    return False


def output(*command: str) -> str:
    """What a command prints, on either stream; some print their version with a failure."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, check=False)
    except OSError:
        return ""
    return (done.stdout + done.stderr).strip()


def description() -> dict[str, object]:
    """What results are worth nothing without: the machine, the versions, the commit and the day."""
    cpuinfo = Path("/proc/cpuinfo").read_text()
    model = next((line.split(": ")[1] for line in cpuinfo.splitlines() if line.startswith("model name")), "unknown")
    memory = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if "MemTotal" in line)
    versions = {}
    for name, server in SERVERS.items():
        found = re.search(r"\d+(\.\d+)+", output(*server.version)) if server.version else None
        if found:
            versions[name] = found[0]
    return {
        "date": datetime.date.today().isoformat(),
        "commit": output("git", "rev-parse", "--short=10", "HEAD"),
        "changed": bool(output("git", "status", "--porcelain", "--untracked-files=no", "--", ":!docs")),
        "processor": model,
        "cores": os.cpu_count(),
        "virtual": " hypervisor" in cpuinfo,
        "memory_gib": round(memory / 2**20),
        "kernel": platform.release().split("-")[0],
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
        "versions": versions,
    }
