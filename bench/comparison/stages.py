"""What is measured: each stage is some points of load, put on some servers."""

from __future__ import annotations

from dataclasses import dataclass

STORED = ["chat-durable", "redis-always", "jetstream"]
SENDS = [
    "chat",
    "chat2",
    "echo",
    "redis",
    "nats",
    "mosquitto",
    "chat-durable",
    "chat2-durable",
    "redis-always",
    "jetstream",
]
FANS = ["chat2", "chat2-durable", "echo-fan", "redis", "nats", "jetstream", "mosquitto", "inspircd", "ngircd"]
LIVES = [name for name in FANS if name != "echo-fan"]


@dataclass(frozen=True)
class Stage:
    title: str
    """What a table is called."""
    points: dict[str, str]
    """The load generator's mode and options, by what a plot calls the point. One server gets them one after another."""
    servers: list[str]
    secs: float = 1.0
    """Seconds that are measured; 0 for modes that end by themselves."""
    warm: float = 0.3
    costs: float = 0.8
    """Seconds that one server takes beside what is measured, for an estimate."""

    def seconds(self) -> float:
        """About how long one repetition takes."""
        return len(self.servers) * (len(self.points) * (self.secs + self.warm + 0.15) + self.costs)


def one(title: str, load: str, servers: list[str], secs: float = 1.0, costs: float = 0.8) -> Stage:
    return Stage(title, {"": load}, servers, secs, 0.3 if secs else 0.0, costs)


CURVES = ["chat", "echo", "redis", "nats", *STORED]
CONNECTIONS = {str(count): f"send -c {count} -p 1" for count in (1, 4, 16, 64, 256, 1024)}
DEPTHS = {str(depth): f"send -c 64 -p {depth}" for depth in (1, 2, 4, 8, 16, 32, 64)}

STAGES = {
    "c1": one("One connection, one request in flight", "send -c 1 -p 1", SENDS),
    "c64": one("64 connections, one request in flight on each", "send -c 64 -p 1", SENDS, secs=1.5),
    "c64p32": one("64 connections, 32 requests in flight on each", "send -c 64 -p 32", SENDS, secs=1.5),
    "drain": one(
        "An inbox of 100,000 messages, read at once",
        "inbox -c 8 -p 16 -n 100000",
        ["chat", "redis", "mosquitto", *STORED],
        secs=0,
        costs=3,
    ),
    "fan10": one("One sender, 10 subscribers", "fanout -c 10 -p 16", FANS),
    "fan100": one("One sender, 100 subscribers", "fanout -c 100 -p 16", FANS),
    "fan1000": one("One sender, 1,000 subscribers", "fanout -c 1000 -p 16", FANS, secs=1.5, costs=1.5),
    "live64": one("64 pairs, one message in flight in each", "live -c 64 -p 1", LIVES),
    "live64p32": one("64 pairs, 32 messages in flight in each", "live -c 64 -p 32", LIVES),
    "idle": one("Idle connections", "idle -c 10000", ["chat", "echo", "redis", "nats", "mosquitto"], secs=0, costs=4.5),
    "subscribed": one(
        "Idle subscribed connections", "subscribed -c 10000", ["chat2", "redis", "nats", "mosquitto"], secs=0, costs=5
    ),
    "idle-tls": one("Idle connections with TLS", "idle -c 10000", ["chat"], secs=0, costs=12),
    "connections": Stage("Over connections", CONNECTIONS, CURVES, secs=0.4, warm=0.2),
    "depth": Stage("Over depth", DEPTHS, CURVES, secs=0.4, warm=0.2),
}
