"""How a plot looks: panels, labels at the ends of lines, and SVG that follows the reader's light or dark theme."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

# Name: on a light and on a dark ground. All have a contrast of 4.5 there, and people who see fewer colours can tell
# neighbours apart; names stand at the lines besides.
COLOURS = {
    "ink": ("#24292f", "#d6dbe0"),
    "faint": ("#d8dee4", "#373e47"),
    "chat": ("#0060a8", "#58a6ff"),
    "echo": ("#6a737c", "#99a3ad"),
    "redis": ("#c04700", "#ff8f52"),
    "nats": ("#00775a", "#30c89c"),
    "mosquitto": ("#a33c82", "#e58bc6"),
    "inspircd": ("#876000", "#dfae3c"),
    "ngircd": ("#7b4b2b", "#c79b7a"),
}
FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', sans-serif"

matplotlib.use("svg")
matplotlib.rcParams.update(
    {
        "svg.hashsalt": "chat",
        "svg.fonttype": "none",
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlecolor": COLOURS["ink"][0],
        "axes.edgecolor": COLOURS["ink"][0],
        "axes.labelcolor": COLOURS["ink"][0],
        "xtick.color": COLOURS["ink"][0],
        "ytick.color": COLOURS["ink"][0],
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.6,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.axisbelow": True,
        "grid.color": COLOURS["faint"][0],
        "grid.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "lines.linewidth": 1.4,
        "lines.markersize": 3.5,
        "lines.solid_capstyle": "round",
    }
)

LABEL_GAP = 10.5
"""Points between labels, so that none covers another."""


def svg(figure: Figure, title: str) -> str:
    """The figure as a file that is the same each time, with colours that a theme can change."""
    for axes in figure.axes:
        if not axes.lines:
            axes.text(0.5, 0.5, "not measured yet", transform=axes.transAxes, ha="center", color=COLOURS["ink"][0])
        few_ticks(axes)
        place_labels(axes)
    file = io.StringIO()
    figure.savefig(
        file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None}
    )
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    # Names of groups, indents and fonts: half of the file.
    text = re.sub(r' id="(?:text|line2d|patch|xtick|ytick|matplotlib|figure|axes)[^"]*"', "", text)
    text = re.sub(r"\n\s+", "\n", text)
    for name, (light, _) in COLOURS.items():
        text = text.replace(f": {light}", f": var(--{name}, {light})")
    text = re.sub(r"font-family: [^;]+; | transform=\"rotate\(-0 [^)]*\)\"", "", text)
    light, dark = ("; ".join(f"--{name}: {pair[index]}" for name, pair in COLOURS.items()) for index in (0, 1))
    theme = f"@media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}"
    style = f"<style>svg {{ font-family: {FONT}; {light} }} {theme}</style>"
    head = re.search(r"<svg [^>]*>", text)
    assert head, "matplotlib writes an svg element"
    opening = head[0][:-1] + f' role="img" aria-label="{title}">'
    return text.replace(head[0], f"{opening}\n <title>{title}</title>\n {style}", 1)


def panels(rows: int, columns: int, height: float) -> tuple[Figure, list[list[Axes]]]:
    figure = Figure(figsize=(8.6, height))
    grid = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(left=0.065, right=0.89, bottom=0.55 / height, top=1 - 0.3 / height, wspace=0.52, hspace=0.3)
    return figure, [list(row) for row in grid]


def spread_labels(axes: Axes, ends: list[tuple[str, float, float, str]]) -> None:
    """Keeps what labels need, for when the scales are known."""
    axes.ends = ends  # type: ignore[attr-defined]


def few_ticks(axes: Axes) -> None:
    """Three to seven ticks on a logarithmic axis, however far it reaches."""
    low, high = axes.get_ylim()
    if axes.get_yscale() == "log":
        decades = math.log10(high / low)
        steps = (1, 2, 5) if decades < 1.7 else (1, 3) if decades < 2.7 else (1,)
        axes.yaxis.set_major_locator(LogLocator(10, subs=steps) if decades > 0.7 else MaxNLocator(5))


def place_labels(axes: Axes) -> None:
    """Writes the labels, moved up where one would cover another."""
    ends = getattr(axes, "ends", [])
    dots = 72 / axes.figure.dpi
    placed = sorted((axes.transData.transform((x, y))[1] * dots, name, x, y, colour) for name, x, y, colour in ends)
    heights = [height for height, *_ in placed]
    for _ in range(50):
        for index in range(1, len(heights)):
            overlap = LABEL_GAP - (heights[index] - heights[index - 1])
            if overlap > 0.01:
                heights[index - 1] -= overlap / 2
                heights[index] += overlap / 2
    for height, (at, name, x, y, colour) in zip(heights, placed, strict=True):
        axes.annotate(
            name,
            (x, y),
            xytext=(7, height - at),
            textcoords="offset points",
            color=colour,
            va="center",
            fontweight="bold" if name == "chat" else "normal",
            annotation_clip=False,
        )


def logarithmic(axes: Axes, ticks: list[float], unit: Callable[[float], str]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count_text(value)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: unit(value)))


def align(row: list[Axes]) -> None:
    """Gives panels that stand side by side one scale, so that heights can be compared."""
    drawn = [axes for axes in row if axes.lines]
    if drawn:
        low, high = (edge(axes.get_ylim()[index] for axes in drawn) for index, edge in enumerate((min, max)))
        for axes in row:
            axes.set_ylim(low, high)


def count_text(value: float) -> str:
    for size, unit in ((1e6, " M"), (1e3, " k")):
        if value >= size and (value >= 10_000 or size > 1e3):
            return f"{value / size:g}{unit}"
    return f"{value:,.0f}"


def time_text(us: float) -> str:
    if us >= 1e6:
        return f"{us / 1e6:g} s"
    return f"{us / 1e3:g} ms" if us >= 1e3 else f"{us:g} µs"


def memory_text(mib: float) -> str:
    return f"{mib / 1024:g} GiB" if mib >= 1024 else f"{mib:g} MiB"
