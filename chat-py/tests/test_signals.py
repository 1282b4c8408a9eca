"""Ctrl-C ends every wait."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

WAITS = {
    "a server's join": "chat.Server(chat.Chat()).join()",
    "a server's end": """
with chat.Server(chat.Chat()) as server:
    print("waiting", flush=True)
    server.join()
""",
    "a client's answer": """
import socket
silent = socket.create_server(("127.0.0.1", 0))
client = chat.Client(*silent.getsockname())
print("waiting", flush=True)
client.login("messi", "surabaya")
""",
    "a session's block": """
import socket
silent = socket.create_server(("127.0.0.1", 0))
client = chat.Client(*silent.getsockname())
print("waiting", flush=True)
with client.session("609107b0-9f49-4d74-8195-f66446cd56e5", "messi") as messi:
    messi.inbox()
""",
    "an answer, by a handler that closes": """
import signal, socket
silent = socket.create_server(("127.0.0.1", 0))
client = chat.Client(*silent.getsockname(), timeout=60)
def handler(number, frame):
    client.close()
    raise KeyboardInterrupt
signal.signal(signal.SIGINT, handler)
print("waiting", flush=True)
client.login("messi", "surabaya")
""",
    "events in the process": """
for event in chat.Chat().login("messi", "surabaya").events():
    print(event)
""",
    "events on a server": """
room = chat.Chat()
server = chat.Server(room)
client = chat.Client(*server.address)
events = client.session(room.login("messi", "surabaya").token, "messi").events()
print("waiting", flush=True)
events.next(60)
""",
    "events of a silent server": """
import socket
silent = socket.create_server(("127.0.0.1", 0))
client = chat.Client(*silent.getsockname())
print("waiting", flush=True)
client.session("609107b0-9f49-4d74-8195-f66446cd56e5", "messi").events()
""",
    "events in a loop": """
import asyncio, chat.aio
async def main():
    async for event in chat.aio.events(chat.Chat().login("messi", "surabaya")):
        print(event)
asyncio.run(main())
""",
    "another thread's answer": """
import socket, threading
silent = socket.create_server(("127.0.0.1", 0))
client = chat.Client(*silent.getsockname(), timeout=60)
threading.Thread(target=lambda: client.login("messi", "surabaya"), daemon=True).start()
print("waiting", flush=True)
client.login("messi", "surabaya")
""",
}


@pytest.mark.parametrize("wait", WAITS)
def test_ctrl_c_ends(wait: str) -> None:
    program = f"import chat\nprint('waiting', flush=True)\n{WAITS[wait]}"
    command = [sys.executable, "-c", program]
    process = subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    for _ in range(WAITS[wait].count("waiting") + 1):
        assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _out, err = process.communicate(timeout=20)
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert process.returncode == -signal.SIGINT
