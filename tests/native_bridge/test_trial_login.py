"""A test login of the phone: Okta leads to the app, the app gets no tokens, and the owner's screen has the result."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.native_bridge.device import device
from tests.native_bridge.steps import LOGOUT, USED, Phone, said
from tests.needs import forget_tries
from tests.pages import Page
from tests.web.steps import change_query, count_rows, query_of
from tests.web.test_logs import heard, log
from tests.web.trial_steps import TEST, Made, come_back, make, press, way_to_okta
from tests.world import World

__all__ = ["log"]

PASSED = (409, "test_login_done", "passed")


@pytest.fixture
def world(shared: World) -> World:
    forget_tries()
    return shared


@pytest.fixture
def made(world: World) -> Made:
    return make(world, app="native")


def test_the_deep_link_completes_it_and_the_result_is_on_the_owner_s_screen(world: World, made: Made) -> None:
    page = made.owner.get(made.page)
    assert "QR code that opens the test login on a phone" in page.text
    before = count_rows(world)
    link = come_back(world.alice, made)
    assert link.startswith("org.pointapp.point:/login?")
    phone = Phone(world)
    assert said(phone.complete(link)) == PASSED
    assert set(made.verdicts.values()) == {"right"}
    assert made.trial.passed is True
    assert count_rows(world) == before
    assert phone.tokens == {}
    shown = made.text()
    assert "Logging in with these settings works" in shown
    assert "org.pointapp.point:/login" in shown


def test_every_further_delivery_says_the_same(world: World, made: Made) -> None:
    link = come_back(world.alice, made)
    asked = len(world.requests_to("/token"))
    answers = [said(Phone(world).complete(link)) for _ in range(3)]
    assert answers == [PASSED] * 3
    assert said(Phone(world).complete(change_query(link, code="another"))) == PASSED
    assert len([each for each in world.requests_to("/token")[asked:] if "code" in each.form]) == 1


@pytest.mark.parametrize(
    ("fault", "where"),
    [("wrong_nonce", "id_token"), ("token_500", "token"), ("userinfo_wrong_sub", "userinfo"), ("unknown_kid", "keys")],
)
def test_what_is_wrong_is_said_to_the_app_by_its_stage(world: World, made: Made, fault: str, where: str) -> None:
    link = come_back(world.alice, made)
    world.sandbox.fault(fault)
    assert said(Phone(world).complete(link)) == (409, "test_login_done", f"failed_{where}")
    assert [name for name, verdict in made.verdicts.items() if verdict == "wrong"] == [where]


def test_somebody_who_is_not_assigned_is_found(world: World, made: Made) -> None:
    link = come_back(world.person("ben@acme.example"), made)
    assert said(Phone(world).complete(link)) == (409, "test_login_done", "failed_callback")
    assert made.stages["callback"].problem == "login_not_assigned"


def test_a_stranger_s_link_ends_nothing(world: World, made: Made) -> None:
    link = come_back(world.alice, made)
    state = "trial-" + "x" * 44
    for stranger in (f"error=access_denied&state={state}", f"code=1&state={state}"):
        answer = Phone(world).complete(f"org.pointapp.point:/login?{stranger}")
        assert said(answer) == (400, "attempt_unknown", "unknown_state")
    assert said(Phone(world).complete(link + "&code=2")) == (400, "deep_link_invalid", "duplicate_parameter")
    assert said(Phone(world).complete(change_query(link, code=None))) == (400, "deep_link_invalid", "missing_code")
    assert made.trial.status == "started"
    assert said(Phone(world).complete(link)) == PASSED


def test_web_and_phone_do_not_take_each_other_s_return(world: World, made: Made) -> None:
    web = make(world, made.owner)
    web_link, link = come_back(world.alice, web), come_back(world.alice, made)
    crossed = f"org.pointapp.point:/login?{web_link.partition('?')[2]}"
    assert said(Phone(world).complete(crossed)) == (400, "attempt_unknown", "wrong_flow")
    alice = world.alice
    assert alice.step(f"/login/callback?{link.partition('?')[2]}").status_code == 400
    assert (web.trial.status, made.trial.status) == ("started", "started")


def test_the_native_app_and_its_own_address_are_tried(world: World, made: Made) -> None:
    query = query_of(way_to_okta(press(world.alice, made)))
    assert query["client_id"] == world.sandbox.client_id("native")
    assert query["redirect_uri"] == "org.pointapp.point:/login"


def test_without_an_app_for_phones_there_is_no_button_for_it(world: World) -> None:
    world.connect(native_client_id="", native_domain="")
    olivia = world.olivia
    olivia.log_in_by_password()
    assert "Test login on the phone" not in olivia.get(TEST).text
    assert olivia.step(TEST, method="POST", data={"app": "native"}).status_code == 409


def test_signing_out_leads_to_the_app_and_is_noted(world: World, made: Made) -> None:
    alice = world.alice
    Phone(world).complete(come_back(alice, made))
    leading = alice.submit(alice.get(made.link), button="Finish: sign out at Okta", follow=False)
    back = alice.step(way_to_okta(leading)).headers["Location"]
    assert back.startswith(LOGOUT + "?state=trial-")
    for _ in range(2):
        assert Phone(world).call("POST", "/logout/complete", {"deep_link": back}).status_code == 204
    assert made.stages["logout"].reason == "came_back"


def test_ordinary_logins_of_the_app_are_as_before(world: World, made: Made) -> None:
    phone = Phone(world)
    link = phone.come_back()
    assert phone.complete(link).status_code == 200
    assert said(phone.complete(change_query(link, code="2"))) == USED


def test_nothing_secret_is_stored_or_logged(
    world: World, made: Made, log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    link = come_back(world.alice, made)
    phone = Phone(world)
    answer = phone.complete(link)
    secrets = {name: query_of(link)[name] for name in ("code", "state")}
    secrets |= {"key": made.link.rpartition("/")[2], "the app's": phone.verifier}
    for request in world.requests_to("/token"):
        secrets |= {f"{name} {id(request)}": request.form[name][0] for name in ("code_verifier", "refresh_token")
                    if name in request.form}  # fmt: skip
    database = Path(world.settings.database_url.removeprefix("sqlite:///"))
    stored = b"".join(each.read_bytes() for each in database.parent.glob(f"{database.name}*"))
    written = log.getvalue() + heard(caplog)
    shown = answer.text + made.owner.get(made.page).text + str(world.activity())
    for name, secret in secrets.items():
        assert secret.encode() not in stored, name
        assert secret not in written, name
        assert secret[:24] not in shown, name
    assert made.trial.sealed_attempt is None


def test_the_page_on_the_phone_says_what_it_is(world: World, made: Made) -> None:
    text = Page(world.alice.get(made.link).text).text
    assert "a phone that has the POINT app" in text
    assert "You are not logged in to POINT by this" in text


def test_the_reference_client_hands_it_over_and_says_what_it_was(world: World, made: Made, tmp_path: Path) -> None:
    link = come_back(world.alice, made)
    with device(tmp_path / "home", world) as phone:
        answer = phone.run("open", link, "--server", world.base, code=1)
        assert (answer["error"], answer["reason"]) == ("test_login_done", "passed")
        assert "This was a test login" in phone.say("open", link, "--server", world.base, code=1)
        assert phone.files() == {}
    assert made.trial.passed is True
