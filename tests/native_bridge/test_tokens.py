"""POINT's tokens for the app: a refresh token is good once, an access token as long as its session lives."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update

from portal.giving_back import finish_giving_back
from portal.store.models import members, refresh_tokens, users
from portal.store.sessions import PHONE_ABSOLUTE_SECONDS, PHONE_IDLE_SECONDS
from tests.native_bridge.steps import Phone, delete_okta, restore_okta, said
from tests.okta_sandbox.party import decode_part
from tests.web.steps import add_person, connect, count_rows, globex_okta
from tests.world import World, second_app

DAY = 86400


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


@pytest.fixture
def phone(world: World) -> Phone:
    """Alice's, logged in by Okta."""
    phone = Phone(world)
    phone.log_in()
    return phone


def over(reason: str) -> tuple[int, str, str]:
    return 401, "token_refused", reason


def remove_member(world: World) -> None:
    with world.services.db.writing() as connection:
        alice = select(users.c.id).where(users.c.email == "alice@acme.example").scalar_subquery()
        connection.execute(delete(members).where(members.c.user_id == alice))


# -- refresh -----------------------------------------------------------------------------------------------------------


def test_the_first_answer_has_all_that_an_app_needs(world: World, phone: Phone) -> None:
    tokens, claims = phone.tokens, decode_part(phone.tokens["access_token"], 1)
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 600)
    assert tokens["user"] == {
        "id": claims["sub"], "email": "alice@acme.example", "name": "Alice Andersson", "role": "volunteer",
    }  # fmt: skip
    assert tokens["organization"] == {"slug": "acme", "name": "Acme Volunteers"}
    assert claims["exp"] - claims["iat"] == 600
    assert tokens["refresh_token"].startswith("point_rt_")
    assert len(tokens["refresh_token"]) == 52


def test_an_access_token_names_its_organization_and_session_and_nobody_s_address(world: World) -> None:
    carol = Phone(world, "carol@globex.example")
    claims = decode_part(carol.log_in_by_password(organization="globex")["access_token"], 1)
    assert (claims["org"], claims["sid"]) == ("globex", carol.ask("GET", "/me").json()["session_id"])
    assert (claims["iss"], claims["aud"], claims["client_id"]) == (world.base, world.base, "org.pointapp.point")
    assert "carol" not in str(claims)


def test_a_refresh_rotates_both_tokens_and_asks_okta_nothing(world: World, phone: Phone) -> None:
    held, before = [phone.tokens], len(world.sandbox.requests)
    for _ in range(3):
        world.clock.forward(60)
        assert phone.refresh().status_code == 200
        held.append(phone.tokens)
    assert len({each["refresh_token"] for each in held}) == len({each["access_token"] for each in held}) == 4
    assert {each["user"]["id"] for each in held} == {held[0]["user"]["id"]}
    assert len({decode_part(each["access_token"], 1)["sid"] for each in held}) == 1
    assert phone.is_logged_in()
    assert len(world.sandbox.requests) == before


@pytest.mark.parametrize("seconds", [0, 29])
def test_a_lost_answer_is_given_again_byte_for_byte(world: World, phone: Phone, seconds: int) -> None:
    used = phone.tokens["refresh_token"]
    answer = phone.refresh()
    world.clock.forward(seconds)
    assert phone.refresh(used).content == answer.content
    assert phone.refresh().status_code == 200
    assert phone.is_logged_in()


def test_flt_12_a_token_that_is_used_again_later_ends_the_whole_family(world: World, phone: Phone) -> None:
    stolen, access_token = phone.tokens["refresh_token"], phone.tokens["access_token"]
    phone.refresh()
    successor = phone.tokens
    world.clock.forward(31)
    thief = phone.call("POST", "/token", {"refresh_token": stolen})
    assert said(thief) == over("token_reused")
    assert said(phone.call("POST", "/token", {"refresh_token": successor["refresh_token"]})) == over("token_reused")
    for token in (access_token, successor["access_token"]):
        assert said(phone.ask("GET", "/me", token=token)) == over("token_reused")
    assert said(phone.call("POST", "/token", {"refresh_token": stolen})) == over("token_reused")
    [event] = [event for event in world.activity() if event.what == "session.token_reused"]
    assert (event.who, event.reference) == ("alice@acme.example", thief.json()["reference"])


def test_a_token_that_is_used_again_costs_okta_s_too(world: World, phone: Phone) -> None:
    used = phone.tokens["refresh_token"]
    phone.refresh()
    world.clock.forward(31)
    for _ in range(2):
        assert said(phone.refresh(used)) == over("token_reused")
    finish_giving_back(world.services)
    assert len(world.requests_to("/revoke")) == 1
    assert [sign_in.dead for sign_in in world.sandbox.grants.sign_ins.values()] == [True]


def test_a_token_used_again_ends_no_other_login_of_the_person(world: World, phone: Phone) -> None:
    other, web, used = Phone(world), world.alice, phone.tokens["refresh_token"]
    other.log_in()
    web.log_in()
    phone.refresh()
    world.clock.forward(31)
    assert said(phone.refresh(used)) == over("token_reused")
    assert other.refresh().status_code == 200
    assert web.session()["authenticated"] is True


def test_an_old_token_of_the_family_counts_as_used_again_too(world: World, phone: Phone) -> None:
    first = phone.tokens["refresh_token"]
    for _ in range(3):
        phone.refresh()
        world.clock.forward(DAY)
    assert said(phone.refresh(first)) == over("token_reused")
    assert not phone.is_logged_in()


def test_flt_14_that_a_token_was_used_outlives_the_process(world: World, phone: Phone) -> None:
    used = phone.tokens["refresh_token"]
    phone.refresh()
    with world.services.db.writing() as connection:
        connection.execute(update(refresh_tokens).values(used_at=refresh_tokens.c.used_at - 60))
    with second_app(world) as restarted:
        answer = restarted.test_client().post("/native/v1/token", json={"refresh_token": used})
        assert (answer.status_code, answer.get_json()["reason"]) == (401, "token_reused")
    assert said(phone.refresh()) == over("token_reused")


def test_flt_01_many_refreshes_at_once_have_one_successor(world: World, phone: Phone) -> None:
    used = phone.tokens["refresh_token"]
    with second_app(world) as other, ThreadPoolExecutor(8) as pool:
        here = [pool.submit(phone.call, "POST", "/token", {"refresh_token": used}) for _ in range(4)]
        there = [pool.submit(other.test_client().post, "/native/v1/token", json={"refresh_token": used})
                 for _ in range(4)]  # fmt: skip
        answers = {each.result(20).content for each in here} | {each.result(20).data for each in there}
    assert len(answers) == 1
    with world.services.db.reading() as connection:
        assert connection.execute(select(func.count()).select_from(refresh_tokens)).scalar_one() == 2
    assert phone.refresh(used).status_code == 200
    assert phone.refresh().status_code == 200


@pytest.mark.parametrize("token", ["point_rt_" + "x" * 43, "x" * 20, "ä" * 20, "\ud800" * 20, "an access token"])
def test_a_token_that_was_never_given_is_unknown(world: World, phone: Phone, token: str) -> None:
    sent = phone.tokens["access_token"][:200] if token == "an access token" else token
    assert phone.call("POST", "/token", {"refresh_token": sent}).status_code in (400, 401)
    assert phone.refresh().status_code == 200


@pytest.mark.parametrize("body", [{}, {"refresh_token": ""}, {"refresh_token": "x" * 201}, {"refresh_token": None}])
def test_what_can_be_no_refresh_token_is_said_with_its_field(phone: Phone, body: Any) -> None:
    answer = phone.call("POST", "/token", body)
    assert (said(answer)[:2], answer.json()["field"]) == ((422, "field_invalid"), "refresh_token")


def test_a_refused_refresh_says_how_to_be_let_in(phone: Phone) -> None:
    """RFC 9110 15.5.2: a 401 has a challenge."""
    answer = phone.call("POST", "/token", {"refresh_token": "x" * 20})
    assert said(answer) == over("token_unknown")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


# -- how long ----------------------------------------------------------------------------------------------------------


def test_an_access_token_lives_ten_minutes(world: World, phone: Phone) -> None:
    world.clock.forward(580)
    assert phone.is_logged_in()
    world.clock.forward(25)
    assert said(phone.ask("GET", "/me")) == over("token_expired")
    assert phone.refresh().status_code == 200


def test_a_week_without_use_ends_it(world: World, phone: Phone) -> None:
    world.clock.forward(PHONE_IDLE_SECONDS - 60)
    assert phone.refresh().status_code == 200
    world.clock.forward(PHONE_IDLE_SECONDS)
    assert said(phone.refresh()) == over("session_idle")


def test_after_ninety_days_it_is_over_however_much_it_was_used(world: World, phone: Phone) -> None:
    ends_at = phone.ask("GET", "/me").json()["expires_at"]
    assert abs(ends_at - decode_part(phone.tokens["access_token"], 1)["iat"] - PHONE_ABSOLUTE_SECONDS) <= 1
    for _ in range(14):
        world.clock.forward(6 * DAY)
        assert phone.refresh().status_code == 200
    world.clock.ahead += ends_at - 100 - world.clock()
    assert phone.refresh().status_code == 200
    assert 98 <= phone.tokens["expires_in"] <= 100
    world.clock.forward(101)
    assert said(phone.refresh()) == over("session_expired")
    assert said(phone.ask("GET", "/me")) == over("token_expired")


@pytest.mark.parametrize("seconds", [3600, 300])
def test_flt_82_okta_may_say_that_it_ends_sooner(world: World, seconds: int) -> None:
    ends_at = world.services.now() + seconds
    world.sandbox.set_claims("alice@acme.example", {"session_expiry": ends_at})
    phone = Phone(world)
    assert phone.log_in()["expires_in"] <= min(600, seconds)
    assert abs(phone.ask("GET", "/me").json()["expires_at"] - ends_at) <= 1
    world.clock.ahead += ends_at - 2 - world.clock()
    assert phone.refresh().status_code == 200
    world.clock.forward(3)
    # No access token outlives its session, so that both are over at the same moment.
    assert said(phone.ask("GET", "/me")) == over("token_expired")
    assert said(phone.refresh()) == over("session_expired")


def test_a_login_that_okta_says_is_over_already_lets_nobody_in(world: World) -> None:
    world.sandbox.set_claims("alice@acme.example", {"session_expiry": world.services.now() - 10})
    phone = Phone(world)
    link = phone.come_back()
    assert phone.complete(link).status_code in (400, 403, 502)
    assert phone.attempt.status == "failed"
    assert count_rows(world)["sessions"] == 0


def test_no_access_token_outlives_its_session(world: World) -> None:
    """Whoever verifies tokens by the published keys alone has only `exp` to go by."""
    ends_at = world.services.now() + 300
    world.sandbox.set_claims("alice@acme.example", {"session_expiry": ends_at})
    tokens = Phone(world).log_in()
    assert tokens["expires_in"] <= 300
    assert decode_part(tokens["access_token"], 1)["exp"] <= ends_at + 1


@pytest.mark.parametrize("claim", [-(2**70), 2**70])
def test_a_time_that_no_clock_shows_is_no_bug_of_ours(world: World, claim: int) -> None:
    world.sandbox.set_claims("alice@acme.example", {"session_expiry": claim})
    phone = Phone(world)
    assert phone.complete(phone.come_back()).status_code < 500 or phone.attempt.status == "failed"


@pytest.mark.parametrize("claim", [2**40, "soon", 1.5, True, None, [1]])
def test_what_okta_says_of_its_end_makes_no_session_longer(world: World, claim: Any) -> None:
    world.sandbox.set_claims("alice@acme.example", {"session_expiry": claim})
    phone = Phone(world)
    phone.log_in()
    assert phone.ask("GET", "/me").json()["expires_at"] <= world.services.now() + PHONE_ABSOLUTE_SECONDS


def test_the_end_of_the_family_is_never_moved_by_a_refresh(world: World, phone: Phone) -> None:
    ends_at = phone.ask("GET", "/me").json()["expires_at"]
    world.clock.forward(DAY)
    phone.refresh()
    assert phone.ask("GET", "/me").json()["expires_at"] == ends_at


def test_maintenance_forgets_what_is_over_and_nothing_else(world: World, phone: Phone) -> None:
    other = Phone(world)
    other.log_in()
    other.log_out()
    world.clock.forward(2 * DAY)
    assert world.app.test_cli_runner().invoke(args=["maintenance"]).exit_code == 0
    assert said(other.refresh()) == over("token_unknown")
    assert phone.refresh().status_code == 200
    with world.services.db.reading() as connection:
        assert connection.execute(select(func.count()).select_from(refresh_tokens)).scalar_one() == 2


# -- what ends it at once ----------------------------------------------------------------------------------------------

ENDS: dict[str, tuple[Callable[[World], Any], str]] = {
    "removed from the organization": (remove_member, "not_a_member"),
    "Delete Integration": (delete_okta, "integration_deleted"),
    "deleted and restored": (restore_okta, "integration_deleted"),
    "no native app any more": (
        lambda world: connect(world, world.acme_id, world.sandbox, world.okta), "settings_changed",
    ),
    "another native app": (lambda world: world.connect(native_client_id="0oaAnother4567890abc"), "settings_changed"),
    "another authorization server": (lambda world: world.connect(authorization_server="default"), "settings_changed"),
}  # fmt: skip


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_an_owner_changes_ends_it_at_once(world: World, phone: Phone, end: tuple[Any, str]) -> None:
    end[0](world)
    assert said(phone.ask("GET", "/me")) == over(end[1])
    assert said(phone.refresh()) == over(end[1])
    assert said(phone.ask("GET", "/sessions")) == over(end[1])


def test_who_was_removed_and_comes_back_logs_in_anew(world: World, phone: Phone) -> None:
    with world.services.db.reading() as connection:
        row = connection.execute(select(members).join(users).where(users.c.email == "alice@acme.example"))
        mine = dict(row.mappings().one())
    remove_member(world)
    assert said(phone.refresh()) == over("not_a_member")
    with world.services.db.writing() as connection:
        connection.execute(insert(members), mine)
    assert said(phone.refresh()) == said(phone.ask("GET", "/me")) == over("not_a_member")
    assert Phone(world).log_in()["user"]["id"] == phone.tokens["user"]["id"]


def test_settings_that_stay_the_same_end_nothing(world: World, phone: Phone) -> None:
    world.connect()
    assert phone.refresh().status_code == 200
    assert phone.is_logged_in()


def test_a_login_by_password_outlives_okta(world: World) -> None:
    olivia = Phone(world, "olivia@acme.example")
    olivia.log_in_by_password()
    delete_okta(world)
    assert olivia.refresh().status_code == 200


def test_another_organization_s_owner_ends_nothing_here(world: World, phone: Phone) -> None:
    with globex_okta(world) as globex:
        add_person(globex.sandbox, "dora@globex.example", "Dora")
        connect(world, world.globex_id, world.sandbox, world.okta)
    assert phone.refresh().status_code == 200


def test_a_role_is_what_it_is_now(world: World, phone: Phone) -> None:
    with world.services.db.writing() as connection:
        connection.execute(update(members).where(members.c.role == "volunteer").values(role="admin"))
    assert phone.ask("GET", "/me").json()["user"]["role"] == "admin"
    assert phone.refresh().json()["user"]["role"] == "admin"
