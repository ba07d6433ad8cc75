"""The hostile neighbour, from the phone: what one organization's Okta can never do to another organization.

`globex.sandbox` is Globex's own Okta, with an app for phones. Where it lies, it is an attacker's server.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from okta_sandbox import RawAnswer
from portal.connecting import save_okta
from portal.okta.connect import Entries
from portal.store.members import add_member
from tests.native_bridge.steps import USED, Phone, delete_okta, link_on, said, sent_to_okta
from tests.web.steps import Neighbour, add_person, change_answer, change_query, count_rows, globex_okta, query_of
from tests.web.test_mixup import identities_of, in_both, organizations_of, people_of, vouch_for
from tests.world import World

CONFUSED = (400, "issuer_confused", "issuer_mismatch")
NOT_THEIRS = (400, "code_refused", "code_rejected_by_op")


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def globex(world: World) -> Iterator[Neighbour]:
    with globex_okta(world) as neighbour:
        sandbox, okta = neighbour.sandbox, neighbour.okta
        entries = Entries(sandbox.client_id("spa"), okta, sandbox.client_id("native"), okta, "org")
        save_okta(world.services, world.globex_id, entries, sign_in="redirect", who="", reference="", check=False)
        yield neighbour


@pytest.fixture
def alice(world: World) -> Phone:
    return Phone(world)


@pytest.fixture
def carol(world: World) -> Phone:
    return Phone(world, "carol@globex.example")


# -- codes, states and issuers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("embedded", [False, True], ids=["redirect", "embedded"])
def test_an_answer_that_names_the_neighbour_is_refused_and_sent_to_nobody(
    world: World, globex: Neighbour, alice: Phone, embedded: bool
) -> None:
    link = alice.come_back_embedded() if embedded else alice.come_back()
    assert said(alice.complete(change_query(link, iss=globex.okta))) == CONFUSED
    assert said(alice.complete(link)) == USED
    assert world.requests_to("/token") == globex.requests_to("/token") == []
    assert count_rows(world)["sessions"] == 0


def test_a_code_of_the_neighbour_goes_to_the_login_s_own_okta_alone_and_is_refused(
    world: World, globex: Neighbour, alice: Phone, carol: Phone
) -> None:
    foreign = query_of(carol.come_back(organization="globex"))["code"]
    link = alice.come_back()
    assert said(alice.complete(change_query(link, code=foreign))) == NOT_THEIRS
    assert globex.requests_to("/token") == []
    assert [call.form["code"] for call in world.requests_to("/token")] == [[foreign]]
    assert count_rows(world)["sessions"] == 0


def test_the_neighbour_s_whole_answer_with_our_state_is_refused_where_it_says_whose_it_is(
    world: World, globex: Neighbour, alice: Phone, carol: Phone
) -> None:
    theirs = query_of(carol.come_back(organization="globex"))
    mine = alice.come_back()
    mixed = change_query(mine, code=theirs["code"], iss=globex.okta)
    assert said(alice.complete(mixed)) == CONFUSED
    assert world.requests_to("/token") == globex.requests_to("/token") == []


def test_a_hostile_okta_that_sends_browsers_on_to_another_okta_gets_no_code(
    world: World, globex: Neighbour, alice: Phone
) -> None:
    """RFC 9700 4.4, on the phone: Globex' state and challenge travel on to Acme's Okta, whose code comes back."""

    def send_on(request: Any) -> RawAnswer | None:
        if not request.path.endswith("/authorize"):
            return None
        at_acme = {name: values[0] for name, values in request.query.items()}
        at_acme["client_id"] = world.sandbox.client_id("native")
        return RawAnswer(302, [("Location", change_query(f"{world.okta}/oauth2/v1/authorize?", **at_acme))])

    globex.sandbox.answer = send_on
    link = alice.come_back(organization="globex")
    assert said(alice.complete(change_query(link, iss=world.okta))) == CONFUSED
    assert globex.requests_to("/token") == world.requests_to("/token") == []


def test_the_verifier_towards_okta_goes_to_its_own_okta_alone(
    world: World, globex: Neighbour, alice: Phone, carol: Phone
) -> None:
    alice.log_in()
    carol.log_in(organization="globex")
    calls = world.requests_to("/token") + globex.requests_to("/token")
    sent = [call.form["code_verifier"][0] for call in calls]
    assert len({*sent, alice.verifier, carol.verifier}) == 4
    seen = str([request.form for request in [*world.sandbox.requests, *globex.sandbox.requests]])
    assert alice.verifier not in seen
    assert sent[0] not in str([request.form for request in globex.sandbox.requests])


def test_the_neighbour_s_link_finishes_no_login_of_ours(
    world: World, globex: Neighbour, alice: Phone, carol: Phone
) -> None:
    """Carol sends Alice her own link, so that Alice' app would be Carol's."""
    mine, theirs = alice.come_back(), carol.come_back(organization="globex")
    assert said(alice.complete(theirs)) == (400, "attempt_unknown", "state_other_device")
    assert sent_to_okta(world) == len(globex.requests_to("/token")) == 0
    assert alice.complete(mine).json()["organization"]["slug"] == "acme"
    assert carol.complete(theirs).json()["organization"]["slug"] == "globex"


def test_the_link_chooses_neither_organization_nor_client(world: World, globex: Neighbour, alice: Phone) -> None:
    choice = {"organization": "globex", "client_id": globex.sandbox.client_id("native"), "redirect_uri": globex.okta}
    link = change_query(alice.come_back(), **choice)
    assert alice.complete(link).json()["organization"]["slug"] == "acme"
    assert globex.sandbox.requests == []


def test_the_body_chooses_nothing_either(world: World, globex: Neighbour, alice: Phone) -> None:
    more = {"organization": "globex", "issuer": globex.okta, "client_id": globex.sandbox.client_id("native")}
    assert alice.complete(alice.come_back(), **more).json()["organization"]["slug"] == "acme"
    assert globex.sandbox.requests == []


def test_an_okta_s_answer_does_not_end_a_login_at_point_s_page(world: World, globex: Neighbour) -> None:
    olivia = Phone(world, "olivia@acme.example")
    link = olivia.come_back_by_password()
    for iss in (globex.okta, world.okta):
        assert said(olivia.complete(change_query(link, iss=iss)))[1] in ("issuer_confused", "attempt_used")
    assert world.requests_to("/token") == globex.requests_to("/token") == []


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"])
def test_metadata_that_names_the_neighbour_s_endpoints_begins_no_login(
    world: World, globex: Neighbour, carol: Phone, endpoint: str
) -> None:
    theirs = {endpoint: f"{world.okta}/oauth2/v1/{endpoint}"}
    change_answer(globex.sandbox, "/openid-configuration", lambda document: document.update(theirs))
    assert carol.start(organization="globex").status_code == 502
    assert world.sandbox.requests == []


@pytest.mark.parametrize("signer", ["own", "genuine"])
def test_a_token_in_the_neighbour_s_name_is_refused(world: World, globex: Neighbour, carol: Phone, signer: str) -> None:
    acme_key = world.sandbox.keys("").active

    def pose(header: dict[str, Any], claims: dict[str, Any], own: Any) -> str:
        key = own if signer == "own" else acme_key
        posed = {**claims, "iss": world.okta, "email": "olivia@acme.example"}
        return str(key.encode({**header, "kid": key.kid}, posed))

    globex.sandbox.forge = pose
    link, before = carol.come_back(organization="globex"), count_rows(world)
    assert said(carol.complete(link)) == (502, "id_token_refused", "issuer_mismatch")
    assert count_rows(world) == before
    assert world.sandbox.requests == []


def test_the_neighbour_s_key_signs_nothing_here(world: World, globex: Neighbour, alice: Phone) -> None:
    key = globex.sandbox.keys("").active
    world.sandbox.forge = lambda header, claims, _signer: key.encode({**header, "kid": key.kid}, claims)
    assert said(alice.complete(alice.come_back())) == (502, "id_token_refused", "unknown_key")


# -- a person is (issuer, sub) -----------------------------------------------------------------------------------------


def test_the_same_address_from_two_oktas_is_not_the_same_person(
    world: World, globex: Neighbour, alice: Phone, carol: Phone
) -> None:
    alice.log_in()
    before = people_of(world)
    vouch_for(globex.sandbox, "carol@globex.example", email="alice@acme.example", name="Mallory")
    answer = carol.complete(carol.come_back(organization="globex"))
    assert (answer.status_code, answer.json()["code"]) == (409, "account_exists")
    assert people_of(world) == before
    assert organizations_of(world, "alice@acme.example") == {"acme": "volunteer"}
    assert {issuer for issuer, _ in identities_of(world, "alice@acme.example")} == {world.okta}


def test_the_same_sub_from_two_oktas_is_not_the_same_person(world: World, globex: Neighbour, alice: Phone) -> None:
    twin = add_person(globex.sandbox, "twin@globex.example", "Twin", sub=world.sandbox.person("alice@acme.example").id)
    other = Phone(world, twin.email)
    mine, theirs = alice.log_in(), other.log_in(organization="globex")
    assert mine["user"]["id"] != theirs["user"]["id"]
    assert theirs["organization"]["slug"] == "globex"


def test_an_account_that_belongs_to_another_organization_is_linked_on_the_web_alone(
    world: World, globex: Neighbour, carol: Phone
) -> None:
    add_person(world.sandbox, "carol@globex.example", "Carol")
    link, before = carol.come_back(), people_of(world)
    for _ in range(2):
        assert said(carol.complete(link))[:2] == (409, "account_exists")
    assert people_of(world) == before
    assert organizations_of(world, "carol@globex.example") == {"globex": "volunteer"}
    in_both(world)
    assert carol.log_in()["organization"]["slug"] == "acme"


def test_the_verified_domain_alone_takes_no_account_that_a_neighbour_shares(world: World, globex: Neighbour) -> None:
    with world.services.db.writing() as connection:
        add_member(connection, world.globex_id, "ann@acme.example", role="owner", now=world.services.now())
    add_person(world.sandbox, "ann@acme.example", "Ann")
    ann = Phone(world, "ann@acme.example")
    assert said(ann.complete(ann.come_back()))[:2] == (409, "account_exists")
    assert identities_of(world, "ann@acme.example") == set()


@pytest.mark.parametrize(
    ("claims", "problem"),
    [
        ({"email": "mallory@evil.example"}, "email_outside"),
        ({"email": "new@globex.example"}, "email_outside"),
        ({"email": "mallory@sub.acme.example"}, "email_outside"),
        ({"email_verified": False}, "email_not_verified"),
        ({"email": "alice"}, "email_missing"),
        ({"email": ["alice@acme.example"]}, "email_missing"),
    ],
    ids=["outside", "the neighbour's", "below", "not verified", "no domain", "a list"],
)
def test_an_address_that_is_not_the_organization_s_brings_nobody_in(
    world: World, alice: Phone, claims: dict[str, Any], problem: str
) -> None:
    vouch_for(world.sandbox, "alice@acme.example", **claims)
    link, before = alice.come_back(), count_rows(world)
    assert said(alice.complete(link))[:2] == (403, problem)
    assert count_rows(world) == before


def test_a_neighbour_can_make_nobody_an_owner(world: World, globex: Neighbour, carol: Phone) -> None:
    vouch_for(globex.sandbox, "carol@globex.example", role="owner", groups=["owners"])
    assert carol.log_in(organization="globex")["user"]["role"] == "volunteer"


# -- sessions of two organizations -------------------------------------------------------------------------------------


def test_an_organization_that_takes_its_okta_away_ends_no_app_s_login_of_the_other(
    world: World, globex: Neighbour, alice: Phone, carol: Phone
) -> None:
    alice.log_in()
    carol.log_in(organization="globex")
    delete_okta(world)
    assert not alice.is_logged_in()
    assert carol.is_logged_in()
    assert carol.refresh().status_code == 200


def test_two_logins_of_two_organizations_on_one_phone_do_not_mix(world: World, globex: Neighbour, alice: Phone) -> None:
    at_acme = alice.come_back()
    alice.browser.email = "carol@globex.example"
    at_globex = alice.come_back(organization="globex")
    assert alice.complete(at_globex).json()["organization"]["slug"] == "globex"
    assert alice.complete(at_acme).json()["user"]["email"] == "alice@acme.example"


def test_a_login_by_one_organization_s_okta_neither_sees_nor_ends_the_other_s(
    world: World, globex: Neighbour, carol: Phone
) -> None:
    """Acme's Okta can say of Carol that she is here; her logins at Globex are none of its business."""
    carol.log_in(organization="globex")
    in_both(world)
    at_acme = Phone(world, "carol@globex.example")
    at_acme.log_in()
    session_id = carol.ask("GET", "/me").json()["session_id"]
    answer = at_acme.ask("DELETE", f"/sessions/{session_id}")
    assert (answer.status_code, carol.is_logged_in()) == (404, True)
    listed = at_acme.ask("GET", "/sessions").json()["sessions"]
    assert {each["organization"] for each in listed} == {"acme"}


def test_somebody_of_the_neighbour_s_at_point_s_page_is_not_ours(world: World, globex: Neighbour) -> None:
    phone = Phone(world, "carol@globex.example")
    phone.browser.log_in(slug="globex")
    phone.start(method="password")
    page = phone.browser.get(phone.begun["authorization_url"])
    assert page.url.startswith(f"{world.base}/login/acme?")
    assert phone.attempt.code_hash is None
    with pytest.raises(AssertionError):
        link_on(page)
