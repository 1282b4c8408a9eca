"""The sessions of a chat as the course's programs read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chat import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chat import Chat

__all__ = ["Sessions"]


class Sessions(Mapping[str, dict[str, Any]]):
    """The sessions that were live when it was made, by session id; a token is looked up, too."""

    def __init__(self, chat: Chat) -> None:
        self._chat, self._users = chat, chat.users
        self._live = dict(chat.live_sessions())

    def __getitem__(self, key: str) -> dict[str, Any]:
        user = self._live.get(key) or self._user_of_token(key)
        return {"username": user, "userdetail": self._users.get(user, {})}

    def __iter__(self) -> Iterator[str]:
        return iter(self._live)

    def __len__(self) -> int:
        return len(self._live)

    def __repr__(self) -> str:
        return f"Sessions({len(self)} live)"

    def _user_of_token(self, token: str) -> str:
        # No token has other characters, and not every text can go to Rust.
        if not isinstance(token, str) or not token.isascii():
            raise KeyError(token)
        try:
            return self._chat.session(token).user
        except errors.NoSuchSession:
            # Without the token: a traceback may be shown to others.
            raise KeyError("no such session") from None
