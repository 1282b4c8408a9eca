"""The example of a site: a real server, and two browsers that speak its WebSocket."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from player import ROOT
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SITE = ROOT / "chat-py/examples/site"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.syspath_prepend(str(SITE))
    with serve(tmp_path) as address:
        yield address


@contextlib.contextmanager
def serve(data: Path) -> Iterator[str]:
    from app import make_app  # noqa: PLC0415

    server = uvicorn.Server(uvicorn.Config(make_app(data), log_level="warning"))
    # Whoever connects before it has started waits for it.
    listener = socket.create_server(("127.0.0.1", 0))
    serving = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    serving.start()
    try:
        host, port = listener.getsockname()
        yield f"{host}:{port}"
    finally:
        server.should_exit = True
        serving.join(30)


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    assert "httponly" in answer.headers["set-cookie"].lower()
    return {"Cookie": f"session={answer.cookies['session']}"}


def register(site: str, user: str, full_name: str) -> dict[str, str]:
    fields = {"user": user, "password": "secret", "full_name": full_name}
    return cookie_of(httpx.post(f"http://{site}/register", json=fields))


def log_in(site: str, user: str, password: str) -> httpx.Response:
    return httpx.post(f"http://{site}/login", json={"user": user, "password": password})


class Browser:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.socket.recv(30))
        return found

    def tell(self, **message: object) -> None:
        self.socket.send(json.dumps(message))


@contextlib.contextmanager
def browser_at(site: str, cookie: dict[str, str]) -> Iterator[Browser]:
    with connect(f"ws://{site}/live", additional_headers=cookie) as socket:
        yield Browser(socket)


def test_two_users_talk(site: str, tmp_path: Path) -> None:
    ana, bea = register(site, "ana", "Ana Lima"), register(site, "bea", "Bea Souza")
    with browser_at(site, ana) as hers, browser_at(site, bea) as theirs:
        assert hers.told() == theirs.told() == {"history": [], "unread": 0}
        hers.tell(text=HOSTILE)
        for browser, unread in [(hers, 0), (theirs, 1)]:
            told = browser.told()
            message = told["message"]
            assert (message["name"], message["text"]) == ("Ana Lima", HOSTILE)
            assert told["unread"] == unread
        for number in range(59):
            hers.tell(text=str(number))
        assert [theirs.told()["unread"] for _ in range(59)] == list(range(2, 61))
        theirs.tell(text="Halo Ana")
        answer = [hers.told() for _ in range(60)][-1]
        assert (answer["message"]["text"], answer["unread"]) == ("Halo Ana", 1)
        hers.tell(read=answer["message"]["id"])
        assert hers.told() == {"unread": 0}
        for wrong in ["{", json.dumps({"text": "x" * 100_000})]:
            hers.socket.send(wrong)
            assert "error" in hers.told()
    # The badge is the session's, wherever it is looked at from: on another device, for example.
    with browser_at(site, cookie_of(log_in(site, "bea", "secret"))) as elsewhere:
        told = elsewhere.told()
        assert [message["text"] for message in told["history"]] == [
            *(str(number) for number in range(10, 59)),
            "Halo Ana",
        ]
        assert told["unread"] == 60
        elsewhere.tell(read=told["history"][-1]["id"])
        assert elsewhere.told() == {"unread": 0}
    with contextlib.closing(sqlite3.connect(tmp_path / "site.db")) as database:
        names = database.execute("SELECT name FROM users ORDER BY name").fetchall()
    assert names == [("ana",), ("bea",)]


def test_who_is_let_in(site: str) -> None:
    register(site, "ana", "Ana Lima")
    assert log_in(site, "ana", "guessed").status_code == 403
    assert log_in(site, "nobody", "secret").status_code == 403
    again = {"user": "ana", "password": "mine", "full_name": "Ana"}
    assert httpx.post(f"http://{site}/register", json=again).status_code == 409
    for cookie in [{}, {"Cookie": "session=609107b0-9f49-4d74-8195-f66446cd56e5"}]:
        with pytest.raises(InvalidStatus), browser_at(site, cookie):
            pass


def test_what_was_said_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SITE))
    with serve(tmp_path) as site:
        cookie = register(site, "ana", "Ana Lima")
        with browser_at(site, cookie) as browser:
            browser.told()
            browser.tell(text="remember this")
            browser.told()
    with serve(tmp_path) as site, browser_at(site, cookie) as browser:
        assert [message["text"] for message in browser.told()["history"]] == ["remember this"]


def test_the_page_shows_texts_as_texts(site: str) -> None:
    page = httpx.get(f"http://{site}/").text
    assert "textContent" in page
    assert not any(unsafe in page for unsafe in ["innerHTML", "insertAdjacent", "document.write"])


def test_its_program_starts() -> None:
    program = [sys.executable, "-c", "import app; print(app.ROOM)"]
    run = subprocess.run(  # noqa: S603
        program, cwd=SITE, capture_output=True, text=True, timeout=60, check=False
    )
    assert (run.stdout, run.stderr) == ("#lounge\n", "")
