"""What an installed wheel does to other projects."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("command", [["-m", "pytest"], ["-c", "import pytest; pytest.main()"]])
@pytest.mark.parametrize("name", ["chat.py", "chat/__init__.py"])
def test_a_project_with_a_chat_of_its_own(tmp_path: Path, name: str, command: list[str]) -> None:
    """With the package installed, pytest ended with ``No module named 'chat.pytest_plugin'`` in
    every project that has a ``chat`` of its own.
    """
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("MINE = True\n")
    test = "import chat\n\n\ndef test() -> None:\n    assert chat.MINE\n"
    (tmp_path / "test_mine.py").write_text(test)
    assert "1 passed" in run_pytest(tmp_path, *command)


def test_a_project_that_uses_the_fixture(tmp_path: Path) -> None:
    test = "def test(chat_server):\n    chat_server.connect().login('messi', 'surabaya')\n"
    (tmp_path / "test_theirs.py").write_text(test)
    assert "1 passed" in run_pytest(tmp_path, "-m", "pytest")


def run_pytest(project: Path, *command: str) -> str:
    (project / "pytest.ini").write_text("[pytest]\naddopts = -W error -p no:cacheprovider\n")
    run = subprocess.run(  # noqa: S603
        [sys.executable, *command],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return run.stdout + run.stderr
