"""What was true when a request came in may be over when it writes: each of these waits for somebody else's change and
finds it, on both databases."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import Connection

from portal.passwords import hash_password
from portal.store.group_roles import GroupRoles, read_group_roles, set_group_role
from portal.store.integrations import hold_integration
from portal.store.invitations import add_invitation
from portal.store.member_list import change_role, remove_member
from portal.store.members import add_member, find_user
from portal.store.okta_only import begin_okta_only, confirm_okta_only, end_password_sessions
from portal.store.password_links import store_password
from portal.store.session_list import end_sessions_of
from portal.store.setup_links import list_links
from portal.store.upgrade import upgrade_database
from tests.native_bridge.steps import Phone
from tests.store.databases import KINDS, empty_database
from tests.web.group_steps import PAGE as GROUPS
from tests.web.test_members import NEW, PAGE, invite, member_id, roles
from tests.world import POINT_PASSWORD, Stage, Visitor, World, make_world

T = TypeVar("T")
Change = Callable[[Connection], object]
OUT = {"authenticated": False}
LINKS = "/organizations/acme/integrations/okta/guide/links"


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> Iterator[World]:
    with empty_database(request.param, tmp_path) as url:
        upgrade_database(url)
        with make_world(stage, tmp_path, database_url=url) as world:
            yield world


def meanwhile(world: World, change: Change, act: Callable[[], T]) -> T:
    """What `act` answers that begins once `change` is made and has almost a second until that is committed."""
    with ThreadPoolExecutor(1) as pool:
        with world.services.db.writing() as connection:
            change(connection)
            acting = pool.submit(act)
            time.sleep(0.8)
        return acting.result(20)


def id_of(world: World, email: str) -> int:
    with world.services.db.reading() as connection:
        found = find_user(connection, email)
    assert found is not None
    return found.id


def change_password(world: World, email: str) -> Change:
    user_id, hashed = id_of(world, email), hash_password(NEW)
    return lambda connection: store_password(connection, user_id, hashed, now=world.services.now())


def take_okta_only(world: World) -> Change:
    """Acme's "Okta only", switched on and confirmed at once."""
    now, olivia = world.services.now(), id_of(world, "olivia@acme.example")

    def change(connection: Connection) -> None:
        hold_integration(connection, world.acme_id)
        begin_okta_only(connection, world.acme_id, user_id=olivia, who="olivia", now=now)
        confirm_okta_only(connection, world.acme_id, now=now)
        end_password_sessions(connection, world.acme_id, now=now)

    return change


@pytest.fixture
def carol(world: World) -> Visitor:
    """Of Globex, logged in there by password, and a volunteer at Acme as well."""
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "carol@globex.example", role="volunteer", now=world.services.now())
    carol = world.carol
    carol.log_in_by_password()
    assert carol.session()["organization"] == "globex"
    return carol


def press_log_in(visitor: Visitor) -> int:
    data = {"email": visitor.email, "password": POINT_PASSWORD}
    return visitor.step("/login", method="POST", data=data).status_code


def go_over(visitor: Visitor) -> int:
    return visitor.step("/account/organizations/acme", method="POST").status_code


def test_the_old_password_opens_nothing_once_there_is_a_new_one(world: World) -> None:
    adam = world.person("adam@acme.example")
    assert meanwhile(world, change_password(world, adam.email), lambda: press_log_in(adam)) == 422
    assert adam.session() == OUT


def test_no_password_session_begins_behind_okta_only(world: World) -> None:
    adam = world.person("adam@acme.example")
    assert meanwhile(world, take_okta_only(world), lambda: press_log_in(adam)) == 403
    assert adam.session() == OUT


def test_nobody_goes_over_by_password_behind_okta_only(world: World, carol: Visitor) -> None:
    assert meanwhile(world, take_okta_only(world), lambda: go_over(carol)) == 303
    assert carol.session()["organization"] == "globex"


@pytest.mark.parametrize("by", ["a new password", "the list of sessions"])
def test_a_session_that_was_ended_does_not_come_back_by_going_over(world: World, carol: Visitor, by: str) -> None:
    user_id = id_of(world, carol.email)

    def end(connection: Connection) -> None:
        for home in (world.acme_id, world.globex_id):
            end_sessions_of(connection, home, user_id, why="ended_by_person", now=world.services.now())

    change = end if by == "the list of sessions" else change_password(world, carol.email)
    assert meanwhile(world, change, lambda: go_over(carol)) == 409
    assert carol.session() == OUT


@pytest.mark.parametrize("by", ["a new password", "Okta only"])
def test_no_session_of_the_app_begins_by_a_browser_whose_session_has_ended(world: World, by: str) -> None:
    phone = Phone(world, "adam@acme.example")
    link = phone.come_back_by_password()
    change = take_okta_only(world) if by == "Okta only" else change_password(world, "adam@acme.example")
    answer = meanwhile(world, change, lambda: phone.complete(link))
    assert (answer.status_code, answer.json()["reason"]) == (400, "session_ended")


def test_a_session_that_has_ended_changes_no_password(world: World, carol: Visitor) -> None:
    user_id = id_of(world, carol.email)
    data = {"old_password": POINT_PASSWORD, "password": NEW, "password_again": NEW}

    answer = meanwhile(
        world,
        lambda connection: end_sessions_of(connection, world.globex_id, user_id, why="x", now=world.services.now()),
        lambda: carol.step("/account/password", method="POST", data=data),
    )
    assert answer.status_code == 409
    carol.log_in_by_password()
    assert carol.session()["authenticated"]


def test_invite_pressed_twice_is_one_invitation(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    new = {"role": "admin", "token": "the first", "who": olivia.email, "now": world.services.now()}
    answer = meanwhile(
        world,
        lambda connection: add_invitation(connection, world.acme_id, "nina@elsewhere.example", **new),  # type: ignore[arg-type]
        lambda: olivia.step(PAGE, method="POST", data={"email": "nina@elsewhere.example", "role": "admin"}),
    )
    assert answer.headers["Location"].endswith("done=invited")


def test_an_owner_who_is_being_removed_invites_nobody(world: World) -> None:
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "adam@acme.example", role="owner", now=world.services.now())
    adam, number = world.person("adam@acme.example"), member_id(world, "adam@acme.example")
    adam.log_in_by_password()
    answer = meanwhile(
        world,
        lambda connection: remove_member(connection, world.acme_id, number, now=world.services.now()),
        lambda: adam.step(PAGE, method="POST", data={"email": "adam2@elsewhere.example", "role": "owner"}),
    )
    assert answer.status_code == 403
    assert "adam2@elsewhere.example" not in _invited(world)


def test_an_owner_who_is_one_no_more_leaves_nobody_and_no_group_that_would_bring_them_back(world: World) -> None:
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "adam@acme.example", role="owner", now=world.services.now())
        for email in ("friend@acme.example", "other@acme.example"):
            add_member(connection, world.acme_id, email, role="volunteer", now=world.services.now())
        set_group_role(connection, world.acme_id, "Staff", "volunteer")
    adam, number = world.person("adam@acme.example"), member_id(world, "adam@acme.example")
    adam.log_in_by_password()
    forms = {
        GROUPS: {"group": "Adam and friends", "role": "owner", "claim": "groups"},
        f"{GROUPS}/claim": {"claim": "what_adam_may_change"},
        f"{GROUPS}/remove": {"group": "Staff"},
        f"{PAGE}/{member_id(world, 'friend@acme.example')}/role": {"role": "owner"},
        f"{PAGE}/{member_id(world, 'other@acme.example')}/remove": {},
    }

    def send(form: str) -> int:
        return adam.step(form, method="POST", data=forms[form]).status_code

    def send_all() -> list[int]:
        with ThreadPoolExecutor(5) as pool:
            return list(pool.map(send, forms))

    answers = meanwhile(
        world,
        lambda connection: change_role(connection, world.acme_id, number, "volunteer", now=world.services.now()),
        send_all,
    )
    with world.services.db.reading() as connection:
        assert read_group_roles(connection, world.acme_id) == GroupRoles("groups", {"Staff": "volunteer"})
    assert {roles(world).get(f"{name}@acme.example") for name in ("friend", "other")} == {"volunteer"}
    assert answers == [403] * 5


@pytest.mark.parametrize("how", ["removed", "another role"])
def test_an_owner_who_is_one_no_more_makes_no_hand_over_link(world: World, how: str) -> None:
    """The page was open; the click comes while the role is being taken away."""
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "adam@acme.example", role="owner", now=world.services.now())
    adam, number = world.person("adam@acme.example"), member_id(world, "adam@acme.example")
    adam.log_in_by_password()
    page = adam.get(LINKS)
    now = world.services.now()

    def change(connection: Connection) -> None:
        if how == "removed":
            remove_member(connection, world.acme_id, number, now=now)
        else:
            change_role(connection, world.acme_id, number, "admin", now=now)

    answer = meanwhile(world, change, lambda: adam.submit(page, "name", name="Otto", follow=False))
    assert answer.status_code == 403
    with world.services.db.reading() as connection:
        assert list_links(connection, world.acme_id) == []


def test_somebody_new_who_accepts_while_another_organization_makes_their_account_has_one(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    path = invite(world, olivia, "nina@elsewhere.example")
    nina = world.person("nina@elsewhere.example")
    fields = {"name": "Nina", "password": NEW, "password_again": NEW}
    answer = meanwhile(
        world,
        lambda connection: add_member(connection, world.globex_id, nina.email, role="volunteer", now=1),
        lambda: nina.step(path, method="POST", data=fields),
    )
    assert answer.status_code == 303
    assert roles(world)[nina.email] == "volunteer"


def _invited(world: World) -> str:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia.get(PAGE).text
