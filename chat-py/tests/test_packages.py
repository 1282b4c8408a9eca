"""What is in the wheel and the sdist, and what an installed wheel does to other projects."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest
from player import ROOT

if TYPE_CHECKING:
    from pathlib import Path

LICENCE = (ROOT / "LICENSE").read_text()


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


def test_the_licence_is_in_the_wheel_and_the_sdist(tmp_path: Path) -> None:
    """The licences ask for their text in every copy, and neither wheel nor sdist had it."""
    installed = importlib.metadata.distribution("chat")
    assert installed.metadata.get_all("License-File") == ["LICENSE"]
    assert installed.read_text("licenses/LICENSE") == LICENCE
    build = [sys.executable, "-m", "maturin", "sdist", "--out", str(tmp_path)]
    manifest = ["--manifest-path", str(ROOT / "chat-py/Cargo.toml")]
    subprocess.run([*build, *manifest], check=True, capture_output=True, timeout=60)  # noqa: S603
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        (top,) = [name for name in archive.getnames() if name.count("/") == 1 if "LICENSE" in name]
        found = archive.extractfile(top)
        assert found
        assert found.read().decode() == LICENCE
