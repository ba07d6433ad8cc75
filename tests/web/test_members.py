"""Organization > Members: looked through, invited, changed, removed; and a person of several organizations."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from portal.mail import finish_sending
from portal.store.member_list import search_members
from portal.store.members import Profile, add_member, find_user, link_identity, take_over_profile
from portal.store.session_limits import SessionLimits, save_session_limits
from tests.web.steps import add_person, count_rows
from tests.world import _HASH, POINT_PASSWORD, Visitor, World

PAGE = "/organizations/acme/members"
OKTA = "/organizations/acme/integrations/okta"
NEW = "correct horse battery staple hammock"


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture
def olivia(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def invite(world: World, olivia: Visitor, email: str, role: str = "volunteer") -> str:
    """The path of the link in the newest mail to this address."""
    page = olivia.follow(olivia.step(PAGE, method="POST", data={"email": email, "role": role}))
    assert "The invitation is on its way." in page.text
    return mailed(world, email)


def mailed(world: World, email: str) -> str:
    finish_sending(world.services)
    letters = sorted((world.settings.instance / "mail").glob("*.eml"), key=lambda each: each.stat().st_mtime_ns)
    text = next(each.read_text() for each in reversed(letters) if f"To: {email}" in each.read_text())
    found = re.search(r"https?://[^\s\"]+/invitation/[A-Za-z0-9_-]+", text.replace("=\n", ""))
    assert found is not None, text
    return urlsplit(found[0]).path


def roles(world: World) -> dict[str, str]:
    with world.services.db.reading() as connection:
        return {each.email: each.role for each in search_members(connection, world.acme_id)[0]}


def member_id(world: World, email: str) -> int:
    with world.services.db.reading() as connection:
        return next(each.id for each in search_members(connection, world.acme_id)[0] if each.email == email)


def test_somebody_new_accepts_with_a_name_and_a_password(world: World, olivia: Visitor) -> None:
    path = invite(world, olivia, "nina@elsewhere.example", "admin")
    assert "nina@elsewhere.example" not in roles(world)
    nina = world.person("nina@elsewhere.example")
    page = nina.get(path)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "olivia@acme.example invites nina@elsewhere.example to Acme Volunteers on POINT, as: Admin." in page.text
    bad = nina.submit(page, name="", password="password1234", password_again="x", follow=False)
    assert bad.status_code == 422
    assert "aria-invalid" in bad.text
    nina.submit(page, name="Nina New", password=NEW, password_again=NEW)
    assert roles(world)["nina@elsewhere.example"] == "admin"
    nina.step("/login/acme", method="POST", data={"email": nina.email, "password": NEW})
    assert nina.session()["role"] == "admin"
    assert "This invitation is not good any more" in world.stranger.get(path).text


def test_invited_joined_by_okta_and_invited_again_is_one_member_with_the_invited_role(
    world: World, olivia: Visitor
) -> None:
    invite(world, olivia, "alice@acme.example", "admin")
    alice = world.alice
    alice.log_in()
    assert alice.session()["role"] == "admin"
    again = olivia.step(PAGE, method="POST", data={"email": "Alice@Acme.example ", "role": "owner"})
    assert again.status_code == 409
    assert "This person is a member already" in again.text or "Look for the address" in again.text
    assert list(roles(world)).count("alice@acme.example") == 1
    assert roles(world)["alice@acme.example"] == "admin"


def test_an_invitation_makes_no_account_that_stands_between_a_person_and_their_own_okta(world: World) -> None:
    """A hostile neighbour invites Alice before her first login; her own Okta must still let her in."""
    gus = world.gus
    gus.log_in_by_password()
    gus.step("/organizations/globex/members", method="POST", data={"email": "alice@acme.example", "role": "owner"})
    alice = world.alice
    alice.log_in()
    assert alice.session()["organization"] == "acme"


def test_an_invitation_to_an_outside_address_is_no_way_in_by_okta_alone(world: World, olivia: Visitor) -> None:
    """Okta's word counts for the organization's own domains only; the link proves the mailbox."""
    invite(world, olivia, "pat@elsewhere.example", "owner")
    add_person(world.sandbox, "pat@elsewhere.example", "Pat")
    assert "is not one of this organization" in world.person("pat@elsewhere.example").log_in().text
    assert "pat@elsewhere.example" not in roles(world)


def test_somebody_with_an_account_logs_in_and_then_goes_over(world: World, olivia: Visitor) -> None:
    path = invite(world, olivia, "carol@globex.example")
    carol = world.carol
    assert "You have a POINT account with this address already." in carol.get(path).text
    assert "password_again" not in carol.get(path).text
    carol.log_in_by_password(next_=path)
    joined = carol.submit(carol.get(path), button="Join Acme Volunteers")
    assert "You are a member of Acme Volunteers now." in joined.text
    assert carol.session()["organization"] == "globex"
    ends = carol.session()["expires_at"]
    carol.submit(carol.get("/account/organizations"), button="Go to Acme Volunteers")
    assert (carol.session()["organization"], carol.session()["role"]) == ("acme", "volunteer")
    assert carol.session()["expires_at"] <= ends + 60
    assert roles(world)["carol@globex.example"] == "volunteer"


def test_an_okta_session_does_not_open_another_organization(world: World) -> None:
    world.alice.log_in()
    with world.services.db.writing() as connection:
        add_member(connection, world.globex_id, "alice@acme.example", role="owner", now=world.services.now())
    alice = world.alice
    alice.log_in()
    page = alice.submit(alice.get("/account/organizations"), button="Log in to Globex", follow=False)
    assert page.headers["Location"] == "/login/globex"
    assert alice.session()["organization"] == "acme"


def test_nobody_goes_over_to_an_organization_they_do_not_belong_to(world: World) -> None:
    carol = world.carol
    carol.log_in_by_password()
    assert carol.step("/account/organizations/acme", method="POST").status_code == 404
    assert carol.session()["organization"] == "globex"


def test_somebody_else_s_session_does_not_accept(world: World, olivia: Visitor) -> None:
    path = invite(world, olivia, "nina@elsewhere.example")
    gus = world.gus
    gus.log_in_by_password()
    assert "You are logged in as gus@globex.example." in gus.get(path).text
    gus.step(path, method="POST", data={"password": NEW, "password_again": NEW, "name": "Gus"})
    assert "nina@elsewhere.example" not in roles(world)
    assert "gus@globex.example" not in roles(world)


@pytest.mark.parametrize("end", ["expired", "taken back", "replaced"])
def test_a_link_that_is_over_says_so(world: World, olivia: Visitor, end: str) -> None:
    path = invite(world, olivia, "nina@elsewhere.example")
    if end == "expired":
        world.clock.forward(7 * 86400 + 1)
    elif end == "taken back":
        olivia.submit(olivia.get(PAGE), button="Take back", email="nina@elsewhere.example")
        assert "nina@elsewhere.example" not in olivia.get(PAGE).text
    else:
        assert invite(world, olivia, "nina@elsewhere.example") != path
    for method in ("GET", "POST"):
        answer = world.stranger.step(path, method=method)
        assert answer.status_code == 404
        assert "This invitation is not good any more" in answer.text


def test_opening_a_link_changes_nothing(world: World, olivia: Visitor) -> None:
    path = invite(world, olivia, "nina@elsewhere.example")
    before = count_rows(world)
    for _ in range(3):
        assert world.stranger.get(path).status_code == 200
    assert count_rows(world) == before
    assert "nina@elsewhere.example" in olivia.get(PAGE).text


def test_the_last_owner_stays_an_owner(world: World, olivia: Visitor) -> None:
    mine = member_id(world, "olivia@acme.example")
    for path, data in ((f"{PAGE}/{mine}/role", {"role": "admin"}), (f"{PAGE}/{mine}/remove", {})):
        answer = olivia.step(path, method="POST", data=data)
        assert answer.status_code == 409
        assert "Make somebody else an owner first" in answer.text
    adam = member_id(world, "adam@acme.example")
    olivia.step(f"{PAGE}/{adam}/role", method="POST", data={"role": "owner"})
    assert olivia.step(f"{PAGE}/{mine}/role", method="POST", data={"role": "admin"}).headers["Location"] == "/"
    assert olivia.step(f"{PAGE}/{adam}/role", method="POST", data={"role": "volunteer"}).status_code == 403


def test_a_removed_member_is_out_at_once_and_keeps_the_account(world: World, olivia: Visitor) -> None:
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = olivia.get(f"{PAGE}/{member_id(world, 'adam@acme.example')}/remove")
    done = olivia.submit(page, button="Remove Adam")
    assert "Removed. Their sessions here have ended." in done.text
    assert adam.session() == {"authenticated": False}
    adam.log_in_by_password()
    assert adam.session() == {"authenticated": False}
    assert count_rows(world)["users"] == 4


@pytest.fixture
def second(world: World) -> Visitor:
    """Adam, an owner as well, who has invited another address of his own and made a hand-over link; both are good."""
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "adam@acme.example", role="owner", now=world.services.now())
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    return adam


@pytest.mark.parametrize("end", ["removed", "made a volunteer"])
def test_what_an_owner_has_given_out_ends_with_their_being_one(
    world: World, olivia: Visitor, second: Visitor, end: str
) -> None:
    path = invite(world, second, "adam2@elsewhere.example", "owner")
    kept = invite(world, olivia, "nina@elsewhere.example")
    made = second.submit(second.get(f"{OKTA}/guide/links"), "name", name="Adam's friend")
    token = re.search(r"/setup/[A-Za-z0-9_-]{43}", made.text)
    assert token is not None
    assert world.stranger.get(token[0]).status_code == world.stranger.get(path).status_code == 200
    member = f"{PAGE}/{member_id(world, second.email)}"
    if end == "removed":
        olivia.step(f"{member}/remove", method="POST")
    else:
        olivia.step(f"{member}/role", method="POST", data={"role": "volunteer"})
    back = {"name": "Adam", "password": NEW, "password_again": NEW}
    assert world.stranger.step(path, method="POST", data=back).status_code == 404
    assert world.stranger.get(token[0]).status_code == 404
    assert "adam2@elsewhere.example" not in roles(world)
    assert world.stranger.get(kept).status_code == 200


def test_an_owner_who_accepts_an_older_invitation_stays_one(world: World, olivia: Visitor) -> None:
    """Invited by an address that Olivia's own account has taken over from Okta since."""
    path = invite(world, olivia, "olivia.new@acme.example")
    profile = Profile(world.okta, "00uOlivia", olivia.email, "Olivia")
    with world.services.db.writing() as connection:
        user = find_user(connection, olivia.email)
        assert user is not None
        linked = link_identity(connection, world.acme_id, user.id, profile, now=world.services.now())
        renamed = replace(profile, email="olivia.new@acme.example")
        take_over_profile(connection, world.acme_id, user.id, linked.identity_id, renamed)
    olivia.submit(olivia.get(path), button="Join Acme Volunteers")
    assert roles(world)["olivia.new@acme.example"] == "owner"


def test_whoever_gets_a_password_by_an_invitation_is_told(world: World) -> None:
    world.alice.log_in()
    gus = world.gus
    gus.log_in_by_password()
    gus.step("/organizations/globex/members", method="POST", data={"email": "alice@acme.example", "role": "volunteer"})
    path = mailed(world, "alice@acme.example")
    world.stranger.submit(world.stranger.get(path), password=NEW, password_again=NEW)
    assert "password.set" in [event.what for event in world.activity()]
    finish_sending(world.services)
    letters = [each.read_text() for each in (world.settings.instance / "mail").glob("*.eml")]
    assert [each for each in letters if "To: alice@acme.example" in each and "Your POINT password was set" in each]


@pytest.mark.parametrize("there", [True, False], ids=["over and back", "only over"])
def test_an_organizations_own_session_length_holds_over_going_over(world: World, there: bool) -> None:
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "carol@globex.example", role="volunteer", now=world.services.now())
        limited = world.globex_id if there else world.acme_id
        save_session_limits(connection, limited, SessionLimits(None, 3600))
    carol = world.carol
    carol.log_in_by_password()
    world.clock.forward(3000)
    for slug in ("acme", "globex") if there else ("acme",):
        carol.step(f"/account/organizations/{slug}", method="POST")
        assert carol.session()["organization"] == slug
    world.clock.forward(700)
    assert carol.session() == {"authenticated": False}


def test_a_session_that_is_too_old_for_the_other_organization_logs_in_there(world: World) -> None:
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "carol@globex.example", role="volunteer", now=world.services.now())
        save_session_limits(connection, world.acme_id, SessionLimits(None, 3600))
    carol = world.carol
    carol.log_in_by_password()
    world.clock.forward(4000)
    assert carol.step("/account/organizations/acme", method="POST").headers["Location"] == "/login/acme"
    assert carol.session()["organization"] == "globex"


def test_many_members_are_found_by_a_part_of_their_name_and_paged(world: World, olivia: Visitor) -> None:
    with world.services.db.writing() as connection:
        for number in range(120):
            add_member(connection, world.acme_id, f"p{number:03}@acme.example", role="volunteer",
                       name=f"Person {number:03}", now=1)  # fmt: skip
    page = olivia.get(PAGE)
    assert "122 members, page 1 of 3" in page.text
    seen = set(re.findall(r"p\d{3}@acme\.example", page.text))
    while (following := re.search(r'href="([^"]+)" rel="next"', page.text)) is not None:
        page = olivia.get(following[1].replace("&amp;", "&"))
        seen |= set(re.findall(r"p\d{3}@acme\.example", page.text))
    assert len(seen) == 120
    assert "1 member" in olivia.get(PAGE, params={"q": "ERSON 077"}).text
    assert "Nobody found" in olivia.get(PAGE, params={"q": "100%"}).text
    assert "1 member" in olivia.get(PAGE, params={"role": "owner"}).text
    assert olivia.get(PAGE, params={"page": "9" * 20}).status_code == 200


def test_an_admin_looks_and_changes_nothing(world: World) -> None:
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = adam.get(PAGE)
    assert "olivia@acme.example" in page.text
    assert "Invite somebody" not in page.text
    assert "Manage" not in page.text


def test_the_token_is_nowhere_but_in_the_mail(world: World, olivia: Visitor) -> None:
    path = invite(world, olivia, "nina@elsewhere.example")
    token = path.rpartition("/")[2]
    with world.services.db.reading() as connection:
        dump = "\n".join(connection.connection.dbapi_connection.iterdump())  # type: ignore[union-attr]
    assert token not in dump
    assert POINT_PASSWORD not in dump
    assert _HASH in dump  # The dump is one of the whole database.
