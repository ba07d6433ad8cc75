"""Passwords are kept as argon2id with OWASP's cost, and nobody's is anybody's."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type

from portal.passwords import LONGEST, check_password, hash_password

PASSWORD = "correct horse battery staple"
HASH = hash_password(PASSWORD)


def test_the_hash_is_argon2id_at_owasps_cost() -> None:
    parameters = extract_parameters(HASH)
    assert parameters.type is Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19456, 2, 1)
    assert parameters.salt_len >= 16


def test_two_hashes_of_one_password_differ() -> None:
    assert hash_password(PASSWORD) != HASH


@pytest.mark.parametrize("wrong", ["", "x", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper(), "\x00", "a" * 100_000])
def test_only_the_password_itself_fits(wrong: str) -> None:
    assert check_password(HASH, PASSWORD)
    assert not check_password(HASH, wrong)


@pytest.mark.parametrize("guess", ["", PASSWORD, "the hash that is checked when there is no account or no password"])
def test_without_a_password_nothing_fits(guess: str) -> None:
    assert not check_password(None, guess)


def test_a_hash_with_another_cost_still_checks() -> None:
    assert check_password(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD), PASSWORD)


@pytest.mark.parametrize("password", ["", "1234567", "a" * (LONGEST + 1)])
def test_a_password_too_short_or_too_long_is_not_taken(password: str) -> None:
    with pytest.raises(ValueError, match="8 to 1024"):
        hash_password(password)


@pytest.mark.parametrize("password", ["12345678", "pässwörd", "\U0001f511" * 8, "a" * LONGEST, " padded "])
def test_every_character_counts(password: str) -> None:
    hashed = hash_password(password)
    assert check_password(hashed, password)
    assert not check_password(hashed, password.strip("ap ") + "!")
