"""What makes figures of rows. In `bench`: `python3 -m unittest comparison.tests`."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

from .fill import Size, lines
from .goals import by, goals
from .loads import Lab
from .report import TABLES, filled
from .results import Results, Row
from .stores import crowd, growth_sizes
from .tables import cells


def row(server: str, rep: int, rate: float, errors: int = 0) -> Row:
    place = {"stage": "c64", "server": server, "part": "", "point": "", "rep": rep}
    return place | {"rate": rate, "errors": errors, "foreign": 0.0}


class Figures(unittest.TestCase):
    def test_a_run_that_failed_has_no_figures_until_it_is_made_again(self) -> None:
        failed = row("redis", 1, 1.0, errors=2)
        self.assertEqual(Results([row("redis", 0, 10.0), failed]).values("c64", "redis", "rate"), [10.0])
        again = Results([row("redis", 0, 10.0), failed, row("redis", 1, 30.0)])
        self.assertEqual(again.median("c64", "redis", "rate"), 20.0)
        self.assertEqual(len(again.of("c64", "redis")), 2)

    def test_a_cell_has_the_median_and_the_range(self) -> None:
        rows = [row("redis", rep, rate) for rep, rate in enumerate([90.0, 1100.0, 130.0])]
        self.assertEqual(cells(rows, ("rate", "", 0)), "130 (90 – 1,100)")
        self.assertEqual(cells(rows[:1], ("rate", "", 1)), "90.0")
        self.assertEqual(cells(rows, ("p50_us", "", 0)), "–")

    def test_ratios_are_to_the_better_rival_of_the_same_round(self) -> None:
        rates = {"chat-durable": [100.0, 50.0], "redis-always": [50.0, 25.0], "jetstream": [40.0, 20.0]}
        results = Results([row(server, rep, rate) for server, known in rates.items() for rep, rate in enumerate(known)])
        measured = by("c64", "chat-durable", "rate", "redis-always", "jetstream", best=max)
        self.assertEqual(measured(results), [2.0, 2.0])
        self.assertEqual(measured(Results([row("chat-durable", 0, 1.0)])), [])
        self.assertEqual(measured(Results([row("chat-durable", 0, 1.0), row("redis-always", 0, 1.0)])), [])

    def test_goals_are_met_at_their_limit_unless_strict(self) -> None:
        for goal in goals():
            worse = goal.limit * (0.99 if goal.floor else 1.01)
            self.assertFalse(goal.is_met(worse), goal)
            self.assertEqual(goal.is_met(goal.limit), not goal.strict, goal)

    def test_tables_stand_between_their_markers(self) -> None:
        page = "".join(f"<!-- compare: {name} -->old<!-- compare: end of {name} -->\nby hand\n" for name in TABLES)
        made = filled(page, Results([row("chat", 0, 12345.0)]))
        self.assertNotIn("old", made)
        self.assertEqual(made.count("by hand"), len(TABLES))
        self.assertIn("| chat, memory | 12,345 |", made)
        self.assertEqual(filled(made, Results([row("chat", 0, 12345.0)])), made)
        self.assertRaises(SystemExit, filled, "no markers", Results([]))


class Loads(unittest.TestCase):
    def test_trials_are_smaller(self) -> None:
        self.assertEqual(Lab(Path()).arguments("idle -c 10000", 0, 0), ["idle", "-c", "10000"])
        self.assertEqual(Lab(Path(), 0.01).arguments("idle -c 10000", 0, 0), ["idle", "-c", "100"])
        load = Lab(Path(), 0.5).arguments("send -c 64 -p 1", 2.0, 0.5)
        self.assertEqual(load, ["send", "-c", "64", "-p", "1", "--warm", "0.250", "--secs", "1.000"])

    def test_a_store_has_the_conversations_that_its_load_uses(self) -> None:
        for size in [*growth_sizes().values(), Size(10, 40, 100)]:
            if size.messages > 10_000:
                continue
            dump = [json.loads(line) for line in lines(size)]
            pairs = {frozenset(user["user"] for user in line["conversation"]["members"])
                     for line in dump if "conversation" in line}  # fmt: skip
            self.assertEqual(len(pairs), size.conversations, size)
            users, senders, spacing, partners = map(int, crowd(Lab(Path()), size)[1].split(","))
            names = {line["user"]["name"] for line in dump if "password" in line.get("user", {})}
            self.assertEqual(names, {f"u{number * spacing}" for number in range(senders)})
            for number in range(senders):
                for partner in range(partners):
                    first = number * spacing
                    self.assertIn(frozenset({f"u{first}", f"u{(first + 1 + partner) % users}"}), pairs)


if __name__ == "__main__":
    unittest.main()
