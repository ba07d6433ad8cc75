"""Passwords at POINT: argon2id, checked in the same time whether or not there is one."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher, exceptions

from portal.errors import Problem, Refused

# OWASP's second recommended setting: 19 MiB, 2 passes, 1 lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODY = _HASHER.hash("the hash that is checked when there is no account or no password")
LONGEST = 1024
# Each check takes 19 MiB: as many at once as there are threads would take the memory of the whole machine.
_PLACES = threading.BoundedSemaphore(4)
_PATIENCE_SECONDS = 3.0


def hash_password(password: str) -> str:
    """The argon2id hash of a password of 8 to 1024 characters. Raises ValueError otherwise."""
    if not 8 <= len(password) <= LONGEST:
        raise ValueError("a password has to have 8 to 1024 characters")
    return _HASHER.hash(password)


def check_password(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one; None takes as long as a wrong one, so that time tells nothing.

    Raises Refused(UNAVAILABLE) when too many passwords are being checked at once.
    """
    if not _PLACES.acquire(timeout=_PATIENCE_SECONDS):
        raise Refused(Problem.UNAVAILABLE, "passwords_busy")
    try:
        fits = _HASHER.verify(password_hash or _NOBODY, password[:LONGEST])
    except exceptions.VerificationError:
        return False
    finally:
        _PLACES.release()
    return fits and password_hash is not None
