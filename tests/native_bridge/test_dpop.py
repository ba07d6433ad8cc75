"""Proofs of a phone's key: good for one request, on this portal, now; and every other is refused with its reason."""

from __future__ import annotations

import hashlib
import json
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc.jwa import JWSRegistry
from joserfc.jwk import ECKey, RSAKey

from native_bridge.dpop import IAT_SECONDS, NONCE_SECONDS, check_proof, make_nonce
from portal.errors import Problem, Refused
from portal.services import Services, make_services
from portal.settings import Settings
from portal.store.proofs import KEEP_SECONDS, remove_proofs
from portal.store.upgrade import upgrade_database
from tests.store.databases import KINDS, empty_database

NOW = 1_800_000_000  # the very second in which a period of nonces begins
BASE = "https://dash.pointapp.org"
ME = BASE + "/native/v1/me"
TOKEN = "an.access.token"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def as_json(members: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


@dataclass(frozen=True)
class Phone:
    """Makes proofs that are good but for what a case changes. None takes a member out."""

    nonce: str
    key: ECKey

    @property
    def jwk(self) -> dict[str, Any]:
        return {name: self.key.as_dict()[name] for name in ("kty", "crv", "x", "y")}

    def header(self, **changes: Any) -> dict[str, Any]:
        return {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk, **changes}

    def claims(self, **changes: Any) -> dict[str, Any]:
        ath = base64url(hashlib.sha256(TOKEN.encode()).digest())
        jti = base64url(hashlib.sha256(repr((self.jwk, changes)).encode()).digest())
        found = {"jti": jti, "htm": "GET", "htu": ME, "iat": NOW, "ath": ath, "nonce": self.nonce}
        return {**found, **changes}

    def proof(self, **claims: Any) -> str:
        return self.sign(as_json(self.header()), as_json(self.claims(**claims)))

    def headed(self, **header: Any) -> str:
        return self.sign(as_json(self.header(**header)), as_json(self.claims()))

    def with_jwk(self, **changes: Any) -> str:
        jwk = {name: value for name, value in {**self.jwk, **changes}.items() if value is not None}
        return self.headed(jwk=jwk)

    def sign(self, header: bytes, claims: bytes, key: Any = None, algorithm: str = "ES256") -> str:
        message = f"{base64url(header)}.{base64url(claims)}"
        model: Any = JWSRegistry.algorithms[algorithm]
        return f"{message}.{base64url(model.sign(message.encode(), key or self.key))}"


class Stand:
    """Nodes of one portal on one database, and phones."""

    def __init__(self, url: str, closing: ExitStack) -> None:
        self._url, self._closing = url, closing
        self.node = self.start("a secret key of this test")

    def start(self, *secret_keys: str) -> Services:
        services = make_services(Settings(BASE, self._url, secret_keys))
        self._closing.callback(services.db.close)
        return services

    def phone(self) -> Phone:
        return Phone(make_nonce(self.node, NOW), ECKey.generate_key("P-256"))

    def check(self, *proofs: Any, node: Services | None = None, now: int = NOW, **changes: Any) -> str:
        wanted = {"method": "GET", "url": ME, "access_token": TOKEN, **changes}
        return check_proof(node or self.node, list(proofs), now=now, **wanted)

    def refusal(self, *proofs: Any, **changes: Any) -> str:
        with pytest.raises(Refused) as caught:
            self.check(*proofs, **changes)
        assert caught.value.problem is Problem.PROOF_REFUSED
        return caught.value.reason


@pytest.fixture(scope="module", params=KINDS)
def stand(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    with empty_database(request.param, tmp_path_factory.mktemp("proofs")) as url, ExitStack() as closing:
        upgrade_database(url)
        yield Stand(url, closing)


# -- which proofs are good ---------------------------------------------------------------------------------------------

GOOD: dict[str, Callable[[Phone], str]] = {
    "as it should be": lambda p: p.proof(),
    "a jti of 128 characters": lambda p: p.proof(jti="j" * 128),
    "a jti of one character": lambda p: p.proof(jti="é"),
    "scheme and host in capitals": lambda p: p.proof(htu="HTTPS://Dash.PointApp.ORG/native/v1/me"),
    "the default port": lambda p: p.proof(htu="https://dash.pointapp.org:443/native/v1/me"),
    "a query": lambda p: p.proof(htu=ME + "?a=b&c=%20/?d"),
    "a fragment": lambda p: p.proof(htu=ME + "#part"),
    "a clock that is behind": lambda p: p.proof(iat=NOW - IAT_SECONDS),
    "a clock that is ahead": lambda p: p.proof(iat=NOW + IAT_SECONDS),
    "claims of its own": lambda p: p.proof(exp=1, aud="https://evil.example"),
    "a key as a browser exports it": lambda p: p.with_jwk(ext=True, key_ops=["verify"], alg="ES256", kid="1"),
    "a key for signatures": lambda p: p.with_jwk(use="sig"),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_proof_says_whose_key_it_is(stand: Stand, case: str) -> None:
    phone = stand.phone()
    jkt = stand.check(GOOD[case](phone), expected_jkt=phone.key.thumbprint())
    required = {name: phone.jwk[name] for name in ("crv", "kty", "x", "y")}
    assert jkt == base64url(hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest())


def test_the_example_of_the_rfc_has_a_good_signature(stand: Stand) -> None:
    """RFC 9449 section 4.1; all that is wrong with it is that our nonce is missing."""
    proof = (
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0Rsc"
        "EJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In"
        "19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIi"
        "wiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3"
        "Lg"
    )
    asked = {"method": "POST", "url": "https://server.example.com/token", "access_token": None, "now": 1562262616}
    jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
    assert stand.refusal(proof, expected_jkt=jkt, **asked) == "use_dpop_nonce"
    assert stand.refusal(proof[:-1] + "w", expected_jkt=jkt, **asked) == "proof_invalid"


def test_without_an_access_token_none_is_named(stand: Stand) -> None:
    phone = stand.phone()
    sent = {"method": "POST", "url": BASE + "/native/v1/token", "access_token": None}
    proof = phone.proof(htm="POST", htu=BASE + "/native/v1/token", ath=None)
    assert stand.check(proof, **sent) == phone.key.thumbprint()


def test_a_portal_on_a_port_of_its_own(stand: Stand) -> None:
    phone, url = stand.phone(), "http://localhost:5000/native/v1/me"
    assert stand.check(phone.proof(htu=url), url=url)
    assert stand.refusal(phone.proof(htu="http://localhost/native/v1/me"), url=url) == "proof_invalid"
    assert stand.check(phone.proof(htu="http://localhost:80"), url="http://LOCALHOST/")


# -- which are not -----------------------------------------------------------------------------------------------------

MALFORMED, INVALID, NONCE = "proof_malformed", "proof_invalid", "use_dpop_nonce"
HOSTILE: dict[str, tuple[str, Callable[[Phone], Any]]] = {
    # -- form
    "two in one header": (MALFORMED, lambda p: f"{p.proof()}, {p.proof()}"),
    "empty": (MALFORMED, lambda p: ""),
    "no token": (MALFORMED, lambda p: "proof"),
    "four parts": (MALFORMED, lambda p: p.proof() + ".x"),
    "not ASCII": (MALFORMED, lambda p: p.proof() + "é"),
    "half a character": (MALFORMED, lambda p: "\ud800" + p.proof()),
    "padded": (MALFORMED, lambda p: p.proof() + "=="),
    "oversized": (MALFORMED, lambda p: p.proof(note="x" * 1500)),
    "oversized many times": (MALFORMED, lambda p: "." * 10_000_000),
    "a claim twice": (MALFORMED, lambda p: p.sign(as_json(p.header()), as_json(p.claims())[:-1] + b',"htm":"GET"}')),
    "alg twice": (MALFORMED, lambda p: p.sign(as_json(p.header())[:-1] + b',"alg":"ES256"}', as_json(p.claims()))),
    "claims a list": (MALFORMED, lambda p: p.sign(as_json(p.header()), b"[]")),
    "header a list": (MALFORMED, lambda p: p.sign(b"[]", as_json(p.claims()))),
    # -- header
    "typ JWT": (INVALID, lambda p: p.headed(typ="JWT")),
    "typ at+jwt": (INVALID, lambda p: p.headed(typ="at+jwt")),
    "typ missing": (INVALID, lambda p: p.headed(typ=None)),
    "alg none": (INVALID, lambda p: p.headed(alg="none").rpartition(".")[0] + "."),
    "alg HS256": (INVALID, lambda p: p.headed(alg="HS256")),
    "alg a list": (INVALID, lambda p: p.headed(alg=["ES256"])),
    "a critical extension": (INVALID, lambda p: p.headed(crit=["exp"])),
    "jwk missing": (MALFORMED, lambda p: p.headed(jwk=None)),
    "jwk a text": (MALFORMED, lambda p: p.headed(jwk="key")),
    "jwk by name only": (MALFORMED, lambda p: p.headed(jwk=None, kid="k")),
    "a private key": (INVALID, lambda p: p.headed(jwk=p.key.as_dict(private=True))),
    "a private key of null": (INVALID, lambda p: p.headed(jwk={**p.jwk, "d": None})),
    "an RSA key": (
        INVALID,
        lambda p: p.sign(
            as_json(p.header(alg="RS256", jwk=(k := RSAKey.generate_key(2048)).as_dict())),
            as_json(p.claims()), k, "RS256",
        ),
    ),
    "a P-384 key": (
        INVALID,
        lambda p: p.sign(
            as_json(p.header(jwk=(k := ECKey.generate_key("P-384")).as_dict())), as_json(p.claims()), k, "ES384"
        ),
    ),
    "a symmetric key": (INVALID, lambda p: p.headed(jwk={"kty": "oct", "k": "AAAA"})),
    "a key for encryption": (INVALID, lambda p: p.with_jwk(use="enc")),
    "a key for another algorithm": (INVALID, lambda p: p.with_jwk(alg="ECDH-ES")),
    "kty missing": (INVALID, lambda p: p.with_jwk(kty=None)),
    "y missing": (MALFORMED, lambda p: p.with_jwk(y=None)),
    "y a number": (MALFORMED, lambda p: p.with_jwk(y=1)),
    "y too short": (MALFORMED, lambda p: p.with_jwk(y=p.jwk["y"][:-1])),
    "x padded by zeros": (MALFORMED, lambda p: p.with_jwk(x=base64url(b"\0" + urlsafe_b64decode(p.jwk["x"] + "=")))),
    "y in another spelling": (MALFORMED, lambda p: p.with_jwk(y=p.jwk["y"][:-1] + chr(ord(p.jwk["y"][-1]) + 1))),
    "no point of the curve": (INVALID, lambda p: p.with_jwk(x=base64url(b"\x01" * 32))),
    "the point zero": (INVALID, lambda p: p.with_jwk(x="A" * 43, y="A" * 43)),
    "a number beyond the curve": (INVALID, lambda p: p.with_jwk(x=base64url(b"\xff" * 32))),
    # -- signature
    "somebody else's signature": (
        INVALID,
        lambda p: p.sign(as_json(p.header()), as_json(p.claims()), ECKey.generate_key("P-256")),
    ),
    "no signature": (INVALID, lambda p: p.proof().rpartition(".")[0] + "."),
    "another proof's signature": (
        INVALID,
        lambda p: p.proof(jti="1").rpartition(".")[0] + "." + p.proof(jti="2").rpartition(".")[2],
    ),
    # -- claims
    "jti missing": (MALFORMED, lambda p: p.proof(jti=None)),
    "jti empty": (MALFORMED, lambda p: p.proof(jti="")),
    "jti too long": (MALFORMED, lambda p: p.proof(jti="j" * 129)),
    "jti a number": (MALFORMED, lambda p: p.proof(jti=1)),
    "htm missing": (MALFORMED, lambda p: p.proof(htm=None)),
    "htm another": (INVALID, lambda p: p.proof(htm="POST")),
    "htm in small letters": (INVALID, lambda p: p.proof(htm="get")),
    "htu missing": (MALFORMED, lambda p: p.proof(htu=None)),
    "htu a list": (MALFORMED, lambda p: p.proof(htu=[ME])),
    **{
        f"htu {name}": (INVALID, lambda p, htu=htu: p.proof(htu=htu))
        for name, htu in {
            "of another path": BASE + "/native/v1/sessions",
            "of a longer path": ME + "/",
            "of a path in capitals": BASE + "/native/v1/ME",
            "of a path with dots": BASE + "/native/v1/x/../me",
            "of a path with percents": BASE + "/native/v1/m%65",
            "of another host": "https://evil.example/native/v1/me",
            "of a longer host": "https://dash.pointapp.org.evil.example/native/v1/me",
            "of a host with a dot": "https://dash.pointapp.org./native/v1/me",
            "by http": "http://dash.pointapp.org/native/v1/me",
            "of another scheme": "org.pointapp.point://dash.pointapp.org/native/v1/me",
            "of another port": "https://dash.pointapp.org:444/native/v1/me",
            "of port 80": "https://dash.pointapp.org:80/native/v1/me",
            "of a name and a password": "https://me:pw@dash.pointapp.org/native/v1/me",
            "of a backslash": "https://dash.pointapp.org\\/native/v1/me",
            "in a query": "https://evil.example/?" + ME,
            "without a host": "https:///native/v1/me",
            "of a path only": "/native/v1/me",
            "with a blank": ME + " ",
            "with a line end": ME + "\n",
            "with a NUL in the query": ME + "?\x01",
            "empty": "",
        }.items()
    },
    "iat missing": (MALFORMED, lambda p: p.proof(iat=None)),
    "iat a text": (MALFORMED, lambda p: p.proof(iat=str(NOW))),
    "iat a fraction": (MALFORMED, lambda p: p.proof(iat=NOW + 0.5)),
    "iat true": (MALFORMED, lambda p: p.proof(iat=True)),
    "iat long ago": (INVALID, lambda p: p.proof(iat=NOW - IAT_SECONDS - 1)),
    "iat far ahead": (INVALID, lambda p: p.proof(iat=NOW + IAT_SECONDS + 1)),
    "nonce missing": (NONCE, lambda p: p.proof(nonce=None)),
    "nonce empty": (NONCE, lambda p: p.proof(nonce="")),
    "nonce a number": (NONCE, lambda p: p.proof(nonce=1)),
    "nonce somebody else's": (NONCE, lambda p: p.proof(nonce=p.nonce[:-1] + ("A" if p.nonce[-1] != "A" else "B"))),
    "nonce not ASCII": (NONCE, lambda p: p.proof(nonce="é" * 24)),
    "ath missing": (INVALID, lambda p: p.proof(ath=None)),
    "ath of another token": (INVALID, lambda p: p.proof(ath=base64url(hashlib.sha256(b"another").digest()))),
    "ath a number": (INVALID, lambda p: p.proof(ath=1)),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_proof_is_refused(stand: Stand, case: str) -> None:
    reason, make = HOSTILE[case]
    proof = make(stand.phone())
    assert stand.refusal(proof) == reason
    assert stand.refusal(proof) == reason


def test_there_has_to_be_exactly_one_proof(stand: Stand) -> None:
    phone = stand.phone()
    assert stand.refusal() == "proof_missing"
    assert stand.refusal(phone.proof(jti="1"), phone.proof(jti="2")) == MALFORMED
    assert stand.check(phone.proof(jti="1"))


def test_another_phones_proof_is_refused(stand: Stand) -> None:
    phone = stand.phone()
    assert stand.refusal(phone.proof(), expected_jkt=stand.phone().key.thumbprint()) == "proof_other_key"
    assert stand.check(phone.proof(), expected_jkt=phone.key.thumbprint())


@settings(deadline=None)
@given(st.text(max_size=200) | st.from_regex(r"[\w-]{0,60}\.[\w-]{0,60}\.[\w-]{0,60}"))
def test_garbage_is_refused_and_breaks_nothing(stand: Stand, garbage: str) -> None:
    assert stand.refusal(garbage) in {MALFORMED, INVALID}


# -- nonces ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("later", "good"), [(0, True), (NONCE_SECONDS, True), (2 * NONCE_SECONDS - 1, True),
                                             (2 * NONCE_SECONDS, False), (-1, False)])  # fmt: skip
def test_a_nonce_is_good_for_its_period_and_the_next(stand: Stand, later: int, good: bool) -> None:
    proof = stand.phone().proof(iat=NOW + later)
    if good:
        assert stand.check(proof, now=NOW + later)
    else:
        assert stand.refusal(proof, now=NOW + later) == NONCE


def test_a_nonce_changes_every_period_and_is_the_same_on_every_node(stand: Stand) -> None:
    node = stand.start("a secret key of this test")
    found = [make_nonce(node, NOW + second) for second in range(0, 10 * NONCE_SECONDS, 50)]
    assert found == [make_nonce(stand.node, NOW + second) for second in range(0, 10 * NONCE_SECONDS, 50)]
    assert len(set(found)) == 10
    # RFC 9449 section 8.1 allows these characters.
    assert all(0x21 <= ord(character) <= 0x7E and character not in '"\\' for one in found for character in one)


def test_nobody_else_can_make_a_nonce(stand: Stand) -> None:
    other = stand.start("another portal's secret key")
    assert stand.refusal(stand.phone().proof(), node=other) == NONCE


def test_a_nonce_from_before_a_new_secret_key_is_still_good(stand: Stand) -> None:
    rotated = stand.start("a new secret key", "a secret key of this test")
    assert stand.check(stand.phone().proof(), node=rotated)
    assert make_nonce(rotated, NOW) == make_nonce(stand.start("a new secret key"), NOW)


# -- once --------------------------------------------------------------------------------------------------------------


def mirrored(proof: str) -> str:
    """The same proof with the other signature that ECDSA allows for it, which anybody can compute."""
    message, _, signature = proof.rpartition(".")
    found = urlsafe_b64decode(signature + "==")
    turned = (ORDER - int.from_bytes(found[32:], "big")).to_bytes(32, "big")
    return f"{message}.{base64url(found[:32] + turned)}"


def test_a_proof_counts_once_over_all_nodes(stand: Stand) -> None:
    phone, node = stand.phone(), stand.start("a secret key of this test")
    proof = phone.proof(jti="once")
    assert stand.check(proof)
    assert stand.refusal(proof) == stand.refusal(proof, node=node) == "proof_replayed"
    assert stand.refusal(mirrored(proof)) == "proof_replayed"
    assert stand.refusal(phone.proof(jti="once", iat=NOW + 1), now=NOW + 1) == "proof_replayed"
    assert stand.check(phone.proof(jti="again"))


def test_the_mirror_of_a_proof_is_good_in_its_place(stand: Stand) -> None:
    proof = stand.phone().proof()
    assert stand.check(mirrored(proof))
    assert stand.refusal(proof) == "proof_replayed"


def test_two_phones_may_choose_the_same_jti(stand: Stand) -> None:
    assert stand.check(stand.phone().proof(jti="1"))
    assert stand.check(stand.phone().proof(jti="1"))


def test_a_proof_that_was_refused_is_not_used_up(stand: Stand) -> None:
    proof = stand.phone().proof()
    assert stand.refusal(proof, method="POST") == INVALID
    assert stand.refusal(proof, now=NOW + 10_000) == NONCE
    assert stand.refusal(proof, expected_jkt="x") == "proof_other_key"
    assert stand.refusal(proof, access_token="another") == INVALID
    assert stand.check(proof)


def test_of_sixteen_threads_on_two_nodes_one_gets_in(stand: Stand) -> None:
    nodes = [stand.node, stand.start("a secret key of this test")]
    proof, gate = stand.phone().proof(), threading.Barrier(16)

    def go(number: int) -> str:
        gate.wait()
        try:
            return stand.check(proof, node=nodes[number % 2]) and "in"
        except Refused as refused:
            return refused.reason

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(go, range(16))) == ["in"] + ["proof_replayed"] * 15


def test_what_has_been_forgotten_is_refused_for_its_age(stand: Stand) -> None:
    """Even the proof that lives longest: signed by a clock that is ahead, with a nonce just made."""
    proof = stand.phone().proof(iat=NOW + IAT_SECONDS)
    assert stand.check(proof)
    later = NOW + KEEP_SECONDS
    with stand.node.db.writing() as connection:
        assert remove_proofs(connection, before=later - KEEP_SECONDS) == 0
    assert stand.refusal(proof, now=NOW + IAT_SECONDS) == "proof_replayed"
    with stand.node.db.writing() as connection:
        assert remove_proofs(connection, before=later + 1 - KEEP_SECONDS) >= 1
    assert stand.refusal(proof, now=later + 1) == NONCE
