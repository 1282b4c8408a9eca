"""The goals, and how far what was measured meets them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .results import Results, ratios
from .tables import markdown, number


@dataclass(frozen=True)
class Goal:
    """A figure that must be at most `limit`, or at least, if it is a `floor`."""

    work: str
    wanted: str
    stages: str
    unit: str
    limit: float
    measured: Callable[[Results], list[float]]
    """One value for each round."""
    digits: int = 2
    floor: bool = False
    strict: bool = False
    """Whether to reach the limit is not enough."""

    def is_met(self, value: float) -> bool:
        if self.strict and value == self.limit:
            return False
        return value >= self.limit if self.floor else value <= self.limit


CPU, DELIVERY = "srv_cpu_us_per_req", "srv_cpu_us_per_delivery"


@dataclass(frozen=True)
class By:
    """Ours by that of the best of them, round by round. The best is the one with the best median; all must be there."""

    stage: str
    ours: str
    key: str
    theirs: tuple[str, ...]
    best: Callable[[list[float]], float]

    def rival(self, results: Results) -> str | None:
        medians = {name: results.median(self.stage, name, self.key) for name in self.theirs}
        known = {name: middle for name, middle in medians.items() if middle is not None}
        if len(known) < len(self.theirs):
            return None  # The one that is missing might be the best.
        return next(name for name, middle in known.items() if middle == self.best(list(known.values())))

    def __call__(self, results: Results) -> list[float]:
        rival = self.rival(results)
        ours = results.rounds(self.stage, self.ours, self.key)
        return ratios(ours, results.rounds(self.stage, rival, self.key)) if rival else []

    def detail(self, results: Results) -> str:
        """Both medians."""
        rival = self.rival(results)
        middles = (results.median(self.stage, name, self.key) for name in (self.ours, rival) if name)
        digits, unit = UNITS[self.key]
        return f"{' against '.join(number(middle, digits) for middle in middles)} {unit}"


UNITS = {CPU: (2, "µs"), DELIVERY: (3, "µs"), "rate": (0, "/s"), "p50_us": (0, "µs"), "p99_us": (0, "µs"),
         "p999_us": (0, "µs"), "drain_ms": (1, "ms")}  # fmt: skip


def by(stage: str, ours: str, key: str, *theirs: str, best: Callable[[list[float]], float] = min) -> By:
    return By(stage, ours, key, theirs, best)


def value(stage: str, server: str, key: str, point: str = "") -> Callable[[Results], list[float]]:
    return lambda results: results.values(stage, server, key, point)


def across(
    stage: str, server: str, key: str, upper: str, lower: str, factor: float = 1.0
) -> Callable[[Results], list[float]]:
    """One point by another one of the same server."""
    return lambda results: [
        factor * ratio
        for ratio in ratios(results.rounds(stage, server, key, upper), results.rounds(stage, server, key, lower))
    ]


def calls(upper: str, lower: str) -> Callable[[Results], list[float]]:
    return lambda results: [row[upper] / row[lower] for row in results.of("calls", "chat", "C") if row.get(lower)]


def goals() -> Iterator[Goal]:
    durable, rivals = "chat-durable", ("redis-always", "jetstream")
    yield Goal(
        "`send`, memory, 64 × 1",
        "CPU at most 1.08 × the bare echo's",
        "c64",
        "× echo",
        1.08,
        by("c64", "chat", CPU, "echo"),
    )
    yield Goal(
        "`send`, memory, 64 × 32", "CPU at most NATS's", "c64p32", "× NATS", 1.0, by("c64p32", "chat", CPU, "nats")
    )
    for stage, shape in (("c64", "64 × 1"), ("c64p32", "64 × 32")):
        yield Goal(
            f"`send`, durable, {shape}",
            "rate at least 1.6 × the better of Redis `always` and JetStream",
            stage,
            "× the better",
            1.6,
            by(stage, durable, "rate", *rivals, best=max),
            floor=True,
        )
        for key, name in (("p99_us", "p99"), ("p999_us", "p99.9")):
            yield Goal(
                f"`send`, durable, {shape}",
                f"{name} below Redis `always`",
                stage,
                "× Redis",
                1.0,
                by(stage, durable, key, "redis-always"),
                strict=True,
            )
    yield Goal(
        "`send`, durable, 1 × 1",
        "rate at least Redis `always`",
        "c1",
        "× Redis",
        1.0,
        by("c1", durable, "rate", "redis-always"),
        floor=True,
    )
    for server, name in (("chat", "memory"), (durable, "durable")):
        yield Goal(
            f"`inbox` of 100,000, {name}",
            "time at most 1.5 × Redis",
            "drain",
            "× Redis",
            1.5,
            by("drain", server, "drain_ms", "redis"),
        )
    for count in (10, 100, 1000):
        yield Goal(
            f"fan-out to {count:,}, memory",
            "CPU per delivery below all peers",
            f"fan{count}",
            "× the best peer",
            1.0,
            by(f"fan{count}", "chat2", DELIVERY, "nats", "redis", "inspircd", "mosquitto"),
            strict=True,
        )
    for stage, shape in (("live64", "64 × 1"), ("live64p32", "64 × 32")):
        for where, server, peer, against in (
            ("memory", "chat2", "nats", "NATS"),
            ("durable", "chat2-durable", "jetstream", "JetStream"),
        ):
            for key, name in (("p50_us", "p50"), ("p99_us", "p99")):
                yield Goal(
                    f"`live`, {where}, {shape}",
                    f"{name} below {against}",
                    stage,
                    f"× {against}",
                    1.0,
                    by(stage, server, key, peer),
                    strict=True,
                )
    for stage, server, name, limit in (
        ("idle", "chat", "10,000 idle connections", 400),
        ("subscribed", "chat2", "10,000 subscribed connections", 1024),
        ("idle-tls", "chat", "10,000 idle connections with TLS", 16_384),
    ):
        yield Goal(
            name,
            f"at most {limit:,} bytes each",
            stage,
            "bytes",
            limit,
            value(stage, server, "bytes_per_conn"),
            digits=0,
        )
    for thing, limit in (("user", 250), ("conversation", 120)):
        yield Goal(
            f"memory for each {thing}, in memory",
            f"at most {limit} bytes",
            "memory",
            "bytes",
            limit,
            value("memory", "chat", f"bytes_per_{thing}"),
            digits=0,
        )
    for shape in ("64 × 1", "64 × 32"):
        yield Goal(
            f"two reactors, {shape}",
            "at least 1.7 × one, by CPU per request",
            "reactors",
            "× one",
            1.7,
            across("reactors", "chat", CPU, f"{shape}, one", f"{shape}, two", 2.0),
            floor=True,
        )
    for how, limit in (("stopped", 300), ("killed", 1000)):
        yield Goal(
            f"ready with 10 million messages, after it was {how}",
            f"at most {limit:,} ms",
            "ready",
            "ms",
            limit,
            value("ready", durable, "ready_ms", how),
            digits=0,
        )
    yield Goal(
        "CPU per request at 10 million messages, 1 million users",
        "at most 1.3 × that at 1,000",
        "growth",
        "× at 1,000",
        1.3,
        across("growth", durable, CPU, "all: 10000000", "messages: 1000"),
    )
    yield Goal("`send` from C", "at most 1.1 × Rust", "calls", "× Rust", 1.1, calls("send_c_ns", "send_rust_ns"))
    yield Goal(
        "`send` from Python",
        "at most 1.0 µs over Rust",
        "calls",
        "µs over Rust",
        1.0,
        value("calls", "chat", "added_us", "Python"),
    )
    yield Goal(
        "binary, stripped",
        "at most 8 MiB",
        "size",
        "MiB",
        8.0,
        lambda results: [size / 2**20 for size in results.values("size", "chat", "bytes")],
    )


def goals_table(results: Results) -> str:
    """The table of goals: medians, lowest and highest values, and whether the median meets the goal."""
    lines, met, measured = [], 0, 0
    for goal in goals():
        values = goal.measured(results)
        if not values:
            lines.append([goal.work, goal.wanted, "not measured", "", "", goal.stages])
            continue
        middle = statistics.median(values)
        verdict = goal.is_met(middle)
        measured, met = measured + 1, met + verdict
        # A figure that only rounding makes equal to the limit gets another digit.
        digits = goal.digits + (round(middle, goal.digits) == goal.limit != middle)
        detail = f" ({goal.measured.detail(results)})" if isinstance(goal.measured, By) else ""
        lines.append(
            [
                goal.work,
                goal.wanted,
                f"{middle:,.{digits}f} {goal.unit}{detail}",
                f"{min(values):,.{digits}f} – {max(values):,.{digits}f}",
                "met" if verdict else "**missed**",
                goal.stages,
            ]
        )
    table = markdown(["work", "goal", "median", "lowest – highest", "", "`--stages`"], lines)
    return f"{met} of {measured} figures that were measured meet their goal.\n\n{table}"
