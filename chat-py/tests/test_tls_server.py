"""A server that encrypts, and one that does not and should."""

from __future__ import annotations

import ssl
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from chat import Chat, Client, Server, errors

if TYPE_CHECKING:
    from pathlib import Path

NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an authority, and a certificate that it has signed."""
    authority = ["-subj", "/CN=an authority", "-keyout", "ca.key", "-out", "ca.pem"]
    openssl(tmp_path, "req", "-x509", *NEW_KEY, *authority)
    request = ["-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "request.pem"]
    openssl(tmp_path, "req", *NEW_KEY, *request)
    (tmp_path / "names").write_text("subjectAltName=DNS:localhost")
    signed_by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"]
    openssl(tmp_path, "x509", "-req", "-in", "request.pem", "-out", "cert.pem", *signed_by)
    return tmp_path


def test_connections_are_encrypted(folder: Path) -> None:
    certificate, key = folder / "cert.pem", folder / "key.pem"
    with Chat() as room, Server(room, tls=(certificate, key)) as server:
        url = f"chats://localhost:{server.address[1]}"
        with Client(url, ca=folder / "ca.pem") as client:
            messi = client.login("messi", "surabaya")
            messi.send("messi", "halo")
            server.reload_certificate()
            key.rename(folder / "elsewhere")
            with pytest.raises(errors.BadCertificate, match=r"key\.pem: No such file"):
                server.reload_certificate()
            assert [message.text for message in messi.inbox()] == ["halo"]
        with Client(url, ca=folder / "ca.pem"):
            pass
        with pytest.raises(errors.ChatError):
            Client(url)


def test_browsers_are_served_over_tls(folder: Path) -> None:
    page = folder / "page"
    page.mkdir()
    (page / "index.html").write_text("A page")
    pair = (folder / "cert.pem", folder / "key.pem")
    with Chat() as room, Server(room, tls=pair, web=True, web_page=page) as server:
        assert server.web_address
        host, port = server.web_address
        assert server.web_url == f"https://{host}:{port}/"
        trusted = ssl.create_default_context(cafile=folder / "ca.pem")
        assert httpx.get(f"https://localhost:{port}/", verify=trusted).text == "A page"


def test_a_certificate_needs_its_key(folder: Path) -> None:
    with Chat() as room:
        for pair in [("cert.pem", "ca.key"), ("key.pem", "key.pem"), ("cert.pem", "none.pem")]:
            with pytest.raises(errors.BadCertificate):
                Server(room, tls=(folder / pair[0], folder / pair[1]))


def test_clear_text_on_a_network_has_to_be_allowed() -> None:
    with Chat.memory() as room:
        with pytest.raises(errors.Cleartext):
            Server(room, "0.0.0.0")  # noqa: S104
        with Server(room, "0.0.0.0", allow_cleartext=True) as server:  # noqa: S104
            server.reload_certificate()
