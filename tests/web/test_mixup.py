"""The hostile neighbour, and who a person is: what one organization's Okta can never do to another organization.

`globex.sandbox` is Globex's own Okta. Where it lies, it is an attacker's server that Globex' owner runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from okta_sandbox import RawAnswer
from portal.store.integrations import delete_integration
from portal.store.members import add_member, find_user, list_memberships
from portal.store.models import users
from tests.pages import Page
from tests.web.steps import (
    Neighbour,
    add_person,
    assert_anonymous,
    assert_refused,
    assert_turned_away,
    change_answer,
    change_query,
    come_back,
    connect,
    count_rows,
    globex_okta,
    identities_of,
    query_of,
)
from tests.world import Visitor, World


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def globex(world: World) -> Iterator[Neighbour]:
    with globex_okta(world) as neighbour:
        yield neighbour


def people_of(world: World) -> dict[str, tuple[int, str]]:
    """(id, name) of every account, by its address."""
    with world.services.db.reading() as connection:
        rows = connection.execute(select(users.c.email, users.c.id, users.c.name))
        return {row.email: (row.id, row.name) for row in rows}


def organizations_of(world: World, email: str) -> dict[str, str]:
    """The role in each organization of the account with this address."""
    with world.services.db.reading() as connection:
        user = find_user(connection, email)
        return {each.slug: each.role for each in list_memberships(connection, user.id)} if user else {}


def vouch_for(sandbox: Any, who: str, **claims: Any) -> None:
    """This Okta says so of the person, whatever is true."""
    sandbox.set_claims(who, claims)


# -- codes, states and issuers -----------------------------------------------------------------------------------------


def test_a_hostile_okta_that_sends_browsers_on_to_another_okta_gets_no_code(world: World, globex: Neighbour) -> None:
    """RFC 9700 4.4: the browser carries Globex' state and challenge to Acme's Okta, whose code comes back with them.

    Okta's answers have no `iss`. Without it the code would go to the attempt's own Okta, which is why only hosts that
    Okta runs can be one (tests/okta/test_domain.py); with it, POINT sees through the trick by itself.
    """

    def send_on(request: Any) -> RawAnswer | None:
        if not request.path.endswith("/authorize"):
            return None
        at_acme = {name: values[0] for name, values in request.query.items()}
        at_acme["client_id"] = world.sandbox.client_id("spa")
        query = change_query(f"{world.okta}/oauth2/v1/authorize?", **at_acme)
        return RawAnswer(302, [("Location", query)])

    globex.sandbox.answer = send_on
    alice = world.alice
    location = come_back(alice, slug="globex")
    page = alice.get(change_query(location, iss=world.okta))
    assert page.status_code == 400
    assert "another Okta" in page.text
    assert globex.requests_to("/token") == world.requests_to("/token") == []
    assert_anonymous(alice)


def test_a_code_of_another_okta_goes_to_the_attempt_s_own_okta_alone_and_is_refused(
    world: World, globex: Neighbour
) -> None:
    carol, alice = world.carol, world.alice
    foreign = query_of(come_back(carol, slug="globex"))["code"]
    page = alice.get(change_query(come_back(alice), code=foreign))
    assert_refused(world, page, "code_rejected_by_op", status=400)
    assert_anonymous(alice)
    assert globex.requests_to("/token") == []
    assert [call.form["code"] for call in world.requests_to("/token")] == [[foreign]]


def test_the_verifier_of_a_login_goes_to_its_own_okta_alone(world: World, globex: Neighbour) -> None:
    world.alice.log_in()
    world.carol.log_in(slug="globex")
    verifiers = [call.form["code_verifier"][0] for call in world.requests_to("/token") + globex.requests_to("/token")]
    assert len(set(verifiers)) == 2
    assert verifiers[0] not in str([request.form for request in globex.sandbox.requests])


@pytest.mark.parametrize("claimed", ["the neighbour's issuer", "https://stranger.example"])
def test_an_answer_that_names_another_issuer_is_refused_before_the_token_call(
    world: World, globex: Neighbour, claimed: str
) -> None:
    alice = world.alice
    iss = globex.okta if "neighbour" in claimed else claimed
    assert_refused(world, alice.get(change_query(come_back(alice), iss=iss)), "issuer_mismatch", status=400)
    assert world.requests_to("/token") == globex.requests_to("/token") == []
    assert_anonymous(alice)


def test_an_answer_that_names_its_own_issuer_is_accepted(world: World) -> None:
    alice = world.alice
    alice.get(change_query(come_back(alice), iss=world.okta))
    assert alice.session()["authenticated"] is True


def test_the_state_of_another_browser_is_nobody_s(world: World) -> None:
    alice, mallory = world.alice, world.olivia
    mine, theirs = come_back(alice), come_back(mallory)
    for visitor, location in ((alice, theirs), (alice, change_query(mine, state=query_of(theirs)["state"]))):
        page = visitor.get(location)
        assert page.status_code == 400
        assert "not started here" in page.text
        assert_anonymous(visitor)
    assert world.requests_to("/token") == []
    alice.get(mine)
    assert alice.session()["email"] == "alice@acme.example"


def test_a_state_that_begins_like_the_right_one_is_not_the_right_one(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    state = query_of(location)["state"]
    forged = change_query(location, state=state[:-1] + ("A" if state[-1] != "A" else "B"))
    for address in (forged, change_query(forged, code=None, error="access_denied")):
        assert_turned_away(alice.get(address), "This login was not started here", 400)
    assert world.requests_to("/token") == []
    alice.get(location)
    assert alice.session()["authenticated"] is True


@pytest.mark.parametrize("query", ["error=access_denied", "error=access_denied&state=x", "code=x&state=y", ""])
def test_a_stranger_s_link_cancels_no_login(world: World, query: str) -> None:
    alice = world.alice
    location = come_back(alice)
    assert alice.get(f"/login/callback?{query}").status_code == 400
    alice.get(location)
    assert alice.session()["authenticated"] is True


def test_the_query_chooses_neither_organization_nor_client(world: World, globex: Neighbour) -> None:
    alice = world.alice
    choice = {"organization": "globex", "slug": "globex", "client_id": globex.sandbox.client_id("spa")}
    alice.get(change_query(come_back(alice), **choice, redirect_uri=globex.okta, next="/account"))
    assert alice.session()["organization"] == "acme"
    assert globex.sandbox.requests == []


# -- metadata and tokens that point elsewhere --------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_metadata_that_names_the_neighbour_s_endpoints_is_not_believed(
    world: World, globex: Neighbour, endpoint: str
) -> None:
    theirs = {endpoint: f"{world.okta}/oauth2/v1/{endpoint}"}
    change_answer(globex.sandbox, "/openid-configuration", lambda document: document.update(theirs))
    answer = world.carol.step("/login/globex/okta")
    assert (answer.status_code, "Location" in answer.headers) == (502, False)
    assert world.sandbox.requests == []


def test_metadata_that_poses_as_the_neighbour_does_not_reach_its_logins(world: World, globex: Neighbour) -> None:
    world.alice.log_in()
    pose = {"issuer": world.okta}
    change_answer(globex.sandbox, "/openid-configuration", lambda document: document.update(pose))
    assert world.carol.step("/login/globex/okta").status_code == 502
    again = world.alice
    again.log_in()
    assert again.session()["authenticated"] is True


@pytest.mark.parametrize(("signer", "reason"), [("own", "issuer_mismatch"), ("genuine", "issuer_mismatch")])
def test_a_token_in_the_neighbour_s_name_is_refused(
    world: World, globex: Neighbour, signer: str, reason: str
) -> None:
    """Even a genuine one: Globex' Okta hands on a token that Acme's Okta has signed for Acme's client."""
    stolen: list[tuple[dict[str, Any], dict[str, Any]]] = []
    acme_key = world.sandbox.keys("").active

    def pass_on(header: dict[str, Any], claims: dict[str, Any], own: Any) -> str:
        key = own if signer == "own" else acme_key
        posed = {**claims, "iss": world.okta, "email": "olivia@acme.example"}
        stolen.append((header, posed))
        return str(key.encode({**header, "kid": key.kid}, posed))

    globex.sandbox.forge = pass_on
    before, carol = count_rows(world), world.carol
    page = carol.log_in(slug="globex")
    assert page.status_code == 502
    assert "Reference" in page.text
    assert stolen
    assert_anonymous(carol)
    assert count_rows(world) == before
    assert world.sandbox.requests == []


def test_the_neighbour_s_key_signs_nothing_here(world: World, globex: Neighbour) -> None:
    key = globex.sandbox.keys("").active
    world.sandbox.forge = lambda header, claims, _signer: key.encode({**header, "kid": key.kid}, claims)
    alice = world.alice
    assert_refused(world, alice.log_in(), "unknown_key", status=502)
    assert_anonymous(alice)


# -- a person is (issuer, sub) -----------------------------------------------------------------------------------------


def test_the_same_address_from_two_oktas_is_not_the_same_person(world: World, globex: Neighbour) -> None:
    alice, carol = world.alice, world.carol
    alice.log_in()
    before = people_of(world)
    vouch_for(globex.sandbox, "carol@globex.example", email="alice@acme.example", name="Mallory")
    page = carol.log_in(slug="globex")
    assert page.url == f"{world.base}/login/link"
    assert_anonymous(carol)
    assert people_of(world) == before
    assert organizations_of(world, "alice@acme.example") == {"acme": "volunteer"}
    assert {issuer for issuer, _ in identities_of(world, "alice@acme.example")} == {world.okta}


def test_the_same_sub_from_two_oktas_is_not_the_same_person(world: World, globex: Neighbour) -> None:
    sub = world.sandbox.person("alice@acme.example").id
    twin = add_person(globex.sandbox, "twin@globex.example", "Twin", sub=sub)
    alice, other = world.alice, world.person(twin.email)
    alice.log_in()
    other.log_in(slug="globex")
    assert (alice.session()["email"], other.session()["email"]) == ("alice@acme.example", "twin@globex.example")
    assert other.session()["organization"] == "globex"
    assert len(people_of(world)) == 6


def test_an_account_that_belongs_to_another_organization_is_linked_by_its_owner_alone(
    world: World, globex: Neighbour
) -> None:
    """Carol, of Globex, also has an account at Acme's Okta."""
    add_person(world.sandbox, "carol@globex.example", "Carol")
    carol = world.carol
    page = carol.log_in()
    assert page.url == f"{world.base}/login/link"
    assert_anonymous(carol)
    own_way = "/login?email=carol%40globex.example&next=%2Flogin%2Flink&with=password"
    assert Page(page.text).find("a", href=own_way).text == "Log in"
    confirm = carol.log_in_by_password(next_="/login/link")
    assert confirm.url == f"{world.base}/login/link"
    done = carol.submit(confirm, button="Connect my Okta account")
    assert carol.get(Page(done.text).find("a", href="/login/acme/okta").attributes["href"]).status_code == 200
    assert carol.session() | {"expires_at": 0} == {
        "authenticated": True, "email": "carol@globex.example", "organization": "acme", "role": "volunteer",
        "method": "okta", "expires_at": 0,
    }  # fmt: skip
    assert organizations_of(world, "carol@globex.example") == {"globex": "volunteer", "acme": "volunteer"}


@pytest.mark.parametrize("also_ours", [True, False])
def test_the_verified_domain_alone_takes_no_account_that_a_neighbour_shares(world: World, also_ours: bool) -> None:
    """Adam has an address of Acme's own domain, and belongs to Globex, with or without Acme."""
    email = "adam@acme.example" if also_ours else "ann@acme.example"
    with world.services.db.writing() as connection:
        add_member(connection, world.globex_id, email, role="owner", now=world.services.now())
    add_person(world.sandbox, email, "Adam")
    before, adam = people_of(world), world.person(email)
    assert adam.log_in().url == f"{world.base}/login/link"
    assert_anonymous(adam)
    assert (people_of(world), identities_of(world, email)) == (before, set())
    assert organizations_of(world, email)["globex"] == "owner"


def test_a_link_that_waits_is_of_no_use_to_somebody_else(world: World, globex: Neighbour) -> None:
    add_person(world.sandbox, "carol@globex.example", "Carol")
    mallory = world.carol
    mallory.log_in()
    mallory.email = "gus@globex.example"
    mallory.log_in_by_password()
    page = mallory.get("/login/link")
    assert "Connect my Okta account" not in page.text
    mallory.step("/login/link", method="POST")
    assert identities_of(world, "carol@globex.example") == identities_of(world, "gus@globex.example") == set()


@pytest.mark.parametrize("change", ["settings", "time", "another browser"])
def test_a_link_that_waits_is_over_when_something_has_changed(world: World, globex: Neighbour, change: str) -> None:
    add_person(world.sandbox, "carol@globex.example", "Carol")
    carol = world.carol
    carol.log_in()
    carol.log_in_by_password()
    if change == "settings":
        connect(world, world.acme_id, globex.sandbox, globex.okta)
    elif change == "time":
        world.clock.forward(601)
    else:
        del carol.http.cookies["point_link"]
    answer = carol.step("/login/link", method="POST")
    assert answer.status_code == (409 if change == "settings" else 400)
    assert "Reference" in answer.text
    assert identities_of(world, "carol@globex.example") == set()


def test_an_account_of_this_organization_alone_is_linked_by_its_verified_domain(world: World) -> None:
    olivia = world.olivia
    before = people_of(world)
    olivia.log_in()
    assert olivia.session()["role"] == "owner"
    assert people_of(world).keys() == before.keys()
    assert len(identities_of(world, "olivia@acme.example")) == 1


def test_an_address_that_another_person_of_this_okta_holds_is_taken(world: World) -> None:
    world.alice.log_in()
    held = identities_of(world, "alice@acme.example")
    add_person(world.sandbox, "other@acme.example", "Other")
    vouch_for(world.sandbox, "other@acme.example", email="alice@acme.example")
    other = world.person("other@acme.example")
    assert_refused(world, other.log_in(), "account_of_another_sub", status=409)
    assert_anonymous(other)
    assert identities_of(world, "alice@acme.example") == held


def test_a_sub_that_differs_in_case_is_another_person(world: World) -> None:
    alice = world.alice
    alice.log_in()
    upper = world.sandbox.person("alice@acme.example").id.upper()
    add_person(world.sandbox, "upper@acme.example", "Upper", sub=upper)
    other = world.person("upper@acme.example")
    other.log_in()
    assert other.session()["email"] == "upper@acme.example"
    assert alice.session()["email"] == "alice@acme.example"
    assert len(identities_of(world, "alice@acme.example")) == 1


# -- whom an Okta may bring in -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "email", ["mallory@evil.example", "mallory@sub.acme.example", "mallory@notacme.example", "new@globex.example"]
)
def test_somebody_new_with_an_address_outside_the_verified_domains_stays_outside(world: World, email: str) -> None:
    vouch_for(world.sandbox, "alice@acme.example", email=email)
    before, alice = count_rows(world), world.alice
    assert_refused(world, alice.log_in(), "email_outside", status=403)
    assert_anonymous(alice)
    assert count_rows(world) == before


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"email_verified": False}, "email_not_verified"),
        ({"email": "alice"}, "email_missing"),
        ({"email": "a@b@acme.example"}, "email_missing"),
        ({"email": "\u0430lice@acme.example"}, "email_missing"),
        ({"email": ["alice@acme.example"]}, "email_missing"),
        ({"email": f"{'a' * 250}@acme.example"}, "email_missing"),
    ],
    ids=["not verified", "no domain", "two domains", "not ASCII", "a list", "too long"],
)
def test_an_address_that_is_none_or_not_verified_brings_nobody_in(
    world: World, claims: dict[str, Any], reason: str
) -> None:
    vouch_for(world.sandbox, "alice@acme.example", **claims)
    before, alice = count_rows(world), world.alice
    assert_refused(world, alice.log_in(), reason, status=403)
    assert_anonymous(alice)
    assert count_rows(world) == before


def test_an_address_is_the_same_in_any_letters(world: World) -> None:
    vouch_for(world.sandbox, "olivia@acme.example", email=" Olivia@ACME.example ")
    olivia = world.olivia
    olivia.log_in()
    assert olivia.session()["email"] == "olivia@acme.example"
    assert olivia.session()["role"] == "owner"


def test_a_neighbour_can_make_nobody_an_owner(world: World, globex: Neighbour) -> None:
    vouch_for(globex.sandbox, "carol@globex.example", role="owner", groups=["owners"], email="olivia@acme.example")
    carol = world.carol
    assert carol.log_in(slug="globex").url == f"{world.base}/login/link"
    assert_anonymous(carol)
    assert organizations_of(world, "olivia@acme.example") == {"acme": "owner"}


# -- what follows Okta afterwards --------------------------------------------------------------------------------------


def in_both(world: World) -> Visitor:
    """Carol, once she belongs to Globex and, with an account at Acme's Okta, to Acme."""
    add_person(world.sandbox, "carol@globex.example", "Carol")
    carol = world.carol
    carol.log_in()
    carol.log_in_by_password()
    carol.submit(carol.get("/login/link"), button="Connect my Okta account")
    carol.log_in()
    assert carol.session()["organization"] == "acme"
    return carol


def test_a_new_name_and_address_at_okta_are_followed_inside_the_organization(world: World) -> None:
    alice = world.alice
    alice.log_in()
    [user_id] = {user_id for email, (user_id, _) in people_of(world).items() if email == "alice@acme.example"}
    vouch_for(world.sandbox, "alice@acme.example", name="Alice Married", email="alice.married@acme.example")
    alice.log_in()
    assert people_of(world)["alice.married@acme.example"] == (user_id, "Alice Married")
    assert alice.session()["email"] == "alice.married@acme.example"


@pytest.mark.parametrize("email", ["alice@elsewhere.example", "adam@acme.example"], ids=["outside", "taken"])
def test_a_new_address_is_not_followed_outside_the_domains_or_onto_another_account(world: World, email: str) -> None:
    alice = world.alice
    alice.log_in()
    before = people_of(world)
    vouch_for(world.sandbox, "alice@acme.example", email=email)
    alice.log_in()
    assert alice.session()["email"] == "alice@acme.example"
    assert people_of(world) == before


def test_a_new_name_is_not_followed_across_to_an_account_that_a_neighbour_shares(
    world: World, globex: Neighbour
) -> None:
    carol = in_both(world)
    before = people_of(world)
    vouch_for(world.sandbox, "carol@globex.example", name="Somebody Else", email="somebody@acme.example")
    carol.log_in()
    assert carol.session()["email"] == "carol@globex.example"
    assert people_of(world) == before


def test_a_session_of_one_organization_sees_nothing_of_the_other(world: World, globex: Neighbour) -> None:
    carol = in_both(world)
    for path in ("/organizations/globex/integrations", "/organizations/globex/integrations/okta"):
        assert carol.step(path).status_code == 404


def test_an_organization_that_takes_its_okta_away_ends_no_session_of_the_other(
    world: World, globex: Neighbour
) -> None:
    at_globex = world.carol
    at_globex.log_in(slug="globex")
    at_acme = in_both(world)
    with world.services.db.writing() as connection:
        delete_integration(connection, world.acme_id, who="olivia@acme.example", now=world.services.now())
    assert_anonymous(at_acme)
    assert at_globex.session()["organization"] == "globex"


def test_two_logins_of_two_organizations_in_one_browser_do_not_mix(world: World, globex: Neighbour) -> None:
    visitor = world.alice
    at_acme = come_back(visitor)
    visitor.email = "carol@globex.example"
    at_globex = come_back(visitor, slug="globex")
    visitor.get(at_acme)
    assert visitor.session()["email"] == "alice@acme.example"
    visitor.get(at_globex)
    assert (visitor.session()["email"], visitor.session()["organization"]) == ("carol@globex.example", "globex")
