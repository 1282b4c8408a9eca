"""The sessions of a chat, as the course's programs read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chat import _chat, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chat import Chat

__all__ = ["Sessions"]


class Sessions(Mapping[str, dict[str, Any]]):
    """The sessions that were live when this was created, by session id or by token."""

    def __init__(self, chat: Chat) -> None:
        users = chat.users
        self._live = {
            session.id: {"username": session.user, "userdetail": users.get(session.user, {})}
            for session in chat.list_sessions()
        }

    def __getitem__(self, key: str) -> dict[str, Any]:
        found = self._live.get(key) or self._live.get(_id_of(key))
        if found is None:
            # Without the key: it may be a token, and a traceback may be shown to others.
            raise KeyError("no such session")
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._live)

    def __len__(self) -> int:
        return len(self._live)

    def __repr__(self) -> str:
        return f"Sessions({len(self)} live)"


def _id_of(token: str) -> str:
    # No token has other characters, and not every text can go to Rust.
    if not isinstance(token, str) or not token.isascii():
        return ""
    try:
        return _chat.session_id(token)
    except errors.InvalidToken:
        return ""
