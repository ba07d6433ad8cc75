"""The list of sessions: a person's own, and for an owner those of a member; and what logging out says."""

from __future__ import annotations

import pytest

from portal.giving_back import finish_giving_back
from portal.store.models import members, sessions, users
from portal.store.session_list import MOST_LISTED
from portal.store.sessions import open_session
from portal.web.session_place import name_device, shorten
from tests.native_bridge.steps import Phone
from tests.needs import forget_tries
from tests.world import Visitor, World

GONE = {"authenticated": False}
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
LIST = "/account/sessions"


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    forget_tries()
    return shared


def alice_in(world: World, agent: str = FIREFOX) -> Visitor:
    alice = world.alice
    alice.http.headers["User-Agent"] = agent
    alice.log_in()
    return alice


def member_id(world: World, email: str) -> int:
    with world.services.db.reading() as connection:
        found = members.select().join(users, users.c.id == members.c.user_id).where(users.c.email == email)
        return int(connection.execute(found.with_only_columns(members.c.id)).scalar_one())


def titles(visitor: Visitor, path: str = LIST) -> list[str]:
    return [element.text.strip() for element in visitor.page(visitor.get(path)).elements if element.tag == "h2"]


def end(visitor: Visitor, page: str, number: int) -> str:
    """Presses the button of the n-th session that has one; answers the page that follows."""
    response = visitor.get(page)
    forms = [form for form in visitor.page(response).forms if "end" in form.fields]
    return visitor.follow(visitor.step(forms[number].action, method="POST", data=forms[number].fields)).text


def test_web_and_phone_stand_together_with_device_network_and_way(world: World) -> None:
    phone = Phone(world)
    phone.log_in()
    alice = alice_in(world)
    page = alice.get(LIST)
    assert titles(alice)[0] == "Firefox, Windows"
    assert any(title.startswith("POINT app") for title in titles(alice))
    assert "This one" in page.text
    assert "127.0.0.x" in page.text
    assert "127.0.0.1" not in page.text
    assert "With Okta" in page.text


def test_the_whole_address_is_stored_nowhere(world: World) -> None:
    alice_in(world)
    with world.services.db.reading() as connection:
        [row] = connection.execute(sessions.select())
    assert (row.network, row.device) == ("127.0.0.x", "Firefox, Windows")
    assert "127.0.0.1" not in repr(tuple(row))


def test_one_is_ended_and_says_why_there(world: World) -> None:
    here, there = alice_in(world), alice_in(world)
    assert "1 session has ended." in end(here, LIST, 0)
    assert here.session()["authenticated"]
    assert there.session() == GONE
    page = there.get("/account")
    assert (page.status_code, "You ended this login elsewhere" in page.text) == (401, True)
    event = world.activity()[0]
    assert (event.what, event.who, event.about["whose"]) == (
        "session.ended", "alice@acme.example", "alice@acme.example",
    )  # fmt: skip


def test_a_phone_is_ended_from_the_web(world: World) -> None:
    phone, alice = Phone(world), alice_in(world)
    phone.log_in()
    end(alice, LIST, 0)
    assert phone.ask("GET", "/me").status_code == 401
    assert phone.refresh().status_code == 401


def test_all_others_are_ended_at_once(world: World) -> None:
    others = [alice_in(world) for _ in range(3)]
    phone, olivia = Phone(world), world.olivia
    phone.log_in()
    olivia.log_in()
    here = alice_in(world)
    assert "4 sessions have ended." in end(here, LIST, -1)
    assert [visitor.session() for visitor in others] == [GONE] * 3
    assert phone.refresh().status_code == 401
    assert here.session()["authenticated"]
    assert olivia.session()["authenticated"]
    assert "You are logged in nowhere else." in here.get(LIST).text


def test_pressed_twice_it_says_that_it_was_over(world: World) -> None:
    here, there = alice_in(world), alice_in(world)
    form = next(form for form in here.page(here.get(LIST)).forms if "end" in form.fields)
    for expected in ("1 session has ended.", "That session was over already."):
        assert expected in here.follow(here.step(form.action, method="POST", data=form.fields)).text
    assert there.session() == GONE


@pytest.mark.parametrize("key", ["nonsense", "é", "a" * 1000, "AAAA", "all"])
def test_what_names_no_session_of_mine_ends_nothing(world: World, key: str) -> None:
    olivia, alice = world.olivia, alice_in(world)
    olivia.log_in()
    assert "over already" in alice.follow(alice.step(LIST, method="POST", data={"end": key})).text
    assert olivia.session()["authenticated"]
    assert alice.session()["authenticated"]


def test_somebody_else_s_session_is_not_mine_to_end(world: World) -> None:
    olivia, alice, other = world.olivia, alice_in(world), alice_in(world)
    olivia.log_in()
    form = next(form for form in alice.page(alice.get(LIST)).forms if "end" in form.fields)
    olivia.step(LIST, method="POST", data={"end": form.fields["end"]})
    assert other.session()["authenticated"]


def test_nothing_chosen_is_said(world: World) -> None:
    alice = alice_in(world)
    page = alice.step(LIST, method="POST")
    assert (page.status_code, "Choose which session" in page.text) == (422, True)


def test_okta_gets_the_refresh_token_of_an_ended_session_back(world: World) -> None:
    here = alice_in(world)
    alice_in(world)
    end(here, LIST, 0)
    finish_giving_back(world.services)
    assert len(world.requests_to("/revoke")) == 1


def test_flt_83_of_a_thousand_sessions_a_hundred_are_shown_and_all_can_be_ended(world: World) -> None:
    alice = alice_in(world)
    with world.services.db.writing() as connection:
        user_id = connection.execute(users.select().where(users.c.email == "alice@acme.example")).one().id
        for number in range(1000):
            open_session(
                connection,
                world.acme_id,
                session_id=f"session {number}",
                user_id=user_id,
                method="password",
                now=world.services.now() - 60,
            )
    page = alice.get(LIST)
    assert page.text.count('<section class="card">') == MOST_LISTED
    assert "Only the 100 sessions used last" in page.text
    assert "1000 sessions have ended." in end(alice, LIST, -1)


# -- an owner and a member ---------------------------------------------------------------------------------------------


def test_an_owner_ends_a_member_s_session_or_all_of_them(world: World) -> None:
    phones, alices = Phone(world), [alice_in(world) for _ in range(2)]
    phones.log_in()
    olivia = world.olivia
    olivia.log_in_by_password()
    path = f"/organizations/acme/members/{member_id(world, 'alice@acme.example')}/sessions"
    assert len(titles(olivia, path)) == 3
    assert "1 session has ended." in end(olivia, path, 0)
    assert "2 sessions have ended." in end(olivia, path, -1)
    assert [alice.session() for alice in alices] == [GONE] * 2
    assert phones.refresh().status_code == 401
    page = alices[0].get("/account")
    assert "An owner of your organization ended your login" in page.text
    event = world.activity()[0]
    assert (event.who, event.about["whose"]) == ("olivia@acme.example", "alice@acme.example")
    assert "Not logged in anywhere" in olivia.get(path).text


def test_an_owner_who_ends_all_of_their_own_is_out(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    path = f"/organizations/acme/members/{member_id(world, 'olivia@acme.example')}/sessions"
    page = olivia.follow(olivia.step(path, method="POST", data={"end": "all"}))
    assert page.url.endswith("/login/acme")
    assert olivia.session() == GONE


@pytest.mark.parametrize("who", ["adam@acme.example", "alice@acme.example"])
def test_only_an_owner_may(world: World, who: str) -> None:
    visitor = world.person(who)
    visitor.log_in() if who.startswith("alice") else visitor.log_in_by_password()
    path = f"/organizations/acme/members/{member_id(world, 'olivia@acme.example')}/sessions"
    assert visitor.step(path).status_code == 403
    assert visitor.step(path, method="POST", data={"end": "all"}).status_code == 403


def test_a_member_of_another_organization_is_nobody_here(world: World) -> None:
    gus, carol, olivia = world.gus, world.carol, world.olivia
    for visitor in (gus, carol, olivia):
        visitor.log_in_by_password()
    foreign = member_id(world, "carol@globex.example")
    for path in (f"/organizations/acme/members/{foreign}/sessions", "/organizations/acme/members/999999/sessions",
                 f"/organizations/acme/members/{2**70}/sessions"):  # fmt: skip
        assert olivia.step(path).status_code == 404
        assert olivia.step(path, method="POST", data={"end": "all"}).status_code == 404
    mine = f"/organizations/acme/members/{member_id(world, 'olivia@acme.example')}/sessions"
    assert (gus.step(mine).status_code, carol.step(mine).status_code) == (404, 404)
    assert carol.session()["authenticated"]


# -- logging out says what it has ended --------------------------------------------------------------------------------


def test_the_account_offers_point_only_or_okta_too(world: World) -> None:
    alice = alice_in(world)
    page = alice.submit(alice.get("/account"), button="Log out of POINT only")
    assert "You are still signed in at Okta in this browser." in page.text
    assert len(world.sandbox.sessions) == 1
    alice.log_in()
    page = alice.submit(alice.get("/account"), button="Log out of POINT and Okta", follow=False)
    assert "Logging you out of Okta" in page.text


def test_an_okta_that_could_not_be_reached_is_said(world: World) -> None:
    alice = alice_in(world)
    world.services.providers.forget(world.okta)
    world.sandbox.fault("discovery_500")
    page = alice.submit(alice.get("/account"), button="Log out")
    assert "you may still be signed in there" in page.text


def test_somebody_with_a_password_is_offered_no_okta(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    assert "Log out of POINT only" not in olivia.get("/account").text


# -- what is shown of a browser ----------------------------------------------------------------------------------------

APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
AGENTS = {
    FIREFOX: "Firefox, Windows",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox, Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36": (
        "Chrome, Windows"
    ),
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Safari/537.36 Edg/147.0": (
        "Edge, Windows"
    ),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0.0.0 Mobile Safari/537.36": (
        "Chrome, Android"
    ),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36": (
        "Samsung Internet, Android"
    ),
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {APPLE} Version/19.0 Safari/605.1.15": "Safari, macOS",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {APPLE} Version/26.0 Mobile/15E148 Safari/604.1": (
        "Safari, iPhone"
    ),
    f"Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) {APPLE} CriOS/147.0 Mobile/15E148 Safari/604.1": "Chrome, iPad",
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) {APPLE} FxiOS/140.0 Mobile/15E148 Safari/605.1.15": (
        "Firefox, iPhone"
    ),
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/147.0.0.0 Safari/537.36": "Chrome, ChromeOS",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/147.0.0.0 Safari/537.36 OPR/120.0": "Opera, Linux",
    "curl/8.5.0": "",
    "": "",
    "<script>alert(1)</script>": "",
}


@pytest.mark.parametrize(("agent", "name"), AGENTS.items(), ids=[name or "unknown" for name in AGENTS.values()])
def test_a_browser_is_named_by_kind_and_device(agent: str, name: str) -> None:
    assert name_device(agent) == name


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("203.0.113.7", "203.0.113.x"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::x"),
        ("2001:db8::1", "2001:db8::x"),
        ("::1", "::x"),
        ("::ffff:203.0.113.7", "203.0.113.x"),
        ("fe80::1%eth0", "fe80::x"),
        ("", ""),
        ("nonsense", ""),
    ],
)
def test_of_an_address_a_prefix_is_kept(address: str, prefix: str) -> None:
    assert shorten(address) == prefix
