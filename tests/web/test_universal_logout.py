"""Okta ends sessions: Universal Logout for all of a person's, front-channel logout for one sign-in; and a login that
another site begins takes nobody's place."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from okta_sandbox import KeyRing
from okta_sandbox.universal_logout import endpoint_of, make_order, name_subject, send_order
from portal.logins import read_tokens
from portal.store.integrations import delete_integration
from portal.store.members import add_member
from portal.store.models import sessions
from tests.native_bridge.steps import Phone, said
from tests.needs import forget_tries
from tests.web.steps import add_person, came_first_by_globex, change_query, globex_okta
from tests.world import Visitor, World

GONE = {"authenticated": False}
CROSS = {"Sec-Fetch-Site": "cross-site"}


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    forget_tries()
    return shared


@pytest.fixture
def alice(world: World) -> Visitor:
    alice = world.alice
    alice.log_in()
    return alice


def order(world: World, slug: str = "acme", **changes: Any) -> str:
    """An order of Acme's Okta, for its web app."""
    known = {"issuer": world.okta, "client_id": world.sandbox.client_id("spa")}
    known |= {"audience": f"{world.base}/organizations/{slug}/universal-logout"}
    return make_order(world.sandbox, **{**known, **changes})


def send(world: World, token: str, subject: dict[str, Any] | None = None, slug: str = "acme") -> int:
    subject = subject or name_subject(world.sandbox.person("alice@acme.example"), world.okta)
    return send_order(endpoint_of(world.sandbox, slug), token, subject)


# -- Universal Logout --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["iss_sub", "email"])
def test_an_order_ends_every_session_of_the_person_web_and_phone(world: World, alice: Visitor, format_: str) -> None:
    phone, elsewhere, olivia = Phone(world), world.alice, world.olivia
    phone.log_in()
    for visitor in (elsewhere, olivia):
        visitor.log_in()
    began = time.monotonic()
    subject = name_subject(world.sandbox.person("alice@acme.example"), world.okta, format_)
    assert send(world, order(world), subject) == 204
    assert alice.session() == elsewhere.session() == GONE
    assert said(phone.ask("GET", "/me"))[0] == 401
    assert phone.refresh().status_code == 401
    assert time.monotonic() - began < 1
    assert olivia.session()["authenticated"]
    page = alice.get("/account")
    assert (page.status_code, "end all your sessions" in page.text) == (401, True)
    event = next(event for event in world.activity() if event.what == "session.okta_revoked")
    assert (event.who, event.about["sessions"], event.about["by"]) == ("alice@acme.example", 3, format_)
    assert event.about["kinds"] == ["phone", "web"]


@pytest.mark.parametrize("server", ["org", "default"])
def test_an_org_gives_the_order_whatever_authorization_server_the_login_used(world: World, server: str) -> None:
    world.connect(authorization_server=server)
    alice = world.alice
    alice.log_in()
    assert alice.session()["authenticated"]
    assert send(world, order(world)) == 204
    assert alice.session() == GONE


def test_the_native_app_may_give_it_too(world: World, alice: Visitor) -> None:
    assert send(world, order(world, client_id=world.sandbox.client_id("native"))) == 204
    assert alice.session() == GONE


def test_a_login_after_the_order_is_a_new_one(world: World, alice: Visitor) -> None:
    assert send(world, order(world)) == 204
    alice.log_in()
    assert alice.session()["authenticated"]


@pytest.mark.parametrize("format_", ["iss_sub", "email"])
def test_an_order_reaches_whoever_came_to_another_organization_first_by_the_same_okta(
    world: World, format_: str
) -> None:
    came_first_by_globex(world)
    alice = world.alice
    alice.log_in()
    assert alice.session()["organization"] == "acme"
    subject = name_subject(world.sandbox.person("alice@acme.example"), world.okta, format_)
    assert send(world, order(world), subject) == 204
    assert alice.session() == GONE


def test_somebody_who_is_not_logged_in_is_no_error(world: World, alice: Visitor) -> None:
    alice.submit(alice.get("/account"), button="Log out")
    assert send(world, order(world)) == 204


def test_an_order_counts_once(world: World, alice: Visitor) -> None:
    token = order(world)
    assert send(world, token) == 204
    alice.log_in()
    assert send(world, token) == 401
    assert alice.session()["authenticated"]


# The attacks on logout tokens, tried on the order that Okta sends instead: what marks it is its type, not a claim.
FORGED = {
    "IDT-127 RP-45 alg none": {"header": {"alg": "none"}},
    "RP-48 HS256": {"header": {"alg": "HS256"}},
    "IDT-129 RP-46 RP-50 nothing says that it is an order": {"header": {"typ": None}},
    "IDT-131 RP-47 an ID token": {"header": {"typ": "JWT"}, "nonce": "of a login"},
    "IDT-133 RP-51 another issuer": {"issuer": "https://evil.okta.com"},
    "RP-49 another address": {"audience": "https://evil.example/organizations/acme/universal-logout"},
    "expired": {"exp": 1_800_000_000},
    "IDT-136 no jti": {"jti": None},
    "IDT-136 no iat": {"iat": None},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED)
def test_an_order_that_might_be_anybody_s_is_401(world: World, alice: Visitor, changes: dict[str, Any]) -> None:
    token = order(world, **changes)
    if changes.get("header", {}).get("alg") == "none":
        token = token.rpartition(".")[0] + "."
    assert send(world, token) == 401
    assert alice.session()["authenticated"]


def test_idt_131_rp_47_the_id_token_of_a_login_is_no_order(world: World, alice: Visitor) -> None:
    with world.services.db.reading() as connection:
        [row] = connection.execute(sessions.select())
    token = read_tokens(world.services, row.id_hash, row.sealed_tokens)["id_token"]
    assert send(world, token) == 401
    assert alice.session()["authenticated"]


def test_idt_136_an_order_of_an_hour_ago_is_401(world: World, alice: Visitor) -> None:
    assert send(world, order(world, iat=int(world.clock()) - 3600)) == 401
    assert alice.session()["authenticated"]


def test_an_order_signed_by_somebody_else_is_401(world: World, alice: Visitor) -> None:
    assert send(world, order(world, signer=KeyRing("a stranger's").active)) == 401
    assert send(world, order(world, signer=world.sandbox.keys("default").active)) == 401
    assert alice.session()["authenticated"]


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "bearer x"])
def test_without_a_token_it_is_401_and_says_how(world: World, alice: Visitor, value: str) -> None:
    answer = requests.post(endpoint_of(world.sandbox), headers={"Authorization": value}, json={}, timeout=5)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "order_unproved"
    assert alice.session()["authenticated"]


def test_an_app_that_is_not_ours_is_403(world: World, alice: Visitor) -> None:
    assert send(world, order(world, client_id="0oaSomebodyElse00000")) == 403
    assert alice.session()["authenticated"]


def test_a_person_of_another_okta_is_403_and_an_unknown_one_404(world: World, alice: Visitor) -> None:
    foreign = {"format": "iss_sub", "iss": "https://evil.okta.com", "sub": "00u1"}
    assert send(world, order(world), foreign) == 403
    assert send(world, order(world), {"format": "iss_sub", "iss": world.okta, "sub": "00uNobody"}) == 404
    assert send(world, order(world), {"format": "email", "email": "nobody@acme.example"}) == 404
    assert alice.session()["authenticated"]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"sub_id": {"format": "phone_number"}}', b"x" * 5000], ids=repr
)
def test_an_order_that_cannot_be_read_is_400(world: World, alice: Visitor, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {order(world)}", "Content-Type": "application/json"}
    answer = requests.post(endpoint_of(world.sandbox), body, headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (400, "order_unreadable")
    assert alice.session()["authenticated"]


def test_get_is_405(world: World) -> None:
    assert requests.get(endpoint_of(world.sandbox), timeout=5).status_code == 405


def test_another_organization_s_okta_gives_no_orders_here(world: World, alice: Visitor) -> None:
    """Neither with its own order, nor with one that it has made out to us, nor about our people at its own address."""
    with globex_okta(world) as globex:
        add_person(globex.sandbox, "alice@acme.example", "Alice", sub=world.sandbox.person("alice@acme.example").id)
        theirs = {"issuer": globex.okta, "client_id": globex.sandbox.client_id("spa")}
        for slug in ("acme", "globex"):
            audience = f"{world.base}/organizations/{slug}/universal-logout"
            token = make_order(globex.sandbox, **theirs, audience=audience)
            assert send(world, token, slug="acme") == 401
        for format_ in ("iss_sub", "email"):
            token = make_order(globex.sandbox, **theirs, audience=endpoint_of(globex.sandbox, "globex"))
            subject = name_subject(globex.sandbox.person("alice@acme.example"), globex.okta, format_)
            assert send(world, token, subject, slug="globex") == 404
    assert alice.session()["authenticated"]


def test_a_person_of_two_organizations_is_put_out_of_the_one_alone(world: World, alice: Visitor) -> None:
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "gus@globex.example", role="volunteer", now=world.services.now())
    gus = world.gus
    gus.log_in_by_password()
    assert gus.session()["organization"] == "globex"
    assert send(world, order(world), {"format": "email", "email": "gus@globex.example"}) == 204
    assert gus.session()["authenticated"]


@pytest.mark.parametrize("slug", ["globex", "nowhere", "with%20blanks"])
def test_where_there_is_no_okta_nobody_can_prove_to_be_it(world: World, slug: str) -> None:
    audience = f"{world.base}/organizations/{slug}/universal-logout"
    assert send(world, order(world, audience=audience), slug=slug) == 401


def test_a_deleted_integration_gives_no_orders(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    with world.services.db.writing() as connection:
        delete_integration(connection, world.acme_id, who="olivia@acme.example", now=world.services.now())
    assert send(world, order(world), {"format": "email", "email": "olivia@acme.example"}) == 401
    assert olivia.session()["authenticated"]


def test_an_okta_whose_keys_cannot_be_had_is_told_to_come_again(world: World, alice: Visitor) -> None:
    world.services.providers.forget(world.okta)
    token = order(world)
    world.sandbox.fault("keys_500")
    assert send(world, token) == 503
    world.sandbox.clear_faults()
    assert send(world, token) == 204
    assert alice.session() == GONE


def test_what_is_sent_by_the_thousand_has_to_wait(world: World) -> None:
    headers = {"Authorization": "Bearer a.b.c"}
    http = requests.Session()
    first = http.post(endpoint_of(world.sandbox), json={}, headers=headers, timeout=5)
    assert first.status_code == 401
    limits = world.app.extensions["limits"]
    for _ in range(6000):
        limits.hit("universal-logout", "acme 127.0.0.1", count=600, minutes=1)
    refused = http.post(endpoint_of(world.sandbox), json={}, headers=headers, timeout=5)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    forget_tries()


def test_the_button_of_the_sandbox_sends_one(world: World, alice: Visitor) -> None:
    http = requests.Session()
    http.trust_env = False
    answer = http.post(f"{world.okta}/sandbox/universal-logout", data={"email": "alice@acme.example"}, timeout=5)
    assert answer.json() == {"status": 204}
    assert alice.session() == GONE
    # The Okta session is over as well.
    assert "identifier" in alice.get("/login/acme/okta").text


# -- front-channel logout ----------------------------------------------------------------------------------------------


def test_front_channel_logout_ends_what_came_from_that_sign_in(world: World) -> None:
    world.sandbox.set_claims("alice@acme.example", {"sid": "sid-of-alice-at-okta"})
    alice, olivia = world.alice, world.olivia
    for visitor in (alice, olivia):
        visitor.log_in()
    frame = world.stranger
    answer = frame.step("/logout/okta", params={"iss": world.okta, "sid": "sid-of-alice-at-okta"}, headers=CROSS)
    assert (answer.status_code, answer.text) == (200, "")
    assert answer.headers["Cache-Control"] == "no-store"
    assert alice.session() == GONE
    assert olivia.session()["authenticated"]
    event = world.activity()[0]
    assert (event.what, event.who, event.about["by"]) == (
        "session.okta_revoked", "alice@acme.example", "front_channel",
    )  # fmt: skip


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"iss": "{okta}"},
        {"sid": "sid-of-alice"},
        {"iss": "{okta}", "sid": ""},
        {"iss": "{okta}", "sid": "another"},
        {"iss": "https://evil.okta.com", "sid": "sid-of-alice"},
        {"iss": "{okta}", "sid": "a" * 300},
    ],
    ids=str,
)
def test_front_channel_logout_without_the_right_names_ends_nothing(world: World, query: dict[str, str]) -> None:
    world.sandbox.set_claims("alice@acme.example", {"sid": "sid-of-alice"})
    alice = world.alice
    alice.log_in()
    sent = {name: value.format(okta=world.okta) for name, value in query.items()}
    # Not even in the person's own browser: a link must not log anybody out.
    assert alice.step("/logout/okta", params=sent).status_code == 200
    assert alice.session()["authenticated"]


def test_front_channel_logout_that_fits_nothing_does_not_wait_to_write(world: World) -> None:
    """It takes no login: whoever sends it by the thousand must not keep others from writing."""
    began = time.monotonic()
    with world.services.db.writing():
        answer = world.stranger.step("/logout/okta", params={"iss": world.okta, "sid": "nothing"}, headers=CROSS)
    assert answer.status_code == 200
    assert time.monotonic() - began < 1


# -- a login that another site begins ----------------------------------------------------------------------------------


def test_the_tile_logs_in_somebody_who_is_not(world: World) -> None:
    alice = world.alice
    begun = alice.follow(alice.step("/login/initiate", params={"iss": world.okta}, headers=CROSS))
    home = alice.follow(alice.sign_in_at_okta(begun))
    assert home.url == world.base + "/"
    assert alice.session()["authenticated"]


@pytest.mark.parametrize("hint", ["", "alice@acme.example", "ALICE@acme.example"])
def test_the_tile_leads_somebody_who_is_logged_in_to_their_page(world: World, alice: Visitor, hint: str) -> None:
    cookie = alice.http.cookies["point_session"]
    query = {"iss": world.okta, "login_hint": hint, "target_link_uri": world.base + "/account"}
    alice.http.headers.update(CROSS)
    page = alice.get("/login/initiate", params={name: value for name, value in query.items() if value})
    assert page.url == world.base + "/account"
    assert alice.http.cookies["point_session"] == cookie


def test_the_tile_asks_before_somebody_else_takes_over(world: World) -> None:
    """Carol of another organization is logged in; Alice's tile is pressed in the same browser."""
    carol = world.carol
    carol.log_in_by_password()
    carol.http.headers.update(CROSS)
    page = carol.get("/login/initiate", params={"iss": world.okta, "login_hint": "alice@acme.example"})
    assert page.url.startswith(world.base)
    assert "Log in as somebody else?" in page.text
    assert "carol@globex.example" in page.text
    assert carol.session()["email"] == "carol@globex.example"
    way = carol.page(page).find("a", class_="touch").attributes["href"]
    carol.http.headers["Sec-Fetch-Site"] = "same-origin"
    carol.email = "alice@acme.example"
    carol.follow(carol.sign_in_at_okta(carol.get(way)))
    assert carol.session()["email"] == "alice@acme.example"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_on_another_site_asks_as_well(world: World, site: str) -> None:
    carol = world.carol
    carol.log_in_by_password()
    page = carol.get("/login/acme/okta", headers={"Sec-Fetch-Site": site})
    assert "Log in as somebody else?" in page.text
    assert world.requests_to("/authorize") == []


@pytest.mark.parametrize("headers", [{}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin"}], ids=str)
def test_a_login_that_begins_here_starts_okta_at_once_whoever_is_logged_in(
    world: World, headers: dict[str, str]
) -> None:
    carol = world.carol
    carol.log_in_by_password()
    answer = carol.step("/login/acme/okta", headers=headers)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(world.okta)


def test_nobody_logged_in_starts_okta_at_once_from_anywhere(world: World) -> None:
    answer = world.stranger.step("/login/acme/okta", headers=CROSS)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(world.okta)


def test_a_login_begun_elsewhere_that_comes_back_to_somebody_else_s_session_changes_nothing(world: World) -> None:
    """It began before Carol had logged in in the same browser."""
    victim = world.alice
    begun = victim.step("/login/acme/okta", headers=CROSS)
    location = victim.sign_in_at_okta(victim.follow(begun)).headers["Location"]
    carol = world.carol
    carol.http = victim.http
    carol.log_in_by_password()
    page = victim.get(location)
    assert page.status_code == 409
    assert "already logged in as somebody else" in page.text
    assert victim.session()["email"] == "carol@globex.example"
    event = world.activity()[0]
    assert (event.what, event.about["code"]) == ("login.refused", "login_unasked")
    again = victim.page(page).find("a", class_="button button-primary").attributes["href"]
    victim.follow(victim.step(again))
    assert victim.session()["email"] == "alice@acme.example"


def test_a_login_begun_elsewhere_may_renew_one_s_own(world: World) -> None:
    alice = world.alice
    location = alice.sign_in_at_okta(alice.follow(alice.step("/login/acme/okta", headers=CROSS))).headers["Location"]
    alice.log_in()
    before = alice.http.cookies["point_session"]
    assert alice.get(location).status_code == 200
    assert alice.http.cookies["point_session"] != before


def test_a_state_cannot_be_given_another_beginning(world: World) -> None:
    """Who began a login is part of its state, which the browser's sealed attempt knows whole."""
    victim = world.alice
    location = victim.sign_in_at_okta(victim.follow(victim.step("/login/acme/okta", headers=CROSS))).headers["Location"]
    state = location.partition("state=")[2].partition("&")[0]
    assert state.startswith("else-")
    answer = victim.get(change_query(location, state=state.removeprefix("else-") + "aaaaa"))
    assert answer.status_code == 400
    assert victim.session() == GONE
