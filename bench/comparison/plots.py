"""The plots: what is drawn in each of them."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from .canvas import COLOURS, align, count_text, logarithmic, memory_text, panels, spread_labels, svg, time_text
from .results import Results
from .stores import growth_sizes

# Server: its name at a line, its colour, its marker.
LINES = {
    "chat": ("chat", "chat", "o"),
    "chat2": ("chat", "chat", "o"),
    "chat-durable": ("chat", "chat", "o"),
    "chat2-durable": ("chat", "chat", "o"),
    "echo": ("bare echo", "echo", "x"),
    "echo-fan": ("bare fan-out", "echo", "x"),
    "redis": ("Redis", "redis", "s"),
    "redis-always": ("Redis, always", "redis", "s"),
    "nats": ("NATS", "nats", "^"),
    "jetstream": ("JetStream", "nats", "^"),
    "mosquitto": ("mosquitto", "mosquitto", "v"),
    "inspircd": ("InspIRCd", "inspircd", "D"),
    "ngircd": ("ngIRCd", "ngircd", "P"),
}
MEMORY = ["chat", "echo", "redis", "nats"]
DURABLE = ["chat-durable", "redis-always", "jetstream"]
FANS = ["chat2", "echo-fan", "redis", "nats", "mosquitto", "inspircd", "ngircd"]
FANS_DURABLE = ["chat2-durable", "jetstream"]
Points = list[tuple[float, float]]


def plots(results: Results) -> dict[str, str]:
    """All plots, as SVG, by file name."""
    return {
        "connections.svg": svg(
            curves(results, "connections", "connections"),
            "Throughput and latency over connections, with one request in flight on each",
        ),
        "depth.svg": svg(
            curves(results, "depth", "requests in flight on each of 64 connections"),
            "Throughput and latency over requests in flight",
        ),
        "fanout.svg": svg(fanout(results), "Processor time for each delivery over subscribers"),
        "growth.svg": svg(growth(results), "Processor time for each request, and memory, as the chat grows"),
    }


def curves(results: Results, stage: str, axis: str) -> Figure:
    """Throughput above latency; what keeps messages in memory beside what syncs them."""
    figure, grid = panels(2, 2, 5.6)
    for column, (title, servers) in enumerate((("In memory", MEMORY), ("Durable", DURABLE))):
        upper, lower = grid[0][column], grid[1][column]
        upper.set_title(f"{title}: requests/s")
        lower.set_title(f"{title}: latency, p50 and p99 (dashed)")
        labels: dict[str, Points] = {}
        for server in servers:
            draw(upper, server, sweep(results, stage, server, "rate"), labels)
        label(upper, labels)
        labels = {}
        for server in servers:
            draw(lower, server, sweep(results, stage, server, "p50_us"), labels)
            draw(lower, server, sweep(results, stage, server, "p99_us"), None, dashed=True)
        label(lower, labels)
        ticks = sorted({float(row["point"]) for row in results.of(stage)})
        for axes, unit in ((upper, count_text), (lower, time_text)):
            logarithmic(axes, ticks, unit)
        lower.set_xlabel(axis)
    for row in grid:
        align(row)
    return figure


def fanout(results: Results) -> Figure:
    """Over 10, 100 and 1,000 subscribers."""
    figure, [grid] = panels(1, 2, 3.6)
    counts = (10, 100, 1000)
    for axes, title, servers in zip(grid, ("In memory", "Durable"), (FANS, FANS_DURABLE), strict=True):
        axes.set_title(f"{title}: CPU for each delivery")
        labels: dict[str, Points] = {}
        for server in servers:
            middles = [
                (float(count), results.median(f"fan{count}", server, "srv_cpu_us_per_delivery")) for count in counts
            ]
            draw(axes, server, [(x, y) for x, y in middles if y], labels)
        label(axes, labels)
        logarithmic(axes, list(map(float, counts)), time_text)
        axes.set_xlabel("subscribers")
    align(grid)
    return figure


def growth(results: Results) -> Figure:
    """A line for each thing that grows."""
    figure, [grid] = panels(1, 2, 3.4)
    ticks = [float(10**power) for power in range(3, 8)]
    kinds = {
        "messages": ("chat", "o"),
        "conversations": ("redis", "s"),
        "users": ("nats", "^"),
        "all": ("mosquitto", "D"),
    }
    names = {"all": "1 M users"}
    for axes, key, title, scale in (
        (grid[0], "srv_cpu_us_per_req", "CPU for each request, durable", 1.0),
        (grid[1], "own_bytes", "The server's own memory", 2.0**-20),
    ):
        axes.set_title(title)
        ends: dict[str, tuple[Points, str]] = {}
        for kind, (colour, marker) in kinds.items():
            middles = [
                (float(point.split(": ")[1]), results.median("growth", "chat-durable", key, point))
                for point in growth_sizes()
                if point.startswith(f"{kind}: ")
            ]
            points = [(x, y * scale) for x, y in middles if y]
            if points:
                axes.plot(*zip(*points, strict=True), color=COLOURS[colour][0], marker=marker)
                ends[names.get(kind, kind)] = (points, COLOURS[colour][0])
        # All at the edge: those of shorter lines would stand in the way of longer ones.
        spread_labels(axes, [(name, ticks[-1], points[-1][1], colour) for name, (points, colour) in ends.items()])
        logarithmic(axes, ticks, time_text if scale == 1.0 else memory_text)
        if scale == 1.0:
            axes.set_yscale("linear")
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: time_text(value)))
        axes.set_xlabel("users, conversations or messages")
    return figure


def sweep(results: Results, stage: str, server: str, key: str) -> Points:
    points = {str(row["point"]) for row in results.of(stage) if row["server"] == server}
    middles = [(float(point), results.median(stage, server, key, point)) for point in points]
    return sorted((x, y) for x, y in middles if y)


def draw(axes: Axes, server: str, points: Points, labels: dict[str, Points] | None, *, dashed: bool = False) -> None:
    if not points:
        return
    _, colour, marker = LINES[server]
    ours = server.startswith("chat")
    axes.plot(
        *zip(*points, strict=True),
        color=COLOURS[colour][0],
        marker=None if dashed else marker,
        linestyle=(0, (3, 2)) if dashed else "solid",
        linewidth=(2.2 if ours else 1.3) * (0.6 if dashed else 1),
        zorder=3 if ours else 2,
    )
    if labels is not None:
        labels[server] = points


def label(axes: Axes, lines: dict[str, Points]) -> None:
    """Names each line at its end."""
    spread_labels(
        axes, [(LINES[server][0], *points[-1], COLOURS[LINES[server][1]][0]) for server, points in lines.items()]
    )
