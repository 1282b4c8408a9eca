"""Where things are in the repository."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target")).resolve()
CHAT_SERVER = Path(os.environ.get("CHAT_SERVER", TARGET / "release" / "chat-server")).resolve()
LOADGEN = TARGET / "release" / "loadgen"
ECHO = TARGET / "release" / "echo"

PAGE = REPOSITORY / "docs" / "performance.md"
"""The page whose tables are made."""
PICTURES = REPOSITORY / "docs" / "performance"
RESULTS = PICTURES / "results.jsonl"
