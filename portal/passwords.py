"""Passwords at POINT: argon2id, checked in the same time whether or not there is one; and which new ones are taken.

A new password has 12 characters or more and is none that guessers try early (zxcvbn, with its lists of leaked
passwords, words, names, rows of keys and dates; nothing is asked outside). It needs no digits or signs of its own
(NIST SP 800-63B-4 3.1.1.2), and may be as long as LONGEST: argon2's cost does not depend on it, reading it does.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

from argon2 import PasswordHasher, exceptions

from portal.errors import Problem, Refused

# OWASP's second recommended setting: 19 MiB, 2 passes, 1 lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_NOBODY = _HASHER.hash("the hash that is checked when there is no account or no password")
LONGEST = 1024
SHORTEST_NEW = 12
# zxcvbn's "safely unguessable": 10^8 guesses and more, where we let some dozens through in an hour.
_GOOD = 3
# zxcvbn's time grows with the cube of the length; what begins with 72 good characters is good.
_LOOKED_AT = 72
_LEAST_OF_ITS_OWN = 6  # A name and a year are guessed together.
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


def find_weakness(password: str, *, about: Collection[str]) -> Problem | None:
    """Why this password is not taken as a new one.

    about -- what is known of the person and their organization (address, names), which guessers know too.
    """
    if not password:
        return Problem.FIELD_REQUIRED
    if len(password) < SHORTEST_NEW:
        return Problem.PASSWORD_SHORT
    if len(password) > LONGEST:
        return Problem.PASSWORD_LONG
    return None if _is_good(password[:_LOOKED_AT], about) else Problem.PASSWORD_GUESSABLE


def _is_good(password: str, about: Collection[str]) -> bool:
    # Imported here: its lists take 14 MB, and most processes never see a new password.
    from zxcvbn import zxcvbn

    words = {"point", "pointapp", *(part.lower() for text in about for part in _parts(text))}
    if _is_mostly(password, words):
        return False
    with _PLACES:
        score: int = zxcvbn(password, user_inputs=sorted(words))["score"]
    return score >= _GOOD


def _is_mostly(password: str, words: Collection[str]) -> bool:
    """Whether there is little besides these words. zxcvbn takes the signs between them for something to guess."""
    whole = rest = password.lower()
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, " ")
    return rest != whole and sum(letter.isalnum() for letter in rest) < _LEAST_OF_ITS_OWN


def _parts(text: str) -> set[str]:
    """A name or an address, and each word of it."""
    words = "".join(letter if letter.isalnum() else " " for letter in text).split()
    return {text, "".join(words), *(word for word in words if len(word) > 2)}
