"""Tables of medians, one for each stage."""

from __future__ import annotations

import statistics

from .results import Results, Row
from .servers import SERVERS
from .stages import STAGES

# Key of a row, heading, digits after the point.
Column = tuple[str, str, int]

SENDS: list[Column] = [
    ("rate", "requests/s", 0),
    ("p50_us", "p50 µs", 0),
    ("p99_us", "p99 µs", 0),
    ("p999_us", "p99.9 µs", 0),
    ("srv_cpu_us_per_req", "CPU µs/request", 2),
]
DELIVERIES: list[Column] = [
    ("deliveries_per_s", "deliveries/s", 0),
    ("p50_us", "p50 µs", 0),
    ("p99_us", "p99 µs", 0),
    ("srv_cpu_us_per_delivery", "CPU µs/delivery", 3),
]
IDLE: list[Column] = [("bytes_per_conn", "bytes/connection", 0), ("idle_cpu_percent", "CPU %", 1)]
# It is over in a few of the ticks that processor time is counted in.
DRAIN: list[Column] = [("drain_ms", "ms", 1)]

COLUMNS: dict[str, list[Column]] = {
    "c1": SENDS,
    "c64": SENDS,
    "c64p32": SENDS,
    "drain": DRAIN,
    "fan10": DELIVERIES,
    "fan100": DELIVERIES,
    "fan1000": DELIVERIES,
    "live64": DELIVERIES,
    "live64p32": DELIVERIES,
    "idle": IDLE,
    "subscribed": IDLE,
    "idle-tls": IDLE,
}


def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def markdown(head: list[str], lines: list[list[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *lines])


def cells(rows: list[Row], column: Column) -> str:
    """The median of a column, and its lowest and highest values."""
    key, _, digits = column
    values = [float(row[key]) for row in rows if row.get(key) is not None]
    if not values:
        return "–"
    middle = number(statistics.median(values), digits)
    return f"{middle} ({number(min(values), digits)} – {number(max(values), digits)})" if len(values) > 1 else middle


def stage_table(results: Results, stage: str) -> str:
    """One line for each server that was measured."""
    columns = COLUMNS[stage]
    lines = []
    for server in SERVERS:
        rows = [row for row in results.of(stage, server) if not row["errors"]]
        if rows:
            lines.append([SERVERS[server].label, *(cells(rows, column) for column in columns), str(len(rows))])
    return markdown(["server", *(title for _, title, _ in columns), "runs"], lines)


def all_tables(results: Results) -> str:
    parts = []
    for stage in COLUMNS:
        if results.of(stage):
            plan = STAGES[stage]
            load = plan.points[""]
            parts.append(
                f"### {plan.title}\n\n`loadgen {load}`; `bench/compare run --stages {stage}`\n\n"
                f"{stage_table(results, stage)}"
            )
    return "\n\n".join(parts) or "Not measured yet."


GROWN = {
    "messages": "messages of 1,000 users in 1,000 conversations",
    "conversations": "conversations of 10,000 users, with one message each",
    "users": "users with one conversation and one message each",
    "all": "messages of 1,000,000 users in 1,000,000 conversations",
}


def growth_table(results: Results) -> str:
    """How a request's cost grows."""
    lines = []
    for point in dict.fromkeys(str(row["point"]) for row in results.of("growth")):
        rows = [row for row in results.of("growth", "chat-durable", point) if not row["errors"]]
        if rows:
            what, count = point.split(": ")
            grown = GROWN[what]
            memory = statistics.median(float(row["own_bytes"]) for row in rows) / 2**20
            lines.append(
                [
                    f"{int(count):,} {grown}",
                    cells(rows, ("srv_cpu_us_per_req", "", 2)),
                    cells(rows, ("p99_us", "", 0)),
                    number(memory),
                    str(len(rows)),
                ]
            )
    return (
        markdown(["chat, durable, with", "CPU µs/request", "p99 µs", "own memory, MiB", "runs"], lines)
        if lines
        else "Not measured yet."
    )


def time_table(results: Results) -> str:
    """What the server's processor time goes to, by the samples of the flame graphs."""
    rows = results.of("flame")
    if not rows:
        return "Not measured yet."
    parts = dict.fromkeys(part for row in rows for part in row["shares"])
    lines = [[part, *(f"{row['shares'].get(part, 0.0):.1f} %" for row in rows)] for part in parts]
    commits = ", ".join(dict.fromkeys(row["commit"] for row in rows))
    return markdown(["part", *(row["title"] for row in rows)], lines) + f"\n\nCommit {commits}."


def machine_text(results: Results) -> str:
    """Where and when, and of which versions; of the last run that added to the results."""
    if not results.machines:
        return "Not measured yet."
    last = results.machines[-1]
    versions = dict(last["versions"])
    peers = ", ".join(
        f"{SERVERS[name].program} {versions[name]}"
        for name in ("redis", "nats", "mosquitto", "inspircd", "ngircd")
        if name in versions
    )
    kind = "virtual machine" if last["virtual"] else "machine"
    commits = ", ".join(
        dict.fromkeys(f"{row['commit']}{' with changes' if row['changed'] else ''}" for row in results.machines)
    )
    rows = [row for row in results.rows if row["stage"] != "flame"]
    runs = {row["rep"] for row in rows}
    return (
        f"- Day: {last['date']}; commit {commits}.\n"
        f"- Machine: {kind}, {last['cores']} cores of {last['processor']}, {last['memory_gib']} GiB, {last['system']}, "
        f"Linux {last['kernel']}.\n"
        f"- Peers: {peers or 'none'}.\n"
        f"- Runs: up to {len(runs)} of each, interleaved; {len(rows)} rows, "
        f"{sum(bool(row['errors']) for row in rows)} with errors, "
        f"{sum(float(row['foreign']) > 0.1 for row in rows)} disturbed by other work on the machine."
    )
