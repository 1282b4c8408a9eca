"""Clients over TLS, to servers whose TLS is Python's own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from chat import Chat, ChatClient, Client, Message, Server, errors
from chat.aio import AsyncClient

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def certificate(folder: Path, name: str) -> Path:
    """Make a certificate for a name, which is its own issuer, and its key in the same file."""
    made = folder / f"{name}.pem"
    options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=test", "-addext", f"subjectAltName=DNS:{name}"]
    use = ["-addext", "basicConstraints=critical,CA:FALSE", "-days", "2"]
    files = ["-keyout", str(folder / "key"), "-out", str(made)]
    command = ["openssl", "req", "-x509", *options, *names, *use, *files]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    made.write_bytes(made.read_bytes() + (folder / "key").read_bytes())
    return made


@contextlib.contextmanager
def encrypted(server: Server, identity: Path) -> Iterator[int]:
    """Take encrypted connections for a server; yields the port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity)
    loop = asyncio.new_event_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(*server.address)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    listening = asyncio.start_server(accept, "127.0.0.1", ssl=context)
    front = loop.run_until_complete(listening)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield front.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        front.close()
        _end_all(loop)


def _end_all(loop: asyncio.AbstractEventLoop) -> None:
    for task in asyncio.all_tasks(loop):
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture
def identity(tmp_path: Path) -> Path:
    return certificate(tmp_path, "localhost")


def test_a_session_over_tls(identity: Path) -> None:
    with Server(Chat()) as server, encrypted(server, identity) as port:
        with Client(f"chats://localhost:{port}", ca=identity) as client:
            messi = client.login("messi", "surabaya")
            with messi.events() as events:
                messi.send("messi", "x" * 40_000)
                event = events.next(30)
                assert isinstance(event, Message)
                assert event.text == "x" * 40_000
        with ChatClient(f"chats://localhost:{port}", ca=identity) as course:
            assert course.proses("auth messi surabaya").startswith("username messi logged in")
            assert course.proses("logout") == "Logout success!"


def test_a_session_over_tls_in_an_event_loop(identity: Path) -> None:
    async def main(port: int) -> None:
        async with await AsyncClient.connect(f"chats://localhost:{port}", ca=identity) as client:
            messi = await client.login("messi", "surabaya")
            async with messi.events() as events:
                await messi.send("messi", "x" * 40_000)
                event = await events.next(30)
                assert isinstance(event, Message)
                assert event.text == "x" * 40_000

    with Server(Chat()) as server, encrypted(server, identity) as port:
        asyncio.run(main(port))


def test_servers_that_are_not_trusted(identity: Path, tmp_path: Path) -> None:
    other = certificate(tmp_path, "chat.example.org")
    cases = [
        (other, "for chat.example.org, not for localhost", "Hostname mismatch"),
        (identity, "an authority that is not trusted here", "self-signed certificate"),
        (None, "an authority that is not trusted here", "self-signed certificate"),
    ]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        shaking = threading.Thread(target=shake_hands, args=(listener, other, 2 * len(cases)))
        shaking.start()
        address = f"chats://localhost:{listener.getsockname()[1]}"
        for ca, reason, python_reason in cases:
            with pytest.raises(errors.TlsError, match=reason) as raised:
                Client(address, ca=ca)
            assert raised.value.code == "tls"
            with pytest.raises(errors.TlsError, match=python_reason):
                asyncio.run(AsyncClient.connect(address, ca=ca))
        shaking.join()


def shake_hands(listener: socket.socket, identity: Path, count: int) -> None:
    """Do the TLS handshake with so many clients, and no more."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity)
    for _ in range(count):
        peer, _address = listener.accept()
        with contextlib.suppress(OSError), context.wrap_socket(peer, server_side=True):
            pass


def test_addresses_without_tls(identity: Path) -> None:
    with Server(Chat()) as server:
        host, port = server.address
        for address in (f"{host}:{port}", f"chat://{host}:{port}"):
            with Client(address) as client:
                client.login("messi", "surabaya")
            asyncio.run(_log_in(address))
        encrypted_address = f"chats://{host}:{port}"
        with pytest.raises(errors.TlsError, match="does not speak TLS"):
            Client(encrypted_address)
        with pytest.raises(errors.TlsError):
            asyncio.run(AsyncClient.connect(encrypted_address))
        # Who names a CA wants no connection in clear.
        with pytest.raises(errors.TlsError, match=f"chats://{host}:{port}"):
            Client(host, port, ca=identity)
        with pytest.raises(errors.TlsError, match=f"chats://{host}:{port}"):
            asyncio.run(AsyncClient.connect(host, port, ca=identity))
    for wrong in ("chats://", "http://localhost", "localhost:x"):
        with pytest.raises(errors.NetworkError, match="an address is"):
            Client(wrong)
        with pytest.raises(errors.NetworkError, match="an address is"):
            asyncio.run(AsyncClient.connect(wrong))


async def _log_in(address: str) -> None:
    async with await AsyncClient.connect(address) as client:
        await client.login("messi", "surabaya")


def test_a_ca_file_that_is_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for path, kind in ((empty, errors.TlsError), (tmp_path / "none.pem", errors.NetworkError)):
        with pytest.raises(kind, match=path.name):
            Client("chats://localhost:1", ca=path)
        with pytest.raises(kind, match=path.name):
            asyncio.run(AsyncClient.connect("chats://localhost:1", ca=path))


def test_the_client_for_a_terminal(identity: Path) -> None:
    talk = [sys.executable, "-W", "error", "-m", "chat.client"]
    with Server(Chat()) as server, encrypted(server, identity) as port:
        command = [*talk, f"chats://localhost:{port}", "--ca", str(identity)]
        done = subprocess.run(  # noqa: S603
            command, input="auth messi surabaya\n", capture_output=True, text=True, check=True
        )
        assert "username messi logged in" in done.stdout
        done = subprocess.run(  # noqa: S603
            [*talk, f"chats://localhost:{port}"], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stderr.startswith(f"chat: chats://localhost:{port}: ")
    assert "certificate" in done.stderr
