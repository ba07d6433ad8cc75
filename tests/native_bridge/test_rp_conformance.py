"""The OpenID Foundation's tests for relying parties (`cases/rp_conformance.json`), each through a login of the app.

The verdicts are the web's: what is refused there is refused here, for the same reason, and nobody is let in.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.native_bridge.steps import LOGIN, LOGOUT, Phone, said, sent_to_okta
from tests.okta.forgery import ec_jwk, forge, load_cases, test_keys
from tests.web.steps import account_for, change_answer, change_query, count_rows, query_of
from tests.web.test_rp_conformance import ACCEPTED, REFUSED, params
from tests.web.test_rp_conformance import ELSEWHERE as NOT_FOR_US
from tests.world import World

PROVING = "tests/native_bridge/test_proving.py::"
ELSEWHERE = {
    **NOT_FOR_US,
    # The refresh at Okta, when a session proves itself again.
    **{f"RP-{number}": f"{PROVING}test_rp_31_73_after_that_okta_is_asked_once_with_the_newest_token_each_time"
       for number in (31, 73)},
    **{f"RP-{number}": f"{PROVING}test_a_new_id_token_of_somebody_else_ends_it" for number in (32, 33)},
    "RP-34": "a login that Okta starts begins on the web; the bridge has no such call",
}  # fmt: skip


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    return Phone(world)


def lets_in(phone: Phone, link: str, *, right: bool, reason: str, status: int = 502) -> None:
    """The link logs Alice in where all is `right`; else nobody, however often it comes, and the reason is told."""
    before = count_rows(phone.world)
    answer = phone.complete(link)
    if right:
        assert answer.json()["user"]["email"] == "alice@acme.example"
        return
    assert (answer.status_code, answer.json()["reason"]) == (status, reason)
    assert said(phone.complete(link)) == said(answer)
    assert (count_rows(phone.world), phone.tokens) == (before, {})
    event = phone.world.activity()[0]
    assert (event.what, event.reference, event.about["reason"]) == ("login.refused", answer.json()["reference"], reason)


def test_every_module_is_proved_here_or_listed_with_a_reason() -> None:
    account_for(globals(), "RP", load_cases("rp_conformance"), ELSEWHERE)


# -- tokens ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("embedded", [False, True], ids=["redirect", "embedded"])
@pytest.mark.parametrize("fault_and_reason", params(REFUSED))
def test_a_bad_id_token_lets_nobody_in(
    world: World, phone: Phone, fault_and_reason: tuple[str, str], embedded: bool
) -> None:
    fault, reason = fault_and_reason
    link = phone.come_back_embedded() if embedded else phone.come_back()
    world.sandbox.fault(fault)
    lets_in(phone, link, right=False, reason=reason)
    assert sent_to_okta(world) == 1
    assert world.requests_to("/userinfo") == []


@pytest.mark.parametrize("fault", params(ACCEPTED))
def test_what_an_okta_may_do_differently_is_no_reason_to_refuse(world: World, phone: Phone, fault: str) -> None:
    world.sandbox.fault(fault)
    assert phone.log_in()["user"]["email"] == "alice@acme.example"


def test_rp_01_08_13_14_37_a_login_asks_and_sends_what_the_protocol_says(world: World, phone: Phone) -> None:
    phone.log_in()
    asked = {name: values[0] for name, values in world.requests_to("/authorize")[0].query.items()}
    assert asked["scope"] == "openid profile email offline_access"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == LOGIN
    [call] = world.requests_to("/token")
    form = {name: values[0] for name, values in call.form.items()}
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
    assert form["code_verifier"] != phone.verifier
    assert form["client_id"] == asked["client_id"] == world.sandbox.client_id("native")
    assert set(form) == {"grant_type", "client_id", "code", "redirect_uri", "code_verifier"}
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert "authorization" not in call.headers
    assert call.query == {}


def test_rp_08_an_interaction_code_is_redeemed_with_what_okta_wants(world: World, phone: Phone) -> None:
    link = phone.come_back_embedded()
    assert phone.complete(link).status_code == 200
    [call] = world.requests_to("/token")
    assert call.form["grant_type"] == ["interaction_code"]
    assert set(call.form) == {"grant_type", "client_id", "interaction_code", "code_verifier"}


@pytest.mark.parametrize("kids", ["RP-06 one key fits", "RP-07 two keys fit"])
def test_a_token_without_a_kid_needs_the_one_key_that_fits(world: World, phone: Phone, kids: str) -> None:
    world.sandbox.fault("no_kid")
    fitting = 1 if "one" in kids else 2

    def without_kids(document: dict[str, Any]) -> None:
        document["keys"] = [{**key, "kid": None} for key in document["keys"][:fitting]]
        for key in document["keys"]:
            del key["kid"]

    change_answer(world.sandbox, "/v1/keys", without_kids)
    lets_in(phone, phone.come_back(), right=fitting == 1, reason="unknown_key")


@pytest.mark.parametrize("sound", [True, False])
def test_rp_36_61_es256_counts_where_the_issuer_publishes_it_and_only_unbroken(
    world: World, phone: Phone, sound: bool
) -> None:
    keys = test_keys()

    def publish(document: dict[str, Any]) -> None:
        if "keys" in document:
            document["keys"].append(ec_jwk(keys.ec, kid="kE", alg="ES256"))
        if "issuer" in document:
            document["id_token_signing_alg_values_supported"] = ["RS256", "ES256"]

    def sign(header: dict[str, Any], claims: dict[str, Any], _signer: Any) -> str:
        recipe = {"header": {"alg": "ES256", "kid": "kE"}, "key": "ec"}
        token = forge(recipe, header=header, claims=claims, keys=keys)
        head, _, signature = token.rpartition(".")
        return token if sound else f"{head}.{signature[:9]}{'A' if signature[9] != 'A' else 'B'}{signature[10:]}"

    change_answer(world.sandbox, ("/keys", "/openid-configuration"), publish)
    world.sandbox.forge = sign
    lets_in(phone, phone.come_back(), right=sound, reason="bad_signature")


@pytest.mark.parametrize("right", [True, False])
def test_rp_39_a_c_hash_has_to_match_where_there_is_one(world: World, phone: Phone, right: bool) -> None:
    def add(header: dict[str, Any], claims: dict[str, Any], signer: Any) -> str:
        code = world.requests_to("/token")[-1].form["code"][0] if right else "another code"
        half = hashlib.sha256(code.encode()).digest()[:16]
        return str(signer.encode(header, {**claims, "c_hash": base64.urlsafe_b64encode(half).decode().rstrip("=")}))

    world.sandbox.forge = add
    lets_in(phone, phone.come_back(), right=right, reason="c_hash_mismatch")


# -- userinfo ----------------------------------------------------------------------------------------------------------


def test_rp_28_29_the_access_token_travels_in_the_header_and_nowhere_else(world: World, phone: Phone) -> None:
    world.sandbox.fault("no_email")
    assert phone.log_in()["user"]["email"] == "alice@acme.example"
    [call] = world.requests_to("/userinfo")
    assert (call.method, call.query, call.body) == ("GET", {}, b"")
    scheme, _, token = call.headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    assert token in world.sandbox.grants.access_tokens
    assert all(token not in str(request.query) for request in world.sandbox.requests)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param("userinfo_wrong_sub", "subject_mismatch", id="RP-11"),
        pytest.param("userinfo_signed_jwt", "userinfo_signed", id="RP-27"),
    ],
)
def test_a_userinfo_that_cannot_be_used_refuses_the_whole_login(
    world: World, phone: Phone, fault: str, reason: str
) -> None:
    link = phone.come_back()
    world.sandbox.fault("no_email")
    world.sandbox.fault(fault)
    lets_in(phone, link, right=False, reason=reason)


def test_rp_54_an_address_in_a_claim_is_never_fetched(world: World, phone: Phone) -> None:
    claims = {"_claim_names": {"email": "src1"}, "_claim_sources": {"src1": {"endpoint": f"{world.okta}/bait"}}}
    world.sandbox.set_claims("alice@acme.example", claims)
    world.sandbox.fault("no_email_anywhere")
    lets_in(phone, phone.come_back(), right=False, reason="email_missing", status=403)
    assert len(world.requests_to("/userinfo")) == 1
    assert world.requests_to("/bait") == []


# -- the answer to the app ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["code={code}", "error=login_required"], ids=["RP-15", "RP-16"])
def test_an_answer_that_is_posted_goes_into_no_app(world: World, phone: Phone, answer: str) -> None:
    """Nothing is posted to a private scheme; where the https link stands for it, there is no such form."""
    link = phone.come_back()
    query = query_of(link)
    body = f"{answer.format(**query)}&state={query['state']}"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert phone.browser.step("/native/open", method="POST", data=body, headers=kind).status_code == 405
    assert phone.call("POST", "/login/complete", data=body, headers=kind).status_code == 415
    assert sent_to_okta(world) == 0
    assert phone.complete(link).status_code == 200


@pytest.mark.parametrize("state", [pytest.param("native-" + "x" * 44, id="RP-57"), pytest.param(None, id="RP-58")])
def test_another_state_or_none_is_refused_before_the_token_call(world: World, phone: Phone, state: str | None) -> None:
    link = phone.come_back()
    answer = phone.complete(change_query(link, state=state))
    wanted = ("attempt_unknown", "unknown_state") if state else ("deep_link_invalid", "missing_state")
    assert said(answer) == (400, *wanted)
    assert sent_to_okta(world) == 0
    assert phone.complete(link).status_code == 200


@pytest.mark.parametrize(
    ("iss", "right"),
    [
        pytest.param("https://stranger.example", False, id="RP-59 another"),
        pytest.param("the issuer", True, id="RP-59 the right one"),
        pytest.param(None, False, id="RP-60 promised and missing"),
    ],
)
def test_the_issuer_in_the_answer_is_checked_before_the_token_call(
    world: World, phone: Phone, iss: str | None, right: bool
) -> None:
    promise = {"authorization_response_iss_parameter_supported": True}
    change_answer(world.sandbox, "/openid-configuration", lambda document: document.update(promise))
    link = change_query(phone.come_back(), iss=world.okta if iss == "the issuer" else iss)
    reason = "issuer_missing" if iss is None else "issuer_mismatch"
    lets_in(phone, link, right=right, reason=reason, status=400)
    assert sent_to_okta(world) == int(right)


def test_rp_76_a_signed_answer_is_not_read(world: World, phone: Phone) -> None:
    link = phone.come_back()
    signed = change_query(link, code=None, response="eyJhbGciOiJub25lIn0.e30.")
    assert said(phone.complete(signed)) == (400, "deep_link_invalid", "response_unsupported")
    assert sent_to_okta(world) == 0
    assert phone.complete(link).status_code == 200


# -- discovery and keys ------------------------------------------------------------------------------------------------


def test_rp_17_the_published_addresses_are_used_and_asked_for_once(world: World, phone: Phone) -> None:
    published = f"{world.okta}/oauth2/v1/authorize?tenant=7"
    change_answer(
        world.sandbox, "/openid-configuration", lambda document: document.update(authorization_endpoint=published)
    )
    for _ in range(2):
        assert phone.start().json()["authorization_url"].startswith(f"{published}&")
    assert len(world.requests_to("/openid-configuration")) == 1


def test_rp_18_the_keys_are_fetched_where_the_metadata_says(world: World, phone: Phone) -> None:
    moved = {"jwks_uri": f"{world.okta}/oauth2/default/v1/keys?run=1"}
    world.sandbox.rings[""] = world.sandbox.ring("default")
    change_answer(world.sandbox, "/openid-configuration", lambda document: document.update(moved))
    phone.log_in()
    assert [request.query["run"] for request in world.requests_to("/keys")] == [["1"]]


def test_rp_19_metadata_of_another_issuer_ends_the_login_before_okta(world: World, phone: Phone) -> None:
    world.sandbox.fault("discovery_issuer_mismatch")
    assert phone.start().status_code == 502
    assert world.requests_to("/authorize") == []


@pytest.mark.parametrize("how", ["RP-20 just before signing", "RP-21 between two logins"])
def test_keys_that_have_changed_are_fetched_once_more(world: World, phone: Phone, how: str) -> None:
    phone.log_in()
    if "RP-20" in how:
        world.sandbox.fault("rotate_before_signing")
    else:
        world.sandbox.rotate_keys()
        world.sandbox.rotate_keys()
    assert Phone(world).log_in()["user"]["email"] == "alice@acme.example"
    assert len(world.requests_to("/keys")) == 2


# -- logout ------------------------------------------------------------------------------------------------------------


def test_rp_40_logging_out_ends_the_session_at_okta_too_and_comes_back(world: World, phone: Phone) -> None:
    phone.log_in()
    left = phone.log_out(okta=True).json()
    sent = query_of(left["logout_url"])
    assert left["logout_url"].startswith(f"{world.okta}/oauth2/v1/logout?")
    assert (sent["post_logout_redirect_uri"], sent["id_token_hint"].count(".")) == (LOGOUT, 2)
    assert phone.browser.step(left["logout_url"]).headers["Location"] == f"{LOGOUT}?state={left['state']}"
    assert world.sandbox.sessions == []


@pytest.mark.parametrize("query", [pytest.param("", id="RP-41"), pytest.param("?state=another", id="RP-42")])
def test_a_return_from_okta_s_logout_is_welcome_with_any_state_and_ends_nothing_else(
    world: World, phone: Phone, query: str
) -> None:
    other = Phone(world, "olivia@acme.example")
    phone.log_in()
    other.log_in()
    phone.log_out(okta=True)
    assert phone.call("POST", "/logout/complete", {"deep_link": LOGOUT + query}).status_code == 204
    assert not phone.is_logged_in()
    assert other.is_logged_in()
