"""Changing what matters takes a login of the last 15 minutes, and nothing of what was typed is lost on the way."""

from __future__ import annotations

import pytest
import requests

from portal.giving_back import finish_giving_back
from portal.store.members import find_user
from portal.store.okta_only import begin_okta_only
from portal.store.session_list import end_sessions_of
from portal.web.session_fresh import PASSWORD_FIELD
from tests.needs import forget_tries
from tests.web.steps import change_answer
from tests.world import POINT_PASSWORD, Visitor, World

OKTA = "/organizations/acme/integrations/okta"
AGAIN = "/login/again"
API_TOKEN = "00" + "aB3dE6gH9k" * 4
TYPED = {"native_client_id": "", "native_domain": ""}


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    forget_tries()
    return shared


@pytest.fixture
def olivia(world: World) -> Visitor:
    """The owner, logged in by Okta sixteen minutes ago, with the form open."""
    olivia = world.olivia
    olivia.log_in()
    world.clock.forward(16 * 60)
    return olivia


@pytest.fixture
def typist(world: World) -> Visitor:
    """The same owner, by password."""
    olivia = world.olivia
    olivia.log_in_by_password()
    world.clock.forward(16 * 60)
    return olivia


def save(visitor: Visitor) -> requests.Response:
    """Takes the native app away, as something that can be seen."""
    return visitor.submit(visitor.get(OKTA), "spa_client_id", **TYPED)


def send_again(visitor: Visitor, page: requests.Response, button: str, **fields: str) -> requests.Response:
    form = visitor.page(page).form_with("spa_client_id", button=button)
    return visitor.follow(visitor.step(form.action, method="POST", data={**form.fields, **fields}))


def sign_in_again(visitor: Visitor) -> requests.Response:
    """What happens in the other tab."""
    page = visitor.get(AGAIN + "/okta")
    return visitor.follow(visitor.sign_in_at_okta(page)) if "identifier" in page.text else page


@pytest.mark.parametrize("minutes", [0, 14])
@pytest.mark.parametrize("way", ["okta", "password"])
def test_fifteen_minutes_after_a_login_nobody_is_asked(world: World, minutes: int, way: str) -> None:
    olivia = world.olivia
    olivia.log_in() if way == "okta" else olivia.log_in_by_password()
    world.clock.forward(minutes * 60)
    assert "Please log in once more" not in save(olivia).text


@pytest.mark.parametrize("who", ["olivia", "typist"])
def test_after_that_nothing_changes_without_another_login(
    world: World, who: str, request: pytest.FixtureRequest
) -> None:
    visitor: Visitor = request.getfixturevalue(who)
    for path in (OKTA, OKTA + "/delete", "/organizations/acme/members", "/organizations/acme/domains"):
        answer = visitor.step(path, method="POST", data={"spa_client_id": "x"})
        assert answer.status_code == 403
        assert "Please log in once more" in answer.text
        assert "Nothing was changed yet" in answer.text
    assert not {event.what for event in world.activity()[:-2]} - {"login", "member.changed_at_okta"}
    assert visitor.get(OKTA).status_code == 200


def test_a_program_hears_it_as_a_problem(world: World, typist: Visitor) -> None:
    answer = typist.step(OKTA, method="POST", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "login_again")


def test_with_the_password_it_is_one_step_and_what_was_typed_is_saved(world: World, typist: Visitor) -> None:
    cookie = typist.http.cookies["point_session"]
    page = save(typist)
    assert page.status_code == 403
    wrong = send_again(typist, page, "Log in and send", **{PASSWORD_FIELD: "wrong"})
    assert wrong.status_code == 422
    assert "do not fit together" in wrong.text
    done = send_again(typist, wrong, "Log in and send", **{PASSWORD_FIELD: POINT_PASSWORD})
    assert done.status_code == 200
    assert "Please log in once more" not in done.text
    events = [event.what for event in world.activity()]
    assert "login.again" in events
    assert typist.http.cookies["point_session"] == cookie
    assert typist.page(typist.get(OKTA)).form_with("spa_client_id").fields["native_client_id"] == ""


def test_at_okta_it_is_another_tab_and_the_form_is_sent_from_where_it_was(world: World, olivia: Visitor) -> None:
    cookie = olivia.http.cookies["point_session"]
    page = save(olivia)
    back = sign_in_again(olivia)
    assert "You have logged in just now" in back.text
    assert olivia.http.cookies["point_session"] == cookie
    done = send_again(olivia, page, "Send again")
    assert done.status_code == 200
    assert "Please log in once more" not in done.text
    assert olivia.page(olivia.get(OKTA)).form_with("spa_client_id").fields["native_client_id"] == ""
    assert [event.what for event in world.activity()].count("login.again") == 1


def test_a_form_that_was_open_before_can_still_be_sent(world: World, olivia: Visitor) -> None:
    open_form = olivia.get(OKTA)
    assert olivia.submit(open_form, "spa_client_id", follow=False, **TYPED).status_code == 403
    sign_in_again(olivia)
    assert olivia.submit(open_form, "spa_client_id", **TYPED).status_code == 200


def test_okta_asks_for_the_password_unless_that_was_a_moment_ago(world: World, olivia: Visitor) -> None:
    assert "identifier" in olivia.get(AGAIN + "/okta").text
    sign_in_again(olivia)
    asked = world.requests_to("/authorize")[-1].query
    assert asked["max_age"] == ["300"]
    assert asked["login_hint"] == ["olivia@acme.example"]
    world.clock.forward(60)
    assert "identifier" not in olivia.get(AGAIN + "/okta").text


def test_a_session_at_okta_alone_makes_no_login_fresh(world: World, olivia: Visitor) -> None:
    """Logged in anew without having typed anything: Okta says when the person has signed in there."""
    again = world.olivia
    again.http = olivia.http
    assert "identifier" not in again.get("/login/acme/okta").text
    assert save(again).status_code == 403


def test_an_okta_that_says_an_old_time_is_refused(world: World, olivia: Visitor) -> None:
    world.sandbox.set_claims("olivia@acme.example", {"auth_time": int(world.clock()) - 3600})
    page = sign_in_again(olivia)
    assert (page.status_code, "Okta wants you to sign in again" in page.text) == (400, True)
    assert save(olivia).status_code == 403


def test_an_okta_that_says_no_time_is_refused(world: World, olivia: Visitor) -> None:
    world.sandbox.forge = lambda header, claims, signer: signer.encode(
        header, {name: value for name, value in claims.items() if name != "auth_time"}
    )
    assert sign_in_again(olivia).status_code == 400
    assert save(olivia).status_code == 403


def test_somebody_else_at_okta_makes_nothing_fresh(world: World, olivia: Visitor) -> None:
    cookie = olivia.http.cookies["point_session"]
    page = olivia.get(AGAIN + "/okta")
    answer = olivia.follow(
        olivia.submit(page, identifier="alice@acme.example", password="demo-okta-password", follow=False)
    )
    assert (answer.status_code, "signed in at Okta as somebody else" in answer.text) == (409, True)
    assert olivia.http.cookies["point_session"] == cookie
    assert olivia.session()["email"] == "olivia@acme.example"
    assert save(olivia).status_code == 403


def test_the_return_twice_is_no_error(world: World, olivia: Visitor) -> None:
    location = olivia.sign_in_at_okta(olivia.get(AGAIN + "/okta")).headers["Location"]
    attempt = dict(olivia.http.cookies)
    assert olivia.get(location).status_code == 200
    olivia.http.cookies.update(attempt)
    assert "You have logged in just now" in olivia.get(location).text


def test_okta_s_new_tokens_are_kept_and_the_old_ones_given_back(world: World, olivia: Visitor) -> None:
    sign_in_again(olivia)
    world.clock.forward(601)
    assert olivia.session()["authenticated"]
    finish_giving_back(world.services)
    assert len({call.form["token"][0] for call in world.requests_to("/revoke")}) == 1


def test_an_owner_whose_okta_is_broken_may_use_their_password(world: World, olivia: Visitor) -> None:
    page = save(olivia)
    done = send_again(olivia, page, "Log in and send", **{PASSWORD_FIELD: POINT_PASSWORD})
    assert done.status_code == 200
    assert "Please log in once more" not in done.text


def test_a_password_session_has_a_way_on_where_passwords_count_no_more(world: World, typist: Visitor) -> None:
    with world.services.db.writing() as connection:
        user = find_user(connection, typist.email)
        assert user is not None
        begin_okta_only(connection, world.acme_id, user_id=user.id, who="olivia", now=world.services.now())
    for page in (save(typist), typist.get(AGAIN)):
        assert "Log out and come in with Okta" in page.text
        assert not [form for form in typist.page(page).forms if form.action not in ("/logout", "")]
        way = typist.page(page).find("a", class_="button button-primary").attributes["href"]
        assert way == "/login/acme/okta"
    assert "is not lost" not in save(typist).text
    typist.log_in()
    assert typist.session()["method"] == "okta"
    assert "Please log in once more" not in save(typist).text


def test_what_is_secret_does_not_come_back_in_the_page(world: World, typist: Visitor) -> None:
    data = {"spa_client_id": "kept", "api_token": "00very-secret", "password": "hunter2", "recovery_code": "1234"}
    page = typist.step(OKTA, method="POST", data=data)
    assert "kept" in page.text
    for secret in ("00very-secret", "hunter2", "1234"):
        assert secret not in page.text
    assert "have to be entered again" in page.text


@pytest.mark.parametrize("pasted", [API_TOKEN, f" SSWS {API_TOKEN}", f"acme.okta.com {API_TOKEN}"])
@pytest.mark.parametrize("ended", [False, True])
def test_an_api_token_in_a_wrong_field_comes_back_in_no_page(
    world: World, typist: Visitor, pasted: str, ended: bool
) -> None:
    if ended:
        with world.services.db.writing() as connection:
            user = find_user(connection, typist.email)
            assert user is not None
            end_sessions_of(connection, world.acme_id, user.id, why="ended_by_owner", now=world.services.now())
    page = typist.step(OKTA, method="POST", data={"spa_client_id": pasted, "spa_domain": "kept.okta.com"})
    assert page.status_code == (401 if ended else 403)
    assert "kept.okta.com" in page.text
    assert API_TOKEN not in page.text
    assert ended or "have to be entered again" in page.text


def test_passwords_are_not_guessed_here_either(world: World, typist: Visitor) -> None:
    statuses = [
        typist.step(AGAIN, method="POST", data={"password": f"wrong {number}"}).status_code for number in range(110)
    ]
    assert statuses[0] == 422
    assert statuses[-1] == 429
    forget_tries()


def test_the_page_that_asks_by_itself_leads_back(world: World, typist: Visitor) -> None:
    page = typist.get(AGAIN, params={"next": OKTA})
    done = typist.submit(page, "password", password=POINT_PASSWORD)
    assert done.url == world.base + OKTA
    assert typist.get(AGAIN, params={"next": "https://evil.example/"}).text.count("evil") == 0


def test_nobody_logged_in_is_led_to_the_login(world: World) -> None:
    answer = world.stranger.step(AGAIN + "/okta")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")


def test_an_okta_without_refresh_tokens_can_be_used_all_the_same(world: World, olivia: Visitor) -> None:
    change_answer(world.sandbox, "/token", lambda document: document.pop("refresh_token", None))
    assert "You have logged in just now" in sign_in_again(olivia).text
