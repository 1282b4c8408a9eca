"""What a ``send`` costs from Python, in Rust, and in Python as the course had it.

Where chat is installed, from anywhere in the repository: ``python chat-py/benches/send.py``
"""

from __future__ import annotations

import json
import queue
import re
import statistics
import subprocess
import time
import uuid
from typing import TYPE_CHECKING, Any

from chat import Chat

if TYPE_CHECKING:
    from collections.abc import Callable

CALLS = 20_000
ROUNDS = 15
TEXT = "Sixty-four bytes of text, as a person would write it in a hurry"


def microseconds(fresh: Callable[[], tuple[Callable[[str], Any], str]]) -> float:
    """Measure the CPU time of one call: the median of some rounds, each on a fresh chat."""
    rounds = []
    for _ in range(ROUNDS):
        send, token = fresh()
        line = f"send {token} henderson {TEXT}\r\n"
        start = time.process_time()
        for _ in range(CALLS):
            send(line)
        rounds.append((time.process_time() - start) * 1e6 / CALLS)
    return statistics.median(rounds)


def ours() -> tuple[Callable[[str], Any], str]:
    """Make a chat of ours."""
    chat = Chat()
    return chat.proses, chat.proses("auth messi surabaya")["tokenid"]


def in_python() -> tuple[Callable[[str], Any], str]:
    """Make a chat as the course had it: dicts, a queue for each sender, and json for the answer."""
    users: dict[str, dict[str, Any]] = {
        "messi": {"nama": "Lionel Messi", "incoming": {}, "outgoing": {}},
        "henderson": {"nama": "Jordan Henderson", "incoming": {}, "outgoing": {}},
    }
    token = str(uuid.uuid4())
    sessions = {token: {"username": "messi"}}

    def send(data: str) -> str:
        words = data.split(" ")
        session, to, message = words[1].strip(), words[2].strip(), ""
        for word in words[3:]:
            message = f"{message} {word}"
        sender = sessions[session]["username"]
        entry = {
            "msg_from": users[sender]["nama"],
            "msg_to": users[to]["nama"],
            "msg": message,
        }
        users[sender]["outgoing"].setdefault(sender, queue.Queue()).put(entry)
        users[to]["incoming"].setdefault(sender, queue.Queue()).put(entry)
        return json.dumps({"status": "OK", "message": "Message Sent"})

    return send, token


def in_rust() -> float:
    """Let Criterion measure the same call in Rust, in microseconds."""
    command = ["cargo", "bench", "-q", "-p", "chat-lib", "--bench", "layers", "--"]
    options = ["--output-format=bencher", "line/answer_send"]
    output = subprocess.check_output([*command, *options], text=True)  # noqa: S603
    (nanoseconds,) = re.findall(r"bench: +([\d,]+) ns/iter", output)
    return int(nanoseconds.replace(",", "")) / 1000


def main() -> None:
    """Print all three."""
    rust = in_rust()
    python, course = microseconds(ours), microseconds(in_python)
    print(f"Rust: {rust:.2f} us; Chat.proses: {python:.2f} us, {python - rust:+.2f} us")  # noqa: T201
    print(f"pure Python: {course:.2f} us, {course / python:.2f} times Chat.proses")  # noqa: T201


if __name__ == "__main__":
    main()
