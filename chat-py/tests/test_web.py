"""The page and the WebSocket that a server has for browsers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from chat import Chat, Client, Server, errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGE = "<!doctype html><title>A page</title>"


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Return a folder with a page."""
    (tmp_path / "index.html").write_text(PAGE)
    return tmp_path


@pytest.fixture
def room() -> Iterator[Chat]:
    with Chat() as room:
        yield room


def websocket(server: Server, origin: str | None = None) -> ClientConnection:
    assert server.web_address
    host, port = server.web_address
    headers = {"Origin": origin} if origin else None
    return connect(f"ws://{host}:{port}/ws", additional_headers=headers, open_timeout=30)


def ask(browser: ClientConnection, method: str, **params: str) -> dict[str, Any]:
    """Return the result of a request of protocol 2."""
    browser.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    result: dict[str, Any] = json.loads(browser.recv(30))["result"]
    return result


def test_a_browser_and_a_client_talk(room: Chat, page: Path) -> None:
    with Server(room, web=True, web_page=page) as server:
        assert server.web_address
        host, port = server.web_address
        assert server.web_url == f"http://{host}:{port}/"
        assert (host, port != server.address[1]) == ("127.0.0.1", True)
        answer = httpx.get(server.web_url)
        assert (answer.status_code, answer.text) == (200, PAGE)
        with websocket(server) as browser, Client(*server.address) as client:
            assert ask(browser, "login", user="messi", password="surabaya")["user"] == "messi"
            ask(browser, "send", to="henderson", text="halo")
            inbox = client.login("henderson", "surabaya").inbox()
            assert [message.text for message in inbox] == ["halo"]


@pytest.mark.parametrize("web", ["127.0.0.1:0", "localhost:0", ("127.0.0.1", 0)])
def test_an_address_of_ones_own(room: Chat, page: Path, web: str | tuple[str, int]) -> None:
    with Server(room, web=web, web_page=str(page)) as server:
        assert server.web_url
        assert httpx.get(server.web_url).text == PAGE


def test_the_librarys_page(room: Chat) -> None:
    with Server(room, web=True) as server:
        assert server.web_url
        assert "<title>Chat</title>" in httpx.get(server.web_url).text


def test_the_websocket_alone(room: Chat) -> None:
    for nothing in (None, False):
        with Server(room, web=True, web_page=nothing) as server:
            assert server.web_url
            assert httpx.get(server.web_url).status_code == 404
            with websocket(server) as browser:
                assert ask(browser, "ping") == {}


def test_pages_of_other_sites(room: Chat) -> None:
    origins = ["https://example.org", "http://localhost:3000"]
    with Server(room, web=True, web_page=None, web_origins=origins) as server:
        for origin in origins:
            with websocket(server, origin) as browser:
                assert ask(browser, "ping") == {}
        with pytest.raises(InvalidStatus) as refused:
            websocket(server, "https://example.net")
        assert refused.value.response.status_code == 403


def test_no_browsers(room: Chat) -> None:
    for nowhere in (None, False):
        with Server(room, web=nowhere) as server:
            assert (server.web_address, server.web_url) == (None, None)


@pytest.mark.parametrize(
    ("options", "raised", "told"),
    [
        ({"web": 1}, TypeError, "web is a bool, 'HOST:PORT' or"),
        ({"web": ("127.0.0.1", 70_000)}, OverflowError, "out of range"),
        ({"web": "127.0.0.1"}, errors.NetworkError, "web is HOST:PORT"),
        ({"web": "::1:8080"}, errors.NetworkError, "web is HOST:PORT"),
        ({"web": "127.0.0.1:http"}, errors.NetworkError, "web is HOST:PORT"),
        ({"web": "0.0.0.0:0"}, errors.Cleartext, "0.0.0.0:0"),
        ({"web": True, "web_page": ""}, ValueError, "web_page is empty"),
        ({"web": True, "web_page": 1}, TypeError, "web_page is a folder"),
        ({"web": True, "web_page": "/nowhere/page"}, errors.NetworkError, "/nowhere/page: "),
        ({"web": True, "web_origins": ["example.org"]}, ValueError, "'example.org': expected an"),
        ({"web": True, "web_origins": "https://example.org"}, TypeError, "Can't extract"),
        ({"web_page": None}, ValueError, "but not web"),
        ({"web": False, "web_origins": ["https://example.org"]}, ValueError, "but not web"),
    ],
)
def test_mistakes(options: dict[str, Any], raised: type[Exception], told: str) -> None:
    with Chat.memory() as room, pytest.raises(raised, match=told):
        Server(room, **options)


def test_on_the_command_line() -> None:
    serve = [sys.executable, "-m", "chat", "--demo", "--port", "0", "--web"]
    server = subprocess.Popen([*serve, "127.0.0.1:0"], stderr=subprocess.PIPE, text=True)  # noqa: S603
    assert server.stderr
    server.stderr.readline()
    told, _space, url = server.stderr.readline().rstrip().rpartition(" ")
    assert told == "chat: browsers can open"
    assert "<title>Chat</title>" in httpx.get(url).text
    with connect(f"{url.replace('http', 'ws')}ws", open_timeout=30) as browser:
        assert ask(browser, "login", user="messi", password="surabaya")["user"] == "messi"
    server.send_signal(signal.SIGINT)
    _out, err = server.communicate(timeout=30)
    assert (server.returncode, err) == (0, "")
    wrong = subprocess.run(  # noqa: S603
        [*serve, "localhost"], capture_output=True, text=True, timeout=30, check=False
    )
    assert (wrong.returncode, wrong.stderr.count("\n")) == (1, 1)
    assert "chat: web is HOST:PORT" in wrong.stderr
