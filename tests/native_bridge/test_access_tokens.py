"""POINT's access tokens: what is written can be read by anybody with the published keys, and nothing else is read."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwa import JWSRegistry
from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import delete

from native_bridge import access_tokens
from native_bridge.access_tokens import SKEW, AccessToken, issue, read, subject_of
from native_bridge.signing_keys import TOKEN_SECONDS, SigningKeys
from portal.errors import Problem, Refused
from portal.services import make_services
from portal.settings import Settings
from portal.store.models import signing_keys
from portal.store.upgrade import upgrade_database
from tests.store.databases import KINDS, empty_database

NOW = 1_800_000_000
BASE = "https://dash.pointapp.org"
JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
CLAIMS: dict[str, Any] = {
    "iss": BASE,
    "aud": BASE,
    "sub": subject_of(7),
    "client_id": "org.pointapp.point",
    "iat": NOW,
    "exp": NOW + TOKEN_SECONDS,
    "jti": "a token's own name",
    "sid": "the session",
    "org": "acme",
}
WANTED = AccessToken(subject_of(7), "the session", "acme", NOW + TOKEN_SECONDS, None)


def base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


@dataclass(frozen=True)
class Forge:
    """Makes tokens with a portal's own key, so that only what a case changes can be wrong with them."""

    key: ECKey
    kid: str
    stranger: ECKey

    def header(self, **changes: Any) -> dict[str, Any]:
        return without_none({"alg": "ES256", "typ": "at+jwt", "kid": self.kid, **changes})

    def token(self, header: dict[str, Any] | bytes | None = None, payload: bytes | None = None, **changes: Any) -> str:
        """Signed with our key by ES256 whatever the header says. None takes a claim out."""
        return self.sign(header or self.header(), payload or as_json(without_none({**CLAIMS, **changes})))

    def sign(self, header: dict[str, Any] | bytes, payload: bytes, key: Any = None, algorithm: str = "ES256") -> str:
        message = f"{base64url(header if isinstance(header, bytes) else as_json(header))}.{base64url(payload)}"
        model: Any = JWSRegistry.algorithms[algorithm]
        return f"{message}.{base64url(model.sign(message.encode(), key or self.key))}"

    def plain(self, algorithm: str = "ES256", key: Any = None, **header: Any) -> str:
        """Good claims with another header, signed by `key`."""
        return self.sign(self.header(alg=algorithm, **header), as_json(CLAIMS), key, algorithm)

    def hmac(self, secret: bytes) -> str:
        """Good claims under HS256, by hand, since joserfc takes no public key for a secret."""
        message = f"{base64url(as_json(self.header(alg='HS256')))}.{base64url(as_json(CLAIMS))}"
        return f"{message}.{base64url(hmac.digest(secret, message.encode(), 'sha256'))}"


def without_none(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def as_json(members: dict[str, Any]) -> bytes:
    return json.dumps(members).encode()


@dataclass
class Portal:
    keys: SigningKeys
    forge: Forge
    clear: Callable[[], None]
    now: float = NOW

    def read(self, token: Any, *, later: float = 0, base_url: str = BASE) -> AccessToken:
        return read(self.keys, token, now=NOW + later, base_url=base_url)

    def refusal(self, token: Any, **changes: Any) -> tuple[str, str]:
        with pytest.raises(Refused) as caught:
            self.read(token, **changes)
        assert caught.value.problem is Problem.TOKEN_REFUSED
        return caught.value.reason, caught.value.detail

    def issue(self, **changes: Any) -> str:
        wanted = {"subject": subject_of(7), "session_id": "the session", "organization": "acme", "now": NOW}
        return issue(self.keys, base_url=BASE, client_id="org.pointapp.point", **{**wanted, **changes})


@pytest.fixture(scope="module", params=KINDS)
def portal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with empty_database(request.param, Path(tmp_path_factory.mktemp("tokens"))) as url:
        upgrade_database(url)
        made = Portal(None, None, lambda: None)  # type: ignore[arg-type]
        services = make_services(Settings(BASE, url, ("a secret key of this test",)), clock=lambda: made.now)
        made.keys = SigningKeys(services)
        key = made.keys.signing()
        made.forge = Forge(key.private, key.kid, ECKey.generate_key("P-256"))

        def clear() -> None:
            with services.db.writing() as connection:
                connection.execute(delete(signing_keys))

        made.clear = clear
        yield made
        services.close()


# -- what we write -----------------------------------------------------------------------------------------------------


def test_what_was_issued_is_read(portal: Portal) -> None:
    assert portal.read(portal.issue()) == WANTED
    assert portal.read(portal.issue(jkt=JKT)) == replace(WANTED, jkt=JKT)


def test_anybody_can_verify_a_token_with_the_published_keys(portal: Portal) -> None:
    keys = KeySet.import_key_set(portal.keys.jwks())  # type: ignore[arg-type]
    found = jwt.decode(portal.issue(jkt=JKT), keys, algorithms=["ES256"])
    assert found.header == {"alg": "ES256", "typ": "at+jwt", "kid": portal.keys.signing().kid}
    assert {**found.claims, "jti": CLAIMS["jti"]} == {**CLAIMS, "cnf": {"jkt": JKT}}
    assert all(key.thumbprint() == key.kid for key in keys.keys)


def test_no_two_tokens_are_the_same(portal: Portal) -> None:
    names = [json.loads(urlsafe_b64decode(portal.issue().split(".")[1] + "=="))["jti"] for _ in range(50)]
    assert len(set(names)) == 50


def test_a_token_of_the_longest_names_is_small_enough(portal: Portal) -> None:
    longest = {"session_id": "s" * 43, "organization": "o" * 63, "jkt": JKT}
    assert portal.read(portal.issue(**longest)).organization == "o" * 63
    assert len(portal.issue(**longest)) < 1000


def test_a_subject_is_the_same_for_ever_and_no_organizations_to_choose() -> None:
    # These very values: people's apps know them.
    assert subject_of(1) == "53bf155c-6738-5d0f-83cb-06baa4ac8ba6"
    assert subject_of(2) == "3b514f32-3ab3-5a52-b36b-1f28f0bb7113"
    assert uuid.UUID(subject_of(1)).version == 5
    assert len({subject_of(number) for number in range(1000)}) == 1000


# -- what we read ------------------------------------------------------------------------------------------------------

MALFORMED, INVALID, EXPIRED = "token_malformed", "token_invalid", "token_expired"
LONG = "x" * 256
HOSTILE: dict[str, tuple[str, Callable[[Forge], Any]]] = {
    # -- RFC 8725 2.1: the header chooses the algorithm
    "alg none, no signature": (INVALID, lambda f: f.token(f.header(alg="none")).rpartition(".")[0] + "."),
    "alg none, our signature": (INVALID, lambda f: f.token(f.header(alg="none"))),
    "alg nOnE": (INVALID, lambda f: f.token(f.header(alg="nOnE"))),
    "alg es256": (INVALID, lambda f: f.token(f.header(alg="es256"))),
    "alg missing": (INVALID, lambda f: f.token(f.header(alg=None))),
    "alg a list": (INVALID, lambda f: f.token(f.header(alg=["ES256"]))),
    "HS256 with the public key as PEM": (INVALID, lambda f: f.hmac(f.key.as_pem(private=False))),
    "HS256 with the public key as DER": (INVALID, lambda f: f.hmac(f.key.as_der(private=False))),
    "HS256 with x": (INVALID, lambda f: f.hmac(str(f.key.as_dict()["x"]).encode())),
    "HS256 with nothing": (INVALID, lambda f: f.hmac(b"")),
    "RS256": (INVALID, lambda f: f.plain("RS256", RSAKey.generate_key(2048))),
    "ES384": (INVALID, lambda f: f.plain("ES384", ECKey.generate_key("P-384"))),
    "ES256 said, P-384 meant": (
        INVALID,
        lambda f: f.sign(f.header(), as_json(CLAIMS), ECKey.generate_key("P-384"), "ES384"),
    ),
    # -- whose key
    "a stranger's signature under our kid": (INVALID, lambda f: f.plain(key=f.stranger)),
    "a stranger's key and kid": (INVALID, lambda f: f.plain(key=f.stranger, kid=f.stranger.thumbprint())),
    "our signature under a stranger's kid": (INVALID, lambda f: f.plain(kid=f.stranger.thumbprint())),
    "a stranger's key in the header": (INVALID, lambda f: f.plain(key=f.stranger, jwk=f.stranger.as_dict())),
    "a key in the header": (INVALID, lambda f: f.plain(jwk=f.key.as_dict())),
    "an address for keys in the header": (INVALID, lambda f: f.plain(jku="https://evil.example/jwks.json")),
    "kid missing": (INVALID, lambda f: f.plain(kid=None)),
    "kid empty": (INVALID, lambda f: f.plain(kid="")),
    "kid a number": (INVALID, lambda f: f.plain(kid=1)),
    "kid a list": (INVALID, lambda f: f.plain(kid=[f.kid])),
    "kid with SQL": (INVALID, lambda f: f.plain(kid=f"{f.kid}' OR 1=1 --")),
    # -- RFC 8725 3.11 and RFC 9068 4: another kind of token
    "typ JWT": (INVALID, lambda f: f.plain(typ="JWT")),
    "typ missing": (INVALID, lambda f: f.plain(typ=None)),
    "typ dpop+jwt": (INVALID, lambda f: f.plain(typ="dpop+jwt")),
    "typ in capitals": (INVALID, lambda f: f.plain(typ="AT+JWT")),
    "a critical extension": (INVALID, lambda f: f.plain(crit=["exp"])),
    "not base64 inside": (INVALID, lambda f: f.plain(b64=False, crit=["b64"])),
    # -- from whom, for whom
    "iss another": (INVALID, lambda f: f.token(iss="https://evil.example")),
    "iss with a slash": (INVALID, lambda f: f.token(iss=BASE + "/")),
    "iss missing": (INVALID, lambda f: f.token(iss=None)),
    "aud a list of us": (INVALID, lambda f: f.token(aud=[BASE])),
    "aud us and another": (INVALID, lambda f: f.token(aud=[BASE, "https://evil.example"])),
    "aud another": (INVALID, lambda f: f.token(aud="https://evil.example")),
    "aud missing": (INVALID, lambda f: f.token(aud=None)),
    # -- when
    "expired": (EXPIRED, lambda f: f.token(iat=NOW - TOKEN_SECONDS - 1, exp=NOW - 1)),
    "expires now": (EXPIRED, lambda f: f.token(iat=NOW - TOKEN_SECONDS, exp=NOW)),
    "from the future": (INVALID, lambda f: f.token(iat=NOW + SKEW + 1, exp=NOW + TOKEN_SECONDS)),
    "lives for a day": (INVALID, lambda f: f.token(exp=NOW + 86400)),
    "lived backwards": (INVALID, lambda f: f.token(iat=NOW + 4, exp=NOW + 3)),
    "exp missing": (INVALID, lambda f: f.token(exp=None)),
    "exp a text": (INVALID, lambda f: f.token(exp=str(NOW + 60))),
    "exp a fraction": (INVALID, lambda f: f.token(exp=NOW + 60.5)),
    "exp true": (INVALID, lambda f: f.token(iat=False, exp=True)),
    "iat missing": (INVALID, lambda f: f.token(iat=None)),
    "exp without an end": (MALFORMED, lambda f: f.token(payload=as_json(CLAIMS).replace(b" 1800000600", b" 1e999"))),
    # -- the rest
    **{
        f"{name} {kind}": (INVALID, lambda f, name=name, value=value: f.token(**{name: value}))
        for name in ("sub", "client_id", "jti", "sid", "org")
        for kind, value in (("missing", None), ("empty", ""), ("a number", 7), ("a list", ["x"]), ("too long", LONG))
    },
    "cnf empty": (INVALID, lambda f: f.token(cnf={})),
    "cnf false": (INVALID, lambda f: f.token(cnf=False)),
    "cnf null": (INVALID, lambda f: f.token(payload=as_json({**CLAIMS, "cnf": None}))),
    "cnf a text": (INVALID, lambda f: f.token(cnf=JKT)),
    "cnf of another kind": (INVALID, lambda f: f.token(cnf={"x5t#S256": JKT})),
    "cnf of two kinds": (INVALID, lambda f: f.token(cnf={"jkt": JKT, "x5t#S256": JKT})),
    "jkt a number": (INVALID, lambda f: f.token(cnf={"jkt": 1})),
    "jkt too short": (INVALID, lambda f: f.token(cnf={"jkt": JKT[1:]})),
    # -- form
    "a claim twice": (MALFORMED, lambda f: f.token(payload=as_json(CLAIMS)[:-1] + b', "org": "globex"}')),
    "alg twice": (MALFORMED, lambda f: f.token(as_json(f.header())[:-1] + b', "alg": "ES256"}')),
    "claims a list": (MALFORMED, lambda f: f.token(payload=b"[]")),
    "claims nothing": (MALFORMED, lambda f: f.sign(f.header(), b"")),
    "claims not UTF-8": (MALFORMED, lambda f: f.token(payload=b"\xff")),
    "claims NaN": (MALFORMED, lambda f: f.token(payload=b'{"exp": NaN}')),
    "claims without a bottom": (MALFORMED, lambda f: f.token(payload=b'{"a":' + b"[" * 600 + b"]" * 600 + b"}")),
    "header a list": (MALFORMED, lambda f: f.token(b"[]")),
    "header not base64": (MALFORMED, lambda f: "!" + f.token()[1:]),
    "no signature": (INVALID, lambda f: f.token().rpartition(".")[0] + "."),
    "signature of 63 bytes": (INVALID, lambda f: f.token()[:-2]),
    "signature of zeros": (INVALID, lambda f: f.token().rpartition(".")[0] + "." + "A" * 86),
    "signature padded": (MALFORMED, lambda f: f.token() + "=="),
    "another token's signature": (
        INVALID,
        lambda f: f.token(org="globex").rpartition(".")[0] + "." + f.token().rpartition(".")[2],
    ),
    "one part": (MALFORMED, lambda f: f.token().replace(".", "")),
    "two parts": (MALFORMED, lambda f: f.token().rpartition(".")[0]),
    "four parts": (MALFORMED, lambda f: f.token() + "."),
    "five parts": (MALFORMED, lambda f: f.token() + ".x.y"),
    "a line end": (MALFORMED, lambda f: f.token() + "\n"),
    "a blank": (MALFORMED, lambda f: " " + f.token()),
    "not ASCII": (MALFORMED, lambda f: f.token() + "é"),
    "half a character": (MALFORMED, lambda f: f.token() + "\ud800"),
    "oversized": (MALFORMED, lambda f: f.token(note="x" * 1200)),
    "oversized many times": (MALFORMED, lambda f: "." * 10_000_000),
    "empty": (MALFORMED, lambda f: ""),
    "bytes": (MALFORMED, lambda f: f.token().encode()),
    "None": (MALFORMED, lambda f: None),
}


def test_what_the_forge_makes_is_good_until_a_case_changes_it(portal: Portal) -> None:
    forge = portal.forge
    assert portal.read(forge.token()) == portal.read(forge.plain()) == WANTED
    assert portal.read(forge.token(note="x" * 100)) == WANTED
    assert portal.read(forge.token(iat=NOW + SKEW)) == WANTED
    assert portal.read(forge.token(), later=TOKEN_SECONDS - 1) == WANTED
    assert portal.read(forge.token(cnf={"jkt": JKT})).jkt == JKT


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_token_is_refused(portal: Portal, case: str) -> None:
    reason, make = HOSTILE[case]
    token = make(portal.forge)
    found = portal.refusal(token)
    assert found[0] == reason
    assert portal.refusal(token) == found
    assert not any(part and part in found[1] for part in str(token)[:3000].split("."))


def test_another_portals_token_is_refused(portal: Portal, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    upgrade_database(url)
    services = make_services(Settings(BASE, url, ("a secret key of this test",)), clock=lambda: NOW)
    other = Portal(SigningKeys(services), portal.forge, lambda: None)
    ours, theirs = portal.issue(), other.issue()
    assert portal.read(ours) == other.read(theirs) == WANTED
    assert portal.refusal(theirs)[0] == other.refusal(ours)[0] == INVALID
    services.close()


def test_a_change_of_any_character_is_refused(portal: Portal) -> None:
    token = portal.issue()
    for place, character in enumerate(token):
        changed = token[:place] + ("A" if character != "A" else "B") + token[place + 1 :]
        portal.refusal(changed)


@settings(deadline=None)
@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,60}\.[\w-]{0,60}\.[\w-]{0,60}"))
def test_garbage_is_refused_and_breaks_nothing(portal: Portal, garbage: str) -> None:
    assert portal.refusal(garbage)[0] in {MALFORMED, INVALID}


# -- what has been read before -----------------------------------------------------------------------------------------


def test_a_token_that_was_good_expires_all_the_same(portal: Portal) -> None:
    token = portal.issue()
    assert portal.read(token) == portal.read(token, later=TOKEN_SECONDS - 1) == WANTED
    assert portal.refusal(token, later=TOKEN_SECONDS)[0] == EXPIRED
    assert portal.refusal(token, later=-SKEW - 1)[0] == INVALID
    assert portal.read(token) == WANTED


def test_a_token_that_was_good_is_still_not_for_another_address(portal: Portal) -> None:
    token = portal.issue()
    assert portal.read(token) == WANTED
    assert portal.refusal(token, base_url="https://evil.example")[0] == INVALID


def test_a_token_from_the_future_is_good_when_its_time_has_come(portal: Portal) -> None:
    token = portal.issue(now=NOW + 60)
    assert portal.refusal(token)[0] == INVALID
    assert portal.read(token, later=60).subject == WANTED.subject


def test_a_token_is_refused_within_a_minute_once_its_key_is_gone(portal: Portal) -> None:
    token = portal.issue()
    assert portal.read(token) == WANTED
    portal.clear()
    portal.now += 61
    assert portal.refusal(token)[0] == INVALID
    key = portal.keys.signing()
    portal.forge = replace(portal.forge, key=key.private, kid=key.kid)


def test_what_is_remembered_has_a_bound(portal: Portal) -> None:
    first = portal.issue()
    for _ in range(access_tokens._MAX_VERIFIED + 10):
        portal.read(portal.issue())
    assert len(access_tokens._verified) == access_tokens._MAX_VERIFIED
    assert portal.read(first) == WANTED


def test_reading_a_token_again_costs_next_to_nothing(portal: Portal) -> None:
    """Some 55 and 2 microseconds on the machine of the README; a tenth of that speed would still do."""
    token, tokens = portal.issue(), [portal.issue() for _ in range(200)]
    begun = time.perf_counter()
    for one in tokens:
        portal.read(one)
    first_time = (time.perf_counter() - begun) / len(tokens)
    portal.read(token)
    begun = time.perf_counter()
    for _ in range(1000):
        portal.read(token)
    again = (time.perf_counter() - begun) / 1000
    assert first_time < 0.0012
    assert again < 0.00015
