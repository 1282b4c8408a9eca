"""Encrypted connections of clients that use Python's sockets."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from chat import errors

if TYPE_CHECKING:
    import os

__all__ = ["client_context", "tls_error"]


def client_context(
    address: str, ca: str | os.PathLike[str] | None, *, is_encrypted: bool
) -> ssl.SSLContext | None:
    """Return whom an encrypted connection trusts: ``ca``, or else the system's authorities.

    ``None`` for a connection in clear.
    """
    if is_encrypted:
        try:
            return ssl.create_default_context(cafile=ca)
        except ssl.SSLError as problem:
            raise errors.TlsError(f"{ca} is no PEM file with certificates: {problem}") from problem
        except OSError as problem:
            raise errors.NetworkError(f"{ca}: {problem.strerror}") from problem
    if ca is not None:
        raise errors.TlsError(
            f"a CA file is for encrypted connections; the address has to be chats://{address}"
        )
    return None


def tls_error(problem: ssl.SSLError) -> errors.TlsError:
    """Return the exception for a handshake that failed."""
    if isinstance(problem, ssl.SSLCertVerificationError):
        reason = problem.verify_message
        return errors.TlsError(f"the server's certificate cannot be accepted: {reason}")
    return errors.TlsError(f"no TLS connection came about: {problem.reason or problem}")
