"""Escaping text that others wrote, for a terminal."""

from __future__ import annotations

from chat import _chat

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""Escape what a terminal obeys, what turns the direction of text, and what shows nothing.

    >>> print(printable("\x1b[2Jhalo\N{RIGHT-TO-LEFT OVERRIDE}\n"))
    \u{1b}[2Jhalo\u{202e}\n
    """
    # Halves of surrogate pairs, which stand for bytes that are not UTF-8, are no text.
    return _chat.printable(text.encode(errors="backslashreplace").decode())
