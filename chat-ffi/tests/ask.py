"""Sends text to a port of loopback, closes that side, and prints all that comes back."""

import socket
import sys
import time

deadline = time.monotonic() + 30
while True:
    try:
        peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
        break
    except ConnectionRefusedError:
        # The program that listens there was only just started.
        if time.monotonic() > deadline:
            raise
peer.sendall(sys.argv[2].encode())
answer = b""
while answer.count(b"\r\n\r\n") < sys.argv[2].count("\n"):
    answer += peer.recv(4096)
peer.close()
print(answer.decode())
