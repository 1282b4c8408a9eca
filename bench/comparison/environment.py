"""matplotlib, of exactly the version whose plots are committed, in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys

from .paths import REPOSITORY, TARGET

HOME = TARGET / "bench-plots"
REQUIREMENTS = REPOSITORY / "bench" / "requirements.txt"


def need_plots() -> None:
    """Goes on in that environment, which is made if it is not there."""
    if sys.prefix == str(HOME):
        return
    python, made = HOME / "bin" / "python", HOME / "requirements.txt"
    if not made.exists() or made.read_text() != REQUIREMENTS.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", REQUIREMENTS], check=True
        )
        made.write_text(REQUIREMENTS.read_text())
    sys.stdout.flush()
    os.execv(python, [str(python), *sys.argv])
