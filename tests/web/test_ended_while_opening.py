"""A session that is being opened at the very moment at which all of somebody's sessions end does not go on. On
PostgreSQL, where two transactions see each other only once they are committed; SQLite writes one after the other.

The moment is made by a lock on the table of the activity: a real login stands still behind its session and before its
commit, then what ends sessions begins, and then both go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, text

from okta_sandbox.universal_logout import endpoint_of, make_order, name_subject, send_order
from portal.store.models import domains
from portal.store.upgrade import upgrade_database
from tests.native_bridge.steps import Phone
from tests.needs import forget_tries
from tests.store.databases import empty_database
from tests.web.group_steps import ADMINS, ALICE, give, name_all
from tests.web.okta_only_steps import SECURITY, switch_on, use_code
from tests.web.steps import come_back
from tests.web.test_members import member_id, roles
from tests.world import POINT_PASSWORD, Stage, Visitor, World, make_world

OKTA = "/organizations/acme/integrations/okta"
NEW = "four otters climb a violet ladder"
GONE = {"authenticated": False}


@pytest.fixture
def world(stage: Stage, tmp_path: Path) -> Iterator[World]:
    forget_tries()
    with empty_database("postgresql", tmp_path) as url:
        upgrade_database(url)
        with make_world(stage, tmp_path, database_url=url, demo=True) as world:
            yield world


@contextmanager
def standing_still(world: World) -> Iterator[Connection]:
    """Nobody writes into the activity meanwhile."""
    engine = create_engine(world.settings.database_url)
    with engine.connect() as connection:
        connection.execute(text("LOCK TABLE activity IN SHARE MODE"))
        yield connection
        connection.rollback()
    engine.dispose()


def wait_for(connection: Connection, number: int) -> None:
    """Until so many others wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    until = time.monotonic() + 10
    while connection.execute(text(waiting)).scalar_one() < number:
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        assert time.monotonic() < until, "nobody stands still"
        time.sleep(0.02)


def at_once(world: World, first: Callable[[], object], second: Callable[[], object]) -> None:
    """`first` has done all but its commit, and a line in the activity; then `second` begins."""
    with ThreadPoolExecutor(2) as pool:
        done: list[Future[object]] = []
        with standing_still(world) as connection:
            done.append(pool.submit(first))
            wait_for(connection, 1)
            done.append(pool.submit(second))
            wait_for(connection, 2)
        for each in done:
            each.result(20)


def owner(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def known(world: World, email: str = "alice@acme.example") -> Visitor:
    """Somebody who has been here before, about to return from Okta in another browser."""
    earlier = world.person(email)
    earlier.log_in()
    return world.person(email)


# -- everything that ends all sessions of somebody ---------------------------------------------------------------------


def a_new_password(world: World) -> tuple[str, Callable[[], object]]:
    olivia = owner(world)
    fields = {"old_password": POINT_PASSWORD, "password": NEW, "password_again": NEW}
    return olivia.email, lambda: olivia.step("/account/password", method="POST", data=fields)


def the_own_list(world: World) -> tuple[str, Callable[[], object]]:
    alice = world.alice
    alice.log_in()
    return alice.email, lambda: alice.step("/account/sessions", method="POST", data={"end": "others"})


def an_owner(world: World) -> tuple[str, Callable[[], object]]:
    known(world)
    olivia, number = owner(world), member_id(world, "alice@acme.example")
    path = f"/organizations/acme/members/{number}/sessions"
    return "alice@acme.example", lambda: olivia.step(path, method="POST", data={"end": "all"})


def universal_logout(world: World) -> tuple[str, Callable[[], object]]:
    known(world)
    order = make_order(
        world.sandbox, issuer=world.okta, client_id=world.sandbox.client_id("spa"),
        audience=f"{world.base}/organizations/acme/universal-logout",
    )  # fmt: skip
    subject = name_subject(world.sandbox.person("alice@acme.example"), world.okta)
    return "alice@acme.example", lambda: send_order(endpoint_of(world.sandbox, "acme"), order, subject)


def front_channel_logout(world: World) -> tuple[str, Callable[[], object]]:
    world.sandbox.set_claims("alice@acme.example", {"sid": "a sid"})
    known(world)
    asked = {"iss": world.okta, "sid": "a sid"}
    return "alice@acme.example", lambda: world.stranger.step("/logout/okta", params=asked)


def delete_integration(world: World) -> tuple[str, Callable[[], object]]:
    olivia = owner(world)
    return "alice@acme.example", lambda: olivia.step(OKTA + "/delete", method="POST")


def another_issuer(world: World) -> tuple[str, Callable[[], object]]:
    return "alice@acme.example", lambda: world.connect(authorization_server="default")


def removal(world: World) -> tuple[str, Callable[[], object]]:
    known(world)
    olivia, number = owner(world), member_id(world, "alice@acme.example")
    return "alice@acme.example", lambda: olivia.step(f"/organizations/acme/members/{number}/remove", method="POST")


def removal_of_the_domain(world: World) -> tuple[str, Callable[[], object]]:
    olivia = owner(world)
    with world.services.db.writing() as connection:
        row = {"organization_id": world.acme_id, "name": "acme.test", "verified_at": world.services.now()}
        connection.execute(domains.insert(), row)
    return "alice@acme.example", lambda: olivia.step("/organizations/acme/domains/acme.example/remove", method="POST")


ENDS = [
    a_new_password, the_own_list, an_owner, universal_logout, front_channel_logout, delete_integration, another_issuer,
    removal, removal_of_the_domain,
]  # fmt: skip


@pytest.mark.parametrize("end", ENDS, ids=[end.__name__ for end in ENDS])
def test_a_login_by_okta_that_is_under_way_ends_with_the_others_by(
    world: World, end: Callable[[World], tuple[str, Callable[[], object]]]
) -> None:
    email, act = end(world)
    person = world.person(email)
    location = come_back(person)
    at_once(world, lambda: person.get(location), act)
    assert person.session() == GONE
    with world.services.db.reading() as connection:
        row = "SELECT count(*) FROM sessions WHERE ended_at IS NULL AND method = 'okta'"
        left = connection.execute(text(row)).scalar_one()
    assert left == (1 if end is the_own_list else 0)  # The one from which the list was used.


@pytest.mark.parametrize("end", [a_new_password, an_owner, delete_integration], ids=["password", "owner", "delete"])
def test_so_does_a_login_of_the_app(world: World, end: Callable[[World], tuple[str, Callable[[], object]]]) -> None:
    email, act = end(world)
    phone = Phone(world, email)
    link = phone.come_back()
    at_once(world, lambda: phone.complete(link), act)
    assert not phone.is_logged_in()


def test_an_app_that_comes_by_a_browser_ends_with_it(world: World) -> None:
    """The session in the browser ends at the moment at which the app's is opened from it."""
    with_password = Phone(world, "olivia@acme.example")
    link = with_password.come_back_by_password()
    olivia, number = owner(world), member_id(world, "olivia@acme.example")
    path = f"/organizations/acme/members/{number}/sessions"
    at_once(
        world, lambda: with_password.complete(link), lambda: olivia.step(path, method="POST", data={"end": "all"})
    )
    assert not with_password.is_logged_in()


def test_a_login_by_password_that_is_under_way_ends_with_the_others(world: World) -> None:
    known(world)
    adam, olivia, number = world.person("adam@acme.example"), owner(world), member_id(world, "adam@acme.example")
    path = f"/organizations/acme/members/{number}/sessions"
    at_once(world, adam.log_in_by_password, lambda: olivia.step(path, method="POST", data={"end": "all"}))
    assert adam.session() == GONE


def test_a_login_by_a_recovery_code_ends_with_new_codes(world: World) -> None:
    olivia, elsewhere = world.olivia, world.olivia
    olivia.log_in()
    codes = switch_on(world, olivia)
    renew = next(form for form in olivia.page(olivia.get(SECURITY)).forms if "Make new codes" in form.buttons)
    at_once(
        world,
        lambda: use_code(elsewhere, codes[0]),
        lambda: olivia.step(renew.action, method="POST", data=renew.fields),
    )
    assert elsewhere.session() == GONE


def test_who_is_removed_while_they_log_in_is_out_or_a_member_anew(world: World) -> None:
    """The removal is first: the login waits for it, and finds that they are none. Since the domain is the
    organization's, Okta's word makes them one again."""
    alice = known(world)
    location = come_back(alice)
    _email, remove = removal(world)
    at_once(world, remove, lambda: alice.get(location))
    assert alice.session()["authenticated"]
    assert roles(world)["alice@acme.example"] == "volunteer"
    assert [event.what for event in world.activity()][:2] == ["login.joined", "member.removed"]


def test_a_browser_that_logs_in_anew_while_its_person_s_sessions_end_is_out(world: World) -> None:
    """The login ends the browser's own session and opens another; what ends all of them wants both."""
    alice = world.alice
    alice.log_in()
    location = come_back(alice)
    _email, act = an_owner(world)
    at_once(world, lambda: alice.get(location), act)
    assert alice.session() == GONE


def test_who_is_removed_while_they_log_in_once_more_with_another_role_is_out_and_nobody_waits_for_ever(
    world: World,
) -> None:
    """Both want the member and the session, and take them in the same order."""
    name_all(world)
    give(world, **{ADMINS: "admin"})
    world.sandbox.put_in_group(ALICE, ADMINS)
    alice = known(world)
    alice.log_in()
    assert roles(world)[ALICE] == "admin"
    world.sandbox.put_in_group(ALICE, ADMINS, on=False)
    location = alice.follow(alice.step("/login/again/okta"), until=world.base + "/login/callback").headers["Location"]
    olivia, number = owner(world), member_id(world, ALICE)
    answers: list[int] = []
    remove = f"/organizations/acme/members/{number}/remove"
    at_once(
        world,
        lambda: answers.append(alice.step(location).status_code),
        lambda: answers.append(olivia.step(remove, method="POST").status_code),
    )
    assert answers == [303, 303]
    assert ALICE not in roles(world)
    assert alice.session() == GONE
