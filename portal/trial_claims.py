"""An ID token for people to look at, claim by claim: what came, what was demanded, and what the check says."""

from __future__ import annotations

from dataclasses import dataclass

from portal.errors import Refused
from portal.okta.attempt import Attempt
from portal.okta.callback import Code, InteractionCode
from portal.okta.id_token import FindKey, Review, review_id_token
from portal.okta.id_token_claims import Demands
from portal.okta.metadata import Provider
from portal.okta.tokens import Tokens
from portal.services import Services
from portal.trial_stages import Row, Verdict, hint, say, show

# Shown in this order; those after "auth_time" are not judged here: who somebody is decides the next stage.
_SHOWN = ("iss", "aud", "azp", "sub", "exp", "iat", "nbf", "nonce", "at_hash", "c_hash", "auth_time")
_TOLD = ("email", "email_verified", "name", "groups")
# What these and the stages after them tell about the person.
PERSONAL = frozenset({"sub", "auth_time", *_TOLD, "domain", "account"})
_ALWAYS = frozenset({"iss", "aud", "sub", "exp", "iat", "nonce"})
_CUT = frozenset({"nonce", "at_hash", "c_hash"})


@dataclass(frozen=True, slots=True)
class Described:
    """key -- True when it was found, what was refused when not, None when nobody got as far as looking for it."""

    key: bool | Refused | None
    key_rows: list[Row]
    rows: list[Row]


def describe_token(
    services: Services, provider: Provider, attempt: Attempt, tokens: Tokens, code: Code | InteractionCode
) -> Described:
    """The rows of the stages "keys" and "id_token". Nothing here is believed."""
    demands = Demands(
        issuer=attempt.issuer,
        client_id=attempt.client_id,
        nonce=attempt.nonce,
        now=services.clock(),
        access_token=tokens.access_token,
        code=code.code if isinstance(code, Code) else code.interaction_code,
    )
    kept_before: list[bool] = []
    find = finds_key(services, provider)

    def look(kid: str | None, algorithm: str) -> object:
        kept_before.append(services.providers.has_key(provider, kid, algorithm))
        return find(kid, algorithm)

    review = review_id_token(tokens.id_token, key=look, algorithms=provider.algorithms, demands=demands)  # type: ignore[arg-type]
    found: bool | Refused | None = True if "key" in review.passed else review.refused.get("key")
    header = review.unverified_header
    verdict: Verdict = "right" if found is True else "wrong"
    key_rows = [
        Row("jwks_uri", provider.jwks_uri),
        Row("kid", received=show(header.get("kid")), expected=say("published"), verdict=verdict),
        Row("fetched", received=say("kept") if kept_before and kept_before[0] else say("asked_now")),
    ]
    rows = [
        Row("alg", "", show(header.get("alg")), " ".join(provider.algorithms), _of(review, "header")),
        Row("signature", received=_said(review), expected=say("by_that_key"), verdict=_of(review, "signature")),
    ]
    return Described(found, key_rows, rows + _claims(review, demands))


def finds_key(services: Services, provider: Provider) -> FindKey:
    """The keys of this issuer, as every login looks them up."""
    return lambda kid, algorithm: services.providers.key(provider, kid, algorithm)


def _claims(review: Review, demands: Demands) -> list[Row]:
    claims, rows = review.unverified_claims, []
    expected = {
        "iss": demands.issuer,
        "aud": demands.client_id,
        "azp": demands.client_id,
        "sub": say("an_id"),
        "exp": say("later"),
        "iat": say("just_now"),
        "nbf": say("not_later"),
        "nonce": hint(demands.nonce),
        "at_hash": say("of_access_token"),
        "c_hash": say("of_code"),
        "auth_time": "",
    }
    for name in _SHOWN:
        if name not in claims and name not in _ALWAYS and name not in review.refused:
            continue
        value = claims.get(name)
        received = say("missing") if value is None else hint(value) if name in _CUT else show(value)
        rows.append(Row(name, received=received, expected=expected[name], verdict=_of(review, name)))
    return rows + [Row(name, received=show(claims[name])) for name in _TOLD if name in claims]


def _of(review: Review, name: str) -> Verdict:
    if name in review.passed:
        return "right"
    return "wrong" if name in review.refused else "skipped"


def _said(review: Review) -> str:
    return {"right": say("fits"), "wrong": say("does_not_fit")}.get(_of(review, "signature"), say("not_reached"))
