"""The golden transcripts, through ``Chat.proses``, ``Connection`` and ``Server``."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from player import TRANSCRIPTS, play

from chat import Chat, Connection, Server

if TYPE_CHECKING:
    from pathlib import Path


class Proses:
    """What comes back is written as the course's server wrote it."""

    def __init__(self, chat: Chat) -> None:
        self.chat = chat
        self.answers: list[bytes] = []

    def send(self, data: bytes) -> None:
        # One request, whatever line ends are in it.
        answer = self.chat.proses(data.decode(errors="surrogateescape"))
        self.answers.append(f"{json.dumps(answer)}\r\n\r\n".encode())

    def receive(self) -> bytes:
        return self.answers.pop(0)


class ByteByByte:
    def __init__(self, chat: Chat) -> None:
        self.connection = Connection(chat, ("192.0.2.7", 50000))
        self.answers = b""

    def send(self, data: bytes) -> None:
        for byte in data:
            self.answers += self.connection.receive(bytes([byte]))

    def receive(self) -> bytes:
        answer, end, self.answers = self.answers.partition(b"\r\n\r\n")
        return answer + end


class Socket:
    def __init__(self, address: tuple[str, int]) -> None:
        self.socket = socket.create_connection(address, 30)
        self.file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self) -> bytes:
        return self.file.readline() + self.file.readline()

    def __del__(self) -> None:
        self.file.close()
        self.socket.close()


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_through_proses(transcript: Path) -> None:
    chat = Chat()
    play(transcript, lambda: Proses(chat))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_through_a_connection_byte_by_byte(transcript: Path) -> None:
    chat = Chat()
    play(transcript, lambda: ByteByByte(chat))


@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda path: path.stem)
def test_through_a_server(transcript: Path) -> None:
    with Chat() as chat, Server(chat) as server:
        play(transcript, lambda: Socket(server.address))


def test_they_are_there() -> None:
    assert len(TRANSCRIPTS) >= 13
