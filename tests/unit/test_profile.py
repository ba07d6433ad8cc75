"""Who an Okta's claims say it is."""

from __future__ import annotations

from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.logins import read_profile

CLAIMS = {"iss": "https://acme.okta.com", "sub": "00u1", "email": "Alice@Acme.example", "name": " Alice  A. "}


def test_the_address_is_lower_case_and_the_name_in_one_line() -> None:
    profile = read_profile(CLAIMS)
    assert (profile.email, profile.name) == ("alice@acme.example", "Alice A.")


@pytest.mark.parametrize("verified", [False, "false", "true", 0, 1, None])
def test_whatever_is_not_true_is_not_verified(verified: Any) -> None:
    with pytest.raises(Refused) as caught:
        read_profile({**CLAIMS, "email_verified": verified})
    assert caught.value.problem is Problem.EMAIL_NOT_VERIFIED


@pytest.mark.parametrize(
    "email",
    [None, 1, "", "alice", "a\nb@acme.example", "a b@acme.example", "a\0b@acme.example", "a@b@acme.example",
     "\"a b\"@acme.example", "ä@acme.example", "a@acme", "@acme.example", f"{'a' * 65}@acme.example"],
)  # fmt: skip
def test_what_is_no_plain_address_is_none(email: Any) -> None:
    with pytest.raises(Refused) as caught:
        read_profile({**CLAIMS, "email": email})
    assert caught.value.problem is Problem.EMAIL_MISSING
