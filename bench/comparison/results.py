"""Rows of results: a file of JSON lines, medians and spreads."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

Row = dict[str, Any]


def line(row: Row) -> str:
    """A row in the file, without what it has no value for."""
    return json.dumps({key: value for key, value in row.items() if value is not None}, ensure_ascii=False) + "\n"


def forget(path: Path, stages: list[str]) -> None:
    """Takes all rows of some stages out of a file."""
    if path.exists():
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        kept = [row for row in rows if row.get("stage") not in stages]
        # Machines on which nothing was measured that is left.
        has_rows = any("stage" in row and row["stage"] != "flame" for row in kept)
        path.write_text("".join(line(row) for row in kept if has_rows or "stage" in row))


class Results:
    """All rows of a file; those of machines stand apart."""

    def __init__(self, rows: list[Row]) -> None:
        self.machines = [row for row in rows if "processor" in row]
        measured = [row for row in rows if "stage" in row]
        # What was measured again, since it had failed, counts as it came out the last time.
        latest = {(row["stage"], row["server"], row["part"], row["point"], row["rep"]): row for row in measured}
        self.rows = list(latest.values())

    @classmethod
    def read(cls, path: Path) -> Results:
        return cls([json.loads(line) for line in path.read_text().splitlines()] if path.exists() else [])

    def of(self, stage: str, server: str | None = None, point: str = "") -> list[Row]:
        """The rows of one point; of all servers and points, if no server is named."""
        return [
            row
            for row in self.rows
            if row["stage"] == stage and (server is None or (row["server"] == server and row["point"] == point))
        ]

    def servers(self, stage: str) -> list[str]:
        return list(dict.fromkeys(row["server"] for row in self.of(stage)))

    def values(self, stage: str, server: str, key: str, point: str = "") -> list[float]:
        return list(self.rounds(stage, server, key, point).values())

    def median(self, stage: str, server: str, key: str, point: str = "") -> float | None:
        values = self.values(stage, server, key, point)
        return statistics.median(values) if values else None

    def rounds(self, stage: str, server: str, key: str, point: str = "") -> dict[int, float]:
        """Values by repetition: those of one round were measured soon after each other."""
        rows = self.of(stage, server, point)
        return {row["rep"]: row[key] for row in rows if not row["errors"] and row.get(key) is not None}


def ratios(ours: dict[int, float], theirs: dict[int, float]) -> list[float]:
    """Ours by theirs, round by round, so that slow drifts of the machine cancel."""
    return [value / theirs[rep] for rep, value in ours.items() if theirs.get(rep)]
