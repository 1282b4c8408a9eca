"""Runs all stages, interleaved, and appends what they measure to a file."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from . import calls, machine, stores
from .loads import Lab, allow_connections, failure, free_port, load, running
from .paths import CHAT_SERVER, REPOSITORY, TARGET
from .results import Results, Row, line
from .servers import SERVERS
from .stages import STAGES

ATTEMPTS = 3
"""How often a run is made that others disturb."""
SHOWN = (
    "rate",
    "deliveries_per_s",
    "p50_us",
    "p99_us",
    "srv_cpu_us_per_req",
    "srv_cpu_us_per_delivery",
    "drain_ms",
    "bytes_per_conn",
    "bytes_per_user",
    "bytes_per_conversation",
    "ready_ms",
    "send_c_ns",
    "added_us",
    "bytes",
    "foreign",
    "errors",
    "first_error",
)


@dataclass(frozen=True)
class Work:
    """What one stage does in a round: its parts, in turn."""

    parts: Mapping[tuple[str, str], Callable[[Lab], list[Row]]]
    """By server, and what distinguishes parts of the same server."""
    seconds: float
    """About how long a round takes."""


def put_load(stage: str, server: str, lab: Lab) -> list[Row]:
    """One server, fresh, under all loads of a stage."""
    plan, target = STAGES[stage], SERVERS[server]
    folder, port = lab.fresh(), free_port()
    command = target.command(folder, port)
    if stage == "idle-tls":
        command += tls_listener(folder, port)
        command[command.index("--listen") + 1] = "127.0.0.1:0"
    machine.wait_for_quiet(lab.patience)
    rows = []
    with running(command, port) as process:
        for point, words in plan.points.items():
            arguments = lab.arguments(words, plan.secs, plan.warm)
            if stage == "idle-tls":
                arguments += ["--tls", str(folder / "certificate.pem")]
            rows.append(load(target, port, arguments, process) | {"point": point})
    return rows


def tls_listener(folder: Path, port: int) -> list[str]:
    """Options for TLS on a port, with a certificate that is made for it."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-keyout",
            key,
            "-out",
            certificate,
            "-days",
            "2",
            "-subj",
            "/CN=bench",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ],
        check=True,
        capture_output=True,
    )
    return ["--tls-listen", f"127.0.0.1:{port}", "--tls-certificate", str(certificate), "--tls-key", str(key)]


def works() -> dict[str, Work]:
    """All stages, in the order in which they run."""
    all_works = {
        name: Work({(server, ""): partial(put_load, name, server) for server in stage.servers}, stage.seconds())
        for name, stage in STAGES.items()
    }
    durable = "chat-durable"
    sizes = stores.growth_sizes()
    growth = {(durable, point): partial(stores.growth, point=point, size=size) for point, size in sizes.items()}
    return all_works | {
        "reactors": Work({("chat", how): partial(calls.reactors, how=how) for how in ("one", "two")}, 9),
        "growth": Work(growth, len(growth) * 2.9),
        "memory": Work({("chat", ""): calls.memory}, 3),
        "ready": Work({(durable, how): partial(stores.ready, how=how) for how in ("stopped", "killed")}, 7),
        "calls": Work({("chat", "C"): calls.call_from_c, ("chat", "Python"): calls.call_from_python}, 6),
        "size": Work({("chat", ""): calls.binary_size}, 0.2),
    }


FILLING = 120.0
"""Seconds that it takes to fill all stores, once."""


CARGO = ["cargo", "build", "-q", "--release", "--locked"]


def build(stages: list[str]) -> None:
    """Builds the server, unless one is named, the load generator, and what the stages need."""
    if CHAT_SERVER.is_relative_to(TARGET):
        subprocess.run([*CARGO, "-p", "chat-server"], cwd=REPOSITORY, check=True)
    build_loadgen()
    if "calls" in stages:
        calls.build_calls(Lab(Path()))
    if "memory" in stages:
        calls.build_memory(Lab(Path()))


def build_loadgen() -> None:
    """Builds the load generator and the bare servers."""
    manifest = REPOSITORY / "bench" / "Cargo.toml"
    subprocess.run([*CARGO, "--manifest-path", manifest, "--target-dir", TARGET], cwd=REPOSITORY, check=True)


def run(stages: list[str], servers: list[str] | None, out: Path, reps: int, lab: Lab) -> bool:
    """Measures what `out` does not have yet. Returns whether all went well."""
    chosen = {name: work for name, work in works().items() if name in stages}
    estimate = sum(work.seconds for work in chosen.values()) * reps
    estimate += FILLING if {"growth", "ready"} & set(stages) else 0
    print(f"This takes about {estimate * min(lab.scale, 1) / 60:.0f} minutes on a quiet machine.", flush=True)
    allow_connections()
    out.parent.mkdir(parents=True, exist_ok=True)
    before = Results.read(out).rows
    have = {key(row) for row in before} - {key(row) for row in before if row["errors"]}
    wanted = [which for which in rounds(chosen, servers, reps) if which not in have]
    if not wanted:
        print("Everything is measured already; --fresh begins anew.")
        return True
    well, start = True, time.monotonic()
    with tempfile.TemporaryDirectory(dir=TARGET, prefix="bench-") as work, out.open("a", buffering=1) as file:
        lab = replace(lab, work=Path(work))
        lab.work.chmod(0o755)
        file.write(line(machine.description()))
        for stage, server, part, rep in wanted:
            for measured in undisturbed(chosen[stage].parts[server, part], lab, f"{stage} {server} {part}"):
                row = {"stage": stage, "server": server, "part": part, "point": "", "rep": rep} | measured
                file.write(line(row))
                shown = {key: row[key] for key in SHOWN if row.get(key) is not None}
                print(f"{time.monotonic() - start:5.0f} s", stage, server, row["point"], rep + 1, shown, flush=True)
                well = well and not row["errors"]
    return well


def key(row: Row) -> tuple[str, str, str, int]:
    return row["stage"], row["server"], row["part"], row["rep"]


def rounds(works: dict[str, Work], servers: list[str] | None, reps: int) -> Iterator[tuple[str, str, str, int]]:
    """All that is to be done, in its order: in each round of a stage, another server is the first."""
    missing = {name for name, server in SERVERS.items() if not server.is_installed()}
    for name in missing & {server for work in works.values() for server, _ in work.parts}:
        print(f"left out: {SERVERS[name].program} is not installed", file=sys.stderr)
    for stage, work in works.items():
        parts = [key for key in work.parts if (not servers or key[0] in servers) and key[0] not in missing]
        for rep in range(reps):
            turn = rep % max(len(parts), 1)
            for server, part in parts[turn:] + parts[:turn]:
                yield stage, server, part, rep


def undisturbed(measure: Callable[[Lab], list[Row]], lab: Lab, name: str) -> list[Row]:
    """The rows of a run; of the least disturbed one, if others disturbed each attempt."""
    best: list[Row] = []
    for attempt in range(ATTEMPTS if lab.patience else 1):
        try:
            rows = measure(lab)
        except (RuntimeError, OSError, subprocess.SubprocessError) as error:
            rows = [failure(str(error))]
        best = min(best or rows, rows, key=disturbance)
        if disturbance(best) <= (0, machine.QUIET):
            break
        print(f"failed or disturbed: {name}, attempt {attempt + 1}", flush=True)
    return best


def disturbance(rows: list[Row]) -> tuple[int, float]:
    """How many rows have errors, and how many cores others used."""
    return sum(bool(row["errors"]) for row in rows), max(float(row["foreign"]) for row in rows)
