"""A session in a browser proves itself at Okta every ten minutes of use: whom Okta puts out is out here too, and an
Okta that does not answer puts nobody out."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from okta_sandbox import RawAnswer, SeenRequest
from okta_sandbox.routes import call_endpoint
from portal.logins import read_tokens
from portal.store.integrations import delete_integration
from portal.store.members import add_member
from portal.store.models import sessions
from portal.store.session_limits import SessionLimits, save_session_limits
from portal.store.sessions import UNPROVED_SECONDS
from tests.web.steps import change_answer, take_over, when_asked
from tests.world import Visitor, World

JSON = [("Content-Type", "application/json")]
GONE = {"authenticated": False}


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def alice(world: World) -> Visitor:
    """Logged in by Okta, for longer than a proof counts."""
    alice = world.alice
    alice.log_in()
    world.clock.forward(601)
    return alice


def asked(world: World) -> list[Any]:
    """The refreshes that Okta was asked for."""
    return [call for call in world.requests_to("/token") if call.form["grant_type"] == ["refresh_token"]]


def kept(world: World) -> dict[str, str]:
    """The tokens of the one session there is."""
    with world.services.db.reading() as connection:
        [row] = connection.execute(sessions.select().where(sessions.c.ended_at.is_(None)))
    return read_tokens(world.services, row.id_hash, row.sealed_tokens)


def soon(check: Any, seconds: float = 5.0) -> bool:
    """Whether something becomes true."""
    until = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < until:
        time.sleep(0.02)
    return bool(found)


# -- asking ------------------------------------------------------------------------------------------------------------


def test_a_proof_counts_for_ten_minutes(world: World) -> None:
    alice = world.alice
    alice.log_in()
    world.clock.forward(580)
    assert alice.session()["authenticated"]
    assert alice.get("/account").status_code == 200
    assert asked(world) == []


@pytest.mark.parametrize("path", ["/account", "/session", "/"])
def test_after_that_any_page_asks_okta_once_with_the_newest_token_each_time(
    world: World, alice: Visitor, path: str
) -> None:
    used = []
    for _ in range(3):
        used.append(kept(world)["refresh_token"])
        assert [alice.get(path).status_code for _ in range(3)] == [200] * 3
        world.clock.forward(601)
    assert [call.form["refresh_token"][0] for call in asked(world)] == used
    assert len(set(used)) == 3
    assert alice.session()["authenticated"]


def test_a_page_that_needs_no_session_asks_nobody(world: World, alice: Visitor) -> None:
    assert alice.get("/static/img/favicon.svg").status_code == 200
    assert alice.get("/healthz").status_code == 200
    assert asked(world) == []


@pytest.mark.parametrize("slept", [0, 8 * 3600], ids=["in use", "after a night"])
def test_flt_02_fifty_at_once_ask_okta_once_and_all_go_on(world: World, alice: Visitor, slept: int) -> None:
    world.clock.forward(slept)
    when_asked(world.sandbox, "/token", lambda: time.sleep(0.2))
    cookie = {"Cookie": f"point_session={alice.http.cookies['point_session']}"}
    with ThreadPoolExecutor(50) as pool:
        said = list(pool.map(lambda _: requests.get(f"{world.base}/session", headers=cookie, timeout=20), range(50)))
    assert [answer.json()["authenticated"] for answer in said] == [True] * 50
    assert len(asked(world)) == 1


def test_a_login_by_password_is_nobody_s_to_prove_again(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    world.clock.forward(3600)
    assert olivia.session()["authenticated"]
    assert asked(world) == []


def test_logging_out_after_any_number_of_proofs_names_the_newest_id_token(world: World, alice: Visitor) -> None:
    first = kept(world)["id_token"]
    alice.get("/account")
    world.clock.forward(601)
    alice.get("/account")
    newest = kept(world)["id_token"]
    page = alice.submit(alice.get("/account"), button="Log out", follow=False)
    url = alice.page(page).find("a", class_="button button-primary").attributes["href"]
    assert parse_qs(urlsplit(url).query)["id_token_hint"] == [newest]
    assert newest != first


# -- what Okta may say -------------------------------------------------------------------------------------------------


def assert_put_out(world: World, alice: Visitor, reason: str) -> None:
    """A page that says why, once; and then an ordinary login that leads back."""
    page = alice.step("/account?from=here")
    assert page.status_code == 401
    assert "Okta ended your login" in page.text
    assert page.headers["X-Request-Id"] in page.text
    link = alice.page(page).find("a", class_="button button-primary").attributes["href"]
    assert link == "/login/acme?next=%2Faccount%3Ffrom%3Dhere"
    assert alice.session() == GONE
    assert alice.step("/account").headers["Location"] == "/login?next=%2Faccount"
    event = next(event for event in world.activity() if event.what == "session.okta_ended")
    assert (event.who, event.about["reason"]) == ("alice@acme.example", reason)


def test_flt_08_84_somebody_whom_okta_has_deactivated_is_put_out(world: World, alice: Visitor) -> None:
    world.sandbox.deactivate("alice@acme.example")
    assert_put_out(world, alice, "refresh_refused")
    assert len(asked(world)) == 1


def test_somebody_who_is_no_longer_assigned_to_the_app_is_put_out(world: World, alice: Visitor) -> None:
    world.sandbox.assign("alice@acme.example", world.sandbox.client_id("spa"), on=False)
    assert_put_out(world, alice, "op_access_denied")


def test_a_refresh_token_that_somebody_else_has_used_ends_the_session(world: World, alice: Visitor) -> None:
    """A thief used it, and used it once more after the leeway: Okta revokes the whole family."""
    form = {"grant_type": "refresh_token", "refresh_token": kept(world)["refresh_token"], "scope": "openid"}
    form["client_id"] = world.sandbox.client_id("spa")
    assert requests.post(f"{world.okta}/oauth2/v1/token", data=form, timeout=5).status_code == 200
    world.clock.forward(31)
    assert_put_out(world, alice, "refresh_refused")


def test_get_session_says_so_at_once(world: World, alice: Visitor) -> None:
    world.sandbox.deactivate("alice@acme.example")
    assert alice.session() == GONE
    assert "Okta ended your login" in alice.get("/").text
    assert "Welcome" in alice.get("/").text


def test_a_program_hears_that_nobody_is_logged_in(world: World, alice: Visitor) -> None:
    world.sandbox.deactivate("alice@acme.example")
    answer = alice.step("/account", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (401, GONE)


def test_flt_30_a_form_that_comes_too_late_says_that_it_was_not_saved(world: World) -> None:
    olivia = world.olivia
    olivia.log_in()
    page = olivia.get("/organizations/acme/integrations/okta")
    world.clock.forward(601)
    world.sandbox.deactivate("olivia@acme.example")
    answer = olivia.submit(page, "spa_client_id", follow=False, spa_client_id="0oaChanged1234567890")
    assert answer.status_code == 401
    assert "was not saved" in answer.text
    assert "0oaChanged1234567890" in answer.text


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("refresh_wrong_issuer", "issuer_mismatch"), ("refresh_wrong_sub", "subject_mismatch")],
    ids=["another issuer", "another person"],
)
def test_a_new_id_token_of_somebody_else_ends_it(world: World, alice: Visitor, fault: str, reason: str) -> None:
    world.sandbox.fault(fault)
    assert_put_out(world, alice, reason)


# -- an Okta that does not answer --------------------------------------------------------------------------------------

AWAY = {
    "500": RawAnswer(500),
    "503": RawAnswer(503),
    "429": RawAnswer(429),
    "gone": RawAnswer(200, reset=True),
    "half an answer": RawAnswer(200, JSON, b'{"access_token": "a"}', half=True),
    "nonsense": RawAnswer(200, JSON, b"?"),
    "HTML": RawAnswer(200, [("Content-Type", "text/html")], b"<h1>Maintenance</h1>"),
}


@pytest.mark.parametrize("answer", AWAY.values(), ids=AWAY)
def test_while_okta_is_away_people_stay_for_an_hour_and_the_page_says_nothing(
    world: World, alice: Visitor, answer: RawAnswer
) -> None:
    before = alice.get("/").text
    world.clock.forward(601)
    take_over(world.sandbox, "/token", answer)
    page = alice.get("/")
    assert (page.status_code, page.text) == (200, before)
    world.clock.forward(world.settings.away_seconds - 60)
    assert alice.session()["authenticated"]
    world.clock.forward(120)
    away = alice.get("/account")
    assert (away.status_code, away.headers["Retry-After"]) == (503, "15")
    assert "You are still logged in" in away.text
    assert alice.session() == GONE
    world.sandbox.answer = None
    world.clock.forward(16)
    assert soon(lambda: alice.session()["authenticated"], 8), "its breaker has closed again"
    assert alice.get("/account").status_code == 200


def test_somebody_may_leave_while_okta_is_away(world: World, alice: Visitor) -> None:
    world.clock.forward(2 * world.settings.away_seconds)
    take_over(world.sandbox, "/token", RawAnswer(503))
    page = alice.get("/account")
    assert page.status_code == 503
    alice.submit(page, button="Log out", follow=False)
    assert [event.what for event in world.activity()[:1]] == ["logout"]


def test_an_okta_that_is_away_is_asked_once_in_a_while_and_not_by_every_page(world: World, alice: Visitor) -> None:
    take_over(world.sandbox, "/token", RawAnswer(503))
    for _ in range(5):
        assert alice.get("/account").status_code == 200
    assert len(asked(world)) == 1
    world.clock.forward(16)
    alice.get("/account")
    assert len(asked(world)) == 2


def test_a_slow_okta_costs_a_page_two_seconds_and_the_others_nothing(world: World, alice: Visitor) -> None:
    when_asked(world.sandbox, "/token", lambda: time.sleep(3))
    old = kept(world)["refresh_token"]
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        waiting = pool.submit(alice.get, "/account")
        assert soon(lambda: asked(world))
        other = world.alice
        other.http.cookies.set("point_session", alice.http.cookies["point_session"])
        asked_at = time.monotonic()
        assert other.session()["authenticated"]
        assert time.monotonic() - asked_at < 0.5
        assert waiting.result().status_code == 200
        assert 1.9 < time.monotonic() - began < 2.7
    # What came after the page had gone on is not lost.
    assert soon(lambda: kept(world)["refresh_token"] != old)
    world.clock.forward(601)
    world.sandbox.answer = None
    assert alice.session()["authenticated"]
    assert len(asked(world)) == 2


def lose(world: World, times: int) -> None:
    """Okta does its work, rotates, and so many answers never get here."""
    lost: list[int] = []

    def answer(request: SeenRequest) -> RawAnswer | None:
        if not request.path.endswith("/token") or len(lost) >= times:
            return None
        lost.append(1)
        assert call_endpoint(world.sandbox, request).status == 200
        return RawAnswer(200, reset=True)

    world.sandbox.answer = answer


def test_flt_04_a_lost_answer_is_asked_for_once_more_at_once(world: World, alice: Visitor) -> None:
    lose(world, 1)
    assert alice.get("/account").status_code == 200
    first, second = (call.form["refresh_token"] for call in asked(world))
    assert first == second
    assert kept(world)["refresh_token"] not in first
    world.clock.forward(601)
    assert alice.session()["authenticated"]


def test_idt_125_an_okta_that_keeps_the_refresh_token_ends_nothing(world: World, alice: Visitor) -> None:
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["refresh_token"] = {"rotation_type": "STATIC"}
    world.sandbox.fault("refresh_no_new_token")
    old = kept(world)["refresh_token"]
    for _ in range(3):
        assert alice.get("/account").status_code == 200
        world.clock.forward(601)
    assert [call.form["refresh_token"] for call in asked(world)] == [[old]] * 3
    assert kept(world)["refresh_token"] == old


def test_an_answer_that_is_lost_twice_is_asked_for_again_inside_the_leeway(world: World, alice: Visitor) -> None:
    lose(world, 2)
    assert alice.get("/account").status_code == 200
    assert len(asked(world)) == 2
    world.clock.forward(16)
    assert alice.get("/account").status_code == 200
    world.clock.forward(601)
    assert alice.session()["authenticated"]
    assert len(asked(world)) == 4


@pytest.mark.parametrize("fault", ["token_half", "bad_signature", "expired_id_token"])
def test_a_token_that_cannot_be_checked_proves_nothing_and_ends_nothing(
    world: World, alice: Visitor, fault: str
) -> None:
    world.sandbox.fault(fault)
    assert alice.get("/account").status_code == 200
    world.sandbox.clear_faults()
    world.clock.forward(16)
    assert alice.session()["authenticated"]
    world.clock.forward(601)
    assert alice.session()["authenticated"]


def test_a_new_token_is_kept_even_if_the_keys_cannot_be_had(world: World, alice: Visitor) -> None:
    """Its ID token is signed by a key that is new, and the list of keys does not answer."""
    world.sandbox.keys("").replace()
    world.sandbox.fault("keys_500")
    old = kept(world)["refresh_token"]
    assert alice.get("/account").status_code == 200
    assert soon(lambda: kept(world)["refresh_token"] != old)
    world.sandbox.clear_faults()
    world.clock.forward(300)
    assert alice.session()["authenticated"]
    assert len(asked(world)) == 2


def test_a_token_that_comes_after_the_logout_is_given_back(world: World, alice: Visitor) -> None:
    def late(request: SeenRequest) -> RawAnswer | None:
        answer = call_endpoint(world.sandbox, request) if request.path.endswith("/token") else None
        if answer is not None:
            time.sleep(0.7)
        return answer

    world.sandbox.answer = late
    with ThreadPoolExecutor(1) as pool:
        page = pool.submit(alice.step, "/session")
        assert soon(lambda: asked(world))
        other = world.alice
        other.http.cookies.set("point_session", alice.http.cookies["point_session"])
        other.step("/logout", method="POST", data={"okta": "no"})
        assert page.result().json() == GONE
    assert soon(lambda: len(world.requests_to("/revoke")) == 2)
    newest = {sign_in.refresh_token for sign_in in world.sandbox.grants.sign_ins.values()}
    assert newest <= {call.form["token"][0] for call in world.requests_to("/revoke")}


# -- without a refresh token -------------------------------------------------------------------------------------------


def test_a_session_that_cannot_prove_itself_lasts_half_a_day(world: World) -> None:
    change_answer(world.sandbox, "/token", lambda document: document.pop("refresh_token"))
    alice = world.alice
    alice.log_in()
    assert abs(alice.session()["expires_at"] - world.clock() - UNPROVED_SECONDS) < 10
    for _ in range(3):
        world.clock.forward(UNPROVED_SECONDS / 3 - 100)
        assert alice.session()["authenticated"]
    world.clock.forward(400)
    assert alice.session() == GONE
    assert asked(world) == []


def test_tokens_that_can_no_longer_be_read_end_a_session_in_half_a_day(world: World, alice: Visitor) -> None:
    with world.services.db.writing() as connection:
        connection.execute(sessions.update().values(sealed_tokens=b"of a key that is gone"))
    assert alice.session()["authenticated"]
    world.clock.forward(UNPROVED_SECONDS - 700)
    assert alice.session()["authenticated"]
    world.clock.forward(200)
    page = alice.get("/account")
    assert (page.status_code, "Please log in again" in page.text) == (401, True)


# -- what has changed at Okta ------------------------------------------------------------------------------------------


def test_a_new_name_and_address_are_taken_over_on_the_way(world: World, alice: Visitor) -> None:
    world.sandbox.set_claims("alice@acme.example", {"name": "Alice Berg", "email": "alice.berg@acme.example"})
    page = alice.get("/account")
    assert "Alice Berg" in page.text
    assert alice.session()["email"] == "alice.berg@acme.example"
    event = world.activity()[0]
    assert (event.what, event.who) == ("member.changed_at_okta", "alice@acme.example")
    assert event.about["email"] == ["alice@acme.example", "alice.berg@acme.example"]
    assert event.about["name"][1] == "Alice Berg"
    world.clock.forward(601)
    alice.session()
    assert [event.what for event in world.activity()].count("member.changed_at_okta") == 1


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "olivia@acme.example"},
        {"email": "alice@elsewhere.example"},
        {"email": "alice@globex.example"},
        {"email": "new@acme.example", "email_verified": False},
        {"email": "nonsense"},
        {"email": None, "email_verified": None},
    ],
    ids=["somebody else's", "outside", "another organization's", "not verified", "nonsense", "none"],
)
def test_an_address_that_is_not_theirs_is_not_taken_over(
    world: World, alice: Visitor, claims: dict[str, Any]
) -> None:
    world.sandbox.set_claims("alice@acme.example", claims)
    assert alice.session()["email"] == "alice@acme.example"
    world.clock.forward(601)
    assert alice.session()["email"] == "alice@acme.example"


def test_nothing_is_taken_over_to_an_account_that_another_organization_shares(world: World, alice: Visitor) -> None:
    with world.services.db.writing() as connection:
        add_member(connection, world.globex_id, "alice@acme.example", role="volunteer", now=world.services.now())
    world.sandbox.set_claims("alice@acme.example", {"name": "Somebody Else", "email": "else@acme.example"})
    assert alice.session()["email"] == "alice@acme.example"
    assert "Somebody Else" not in alice.get("/account").text


# -- how long, and what else ends it -----------------------------------------------------------------------------------


def limit(world: World, **seconds: int) -> None:
    limits = replace(SessionLimits(None, None), **seconds)
    with world.services.db.writing() as connection:
        save_session_limits(connection, world.acme_id, limits)


def test_an_organization_may_let_sessions_end_sooner(world: World) -> None:
    olivia, gus = world.olivia, world.gus
    for visitor in (olivia, gus):
        visitor.log_in_by_password()
    limit(world, idle_seconds=600, most_seconds=3600)
    assert abs(olivia.session()["expires_at"] - world.clock() - 600) < 5
    for _ in range(5):
        world.clock.forward(590)
        assert olivia.session()["authenticated"]
    world.clock.forward(601)
    assert olivia.session() == GONE
    assert gus.session()["authenticated"]
    olivia.log_in_by_password()
    for _ in range(6):
        world.clock.forward(590)
        assert olivia.session()["authenticated"]
    world.clock.forward(100)
    assert olivia.session() == GONE
    assert olivia.step("/account").headers["Location"] == "/login?next=%2Faccount"


@pytest.mark.parametrize("limits", [{"idle_seconds": 299}, {"most_seconds": 15 * 86400}, {"idle_seconds": 13 * 3600}])
def test_a_limit_that_is_no_limit_is_refused(world: World, limits: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="has to be from"):
        limit(world, **limits)


def test_delete_integration_says_why_at_the_next_page(world: World, alice: Visitor) -> None:
    with world.services.db.writing() as connection:
        delete_integration(connection, world.acme_id, who="olivia@acme.example", now=world.services.now())
    page = alice.get("/account")
    assert (page.status_code, "has disconnected Okta" in page.text) == (401, True)
    assert asked(world) == []
