"""``python -m chat`` and ``python -m chat.client``, the docstrings and the READMEs."""

from __future__ import annotations

import doctest
import importlib
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from player import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_a_server_and_a_client_on_the_command_line(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    serve = [sys.executable, "-m", "chat", "--demo", "--port", "0", "--data", data]
    server = subprocess.Popen(serve, stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert server.stderr
    port = server.stderr.readline().rpartition(":")[2].strip()
    talk = [sys.executable, "-W", "error", "-m", "chat.client", "127.0.0.1", port]
    lines = "auth messi surabaya\nsend messi Halo!\ninbox\nlogout\n"
    client = subprocess.run(  # noqa: S603
        talk, input=lines, capture_output=True, text=True, timeout=30, check=True
    )
    assert "message sent to messi" in client.stdout
    assert '"msg": " Halo!\\r\\n"' in client.stdout
    assert "Logout success!" in client.stdout
    assert client.stderr == ""
    nobody = subprocess.run(  # noqa: S603
        [*talk[:-1], "1"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (nobody.returncode, nobody.stderr.count("\n")) == (1, 1)
    again = subprocess.run(serve, capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    assert again.returncode == 1
    assert "is in use by another process" in again.stderr
    server.send_signal(signal.SIGINT)
    assert server.wait(30) == 0
    server.stderr.close()


@pytest.mark.parametrize("module", ["chat", "chat.errors", "chat._course", "chat.aio"])
def test_docstrings(module: str) -> None:
    outcome = doctest.testmod(importlib.import_module(module))
    assert outcome.failed == 0
    assert outcome.attempted > 0


@pytest.mark.parametrize("readme", ["README.md", "chat-py/README.md"])
def test_readmes(readme: str) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / readme).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, readme, "exec"), {})  # noqa: S102
