"""The OpenID Foundation's tests for relying parties (`cases/rp_conformance.json`), each through the whole login."""

from __future__ import annotations

import base64
import hashlib
from functools import partial
from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.okta.attempt import Attempt, authorization_url, start_login
from portal.okta.connect import SCOPE
from portal.okta.id_token import check_id_token
from portal.okta.tokens import Tokens, fetch_userinfo, redeem_code, refresh
from tests.okta.forgery import ec_jwk, forge, load_cases, test_keys
from tests.pages import Page
from tests.web.steps import (
    account_for,
    assert_anonymous,
    assert_refused,
    assert_turned_away,
    change_answer,
    change_query,
    come_back,
    count_rows,
    query_of,
    state_cookies,
)
from tests.world import World

ORDERS = "tests/web/test_universal_logout.py::"
FORGED_ORDER = f"{ORDERS}test_an_order_that_might_be_anybody_s_is_401"
FRONT_CHANNEL = f"{ORDERS}test_front_channel_logout_ends_what_came_from_that_sign_in"
ELSEWHERE = {
    "RP-22": "no WebFinger: owners enter the domain",
    "RP-23": "no WebFinger: owners enter the domain",
    "RP-24": "no dynamic registration: owners enter client ids",
    "RP-25": "no request objects are sent",
    "RP-26": "no request objects are sent",
    "RP-43": "no session management: it needs third-party cookies",
    # Okta sends no logout tokens but orders (Universal Logout), with the same checks and 401 instead of 400.
    "RP-44": f"{ORDERS}test_an_order_ends_every_session_of_the_person_web_and_phone",
    **{f"RP-{number}": FORGED_ORDER for number in (45, 46, 48, 49, 50, 51)},
    "RP-47": f"{ORDERS}test_idt_131_rp_47_the_id_token_of_a_login_is_no_order",
    "RP-52": FRONT_CHANNEL,
    "RP-53": FRONT_CHANNEL,
    "RP-55": "no mutual TLS: Okta's apps for POINT are public clients",
    "RP-56": "an Okta that demands PAR or DPoP is told to the owner as OKTA_MISCONFIGURED; neither is spoken",
    "RP-72": "DPoP is not spoken with Okta, so that there is no nonce to be told",
}

# A fault of the ID token or of the token answer, and the reason for which the login is refused.
REFUSED = {
    "RP-02 RP-65 another issuer": ("wrong_issuer", "issuer_mismatch"),
    "RP-65 no issuer": ("missing_issuer", "issuer_mismatch"),
    "RP-03 no sub": ("missing_sub", "subject_missing"),
    "RP-04 RP-66 another client": ("wrong_audience", "audience_mismatch"),
    "RP-30 RP-66 no audience": ("missing_audience", "audience_mismatch"),
    "RP-67 a stranger beside us": ("extra_audience", "audience_mismatch"),
    "RP-05 no iat": ("missing_iat", "malformed"),
    "RP-74 iat a week ago": ("stale_id_token", "iat_too_old"),
    "RP-63 expired": ("expired_id_token", "expired"),
    "RP-64 no exp": ("missing_exp", "malformed"),
    "RP-12 RP-69 another nonce": ("wrong_nonce", "nonce_mismatch"),
    "RP-69 no nonce": ("missing_nonce", "nonce_mismatch"),
    "RP-09 RP-62 alg none": ("alg_none", "alg_not_allowed"),
    "RP-10 a changed signature": ("bad_signature", "bad_signature"),
    "RP-35 RP-61 HS256": ("hs256", "alg_not_allowed"),
    "RP-38 another at_hash": ("wrong_at_hash", "at_hash_mismatch"),
}
ACCEPTED = {
    "RP-68 aud as a list": "audience_as_array",
    "RP-70 no expires_in": "token_no_expires_in",
    "RP-71 token_type in other letters": "token_type_inverted_case",
    "RP-75 no scope": "token_no_scope",
    "RP-38 RP-75 no at_hash": "missing_at_hash",
}


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


def params(table: dict[str, Any]) -> list[Any]:
    return [pytest.param(value, id=name) for name, value in table.items()]


def test_every_module_is_proved_here_or_listed_with_a_reason() -> None:
    account_for(globals(), "RP", load_cases("rp_conformance"), ELSEWHERE)


# -- tokens ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault_and_reason", params(REFUSED))
def test_a_bad_id_token_logs_nobody_in(world: World, fault_and_reason: tuple[str, str]) -> None:
    fault, reason = fault_and_reason
    world.sandbox.fault(fault)
    before = count_rows(world)
    alice = world.alice
    assert_refused(world, alice.log_in(), reason, status=502)
    assert_anonymous(alice)
    assert count_rows(world) == before
    assert len(world.requests_to("/token")) == 1
    assert world.requests_to("/userinfo") == []


@pytest.mark.parametrize("fault", params(ACCEPTED))
def test_what_an_okta_may_do_differently_is_no_reason_to_refuse(world: World, fault: str) -> None:
    world.sandbox.fault(fault)
    alice = world.alice
    alice.log_in()
    assert alice.session()["email"] == "alice@acme.example"


def test_rp_01_08_13_14_37_a_login_asks_and_sends_what_the_protocol_says(world: World) -> None:
    alice = world.alice
    alice.log_in()
    asked = {name: values[0] for name, values in world.requests_to("/authorize")[0].query.items()}
    assert asked["scope"] == "openid profile email offline_access"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == f"{world.base}/login/callback"
    assert min(len(asked["nonce"]), len(asked["state"])) >= 43
    [call] = world.requests_to("/token")
    form = {name: values[0] for name, values in call.form.items()}
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
    assert form["client_id"] == asked["client_id"] == world.sandbox.client_id("spa")
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert set(form) == {"grant_type", "client_id", "code", "redirect_uri", "code_verifier"}
    assert "authorization" not in call.headers
    assert call.query == {}
    assert alice.session()["authenticated"] is True


@pytest.mark.parametrize("kids", ["RP-06 one key fits", "RP-07 two keys fit"])
def test_rp_06_07_a_token_without_a_kid_needs_the_one_key_that_fits(world: World, kids: str) -> None:
    world.sandbox.fault("no_kid")
    fitting = 1 if "one" in kids else 2

    def without_kids(document: dict[str, Any]) -> None:
        document["keys"] = [{**key, "kid": None} for key in document["keys"][:fitting]]
        for key in document["keys"]:
            del key["kid"]

    change_answer(world.sandbox, "/v1/keys", without_kids)
    alice = world.alice
    page = alice.log_in()
    assert alice.session()["authenticated"] is (fitting == 1)
    if fitting == 2:
        assert_refused(world, page, "unknown_key", status=502)


@pytest.mark.parametrize("sound", [True, False])
def test_rp_36_61_es256_counts_where_the_issuer_publishes_it_and_only_unbroken(world: World, sound: bool) -> None:
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
    alice = world.alice
    page = alice.log_in()
    assert alice.session()["authenticated"] is sound
    if not sound:
        assert_refused(world, page, "bad_signature", status=502)


@pytest.mark.parametrize("right", [True, False])
def test_rp_39_a_c_hash_has_to_match_where_there_is_one(world: World, right: bool) -> None:
    def add(header: dict[str, Any], claims: dict[str, Any], signer: Any) -> str:
        code = world.requests_to("/token")[-1].form["code"][0] if right else "another code"
        half = hashlib.sha256(code.encode()).digest()[:16]
        return str(signer.encode(header, {**claims, "c_hash": base64.urlsafe_b64encode(half).decode().rstrip("=")}))

    world.sandbox.forge = add
    alice = world.alice
    page = alice.log_in()
    assert alice.session()["authenticated"] is right
    if not right:
        assert_refused(world, page, "c_hash_mismatch", status=502)


# -- userinfo ----------------------------------------------------------------------------------------------------------


def test_rp_28_29_the_access_token_travels_in_the_header_and_nowhere_else(world: World) -> None:
    world.sandbox.fault("no_email")
    alice = world.alice
    alice.log_in()
    assert alice.session()["email"] == "alice@acme.example"
    [call] = world.requests_to("/userinfo")
    assert (call.method, call.query, call.body) == ("GET", {}, b"")
    scheme, _, token = call.headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    assert token in world.sandbox.grants.access_tokens
    assert all(token not in str(request.query) for request in world.sandbox.requests)


def test_rp_13_userinfo_is_not_asked_for_what_the_id_token_says_already(world: World) -> None:
    world.alice.log_in()
    assert world.requests_to("/userinfo") == []


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param("userinfo_wrong_sub", "subject_mismatch", id="RP-11"),
        pytest.param("userinfo_signed_jwt", "userinfo_signed", id="RP-27"),
    ],
)
def test_a_userinfo_that_cannot_be_used_refuses_the_whole_login(world: World, fault: str, reason: str) -> None:
    world.sandbox.fault("no_email")
    world.sandbox.fault(fault)
    before = count_rows(world)
    alice = world.alice
    assert_refused(world, alice.log_in(), reason, status=502)
    assert_anonymous(alice)
    assert count_rows(world) == before


def test_rp_54_an_address_in_a_claim_is_never_fetched(world: World) -> None:
    claims = {"_claim_names": {"email": "src1"}, "_claim_sources": {"src1": {"endpoint": f"{world.okta}/bait"}}}
    world.sandbox.set_claims("alice@acme.example", claims)
    world.sandbox.fault("no_email_anywhere")
    assert_refused(world, world.alice.log_in(), "email_missing", status=403)
    assert len(world.requests_to("/userinfo")) == 1
    assert world.requests_to("/bait") == []


# -- the answer to the browser -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [{"code": "a-code"}, {"error": "login_required"}], ids=["RP-15", "RP-16"])
def test_an_answer_by_post_is_405_and_changes_nothing(world: World, answer: dict[str, str]) -> None:
    alice = world.alice
    location = come_back(alice)
    held = state_cookies(alice)
    form = {"state": query_of(location)["state"], **answer}
    posted = alice.step("/login/callback", method="POST", data=form, headers={"Origin": world.okta})
    assert posted.status_code == 405
    assert "Set-Cookie" not in posted.headers
    assert world.requests_to("/token") == []
    assert state_cookies(alice) == held
    alice.get(location)
    assert alice.session()["authenticated"] is True


@pytest.mark.parametrize("state", [pytest.param("x" * 43, id="RP-57"), pytest.param(None, id="RP-58")])
def test_another_state_or_none_is_refused_before_the_token_call(world: World, state: str | None) -> None:
    alice = world.alice
    location = come_back(alice)
    page = alice.get(change_query(location, state=state))
    assert page.status_code == 400
    assert "Reference" in page.text
    assert world.requests_to("/token") == []
    assert_anonymous(alice)
    alice.get(location)
    assert alice.session()["authenticated"] is True


@pytest.mark.parametrize(
    ("iss", "logged_in"),
    [
        pytest.param("https://stranger.example", False, id="RP-59 another"),
        pytest.param("the issuer", True, id="RP-59 the right one"),
        pytest.param(None, False, id="RP-60 promised and missing"),
    ],
)
def test_the_issuer_in_the_answer_is_checked_before_the_token_call(
    world: World, iss: str | None, logged_in: bool
) -> None:
    promise = {"authorization_response_iss_parameter_supported": True}
    change_answer(world.sandbox, "/openid-configuration", lambda document: document.update(promise))
    alice = world.alice
    page = alice.get(change_query(come_back(alice), iss=world.okta if iss == "the issuer" else iss))
    assert alice.session()["authenticated"] is logged_in
    assert len(world.requests_to("/token")) == int(logged_in)
    if not logged_in:
        assert_refused(world, page, "iss_missing" if iss is None else "issuer_mismatch", status=400)


def test_rp_76_a_signed_answer_is_not_read(world: World) -> None:
    alice = world.alice
    location = change_query(come_back(alice), code=None, response="eyJhbGciOiJub25lIn0.e30.")
    assert_turned_away(alice.get(location), "Okta's answer could not be read", 400)
    assert world.requests_to("/token") == []
    assert_anonymous(alice)


# -- discovery and keys ------------------------------------------------------------------------------------------------


def test_rp_17_the_published_addresses_are_used_and_asked_for_once(world: World) -> None:
    published = f"{world.okta}/oauth2/v1/authorize?tenant=7"
    change_answer(
        world.sandbox, "/openid-configuration", lambda document: document.update(authorization_endpoint=published)
    )
    for visitor in (world.alice, world.olivia):
        assert visitor.step("/login/acme/okta").headers["Location"].startswith(f"{published}&")
    assert len(world.requests_to("/openid-configuration")) == 1


def test_rp_18_the_keys_are_fetched_where_the_metadata_says(world: World) -> None:
    for number in (1, 2):
        moved = {"jwks_uri": f"{world.okta}/oauth2/default/v1/keys?run={number}"}
        world.sandbox.rings[""] = world.sandbox.ring("default")
        change_answer(world.sandbox, "/openid-configuration", lambda document, moved=moved: document.update(moved))
        alice = world.alice
        alice.log_in()
        assert alice.session()["authenticated"] is True
        world.clock.forward(3601)
    assert [request.query["run"] for request in world.requests_to("/keys")] == [["1"], ["2"]]


def test_rp_19_metadata_of_another_issuer_ends_the_login_before_okta(world: World) -> None:
    world.sandbox.fault("discovery_issuer_mismatch")
    answer = world.alice.step("/login/acme/okta")
    assert (answer.status_code, "Location" in answer.headers) == (502, False)
    assert "Reference" in answer.text
    assert world.requests_to("/authorize") == []


@pytest.mark.parametrize("how", ["RP-20 just before signing", "RP-21 between two logins"])
def test_keys_that_have_changed_are_fetched_once_more(world: World, how: str) -> None:
    world.olivia.log_in()
    if "RP-20" in how:
        world.sandbox.fault("rotate_before_signing")
    else:
        world.sandbox.rotate_keys()
        world.sandbox.rotate_keys()
    alice = world.alice
    alice.log_in()
    assert alice.session()["authenticated"] is True
    assert len(world.requests_to("/keys")) == 2


# -- refresh: at the protocol's own functions; pages that refresh are in test_sessions_follow_okta.py ------------------


def redeem(world: World) -> tuple[Attempt, Tokens, dict[str, Any]]:
    """Alice's tokens and checked claims, by the real door."""
    services, provider = world.services, world.services.providers.load(world.okta)
    attempt = start_login(
        organization_id=1, integration_id=1, integration_version=1, app="spa", issuer=world.okta,
        client_id=world.sandbox.client_id("spa"), redirect_uri=world.settings.redirect_uri, scope=SCOPE,
        return_to="/", now=services.clock(),
    )  # fmt: skip
    alice = world.alice
    page = alice.get(authorization_url(provider, attempt))
    code = query_of(alice.sign_in_at_okta(page).headers["Location"])["code"]
    sent = {"client_id": attempt.client_id, "code": code, "redirect_uri": attempt.redirect_uri}
    tokens = redeem_code(services.door, provider, **sent, code_verifier=attempt.code_verifier)
    return attempt, tokens, check(world, attempt, tokens, nonce=attempt.nonce)


def check(world: World, attempt: Attempt, tokens: Tokens, **demands: Any) -> dict[str, Any]:
    provider = world.services.providers.load(attempt.issuer)
    return check_id_token(
        tokens.id_token,
        key=partial(world.services.providers.key, provider), algorithms=provider.algorithms, issuer=attempt.issuer,
        client_id=attempt.client_id, now=world.clock(), access_token=tokens.access_token,
        **{"nonce": None, **demands},
    )  # fmt: skip


def refresh_once(world: World, attempt: Attempt, tokens: Tokens) -> Tokens:
    assert tokens.refresh_token is not None
    provider = world.services.providers.load(attempt.issuer)
    return refresh(
        world.services.door, provider, client_id=attempt.client_id, refresh_token=tokens.refresh_token, scope=SCOPE
    )


def test_rp_31_a_refresh_brings_tokens_that_work(world: World) -> None:
    attempt, tokens, claims = redeem(world)
    newer = refresh_once(world, attempt, tokens)
    assert newer.refresh_token != tokens.refresh_token
    assert check(world, attempt, newer, subject=claims["sub"])["sub"] == claims["sub"]
    provider = world.services.providers.load(attempt.issuer)
    person = fetch_userinfo(world.services.door, provider, access_token=newer.access_token, subject=claims["sub"])
    assert person["email"] == "alice@acme.example"
    assert world.requests_to("/userinfo")[-1].headers["authorization"] == f"Bearer {newer.access_token}"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        pytest.param("refresh_wrong_issuer", "issuer_mismatch", id="RP-32"),
        pytest.param("refresh_wrong_sub", "subject_mismatch", id="RP-33"),
    ],
)
def test_a_refresh_never_changes_issuer_or_person(world: World, fault: str, reason: str) -> None:
    attempt, tokens, claims = redeem(world)
    world.sandbox.fault(fault)
    newer = refresh_once(world, attempt, tokens)
    with pytest.raises(Refused) as refused:
        check(world, attempt, newer, subject=claims["sub"])
    assert (refused.value.problem, refused.value.reason) == (Problem.ID_TOKEN_REFUSED, reason)
    assert world.requests_to("/userinfo") == []


def test_rp_73_each_refresh_uses_the_newest_token(world: World) -> None:
    attempt, tokens, claims = redeem(world)
    held = [tokens]
    for _ in range(2):
        held.append(refresh_once(world, attempt, held[-1]))
        check(world, attempt, held[-1], subject=claims["sub"])
    sent = [call.form["refresh_token"][0] for call in world.requests_to("/token")[1:]]
    assert sent == [held[0].refresh_token, held[1].refresh_token]
    assert len({each.refresh_token for each in held}) == 3


# -- logins that Okta starts, and logout -------------------------------------------------------------------------------


def test_rp_34_a_login_that_okta_starts_is_a_normal_login_at_a_known_issuer(world: World) -> None:
    alice = world.alice
    hints = {"login_hint": "alice@acme.example", "target_link_uri": f"{world.base}/account"}
    page = alice.get("/login/initiate", params={"iss": world.okta, **hints})
    assert Page(page.text).find("input", name="identifier").attributes["value"] == "alice@acme.example"
    assert alice.follow(alice.sign_in_at_okta(page)).url == f"{world.base}/account"
    assert alice.session()["authenticated"] is True
    stranger = world.stranger.get("/login/initiate", params={"iss": "https://stranger.example"})
    assert (stranger.status_code, "Reference" in stranger.text) == (404, True)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/logout"])
def test_rp_34_a_login_that_okta_starts_ends_on_a_page_of_ours(world: World, target: str) -> None:
    alice = world.alice
    page = alice.get("/login/initiate", params={"iss": world.okta, "target_link_uri": target})
    assert alice.follow(alice.sign_in_at_okta(page)).url == f"{world.base}/"


def log_out(alice: Any) -> str:
    """Presses "Log out"; the address at Okta that the page leads on to."""
    page = alice.submit(alice.get("/"), button="Log out")
    return str(Page(page.text).find("meta", http_equiv="refresh").attributes["content"].partition("url=")[2])


def test_rp_40_logging_out_ends_the_session_at_okta_too_and_comes_back(world: World) -> None:
    alice = world.alice
    alice.log_in()
    address = log_out(alice)
    assert_anonymous(alice)
    sent = query_of(address)
    assert address.startswith(f"{world.okta}/oauth2/v1/logout?")
    assert sent["post_logout_redirect_uri"] == world.base
    assert sent["id_token_hint"].count(".") == 2
    landing = alice.get(address)
    assert landing.status_code == 200
    assert query_of(landing.url) == {"state": sent["state"]}
    assert len(sent["state"]) >= 22
    assert world.sandbox.sessions == []


@pytest.mark.parametrize("query", [pytest.param("", id="RP-41"), pytest.param("?state=another", id="RP-42")])
def test_a_return_from_okta_s_logout_is_welcome_with_any_state_and_ends_nothing_else(world: World, query: str) -> None:
    alice, olivia = world.alice, world.olivia
    alice.log_in()
    olivia.log_in()
    log_out(alice)
    landing = alice.get(f"/{query}")
    assert landing.status_code == 200
    assert "Reference" not in landing.text
    assert_anonymous(alice)
    assert olivia.get(f"/{query}").status_code == 200
    assert olivia.session()["authenticated"] is True
