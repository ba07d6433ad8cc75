"""Roles follow Okta's groups: at each login in a browser, and while somebody stays logged in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from okta_sandbox import RawAnswer
from okta_sandbox.group_claims import make_claim
from portal.logins import read_tokens
from portal.store.group_roles import set_groups_claim
from portal.store.invitations import add_invitation
from portal.store.members import add_member
from portal.store.models import sessions
from tests.web.group_steps import ADMINS, ALICE, OWNERS, PAGE, events, give, name_all, role_of, save, scopes_asked
from tests.web.steps import add_person, come_back, connect, take_over
from tests.world import Visitor, World

ROW = {ADMINS: "admin"}


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def custom(world: World) -> World:
    """Acme uses the authorization server `default`, which has a claim and no scope for groups."""
    world.connect(authorization_server="default")
    return world


def log_in(world: World, email: str = ALICE) -> Visitor:
    visitor = world.person(email)
    visitor.log_in()
    assert visitor.session()["authenticated"], visitor.trail[-1]
    return visitor


# -- at a login --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", ["org", "default"])
def test_a_login_takes_the_role_from_the_groups_at_both_kinds_of_authorization_server(
    world: World, server: str
) -> None:
    """The org's own names groups only for the scope `groups`, which a custom one does not know."""
    world.connect(authorization_server=server)
    assert log_in(world).session()["role"] == "volunteer"
    give(world, **ROW)
    world.sandbox.put_in_group(ALICE, ADMINS)
    assert log_in(world).session()["role"] == "admin"
    asked = scopes_asked(world)
    assert ["groups" in scope for scope in asked] == [False, server == "org"]
    [event] = events(world)
    assert (event.who, event.about) == (ALICE, {"old": "volunteer", "new": "admin", "groups": [ADMINS]})
    assert event.reference == events(world, "login")[0].reference
    page = world.olivia
    page.log_in_by_password()
    assert "A role followed the groups in Okta" in page.get("/organizations/acme/activity").text
    world.sandbox.put_in_group(ALICE, ADMINS, on=False)
    assert log_in(world).session()["role"] == "volunteer"
    assert events(world)[0].about == {"old": "admin", "new": "volunteer", "groups": [], "claim": "missing"}


def test_without_a_mapping_groups_change_nothing_and_are_not_asked_for(world: World) -> None:
    name_all(world)
    world.sandbox.put_in_group(ALICE, ADMINS)
    assert log_in(world).session()["role"] == "volunteer"
    assert "groups" not in scopes_asked(world)[0]
    assert world.requests_to("/userinfo") == []
    assert events(world) == []


def test_the_first_login_of_all_joins_with_the_role_of_the_group(custom: World) -> None:
    give(custom, **ROW)
    custom.sandbox.put_in_group(ALICE, ADMINS)
    assert log_in(custom).session()["role"] == "admin"
    assert len(events(custom, "login.joined")) == 1


@pytest.mark.parametrize(("invited", "now"), [("admin", "volunteer"), ("owner", "owner")])
def test_a_group_wins_over_an_invitation_save_for_an_owner_s(custom: World, invited: str, now: str) -> None:
    """An owner who was invited is one by hand, and those follow groups only where a group makes owners."""
    give(custom, **ROW)
    with custom.services.db.writing() as connection:
        at = custom.services.now()
        add_invitation(connection, custom.acme_id, ALICE, role=invited, token="t", who="olivia", now=at)
    assert log_in(custom).session()["role"] == now


def test_an_owner_by_hand_stays_one_until_a_group_makes_owners_and_the_last_one_stays_then(custom: World) -> None:
    give(custom, **ROW)
    name_all(custom)
    assert log_in(custom, "olivia@acme.example").session()["role"] == "owner"
    give(custom, **{OWNERS: "owner"})
    assert log_in(custom, "olivia@acme.example").session()["role"] == "owner"
    [event] = events(custom)
    assert (event.what, event.who, event.about["code"]) == ("member.owner_stayed", "olivia@acme.example", "last_owner")
    custom.sandbox.put_in_group(ALICE, OWNERS)
    assert log_in(custom).session()["role"] == "owner"
    olivia = log_in(custom, "olivia@acme.example")
    assert olivia.session()["role"] == "volunteer"
    assert olivia.get(PAGE).status_code == 403
    assert role_of(custom) == "owner"


def test_a_role_by_hand_lasts_until_the_next_login_or_the_next_refresh_that_names_groups(custom: World) -> None:
    give(custom, **ROW)
    alice = log_in(custom)
    with custom.services.db.writing() as connection:
        add_member(connection, custom.acme_id, ALICE, role="admin", now=custom.services.now())
    assert alice.session()["role"] == "admin"
    assert log_in(custom).session()["role"] == "volunteer"
    with custom.services.db.writing() as connection:
        add_member(connection, custom.acme_id, ALICE, role="admin", now=custom.services.now())
    name_all(custom)
    custom.clock.forward(601)
    assert alice.session()["role"] == "volunteer"


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ([ADMINS], "admin"),
        (ADMINS, "admin"),
        ([None, 7, {"a": 1}, ["x"], ADMINS], "admin"),
        ([], "volunteer"),
        (["x" * 256, ADMINS], "admin"),
        ([f"G{number}" for number in range(1000)] + [ADMINS], "volunteer"),
        ([f"G{number}" for number in range(999)] + [ADMINS], "admin"),
        ({"names": [ADMINS]}, "volunteer"),
        (True, "volunteer"),
        (f"{ADMINS}, Everyone", "volunteer"),
    ],
    ids=str,
)
def test_the_claim_may_be_a_list_or_one_name_and_what_is_odd_in_it_is_ignored(
    custom: World, said: Any, role: str
) -> None:
    give(custom, **ROW)
    custom.sandbox.set_claims(ALICE, {"groups": said})
    assert log_in(custom).session()["role"] == role


def test_the_claim_may_have_another_name(custom: World) -> None:
    custom.sandbox.servers["default"].claims = {"c": make_claim(name="https://acme.example/teams")}
    give(custom, claim="https://acme.example/teams", **ROW)
    custom.sandbox.put_in_group(ALICE, ADMINS)
    assert log_in(custom).session()["role"] == "admin"


def test_groups_and_address_that_only_userinfo_tells_take_one_question(custom: World) -> None:
    custom.sandbox.servers["default"].claims = {"c": make_claim(always=False)}
    custom.sandbox.put_in_group(ALICE, ADMINS)
    give(custom, **ROW)
    custom.sandbox.fault("no_email")
    assert log_in(custom).session()["role"] == "admin"
    assert len(custom.requests_to("/userinfo")) == 1


def test_a_role_stays_where_userinfo_cannot_be_asked_until_it_can(custom: World) -> None:
    """The login that could not find out is made up for by the refresh after it, even if no claim comes then."""
    custom.sandbox.servers["default"].claims = {"c": make_claim(value="POINT", kind="STARTS_WITH", always=False)}
    custom.sandbox.put_in_group(ALICE, ADMINS)
    give(custom, **ROW)
    assert log_in(custom).session()["role"] == "admin"
    custom.sandbox.put_in_group(ALICE, ADMINS, on=False)
    custom.sandbox.fault("userinfo_500")
    alice = log_in(custom)
    assert alice.session()["role"] == "admin"
    custom.sandbox.clear_faults()
    custom.clock.forward(601)
    assert alice.session()["role"] == "volunteer"


def test_userinfo_about_somebody_else_lets_nobody_in(custom: World) -> None:
    custom.sandbox.fault("groups_claim_missing")
    custom.sandbox.fault("userinfo_wrong_sub")
    give(custom, **ROW)
    alice = custom.alice
    assert alice.log_in().status_code == 502
    assert not alice.session()["authenticated"]


def test_what_is_set_while_somebody_is_at_okta_counts_from_the_next_login(custom: World) -> None:
    """Nobody has asked this Okta for groups then, so that none of them says nothing."""
    with custom.services.db.writing() as connection:
        add_member(connection, custom.acme_id, ALICE, role="admin", now=custom.services.now())
    alice = custom.alice
    address = come_back(alice)
    give(custom, **{OWNERS: "admin"})
    alice.get(address)
    assert alice.session()["role"] == "admin"
    alice = custom.alice
    address = come_back(alice)
    owner = custom.olivia
    owner.log_in_by_password()
    owner.step(f"{PAGE}/claim", method="POST", data={"claim": "teams"})
    alice.get(address)
    assert alice.session()["role"] == "admin"
    assert log_in(custom).session()["role"] == "volunteer"


def test_two_organizations_that_share_an_okta_have_each_its_own_mapping(world: World) -> None:
    """What one of them makes of a group changes no role at the other."""
    connect(world, world.globex_id, world.sandbox, world.okta)
    gus = world.gus
    gus.log_in_by_password()
    globex = PAGE.replace("acme", "globex")
    assert save(gus, ADMINS, "owner", page=globex).status_code == 303
    give(world, **{ADMINS: "admin"})
    with world.services.db.writing() as connection:
        add_member(connection, world.globex_id, "carol@globex.example", role="volunteer", now=world.services.now())
    for email in (ALICE, "carol@globex.example"):
        if email != ALICE:
            add_person(world.sandbox, email, "Carol")
        world.sandbox.put_in_group(email, ADMINS)
    assert log_in(world).session()["role"] == "admin"
    carol = world.carol
    carol.log_in(slug="globex")
    assert carol.session()["role"] == "owner"
    assert role_of(world) == "admin"
    assert role_of(world, organization_id=world.globex_id) is None
    assert "member.role_followed_groups" not in {
        event.what for event in world.activity() if event.who == "carol@globex.example"
    }


def test_an_account_that_is_connected_gets_the_role_of_its_groups(world: World) -> None:
    """Carol, of Globex, proves her account and joins Acme by it; her group was named before that."""
    give(world, **ROW)
    add_person(world.sandbox, "carol@globex.example", "Carol")
    world.sandbox.put_in_group("carol@globex.example", ADMINS)
    carol = world.carol
    assert carol.log_in().url == f"{world.base}/login/link"
    page = carol.log_in_by_password(next_="/login/link")
    assert carol.submit(page, button="Connect my Okta account").status_code == 200
    assert role_of(world, "carol@globex.example") == "admin"
    assert role_of(world, "carol@globex.example", world.globex_id) == "volunteer"
    assert events(world)[0].about["groups"] == [ADMINS]


def test_a_claim_that_was_changed_while_an_account_waited_to_be_connected_gives_no_role(world: World) -> None:
    """The owner may have changed it because people could write into the old one themselves."""
    give(world, **ROW)
    add_person(world.sandbox, "carol@globex.example", "Carol")
    world.sandbox.put_in_group("carol@globex.example", ADMINS)
    carol = world.carol
    assert carol.log_in().url == f"{world.base}/login/link"
    with world.services.db.writing() as connection:
        set_groups_claim(connection, world.acme_id, "teams")
    page = carol.log_in_by_password(next_="/login/link")
    assert carol.submit(page, button="Connect my Okta account").status_code == 200
    assert role_of(world, "carol@globex.example") == "volunteer"
    assert events(world) == []


# -- while somebody stays logged in ------------------------------------------------------------------------------------


def test_a_refresh_takes_the_role_up_and_down_and_the_next_page_knows(custom: World) -> None:
    name_all(custom)
    give(custom, **ROW)
    alice = log_in(custom)
    assert alice.get(PAGE).status_code == 403
    for on, status, role in ((True, 200, "admin"), (False, 403, "volunteer")):
        custom.sandbox.put_in_group(ALICE, ADMINS, on=on)
        custom.clock.forward(601)
        assert alice.get(PAGE).status_code == status
        assert alice.session()["role"] == role
    assert [event.about["new"] for event in events(custom)] == ["volunteer", "admin"]


@pytest.mark.parametrize("always", [True, False], ids=["ID token", "userinfo"])
def test_whoever_leaves_their_last_group_loses_its_role_at_the_next_refresh(custom: World, always: bool) -> None:
    """Okta leaves the claim out for them, and it was there at the login."""
    custom.sandbox.servers["default"].claims = {"c": make_claim(value="POINT", kind="STARTS_WITH", always=always)}
    custom.sandbox.put_in_group(ALICE, ADMINS)
    give(custom, **ROW)
    alice = log_in(custom)
    assert alice.session()["role"] == "admin"
    custom.sandbox.put_in_group(ALICE, ADMINS, on=False)
    custom.clock.forward(601)
    assert alice.session()["role"] == "volunteer"
    assert events(custom)[0].about == {"old": "admin", "new": "volunteer", "groups": [], "claim": "missing"}


@pytest.mark.parametrize("always", [True, False], ids=["ID token", "userinfo"])
def test_whoever_joined_their_group_meanwhile_loses_its_role_at_a_refresh_as_well(custom: World, always: bool) -> None:
    custom.sandbox.servers["default"].claims = {"c": make_claim(value="POINT", kind="STARTS_WITH", always=always)}
    give(custom, **ROW)
    alice = log_in(custom)
    for on, role in ((True, "admin"), (False, "volunteer")):
        custom.sandbox.put_in_group(ALICE, ADMINS, on=on)
        custom.clock.forward(601)
        assert alice.session()["role"] == role


def test_a_session_that_never_had_the_claim_loses_no_role_by_a_refresh_without_it(custom: World) -> None:
    """It may be one from before the claim was asked for; the next login decides."""
    alice = log_in(custom)
    with custom.services.db.writing() as connection:
        add_member(connection, custom.acme_id, ALICE, role="admin", now=custom.services.now())
    give(custom, **ROW)
    custom.clock.forward(601)
    assert alice.session()["role"] == "admin"
    assert log_in(custom).session()["role"] == "volunteer"


def test_a_claim_of_another_name_that_a_session_never_had_means_nothing_at_a_refresh(custom: World) -> None:
    custom.sandbox.put_in_group(ALICE, ADMINS)
    give(custom, **ROW)
    alice = log_in(custom)
    with custom.services.db.writing() as connection:
        set_groups_claim(connection, custom.acme_id, "teams")
    custom.clock.forward(601)
    assert alice.session()["role"] == "admin"


def test_a_refresh_finds_groups_at_userinfo_as_well(custom: World) -> None:
    custom.sandbox.servers["default"].claims = {"c": make_claim(always=False)}
    give(custom, **ROW)
    alice = log_in(custom)
    custom.sandbox.put_in_group(ALICE, ADMINS)
    custom.clock.forward(601)
    assert alice.session()["role"] == "admin"


def test_the_last_owner_stays_one_at_a_refresh_and_nothing_is_written_down_every_ten_minutes(custom: World) -> None:
    name_all(custom)
    give(custom, **{OWNERS: "owner"})
    olivia = log_in(custom, "olivia@acme.example")
    assert len(events(custom)) == 1
    custom.clock.forward(601)
    assert olivia.session()["role"] == "owner"
    assert len(events(custom)) == 1


def test_sessions_from_before_a_mapping_refresh_with_the_scope_of_their_own_login(world: World) -> None:
    """This Okta refuses a refresh that asks for more than the login was granted (RFC 6749 section 6)."""
    before = log_in(world)
    give(world, **ROW)
    world.sandbox.put_in_group(ALICE, ADMINS)
    after = log_in(world)
    world.clock.forward(601)
    assert [visitor.session()["authenticated"] for visitor in (before, after)] == [True, True]
    asked = [call.form["scope"][0].split() for call in world.requests_to("/token") if "refresh_token" in call.form]
    assert ["groups" in scope for scope in asked] == [False, True]


def test_a_session_whose_scope_was_not_kept_yet_asks_for_what_logins_ask_for(world: World) -> None:
    alice = log_in(world)
    give(world, **ROW)
    with world.services.db.writing() as connection:
        [row] = connection.execute(sessions.select().where(sessions.c.sealed_tokens.is_not(None)))
        tokens = read_tokens(world.services, row.id_hash, row.sealed_tokens)
        assert tokens.pop("scope") == "openid profile email offline_access"
        sealed = world.services.sealer.seal("tokens", json.dumps(tokens).encode(), row.id_hash)
        connection.execute(sessions.update().where(sessions.c.id_hash == row.id_hash).values(sealed_tokens=sealed))
    world.clock.forward(601)
    assert alice.session()["authenticated"]


def test_logging_in_once_more_for_a_form_takes_the_role_as_well(custom: World) -> None:
    name_all(custom)
    give(custom, **{OWNERS: "owner"})
    custom.sandbox.put_in_group(ALICE, OWNERS)
    alice = log_in(custom)
    assert alice.session()["role"] == "owner"
    custom.sandbox.put_in_group(ALICE, OWNERS, on=False)
    custom.clock.forward(1000)
    take_over(custom.sandbox, "/token", RawAnswer(500, [], b""))
    page = alice.follow(alice.step("/login/again/okta"))
    custom.sandbox.answer = None
    alice.follow(alice.sign_in_at_okta(page))
    assert alice.session()["role"] == "volunteer"

