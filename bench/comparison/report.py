"""Writes the tables into the page, between markers, and the plots beside it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from . import environment
from .goals import goals_table
from .results import Results
from .tables import all_tables, growth_table, machine_text, time_table

TABLES = {
    "machine": machine_text,
    "goals": goals_table,
    "growth": growth_table,
    "time": time_table,
    "tables": all_tables,
}


def filled(page: str, results: Results) -> str:
    """The page with its tables rewritten."""
    for name, table in TABLES.items():
        begin, end = f"<!-- compare: {name} -->", f"<!-- compare: end of {name} -->"
        pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
        text = f"{begin}\n\n{table(results)}\n\n{end}"
        page, count = pattern.subn(text.replace("\\", r"\\"), page)
        if count != 1:
            raise SystemExit(f"the page needs one {begin}, and {end} after it")
    return page


def write(results_file: Path, page: Path, pictures: Path, *, check: bool) -> int:
    """Makes everything; with `check`, only says what differs."""
    environment.need_plots()
    from .plots import plots  # It needs what was just looked for.

    results = Results.read(results_file)
    files = {page: filled(page.read_text(), results)}
    files |= {pictures / name: text for name, text in plots(results).items()}
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if check:
        for path in stale:
            print(f"{path.name} is not what bench/compare report makes of {results_file.name}: run it", file=sys.stderr)
        return 1 if stale else 0
    pictures.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(files[path])
        print(f"wrote {path.name}")
    return 0
