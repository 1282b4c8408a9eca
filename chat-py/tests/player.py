"""Plays the project's transcripts: dialogues to the byte, with a server that has the demo users."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(os.environ.get("CHAT_ROOT", Path(__file__).resolve().parents[2]))
PLACEHOLDER = r"(\$(?:T\d+|run|any))"
TRANSCRIPTS = sorted((ROOT / "chat-lib/tests/transcripts").iterdir())


class Wire(Protocol):
    """One connection to what is tested."""

    def send(self, data: bytes) -> None: ...
    def receive(self) -> bytes: ...


def play(transcript: Path, connect: Callable[[], Wire]) -> None:
    wires: dict[str, Wire] = {}
    tokens = {"$run": "1"}
    for number, line in enumerate(transcript.read_text().splitlines(), 1):
        match = re.fullmatch(r"(\w+)([<>] ?| )(.*)", line)
        if not line or line.startswith("#"):
            continue
        assert match, line
        label, mark, text = match.groups()
        if mark.startswith(">"):
            if label not in wires:
                wires[label] = connect()
            wires[label].send(_unescape(_with_tokens(text, tokens)))
        elif mark.startswith("<"):
            _check(f"{transcript.name}:{number}", wires[label].receive(), text, tokens)
        else:
            del wires[label]


def _check(where: str, answer: bytes, wanted: str, tokens: dict[str, str]) -> None:
    pattern = b""
    for piece in re.split(PLACEHOLDER, wanted):
        if not re.fullmatch(PLACEHOLDER, piece):
            pattern += re.escape(_unescape(piece))
        elif piece == "$any":
            pattern += rb'(?:[^"\\]|\\.)*'
        elif piece in tokens:
            pattern += tokens[piece].encode()
        else:
            pattern += b"(?P<%s>[0-9a-f-]{36})" % piece[1:].encode()
    match = re.fullmatch(pattern, answer, re.DOTALL)
    assert match, f"{where}: wanted {wanted}, got {answer!r}"
    tokens |= {f"${name}": token.decode() for name, token in match.groupdict().items()}


def _with_tokens(text: str, tokens: dict[str, str]) -> str:
    return re.sub(PLACEHOLDER, lambda match: tokens[match[0]], text)


def _unescape(text: str) -> bytes:
    plain = {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}
    return re.sub(
        rb"\\(x[0-9a-fA-F]{2}|.)",
        lambda match: plain.get(match[1]) or bytes.fromhex(match[1][1:].decode()),
        text.encode(),
    )
