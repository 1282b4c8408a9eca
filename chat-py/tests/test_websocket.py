"""How the server speaks WebSocket: cases of the Autobahn suite, with frames that are made here."""

from __future__ import annotations

import json
import os
import socket
import struct
from typing import TYPE_CHECKING

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from chat import Chat, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

PING = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping"}).encode()
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {}}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Chat() as room, Server(room, web=True, web_page=None) as server:
        yield server


class Peer:
    """A client that sends any bytes, and reads frames."""

    def __init__(self, server: Server) -> None:
        assert server.web_address
        self.socket = socket.create_connection(server.web_address, timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = StreamReader()
        self.send(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.socket.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.socket.sendall(piece)

    def read(self) -> Frame | None:
        """Return the next frame; None at the end."""
        parser = Frame.parse(self.received.read_exact, mask=False)
        while True:
            try:
                next(parser)
            except StopIteration as found:
                frame: Frame = found.value
                return frame
            data = self.socket.recv(65536)
            if not data:
                return None
            self.received.feed_data(data)

    def message(self) -> object:
        """Return the next message, in however many frames it comes."""
        whole = b""
        while frame := self.read():
            assert frame.opcode in {Opcode.TEXT, Opcode.CONT}
            whole += frame.data
            if frame.fin:
                return json.loads(whole)
        pytest.fail("the server has closed")

    def close_code(self) -> int | None:
        """Return why the server closes; None if it says nothing."""
        try:
            while frame := self.read():
                if frame.opcode is Opcode.CLOSE:
                    code: int = (
                        struct.unpack("!H", bytes(frame.data[:2]))[0] if frame.data else 1005
                    )
                    assert self.read() is None
                    return code
        except ConnectionError:
            pass
        return None


@pytest.fixture
def peer(server: Server) -> Iterator[Peer]:
    with Peer(server) as peer:
        yield peer


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    reserved: int = 0,
    mask: bytes | None = None,
) -> bytes:
    mask = os.urandom(4) if mask is None else mask
    head = bytes([fin << 7 | reserved << 4 | opcode])
    if len(payload) < 126:
        head += bytes([0x80 | len(payload)])
    elif len(payload) < 65536:
        head += struct.pack("!BH", 0x80 | 126, len(payload))
    else:
        head += struct.pack("!BQ", 0x80 | 127, len(payload))
    return head + mask + bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))


def padded(length: int) -> bytes:
    return PING + b" " * (length - len(PING))


# 1: framing, and 9: limits.
@pytest.mark.parametrize("length", [60, 125, 126, 127, 128, 65535 - 1, 65535])
@pytest.mark.parametrize("chop", [1, 7, 65536])
def test_messages_of_each_length_of_header(peer: Peer, length: int, chop: int) -> None:
    data = frame(1, padded(length))
    peer.send(
        *(data[at : at + chop] for at in range(0, min(len(data), 300 * chop), chop)),
        data[300 * chop :],
    )
    assert peer.message() == ANSWER


def test_an_empty_message_is_ignored(peer: Peer) -> None:
    peer.send(frame(1), frame(1, fin=False), frame(0), frame(1, PING))
    assert peer.message() == ANSWER


def test_a_message_that_is_too_long(peer: Peer) -> None:
    peer.send(frame(1, padded(65536)))
    answer = peer.message()
    assert isinstance(answer, dict)
    assert answer["error"]["data"]["code"] == "line_too_long"
    peer.send(frame(1, PING))
    assert peer.message() == ANSWER
    peer.send(frame(1, padded(65537)))
    assert peer.close_code() == 1009


def test_a_message_that_is_too_long_in_pieces(peer: Peer) -> None:
    peer.send(frame(1, b"[", fin=False), *(frame(0, b" " * 10_000, fin=False) for _ in range(7)))
    assert peer.close_code() == 1009


def test_a_length_without_end(peer: Peer) -> None:
    peer.send(b"\x81\xff" + b"\x7f" + b"\xff" * 7 + b"mask")
    assert peer.close_code() == 1009


# 2: pings.
@pytest.mark.parametrize("length", [0, 1, 125])
def test_a_ping_is_answered(peer: Peer, length: int) -> None:
    payload = os.urandom(length)
    peer.send(frame(9, payload))
    pong = peer.read()
    assert pong
    assert (pong.opcode, bytes(pong.data)) == (Opcode.PONG, payload)


def test_pongs_that_nobody_asked_for(peer: Peer) -> None:
    peer.send(frame(10, b"x"), frame(10), frame(1, PING))
    assert peer.message() == ANSWER


@pytest.mark.parametrize("opcode", [8, 9, 10])
def test_control_frames_are_short_and_whole(server: Server, opcode: int) -> None:
    for bad in (frame(opcode, b"x" * 126), frame(opcode, b"", fin=False)):
        with Peer(server) as peer:
            peer.send(bad)
            assert peer.close_code() == 1002


# 3: reserved bits, and 4: opcodes.
@pytest.mark.parametrize("reserved", range(1, 8))
@pytest.mark.parametrize("opcode", [1, 9])
def test_reserved_bits(peer: Peer, reserved: int, opcode: int) -> None:
    peer.send(frame(opcode, PING[:100], reserved=reserved))
    assert peer.close_code() == 1002


@pytest.mark.parametrize("opcode", [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
def test_reserved_opcodes(peer: Peer, opcode: int) -> None:
    peer.send(frame(1, PING), frame(opcode))
    assert peer.close_code() == 1002


def test_a_frame_without_mask(peer: Peer) -> None:
    peer.send(bytes([0x81, len(PING)]) + PING)
    assert peer.close_code() == 1002


def test_a_message_that_is_not_text(peer: Peer) -> None:
    peer.send(frame(2, PING))
    assert peer.close_code() == 1003


# 5: fragments.
@pytest.mark.parametrize("cut", [0, 1, 20, len(PING)])
def test_fragments(peer: Peer, cut: int) -> None:
    peer.send(frame(1, PING[:cut], fin=False), frame(9, b"between"), frame(0, PING[cut:]))
    # Pongs are sent at the end of a turn, so that the answer may come before.
    found = {each.opcode: bytes(each.data) for each in (peer.read(), peer.read()) if each}
    assert found[Opcode.PONG] == b"between"
    assert json.loads(found[Opcode.TEXT]) == ANSWER


@pytest.mark.parametrize(
    "bad",
    [
        frame(0, PING),
        frame(0, PING, fin=False),
        frame(1, PING, fin=False) + frame(1, PING),
        frame(1, PING, fin=False) + frame(0) + frame(0),
    ],
)
def test_fragments_out_of_place(peer: Peer, bad: bytes) -> None:
    peer.send(bad)
    assert peer.close_code() == 1002


# 6: UTF-8.
@pytest.mark.parametrize(
    "text", ["κόσμε", "\U0010ffff", "\ufffe\uffff", "\U00020000", "e\u0301 \u200d", "\x7f\x80"]
)
def test_texts_of_unicode(peer: Peer, text: str) -> None:
    request = json.dumps(
        {"jsonrpc": "2.0", "id": text, "method": "ping"}, ensure_ascii=False
    ).encode()
    # Each byte by itself, so that characters are cut.
    pieces = [
        frame(1 if place == 0 else 0, bytes([byte]), fin=False)
        for place, byte in enumerate(request)
    ]
    peer.send(b"".join(pieces), frame(0))
    assert peer.message() == ANSWER | {"id": text}


@pytest.mark.parametrize(
    "bad",
    [
        b"\x80",
        b"\xbf",
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xce",
        b"\xf0\x28\x8c\xbc",
    ],
)
def test_what_is_not_utf_8(server: Server, bad: bytes) -> None:
    for pieces in (
        [frame(1, b'"' + bad + b'"')],
        [frame(1, b'"' + bad[:1], fin=False), frame(0, bad[1:] + b'"')],
    ):
        with Peer(server) as peer:
            peer.send(*pieces)
            assert peer.close_code() == 1007


# 7: closing.
@pytest.mark.parametrize(
    "code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
)
def test_a_close_is_answered(peer: Peer, code: int) -> None:
    peer.send(frame(1, PING), frame(8, struct.pack("!H", code) + b"x" * 123))
    assert peer.close_code() == code


def test_a_close_without_a_code(peer: Peer) -> None:
    peer.send(frame(8))
    assert peer.close_code() == 1005


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535])
def test_codes_that_nobody_may_send(peer: Peer, code: int) -> None:
    peer.send(frame(8, struct.pack("!H", code)))
    assert peer.close_code() == 1002


@pytest.mark.parametrize(
    ("payload", "code"), [(b"x", 1002), (struct.pack("!H", 1000) + b"\xce", 1007)]
)
def test_a_close_that_is_broken(peer: Peer, payload: bytes, code: int) -> None:
    peer.send(frame(8, payload))
    assert peer.close_code() in {code, 1002}


def test_nothing_is_read_after_a_close(peer: Peer) -> None:
    peer.send(frame(8, struct.pack("!H", 1000)) + frame(1, PING) + frame(9))
    assert peer.close_code() == 1000
