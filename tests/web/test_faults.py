"""Races and failures (`cases/faults.json`) around a login on the web: what people see, and what must hold."""

from __future__ import annotations

import base64
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event, Thread, Timer
from typing import Any

import pytest
import requests
from sqlalchemy import select

from okta_sandbox import RawAnswer
from portal.passwords import hash_password
from portal.sealing import SealBroken, Sealer
from portal.store.integrations import delete_integration
from portal.store.members import add_member
from portal.store.models import integrations, sessions
from portal.store.sessions import ABSOLUTE_SECONDS, IDLE_SECONDS, remove_expired
from portal.store.upgrade import upgrade_database
from tests.pages import Page
from tests.web.steps import (
    assert_anonymous,
    assert_refused,
    assert_turned_away,
    come_back,
    connect,
    count_rows,
    globex_okta,
    second_node,
    state_cookies,
    take_over,
    when_asked,
)
from tests.world import Visitor, World

MARK = "what-only-okta-said"
HTML = RawAnswer(200, [("Content-Type", "text/html")], f"<h1>{MARK}</h1>".encode())
JSON = [("Content-Type", "application/json")]
DOWN = {"reset": RawAnswer(200, reset=True)}
UNWELL = {
    **{f"HTTP {status}": RawAnswer(status, [], MARK.encode()) for status in (500, 502, 503)},
    "HTML": HTML,
}
MANGLED = {
    "half": RawAnswer(200, JSON, f'{{"{MARK}": 1}}'.encode(), half=True),
    "too short": RawAnswer(200, [*JSON, ("Content-Length", "500")], f'{{"{MARK}": 1}}'.encode()),
    "no JSON": RawAnswer(200, JSON, f'{{"{MARK}": '.encode()),
    "another type": RawAnswer(200, JSON, f'["{MARK}"]'.encode()),
}
PLACES = {
    "/openid-configuration": ("FLT-33", "FLT-35", "FLT-37"),
    "/v1/keys": ("FLT-38", "FLT-40", "FLT-42"),
    "/v1/token": ("FLT-43", "FLT-45", "FLT-47"),
    "/v1/userinfo": ("FLT-48", "FLT-50", "FLT-52"),
}
BROKEN = [
    pytest.param(path, answer, id=f"{case} {path.rpartition('/')[2]} {name}")
    for path, cases in PLACES.items()
    for case, answers in zip(cases, (DOWN, UNWELL, MANGLED), strict=True)
    for name, answer in answers.items()
]


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


def in_parallel(*visits: Any) -> list[Any]:
    """Makes the visits at the same time; what came of them, in their order."""
    with ThreadPoolExecutor(len(visits)) as pool:
        return [each.result(20) for each in [pool.submit(visit) for visit in visits]]


# -- Okta is away, unwell, or speaks in tongues ------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "answer"), BROKEN)
def test_an_okta_in_trouble_is_a_page_in_time_and_nothing_is_left_behind(
    world: World, path: str, answer: RawAnswer
) -> None:
    began = time.monotonic()
    world.sandbox.fault("no_email")
    take_over(world.sandbox, path, answer)
    before, alice = count_rows(world), world.alice
    page = alice.log_in(next_="/account")
    assert time.monotonic() - began < 3
    assert page.status_code == (503 if answer.reset or answer.status >= 500 else 502)
    assert ("Retry-After" in page.headers) == (page.status_code == 503)
    assert "Reference" in page.text
    assert MARK not in page.text
    assert Page(page.text).find("a", href="/login/acme/okta?next=%2Faccount").text == "Try again"
    assert_anonymous(alice)
    assert count_rows(world) == before
    # A kept connection that ends without a byte is no answer: it is tried once more on a new one (RFC 9112 9.3.1).
    most = 1 if path == "/v1/token" else 2
    assert len(world.requests_to(path)) <= most + answer.reset
    world.sandbox.answer = None
    assert alice.log_in(next_="/account").url == f"{world.base}/account"


def test_flt_33_43_an_okta_that_is_gone_is_a_503_before_and_after_the_sign_in(world: World) -> None:
    with globex_okta(world) as globex:
        carol, gus = world.carol, world.gus
        location = come_back(carol, slug="globex")
        globex.server.close()
        began = time.monotonic()
        page = carol.get(location)
        world.services.providers.forget(globex.okta)
        other = gus.get("/login/globex/okta")
        assert time.monotonic() - began < 3
    for answer, visitor in ((page, carol), (other, gus)):
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "cannot be reached" in answer.text
        assert Page(answer.text).find("a", href="/login/globex/okta").text == "Try again"
        assert_anonymous(visitor)


def test_an_okta_that_is_asked_too_much_is_a_503_that_says_when_to_come_back(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    world.sandbox.fault("rate_limited")
    page = alice.get(location)
    assert_refused(world, page, "token_http_status", status=503)
    assert int(page.headers["Retry-After"]) > 0
    assert len(world.requests_to("/token")) == 1


def test_flt_56_an_okta_that_is_down_for_hours_costs_no_session_and_no_cache(world: World) -> None:
    alice, olivia = world.alice, world.olivia
    alice.log_in()
    location = come_back(olivia)
    world.clock.forward(590)
    world.sandbox.answer = lambda request: RawAnswer(200, reset=True)
    assert_refused(world, olivia.get(location), "op_unavailable", status=503)
    world.clock.forward(3600)
    assert alice.session()["authenticated"] is True
    assert alice.get("/account").status_code == 200
    world.clock.forward(2 * 3600)
    away = alice.get("/account")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "15")
    assert "You are still logged in" in away.text
    # What was known of this Okta still serves: the way there is right once it is back, even if its metadata is not.
    begun = world.stranger.step("/login/acme/okta")
    assert begun.headers["Location"].startswith(f"{world.okta}/oauth2/v1/authorize?")
    take_over(world.sandbox, "/openid-configuration", RawAnswer(200, reset=True))
    time.sleep(5.1)  # Until the breaker of that host lets somebody try.
    again = world.olivia
    again.log_in()
    assert again.session()["authenticated"] is True


def time_login(world: World) -> float:
    """How long POINT's own part of a login takes, start and return together."""
    visitor, began = world.alice, time.monotonic()
    page = visitor.step("/login/acme/okta")
    spent = time.monotonic() - began
    location = visitor.sign_in_at_okta(visitor.follow(page)).headers["Location"]
    began = time.monotonic()
    assert visitor.step(location).status_code == 303
    return spent + time.monotonic() - began


def p95(world: World) -> float:
    return sorted(time_login(world) for _ in range(20))[18]


def test_flt_58_a_hanging_okta_does_not_slow_the_neighbour(world: World) -> None:
    with globex_okta(world) as globex:
        globex.sandbox.answer = lambda request: RawAnswer(200, delay=30)
        world.alice.log_in()
        calm = p95(world)
        crowd = [Thread(target=lambda: world.carol.get("/login/globex/okta")) for _ in range(40)]
        for each in crowd:
            each.start()
        try:
            time.sleep(0.2)
            beside_the_crowd = p95(world)
        finally:
            globex.server.close()
            for each in crowd:
                each.join(20)
        assert not any(each.is_alive() for each in crowd)
    # 250 ms is the promise; a machine that is busy with other things is slow without a crowd, too.
    assert beside_the_crowd < max(0.25, 3 * calm)
    assert len(globex.requests_to("/openid-configuration")) <= 2


# -- keys --------------------------------------------------------------------------------------------------------------


def test_flt_59_keys_that_change_before_the_token_is_signed_cost_one_more_fetch(world: World) -> None:
    world.olivia.log_in()
    world.sandbox.fault("rotate_before_signing")
    alice = world.alice
    alice.log_in()
    assert alice.session()["authenticated"] is True
    assert len(world.requests_to("/keys")) == 2


def test_flt_62_a_key_that_okta_withdraws_is_dead_within_a_quarter_of_an_hour(world: World) -> None:
    alice = world.alice
    alice.log_in()
    withdrawn = world.sandbox.keys("").active
    world.sandbox.keys("").replace()
    world.sandbox.keys("").replace()
    world.sandbox.forge = lambda header, claims, _signer: withdrawn.encode({**header, "kid": withdrawn.kid}, claims)
    world.clock.forward(15 * 60)
    olivia = world.olivia
    assert_refused(world, olivia.log_in(), "unknown_key", status=502)
    assert_anonymous(olivia)
    assert alice.session()["authenticated"] is True


def test_flt_63_a_new_secret_key_logs_nobody_out_and_interrupts_no_login(world: World) -> None:
    alice, olivia = world.alice, world.olivia
    alice.log_in()
    location = come_back(olivia)
    new = "a newer key for the tests that is long enough 9876543210"
    with second_node(world, secret_keys=(new, *world.settings.secret_keys)) as node:
        alice.base = olivia.base = node
        assert alice.session()["authenticated"] is True
        olivia.follow(olivia.step(location.replace(world.base, node)))
        assert olivia.session()["authenticated"] is True
        # The tokens that the old key sealed still open, so that a logout can name its ID token.
        page = alice.submit(alice.get("/"), button="Log out")
        assert "id_token_hint=" in Page(page.text).find("meta", http_equiv="refresh").attributes["content"]
        fresh = Visitor(node)
        fresh.step("/login/acme/okta")
        [name] = state_cookies(fresh)
    packed = fresh.http.cookies[name].partition(".")[2]
    sealed = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
    assert Sealer((new,)).unseal("attempt", sealed)
    with pytest.raises(SealBroken):
        Sealer(world.settings.secret_keys).unseal("attempt", sealed)


# -- the callback ------------------------------------------------------------------------------------------------------


def test_flt_15_the_same_return_twice_at_once_is_one_login(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    when_asked(world.sandbox, "/token", lambda: time.sleep(0.3))
    twin = world.alice
    twin.http.cookies.update(alice.http.cookies)
    pages = in_parallel(lambda: alice.get(location), lambda: twin.get(location))
    assert [page.url for page in pages] == [f"{world.base}/"] * 2
    assert len(world.requests_to("/token")) == 1
    assert count_rows(world)["sessions"] == 1
    assert alice.session() == twin.session()
    assert alice.session()["authenticated"] is True


def test_flt_15_a_second_return_during_a_slow_one_says_that_it_is_under_way(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    go_on = Event()
    when_asked(world.sandbox, "/token", lambda: go_on.wait(5))
    twin = world.alice
    twin.http.cookies.update(alice.http.cookies)
    first = Thread(target=lambda: alice.get(location))
    first.start()
    time.sleep(0.1)
    page = twin.get(location)
    assert page.status_code == 202
    go_on.set()
    first.join(10)
    assert twin.get(location).url == f"{world.base}/"
    assert twin.session()["authenticated"] is True
    assert len(world.requests_to("/token")) == 1


def test_flt_106_the_same_return_at_two_nodes_is_one_login(world: World) -> None:
    alice, twin = world.alice, world.alice
    location = come_back(alice)
    twin.http.cookies.update(alice.http.cookies)
    when_asked(world.sandbox, "/token", lambda: time.sleep(0.2))
    with second_node(world) as node:
        there = location.replace(world.base, node)
        answers = in_parallel(lambda: alice.step(location), lambda: twin.step(there))
    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(world.requests_to("/token")) == 1
    assert count_rows(world)["sessions"] == 1
    assert alice.session() == twin.session()


def test_flt_17_a_return_in_another_browser_logs_nobody_in_and_spoils_nothing(world: World) -> None:
    alice, other = world.alice, world.stranger
    location = come_back(alice)
    page = other.get(location)
    assert page.status_code == 400
    assert "This login was not started here" in page.text
    assert Page(page.text).find("a", href="/login").text == "Try again"
    assert_anonymous(other)
    assert world.requests_to("/token") == []
    alice.get(location)
    assert alice.session()["authenticated"] is True


@pytest.mark.parametrize("late", [601, 1199])
def test_flt_19_a_return_that_is_too_late_offers_the_same_login_again(world: World, late: int) -> None:
    alice = world.alice
    location = come_back(alice, next="/account")
    world.clock.forward(late)
    page = alice.get(location)
    assert_refused(world, page, "state_expired", status=400)
    assert "This login took too long" in page.text
    assert world.requests_to("/token") == []
    assert_anonymous(alice)
    again = alice.get(Page(page.text).find("a", href="/login/acme/okta?next=%2Faccount").attributes["href"])
    assert again.url == f"{world.base}/account"


def test_flt_20_back_to_okta_s_page_and_on_again_is_no_error(world: World) -> None:
    alice = world.alice
    page = alice.get("/login/acme/okta")
    first = alice.follow(alice.sign_in_at_okta(page))
    before = alice.session()
    second = alice.follow(alice.sign_in_at_okta(page))
    assert (first.status_code, second.status_code, second.url) == (200, 200, f"{world.base}/")
    assert alice.session() == before
    assert len(world.requests_to("/token")) == 1


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
def test_flt_22_other_methods_are_405_and_use_nothing_up(world: World, method: str) -> None:
    alice = world.alice
    location = come_back(alice)
    held = state_cookies(alice)
    answer = alice.step(location, method=method, headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert "Set-Cookie" not in answer.headers
    assert state_cookies(alice) == held
    assert world.requests_to("/token") == []
    alice.get(location)
    assert alice.session()["authenticated"] is True


def test_an_answer_that_cannot_be_read_does_not_use_the_login_up(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    assert_turned_away(alice.get(f"{location}&code=another"), "Okta's answer could not be read", 400)
    alice.get(location)
    assert alice.session()["authenticated"] is True


def test_flt_26_a_login_that_never_comes_back_leaves_nothing(world: World) -> None:
    before = count_rows(world)
    alice, done = world.alice, world.alice
    come_back(alice)
    assert count_rows(world) == before
    done.log_in()
    world.clock.forward(3600)
    with world.services.db.writing() as connection:
        assert remove_expired(connection, now=world.services.now(), attempt_seconds=600) == (0, 1)


# -- tabs --------------------------------------------------------------------------------------------------------------


def make_owner(world: World, email: str) -> Visitor:
    """Somebody else who owns Acme, with a password."""
    with world.services.db.writing() as connection:
        hashed = hash_password("demo-owner-password")
        add_member(connection, world.acme_id, email, role="owner", now=world.services.now(), password_hash=hashed)
    return world.person(email)


def test_flt_29_a_second_login_in_the_same_browser_replaces_the_first(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    old = requests.cookies.create_cookie("point_session", olivia.http.cookies["point_session"])
    page = olivia.get("/organizations/acme/integrations/okta")
    other = make_owner(world, "otto@acme.example")
    other.http = olivia.http
    other.log_in_by_password()
    refused = olivia.submit(page, "spa_client_id", follow=False, spa_domain="changed.example")
    assert refused.status_code == 409
    assert "logged in differently" in refused.text
    assert olivia.session()["email"] == "otto@acme.example"
    thief = world.stranger
    thief.http.cookies.set_cookie(old)
    assert_anonymous(thief)
    assert world.activity()[0].what == "login"


def test_flt_30_a_form_that_is_sent_after_the_logout_writes_nothing(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get("/organizations/acme/integrations/okta")
    olivia.submit(olivia.get("/"), button="Log out")
    answer = olivia.submit(page, "spa_client_id", follow=False, spa_client_id="0oaChanged1234567890")
    assert (answer.status_code, "was not saved" in answer.text) == (401, True)
    assert "0oaChanged1234567890" in answer.text
    assert olivia.page(answer).find("a", href="/login").text == "Log in again"
    assert world.activity()[0].what == "logout"
    # What is typed into a field for something secret is not shown again.
    secret = {"form_stamp": "x", "old_password": "hush-hush", "password": "hush-hush", "version": "1"}
    answer = world.stranger.step("/account/password", method="POST", data=secret)
    assert (answer.status_code, "hush-hush" in answer.text) == (401, False)


def test_flt_31_a_page_with_somebody_s_data_is_never_stored(world: World) -> None:
    alice = world.alice
    alice.log_in()
    for path in ("/", "/account", "/session"):
        assert alice.get(path).headers["Cache-Control"] == "no-store"
    alice.submit(alice.get("/"), button="Log out")
    back = alice.get("/account")
    assert back.url.startswith(f"{world.base}/login")
    assert "alice@acme.example" not in back.text


def test_flt_32_a_login_that_ends_after_a_logout_is_a_new_session(world: World) -> None:
    alice = world.alice
    alice.log_in()
    old = requests.cookies.create_cookie("point_session", alice.http.cookies["point_session"])
    location = come_back(alice)
    alice.submit(alice.get("/account"), button="Log out")
    assert_anonymous(alice)
    alice.get(location)
    assert alice.session()["authenticated"] is True
    thief = world.stranger
    thief.http.cookies.set_cookie(old)
    assert_anonymous(thief)


# -- the database ------------------------------------------------------------------------------------------------------


def database_of(world: World) -> str:
    return world.settings.database_url.removeprefix("sqlite:///")


def test_flt_64_a_locked_database_makes_the_login_wait_and_not_fail(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    lock = sqlite3.connect(database_of(world), isolation_level=None, check_same_thread=False)
    lock.execute("BEGIN EXCLUSIVE")
    Timer(3, lambda: lock.execute("COMMIT")).start()
    began = time.monotonic()
    assert alice.get(location).status_code == 200
    assert 2.5 < time.monotonic() - began < 5
    assert alice.session()["authenticated"] is True
    lock.close()


def test_flt_68_a_database_that_takes_nothing_logs_nobody_in(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    url = f"sqlite:///file:{database_of(world)}?mode=ro&uri=true"
    with second_node(world, database_url=url) as node:
        page = alice.step(location.replace(world.base, node))
        assert (page.status_code, page.headers["Retry-After"]) == (503, "5")
        assert "Reference" in page.text
        assert "readonly" not in page.text
    assert world.requests_to("/token") == []
    assert_anonymous(alice)
    alice.get(location)
    assert alice.session()["authenticated"] is True


def test_flt_71_a_first_login_twice_at_once_makes_one_person(world: World) -> None:
    first, second = world.alice, world.alice
    returns = [(visitor, come_back(visitor)) for visitor in (first, second)]
    before = count_rows(world)
    barrier = Barrier(2, timeout=10)
    when_asked(world.sandbox, "/token", barrier.wait)
    pages = in_parallel(*(lambda visitor=visitor, to=to: visitor.get(to) for visitor, to in returns))
    assert [page.status_code for page in pages] == [200, 200]
    after = count_rows(world)
    assert {name: after[name] - before[name] for name in after} == {
        "users": 1, "members": 1, "identities": 1, "sessions": 2,
    }  # fmt: skip
    assert first.session()["email"] == second.session()["email"] == "alice@acme.example"


def test_flt_72_the_application_s_clock_is_the_only_one(world: World) -> None:
    world.clock.forward(-300)
    alice = world.alice
    alice.log_in()
    with world.services.db.reading() as connection:
        row = connection.execute(select(sessions.c.created_at, sessions.c.expires_at)).one()
    assert abs(row.created_at - world.clock()) < 30
    assert row.expires_at == row.created_at + ABSOLUTE_SECONDS
    assert alice.session()["authenticated"] is True


# -- sessions and the clock --------------------------------------------------------------------------------------------


def test_flt_81_a_session_ends_by_disuse_and_in_the_end_even_in_use(world: World) -> None:
    idle, busy = world.alice, world.olivia
    idle.log_in()
    busy.log_in()
    for _ in range(ABSOLUTE_SECONDS // (IDLE_SECONDS - 60)):
        world.clock.forward(IDLE_SECONDS - 60)
        assert busy.session()["authenticated"] is True
    assert_anonymous(idle)
    assert idle.get("/account").url == f"{world.base}/login?next=%2Faccount"
    world.clock.forward(IDLE_SECONDS - 60)
    assert_anonymous(busy)


def test_flt_99_a_clock_that_jumps_back_makes_no_session_longer(world: World) -> None:
    alice, olivia = world.alice, world.olivia
    alice.log_in()
    location = come_back(olivia)
    with world.services.db.reading() as connection:
        ends = connection.execute(select(sessions.c.expires_at)).scalar_one()
    world.clock.forward(-3600)
    assert alice.session()["authenticated"] is True
    # A login under way now begins in the future: it is refused, and the next one works.
    assert_refused(world, olivia.get(location), "state_expired", status=400)
    olivia.log_in()
    assert olivia.session()["authenticated"] is True
    with world.services.db.reading() as connection:
        found = connection.execute(select(sessions.c.expires_at).order_by(sessions.c.expires_at)).scalars().all()
    assert found[-1] == ends
    assert found[0] < ends


def test_flt_100_a_login_after_2038_is_a_login(world: World) -> None:
    world.clock.forward(2_200_000_000 - world.clock())
    alice = world.alice
    alice.log_in()
    assert alice.session()["expires_at"] > 2**31


# -- what owners change meanwhile --------------------------------------------------------------------------------------


def remove_okta(world: World) -> None:
    with world.services.db.writing() as connection:
        delete_integration(connection, world.acme_id, who="olivia@acme.example", now=world.services.now())


def test_flt_84_somebody_deactivated_while_coming_back_is_not_logged_in(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    world.sandbox.deactivate("alice@acme.example")
    assert_refused(world, alice.get(location), "code_rejected_by_op", status=400)
    assert_anonymous(alice)


def test_flt_88_a_login_that_comes_back_to_a_deleted_integration_is_refused(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    remove_okta(world)
    assert_refused(world, alice.get(location), "integration_deleted", status=409)
    assert world.requests_to("/token") == []
    assert_anonymous(alice)
    assert alice.get("/login/acme/okta").status_code == 404


def test_flt_88_an_integration_deleted_while_the_code_is_redeemed_opens_no_session(world: World) -> None:
    alice = world.alice
    location = come_back(alice)
    when_asked(world.sandbox, "/token", lambda: remove_okta(world))
    assert_refused(world, alice.get(location), "integration_deleted", status=409)
    assert_anonymous(alice)
    assert count_rows(world)["sessions"] == 0


def test_flt_90_an_okta_that_moves_ends_its_sessions_and_gets_none_of_their_tokens(world: World) -> None:
    alice = world.alice
    alice.log_in()
    with globex_okta(world) as other:
        connect(world, world.acme_id, other.sandbox, other.okta)
        assert_anonymous(alice)
        alice.step("/logout", method="POST")
        assert other.sandbox.requests == []
    with world.services.db.reading() as connection:
        assert connection.execute(select(sessions.c.sealed_tokens, sessions.c.ended_why)).all() == [
            (None, "settings_changed")
        ]


@pytest.mark.parametrize("meanwhile", ["at Okta", "while the code is redeemed"])
def test_flt_91_a_login_of_the_old_okta_does_not_end_at_the_new_one(world: World, meanwhile: str) -> None:
    alice = world.alice
    location = come_back(alice)
    with globex_okta(world) as other:

        def move() -> None:
            world.sandbox.answer = None
            connect(world, world.acme_id, other.sandbox, other.okta)

        if meanwhile == "at Okta":
            move()
        else:
            when_asked(world.sandbox, "/token", move)
        assert_refused(world, alice.get(location), "integration_version", status=409)
        alice.step("/logout", method="POST")
        assert other.requests_to("/token") == other.requests_to("/revoke") == []
    assert_anonymous(alice)
    assert count_rows(world)["sessions"] == 0


def test_flt_93_of_two_owners_who_save_at_once_the_second_is_told(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    pages = [olivia.get("/organizations/acme/integrations/okta") for _ in range(2)]
    first = olivia.submit(pages[0], "spa_client_id", follow=False, sign_in="redirect")
    second = olivia.submit(pages[1], "spa_client_id", follow=False, authorization_server="default")
    assert (first.status_code, second.status_code) == (303, 409)
    assert "Somebody else changed this meanwhile" in second.text
    assert "What differs" in second.text
    # Field by field, what is stored now and what was entered, and nothing that is the same.
    assert second.text.count('<span class="soft">You entered:</span>') == 1
    with world.services.db.reading() as connection:
        assert connection.execute(select(integrations.c.version)).scalars().all() == [2]


def test_flt_94_a_wrong_domain_is_not_saved_and_locks_nobody_out(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get("/organizations/acme/integrations/okta")
    refused = olivia.submit(page, "spa_client_id", follow=False, spa_domain="http://localhost:9")
    assert refused.status_code == 422
    assert Page(refused.text).problem_at("spa_domain")
    alice = world.alice
    alice.log_in()
    assert alice.session()["authenticated"] is True


# -- processes ---------------------------------------------------------------------------------------------------------


def test_flt_101_a_login_under_way_survives_a_new_deployment(world: World) -> None:
    alice = world.alice
    location = come_back(alice, next="/account")
    with second_node(world) as node:
        there = alice.step(location.replace(world.base, node))
        assert (there.status_code, there.headers["Location"]) == (303, "/account")
    assert alice.session()["authenticated"] is True


def test_flt_82_a_session_ends_no_later_than_okta_says(world: World) -> None:
    ends_at = world.services.now() + 3600
    world.sandbox.set_claims("alice@acme.example", {"session_expiry": ends_at})
    alice = world.alice
    alice.log_in()
    assert abs(alice.session()["expires_at"] - ends_at) <= 2
    world.clock.forward(3600 - 60)
    assert alice.session()["authenticated"] is True
    world.clock.forward(120)
    assert_anonymous(alice)
    assert alice.get("/account").url == f"{world.base}/login?next=%2Faccount"


def test_flt_103_bringing_the_schema_up_to_date_again_leaves_sessions_alone(world: World) -> None:
    alice = world.alice
    alice.log_in()
    upgrade_database(world.settings.database_url)
    assert alice.session()["authenticated"] is True
