"""The site's own users: a table of its own database, as sites have one."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Users:
    """Users with passwords. Threads may share it."""

    def __init__(self, path: Path) -> None:
        """Open the database; create it if there is none."""
        self._path = path
        with self._database() as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS users"
                "(name TEXT PRIMARY KEY, full_name TEXT NOT NULL, salt BLOB, hash BLOB)"
            )

    def add(self, name: str, password: str, full_name: str) -> None:
        """Add a user; raises ``sqlite3.IntegrityError`` if there is one of that name."""
        salt = os.urandom(16)
        with self._database() as database:
            row = (name, full_name, salt, _hash(password, salt))
            database.execute("INSERT INTO users VALUES (?, ?, ?, ?)", row)

    def authenticate(self, name: str, password: str) -> dict[str, str] | None:
        """Check a login. The chat asks this, and has no passwords itself."""
        with self._database() as database:
            select = "SELECT full_name, salt, hash FROM users WHERE name = ?"
            row = database.execute(select, (name,)).fetchone()
        if row is None or not hmac.compare_digest(row[2], _hash(password, row[1])):
            return None
        return {"full_name": row[0]}

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._path)) as database, database:
            yield database


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
