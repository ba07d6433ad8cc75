"""Okta's refresh token of a session that is over goes back to Okta, in whatever way the session ended; and what Okta
does not take at once is tried again, for a day."""

from __future__ import annotations

import ast
import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from okta_sandbox import RawAnswer
from okta_sandbox.universal_logout import endpoint_of, make_order, name_subject, send_order
from portal.finishing_deletions import wait_for_deletions
from portal.giving_back import finish_giving_back, start_giving_back
from portal.store.models import domains, left_tokens, members, sessions
from tests.native_bridge.steps import Phone
from tests.needs import forget_tries
from tests.web.steps import take_over
from tests.web.test_members import member_id
from tests.world import POINT_PASSWORD, Visitor, World, second_app

OKTA = "/organizations/acme/integrations/okta"
NEW = "four otters climb a violet ladder"
CROSS = {"Sec-Fetch-Site": "cross-site"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    forget_tries()
    yield shared
    settle(shared)


def by_okta(world: World, email: str = "alice@acme.example") -> Visitor:
    visitor = world.person(email)
    visitor.log_in()
    assert visitor.session()["method"] == "okta"
    return visitor


def owner(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def settle(world: World) -> None:
    """Until nothing is collected or given back any more."""
    wait_for_deletions(world.services)
    finish_giving_back(world.services)


def alive(world: World) -> int:
    """How many sign-ins have tokens that Okta would still take."""
    return sum(not sign_in.dead for sign_in in world.sandbox.grants.sign_ins.values())


def waiting(world: World) -> int:
    with world.services.db.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(left_tokens)).scalar_one())


def maintenance(world: World) -> dict[str, object]:
    answer = world.app.test_cli_runner().invoke(args=["maintenance", "--json"])
    assert answer.exit_code == 0, answer.output
    removed: dict[str, object] = json.loads(answer.output)["removed"]
    return removed


# -- every way in which a session ends ---------------------------------------------------------------------------------


def log_out_of_point(world: World) -> None:
    by_okta(world).step("/logout", method="POST", data={"okta": "no"})


def log_out_of_both(world: World) -> None:
    by_okta(world).step("/logout", method="POST")


def log_in_by_okta_over_it(world: World) -> None:
    alice = by_okta(world)
    alice.log_in()
    assert alice.session()["authenticated"]
    settle(world)
    assert alive(world) == 1
    alice.step("/logout", method="POST", data={"okta": "no"})


def log_in_by_password_over_it(world: World) -> None:
    olivia = by_okta(world, "olivia@acme.example")
    olivia.log_in_by_password()
    assert olivia.session()["method"] == "password"


def somebody_else_for_the_app(world: World) -> None:
    alice, phone = by_okta(world), Phone(world)
    assert phone.start(method="password").status_code == 201
    page = alice.get(phone.begun["authorization_url"])
    form = alice.page(page).form_with("state", button="Use another account")
    alice.step(form.action, method="POST", data={**form.fields, "another": "1"})
    assert not alice.session()["authenticated"]


def end_it_in_the_list(world: World) -> None:
    here = by_okta(world)
    by_okta(world)
    here.step("/account/sessions", method="POST", data={"end": "others"})
    here.step("/logout", method="POST", data={"okta": "no"})


def end_it_in_the_app(world: World) -> None:
    phone = Phone(world)
    phone.log_in()
    assert phone.ask("DELETE", f"/sessions/{phone.ask('GET', '/me').json()['session_id']}").status_code == 204


def an_owner_ends_it(world: World) -> None:
    by_okta(world)
    path = f"/organizations/acme/members/{member_id(world, 'alice@acme.example')}/sessions"
    owner(world).step(path, method="POST", data={"end": "all"})


def a_new_password(world: World) -> None:
    elsewhere, phone, olivia = by_okta(world, "olivia@acme.example"), Phone(world, "olivia@acme.example"), owner(world)
    phone.log_in()
    fields = {"old_password": POINT_PASSWORD, "password": NEW, "password_again": NEW}
    assert olivia.step("/account/password", method="POST", data=fields).status_code == 303
    assert not elsewhere.session()["authenticated"]


def an_order_of_okta(world: World) -> None:
    by_okta(world)
    token = make_order(
        world.sandbox, issuer=world.okta, client_id=world.sandbox.client_id("spa"),
        audience=f"{world.base}/organizations/acme/universal-logout",
    )  # fmt: skip
    subject = name_subject(world.sandbox.person("alice@acme.example"), world.okta)
    assert send_order(endpoint_of(world.sandbox, "acme"), token, subject) == 204


def okta_s_front_channel(world: World) -> None:
    world.sandbox.set_claims("alice@acme.example", {"sid": "a sid"})
    alice = by_okta(world)
    world.stranger.step("/logout/okta", params={"iss": world.okta, "sid": "a sid"}, headers=CROSS)
    assert not alice.session()["authenticated"]


def remove_the_member(world: World) -> None:
    by_okta(world)
    owner(world).step(f"/organizations/acme/members/{member_id(world, 'alice@acme.example')}/remove", method="POST")


def remove_the_domain(world: World) -> None:
    by_okta(world)
    with world.services.db.writing() as connection:
        row = {"organization_id": world.acme_id, "name": "acme.test", "verified_at": world.services.now()}
        connection.execute(domains.insert(), row)
    owner(world).step("/organizations/acme/domains/acme.example/remove", method="POST")


def delete_integration(world: World) -> None:
    by_okta(world)
    Phone(world).log_in()
    owner(world).step(OKTA + "/delete", method="POST")


def move_the_web_app(world: World) -> None:
    by_okta(world)
    Phone(world).log_in()
    world.connect(authorization_server="default")


def move_the_app_for_phones(world: World) -> None:
    Phone(world).log_in()
    world.connect(native_client_id="", native_domain="")


def okta_takes_the_assignment_away(world: World) -> None:
    alice = by_okta(world)
    world.clock.forward(700)
    denied = json.dumps({"error": "access_denied", "error_description": "User is not assigned to the client app."})
    take_over(world.sandbox, "/token", RawAnswer(400, [("content-type", "application/json")], denied.encode()))
    assert not alice.session()["authenticated"]
    world.sandbox.answer = None


def nobody_uses_it(world: World) -> None:
    by_okta(world)
    world.clock.forward(13 * 3600)
    assert maintenance(world)["sessions"] == 0


def its_time_runs_out(world: World) -> None:
    by_okta(world)
    Phone(world).log_in()
    # So late that it is forgotten by the same maintenance.
    world.clock.forward(100 * 86400)
    for sign_in in world.sandbox.grants.sign_ins.values():
        sign_in.expires_at = None
    assert maintenance(world)["sessions"] == 2


def two_use_the_app_s_token(world: World) -> None:
    phone = Phone(world)
    used = phone.log_in()["refresh_token"]
    phone.refresh()
    world.clock.forward(31)
    assert phone.refresh(used).json()["reason"] == "token_reused"


def the_app_finds_them_removed(world: World) -> None:
    phone = Phone(world)
    phone.log_in()
    with world.services.db.writing() as connection:
        connection.execute(delete(members).where(members.c.id == member_id(world, "alice@acme.example")))
    assert phone.refresh().json()["reason"] == "not_a_member"


def log_the_app_out(world: World) -> None:
    phone = Phone(world)
    phone.log_in()
    assert phone.log_out().status_code == 200


def log_the_app_out_with_the_browser_begun_for_it(world: World) -> None:
    world.connect(native_client_id="", native_domain="")
    phone = Phone(world)
    assert phone.complete(phone.come_back_by_the_web()).status_code == 200
    assert phone.log_out().status_code == 200


def prove_themselves_again(world: World) -> None:
    alice = by_okta(world)
    alice.get("/login/again/okta")
    settle(world)
    assert alive(world) == 1
    alice.step("/logout", method="POST", data={"okta": "no"})


def somebody_else_signs_in_again(world: World) -> None:
    olivia = by_okta(world, "olivia@acme.example")
    world.clock.forward(3600)
    page = olivia.get("/login/again/okta")
    olivia.follow(olivia.submit(page, identifier="alice@acme.example", password="demo-okta-password", follow=False))
    settle(world)
    assert alive(world) == 1
    olivia.step("/logout", method="POST", data={"okta": "no"})


WAYS: list[tuple[str, Callable[[World], None]]] = [
    ("logout", log_out_of_point),
    ("logout", log_out_of_both),
    ("logout", log_the_app_out),
    ("logout", log_the_app_out_with_the_browser_begun_for_it),
    ("replaced", log_in_by_okta_over_it),
    ("replaced", log_in_by_password_over_it),
    ("replaced", somebody_else_for_the_app),
    ("ended_by_person", end_it_in_the_list),
    ("ended_by_person", end_it_in_the_app),
    ("ended_by_owner", an_owner_ends_it),
    ("password_changed", a_new_password),
    ("okta_revoked", an_order_of_okta),
    ("okta_revoked", okta_s_front_channel),
    ("member_removed", remove_the_member),
    ("domain_removed", remove_the_domain),
    ("integration_deleted", delete_integration),
    ("settings_changed", move_the_web_app),
    ("settings_changed", move_the_app_for_phones),
    ("okta_ended", okta_takes_the_assignment_away),
    ("session_idle", nobody_uses_it),
    ("session_expired", its_time_runs_out),
    ("token_reused", two_use_the_app_s_token),
    ("not_a_member", the_app_finds_them_removed),
    ("login_again", prove_themselves_again),
    ("login_discarded", somebody_else_signs_in_again),
]
ENDING = {"end_session", "end_sessions", "end_sessions_of", "end_where", "leave_tokens", "_leave", "_end"}
ELSEWHERE = {
    "okta_only": "ends sessions by password, which hold nothing of Okta's",
    "codes_renewed": "ends sessions by a recovery code, which hold nothing of Okta's",
    "unproved": "holds no refresh token, or none that can be read",
    "ended_meanwhile": "test_sessions_follow_okta.py: a token that comes after the logout",
}


@pytest.mark.parametrize("way", [way for _why, way in WAYS], ids=[way.__name__ for _why, way in WAYS])
def test_okta_gets_the_token_back_when_a_session_ends_by(world: World, way: Callable[[World], None]) -> None:
    way(world)
    settle(world)
    assert (alive(world), waiting(world)) == (0, 0)
    assert world.requests_to("/revoke")
    with world.services.db.reading() as connection:
        held = select(func.count()).where(sessions.c.sealed_tokens.is_not(None), sessions.c.ended_why != "logout")
        assert connection.execute(held).scalar_one() == 0


def test_every_way_in_which_the_code_ends_a_session_is_tried_above_or_listed() -> None:
    assert reasons_in_the_code() == {why for why, _way in WAYS} | set(ELSEWHERE)


def reasons_in_the_code() -> set[str]:
    """Every `why=` and `_leave(..., why)` with a text in it, of the modules that end sessions or leave tokens."""
    found = set()
    for path in [*ROOT.glob("portal/**/*.py"), *ROOT.glob("native_bridge/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in ENDING:
                given = [each.value for each in node.keywords if each.arg == "why"] or node.args[-1:]
                found |= {each.value for each in given if isinstance(each, ast.Constant)}
    return found | {"okta_revoked", "session_idle", "session_expired"}  # These stand in a name or a loop.


def test_what_okta_has_refused_itself_is_not_given_back(world: World) -> None:
    alice = by_okta(world)
    for sign_in in world.sandbox.grants.sign_ins.values():
        sign_in.dead = True
    world.clock.forward(700)
    assert not alice.session()["authenticated"]
    settle(world)
    assert (world.requests_to("/revoke"), waiting(world)) == ([], 0)


def test_a_session_that_a_password_opened_has_nothing_to_give(world: World) -> None:
    olivia = owner(world)
    asked = len(world.sandbox.requests)
    olivia.step("/logout", method="POST")
    settle(world)
    assert (len(world.sandbox.requests), waiting(world)) == (asked, 0)


# -- an Okta that does not take it -------------------------------------------------------------------------------------


def test_an_okta_that_is_slow_holds_up_no_page(world: World) -> None:
    here = by_okta(world)
    by_okta(world)
    world.sandbox.answer = lambda request: time.sleep(2) if request.path.endswith("/revoke") else None
    began = time.monotonic()
    here.step("/account/sessions", method="POST", data={"end": "others"})
    assert time.monotonic() - began < 1.5
    settle(world)
    assert waiting(world) == 0


@pytest.mark.parametrize(
    "answer", [RawAnswer(503, [], b""), RawAnswer(429, [], b""), RawAnswer(200, reset=True), RawAnswer(401, [], b"{}")]
)
def test_what_okta_does_not_take_now_is_kept_sealed_and_tried_again(world: World, answer: RawAnswer) -> None:
    for _ in range(3):
        by_okta(world)
    take_over(world.sandbox, "/revoke", answer)
    owner(world).step(OKTA + "/delete", method="POST")
    settle(world)
    tried = len({call.form["token"][0] for call in world.requests_to("/revoke")})
    assert (tried, waiting(world), alive(world)) == (1, 3, 3)  # One will do to know that Okta takes none.
    token = world.requests_to("/revoke")[0].form["token"][0]
    with world.services.db.reading() as connection:
        stored = connection.execute(select(left_tokens.c.sealed)).scalars()
        assert not any(token.encode() in sealed for sealed in stored)
    world.sandbox.answer = None
    world.clock.forward(30)
    maintenance(world)
    assert (waiting(world), alive(world)) == (0, 0)


def test_the_next_session_that_ends_takes_up_what_was_left(world: World) -> None:
    by_okta(world)
    take_over(world.sandbox, "/revoke", RawAnswer(503, [], b""))
    owner(world).step(OKTA + "/delete", method="POST")
    settle(world)
    owner(world).step(OKTA + "/undo", method="POST")
    world.sandbox.answer = None
    world.clock.forward(30)
    log_out_of_point(world)
    settle(world)
    assert (waiting(world), alive(world)) == (0, 0)


def test_a_logout_whose_okta_is_away_is_tried_again_behind_the_page(world: World) -> None:
    alice = by_okta(world)
    take_over(world.sandbox, "/revoke", RawAnswer(503, [], b""))
    assert "Logging you out of Okta" in alice.step("/logout", method="POST").text
    assert waiting(world) == 1
    world.sandbox.answer = None
    world.clock.forward(30)
    maintenance(world)
    assert (waiting(world), alive(world)) == (0, 0)


def test_one_token_that_okta_refuses_does_not_keep_the_others_back(world: World) -> None:
    for _ in range(3):
        by_okta(world)
    refused: list[str] = []

    def refuse_the_first(request: object) -> RawAnswer | None:
        if not request.path.endswith("/revoke"):  # type: ignore[attr-defined]
            return None
        token = request.form["token"][0]  # type: ignore[attr-defined]
        refused.extend([token] if not refused else [])
        return RawAnswer(400, [], b"{}") if token in refused else None

    world.sandbox.answer = refuse_the_first
    owner(world).step(OKTA + "/delete", method="POST")
    settle(world)
    assert waiting(world) == 3
    world.clock.forward(30)
    maintenance(world)
    assert (waiting(world), alive(world)) == (1, 1)


def test_after_a_day_it_is_given_up_and_the_log_says_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    by_okta(world)
    take_over(world.sandbox, "/revoke", RawAnswer(503, [], b""))
    owner(world).step(OKTA + "/delete", method="POST")
    settle(world)
    for hours in (12, 11):
        world.clock.forward(hours * 3600)
        maintenance(world)
        assert waiting(world) == 1
    world.clock.forward(2 * 3600)
    with caplog.at_level(logging.ERROR):
        assert maintenance(world)["tokens_given_up"] == 1
    assert waiting(world) == 0
    assert any("given up" in record.message for record in caplog.records)


def test_a_deletion_s_tokens_are_counted_once_okta_has_them(world: World) -> None:
    for _ in range(2):
        by_okta(world)
    take_over(world.sandbox, "/revoke", RawAnswer(503, [], b""))
    owner(world).step(OKTA + "/delete", method="POST")
    settle(world)
    told = [event for event in world.activity() if event.what == "okta.tokens_revoked"]
    assert told == []
    world.sandbox.answer = None
    world.clock.forward(30)
    maintenance(world)
    [told] = [event for event in world.activity() if event.what == "okta.tokens_revoked"]
    [deleted] = [event for event in world.activity() if event.what == "okta.deleted"]
    assert told.about == {"revoked": 2}
    assert told.reference == deleted.reference


def test_tokens_go_to_the_okta_that_gave_them_after_the_settings_have_moved(world: World) -> None:
    move_the_web_app(world)
    settle(world)
    apps = {world.sandbox.client_id("spa"), world.sandbox.client_id("native")}
    assert {call.form["client_id"][0] for call in world.requests_to("/revoke")} == apps
    assert {call.path for call in world.requests_to("/revoke")} == {"/oauth2/v1/revoke"}  # No longer the issuer.


def test_two_nodes_give_a_token_back_once(world: World) -> None:
    for _ in range(6):
        by_okta(world)
    take_over(world.sandbox, "/revoke", RawAnswer(503, [], b""))
    owner(world).step(OKTA + "/delete", method="POST")
    settle(world)
    asked = len(world.requests_to("/revoke"))
    world.sandbox.answer = lambda request: time.sleep(0.1) if request.path.endswith("/revoke") else None
    world.clock.forward(30)
    with second_app(world) as other:
        there = other.extensions["point"]
        object.__setattr__(there, "clock", world.clock)
        start_giving_back(world.services)
        start_giving_back(there)
        settle(world)
        finish_giving_back(there)
    assert len(world.requests_to("/revoke")) - asked == 6
    assert (waiting(world), alive(world)) == (0, 0)
