"""What others wrote, for a terminal."""

from __future__ import annotations

import unicodedata

__all__ = ["printable"]


def printable(text: str) -> str:
    r"""Escape control characters, those that turn the direction of text, and invisible ones.

    >>> print(printable("\x1b[2Jhalo\N{RIGHT-TO-LEFT OVERRIDE}\n"))
    \x1b[2Jhalo\u202e\n
    """
    return "".join(char if _shows(char) else _escaped(char) for char in text)


def _shows(char: str) -> bool:
    if char in _FILLERS:
        return False
    return char.isprintable() or unicodedata.category(char) == "Zs"


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode()


# Letters by category, but nothing is seen of them.
_FILLERS = "\u115f\u1160\u3164\uffa0"
