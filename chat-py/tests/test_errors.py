"""The tree of exceptions mirrors the codes of the contract."""

from __future__ import annotations

import re

import pytest
from player import ROOT

from chat import _chat, errors


def classes(kind: type[errors.ChatError]) -> list[type[errors.ChatError]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in classes(sub))]


def test_every_code_has_a_class() -> None:
    protocol = (ROOT / "docs/protocol.md").read_text()
    table = (ROOT / "chat-lib/src/error/code.rs").read_text()
    codes = set(re.findall(r'^    -?\d+ "([a-z_]+)"', table, re.MULTILINE))
    assert len(codes) > 30
    assert all(f"`{code}`" in protocol for code in codes)
    assert {kind.code for kind in classes(errors.ChatError)} == codes | {"internal", "closed"}
    for code in codes:
        error = errors.from_code(code, "why")
        assert (error.code, str(error)) == (code, "why")
        assert type(error).__name__ in errors.__all__


def test_a_code_of_the_future_is_a_refusal() -> None:
    error = errors.from_code("too_loud", "whisper")
    assert isinstance(error, errors.Refused)
    assert error.code == "too_loud"


def test_what_else_they_are() -> None:
    assert issubclass(errors.TimedOut, TimeoutError)
    assert issubclass(errors.TimedOut, errors.NetworkError)
    assert errors.ChatError.code == errors.InternalError.code == "internal"


def test_a_panic_is_an_exception() -> None:
    with pytest.raises(errors.InternalError, match="as told"):
        _chat._panic_for_test()
