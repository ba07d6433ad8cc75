"""What is sealed opens under its own keys, purpose and context, and in no other way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.sealing import SealBroken, Sealer

OLD, NEW = "an old key " * 4, "a new key " * 4
SEALER = Sealer([NEW])


@given(st.binary(max_size=500), st.binary(max_size=50))
def test_what_was_sealed_comes_back(content: bytes, context: bytes) -> None:
    assert SEALER.unseal("tokens", SEALER.seal("tokens", content, context), context) == content


def test_the_same_content_never_looks_the_same() -> None:
    assert len({SEALER.seal("tokens", b"x") for _ in range(100)}) == 100


def test_after_a_rotation_old_seals_open_and_new_ones_are_made_with_the_new_key() -> None:
    rotated = Sealer([NEW, OLD])
    assert rotated.unseal("tokens", Sealer([OLD]).seal("tokens", b"old")) == b"old"
    assert Sealer([NEW]).unseal("tokens", rotated.seal("tokens", b"new")) == b"new"
    with pytest.raises(SealBroken):
        Sealer([OLD]).unseal("tokens", rotated.seal("tokens", b"new"))


def test_a_key_that_was_taken_out_opens_nothing() -> None:
    with pytest.raises(SealBroken):
        Sealer([NEW]).unseal("tokens", Sealer([OLD]).seal("tokens", b"old"))


@pytest.mark.parametrize(("purpose", "context"), [("attempt", b"mine"), ("tokens", b"other"), ("tokens", b"")])
def test_another_purpose_or_context_is_refused(purpose: str, context: bytes) -> None:
    sealed = SEALER.seal("tokens", b"secret", b"mine")
    with pytest.raises(SealBroken):
        SEALER.unseal(purpose, sealed, context)


@given(st.binary(max_size=200))
def test_garbage_is_refused(garbage: bytes) -> None:
    with pytest.raises(SealBroken):
        SEALER.unseal("tokens", garbage)


def test_every_changed_bit_is_noticed() -> None:
    sealed = SEALER.seal("tokens", b"secret")
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(SealBroken):
            SEALER.unseal("tokens", bytes(changed))


def test_every_shorter_piece_is_refused() -> None:
    sealed = SEALER.seal("tokens", b"")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            SEALER.unseal("tokens", sealed[:length])


def test_a_fingerprint_depends_on_key_purpose_and_content() -> None:
    found = {
        Sealer([key]).fingerprint(purpose, content)
        for key in (OLD, NEW)
        for purpose in ("session", "other")
        for content in (b"a", b"b")
    }
    assert len(found) == 8
    assert Sealer([NEW, OLD]).fingerprint("session", b"a") == SEALER.fingerprint("session", b"a")
    assert all(len(one) == 32 for one in found)
