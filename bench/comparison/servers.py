"""The servers: how each is configured and started, and which protocol the load generator speaks to it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .paths import CHAT_SERVER, ECHO

USERS = ["messi", "henderson", "lineker"]
PASSWORD = "surabaya"
# More connections than any stage opens.
CONNECTIONS = 15_000

# Messages stay unread, so the default caps of a mailbox would end a run. Hashing a password is made cheap, as nobody
# measures it, and ten thousand logins would take minutes.
CHAT_OPTIONS = [
    "--demo",
    "--registration",
    "open",
    "--mailbox-messages",
    "1000000000",
    "--mailbox-bytes",
    "100000000000",
    "--password-cost",
    "8,1,1",
]


@dataclass(frozen=True)
class Server:
    """One server that can be measured."""

    label: str
    """What tables and plots call it."""
    peer: str
    """What the load generator calls its protocol."""
    program: str
    command: Callable[[Path, int], list[str]]
    """Writes what the server needs into an empty folder, and returns the command that listens on the port."""
    version: tuple[str, ...] = ()
    """The command that prints the version."""
    options: tuple[str, ...] = ()
    """Options of the load generator."""

    def is_installed(self) -> bool:
        return shutil.which(self.program) is not None


def chat(label: str, peer: str, *, durable: bool) -> Server:
    def command(folder: Path, port: int) -> list[str]:
        where = ["--data", str(folder / "data")] if durable else ["--memory"]
        return [str(CHAT_SERVER), "--listen", f"127.0.0.1:{port}", *where, *CHAT_OPTIONS]

    return Server(label, peer, str(CHAT_SERVER), command, (str(CHAT_SERVER), "--version"))


def echo(label: str, *mode: str) -> Server:
    # It ends by itself, even if nobody stops it.
    return Server(label, "echo", str(ECHO), lambda _, port: [str(ECHO), f"127.0.0.1:{port}", "600", *mode])


def redis(label: str, fsync: str | None) -> Server:
    def command(folder: Path, port: int) -> list[str]:
        users = "".join(f"user {user} on >{PASSWORD} ~* &* +@all\n" for user in USERS)
        log = f"appendonly yes\nappendfsync {fsync}\nauto-aof-rewrite-percentage 0\n" if fsync else "appendonly no\n"
        text = f'bind 127.0.0.1\nport {port}\nsave ""\nmaxclients {CONNECTIONS}\ndir {folder}\n{users}{log}'
        (folder / "redis.conf").write_text(text)
        return ["redis-server", str(folder / "redis.conf")]

    return Server(label, "redis", "redis-server", command, ("redis-server", "--version"))


def nats(label: str, peer: str, *, stored: bool) -> Server:
    def command(folder: Path, port: int) -> list[str]:
        users = ", ".join(f"{{user: {user}, password: {PASSWORD}}}" for user in USERS)
        more = f'jetstream {{ store_dir: "{folder}/jetstream" }}\n' if stored else ""
        text = f"listen: 127.0.0.1:{port}\nmax_connections: {CONNECTIONS}\nauthorization {{ users: [{users}] }}\n{more}"
        (folder / "nats.conf").write_text(text)
        return ["nats-server", "-c", str(folder / "nats.conf")]

    return Server(label, peer, "nats-server", command, ("nats-server", "--version"))


def mosquitto() -> Server:
    def command(folder: Path, port: int) -> list[str]:
        passwords = folder / "passwords"
        passwords.touch(mode=0o600)
        for user in USERS:
            subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, PASSWORD], check=True)
        text = (
            f"listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
            f"log_dest none\npersistence true\npersistence_location {folder}/\n"
            "max_queued_messages 0\nmax_inflight_messages 0\n"
        )
        (folder / "mosquitto.conf").write_text(text)
        return ["mosquitto", "-c", str(folder / "mosquitto.conf")]

    return Server("mosquitto", "mqtt", "mosquitto", command, ("mosquitto", "-h"))


def ngircd() -> Server:
    def command(folder: Path, port: int) -> list[str]:
        text = f"""[Global]
Name = irc.test.local
Info = test
AdminInfo1 = test
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = hello
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxPenaltyTime = 0
MaxNickLength = 16
PingTimeout = 600
[Options]
DNS = no
Ident = no
PAM = no
"""
        (folder / "ngircd.conf").write_text(text)
        return ["ngircd", "-n", "-f", str(folder / "ngircd.conf")]

    return Server("ngIRCd", "irc", "ngircd", command, ("ngircd", "--version"))


def inspircd() -> Server:
    def command(folder: Path, port: int) -> list[str]:
        text = f"""<server name="irc.test.local" description="test" network="test" id="00A">
<admin name="test" nick="test" email="test@test.local">
<bind address="127.0.0.1" port="{port}" type="clients">
<connect allow="*" timeout="60" pingfreq="600" hardsendq="16M" softsendq="16M" recvq="1M" localmax="{CONNECTIONS}"
 globalmax="{CONNECTIONS}" maxconnwarn="no" commandrate="1000000000" fakelag="no" threshold="1000000"
 resolvehostnames="no" useident="no">
<performance somaxconn="4096" netbuffersize="65534" softlimit="{CONNECTIONS}">
<options syntaxhints="no">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="none" target="/dev/null">
"""
        (folder / "inspircd.conf").write_text(text)
        as_root = ["--runasroot"] if os.geteuid() == 0 else []
        return ["inspircd", *as_root, "--nofork", "--nopid", "--config", str(folder / "inspircd.conf")]

    # It lets each login wait for its timer of one second.
    return Server("InspIRCd", "irc", "inspircd", command, ("inspircd", "--version"), ("--openers", "512"))


# Tables list them in this order.
SERVERS = {
    "chat": chat("chat, memory", "chat", durable=False),
    "chat2": chat("chat, memory, protocol 2", "chat2", durable=False),
    "chat-durable": chat("chat, durable", "chat", durable=True),
    "chat2-durable": chat("chat, durable, protocol 2", "chat2", durable=True),
    "echo": echo("bare echo"),
    "echo-fan": echo("bare fan-out", "fan"),
    "redis": redis("Redis", None),
    "redis-always": redis("Redis, always", "always"),
    "nats": nats("NATS", "nats", stored=False),
    "jetstream": nats("JetStream, file", "jetstream", stored=True),
    "mosquitto": mosquitto(),
    "inspircd": inspircd(),
    "ngircd": ngircd(),
}
