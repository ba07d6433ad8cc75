"""No secret of an app's login in any log line, at debug level, of our own loggers and of every library's."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from native_bridge.operations import read_session_name
from portal import logins
from portal.store.phone_sessions import find_phone_session
from tests.native_bridge.steps import LOGIN, Phone, link_on, said
from tests.web.steps import change_query, query_of
from tests.web.test_logs import heard, log
from tests.world import OKTA_PASSWORD, POINT_PASSWORD, World

__all__ = ["log"]


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


def secrets_of(phone: Phone, *links: str) -> dict[str, str]:
    """Everything of this app's login that may never be written down."""
    world, found = phone.world, {"verifier": phone.verifier, "okta": OKTA_PASSWORD, "point": POINT_PASSWORD}
    found |= {name: value for name, value in phone.tokens.items() if name.endswith("_token")}
    for number, link in enumerate(links):
        found |= {f"{name} {number}": value for name, value in query_of(link).items() if name != "iss"}
    for request in world.requests_to("/token"):
        found |= {f"our {name}": request.form[name][0] for name in ("code_verifier", "code") if name in request.form}
    for request in world.requests_to("/authorize"):
        found |= {"nonce": request.query["nonce"][0]}
    if phone.tokens and phone.is_logged_in():
        with world.services.db.reading() as connection:
            name = phone.ask("GET", "/me").json()["session_id"]
            session = find_phone_session(connection, read_session_name(name))
        assert session is not None
        if session.sealed_tokens:
            kept = logins.read_tokens(world.services, session.id_hash, session.sealed_tokens)
            found |= {f"okta's {name}": value for name, value in kept.items() if name not in ("app", "scope")}
    return found


def assert_unheard(secrets: dict[str, str], written: str) -> None:
    for name, secret in secrets.items():
        assert secret not in written, name
        assert len(secret) < 24 or secret[:24] not in written, name


def test_a_whole_life_of_a_login_leaves_no_secret_in_any_log(
    world: World, log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    phone = Phone(world)
    link = phone.come_back()
    said(Phone(world).complete(link))
    phone.complete(link)
    phone.complete(link)
    secrets = secrets_of(phone, link)
    assert {"verifier", "code 0", "state 0", "our code_verifier", "nonce", "okta's id_token"} <= set(secrets)
    used = phone.tokens["refresh_token"]
    phone.refresh()
    phone.refresh(used)
    secrets |= {f"next {name}": value for name, value in secrets_of(phone).items()}
    left = phone.log_out(okta=True).json()
    phone.call("POST", "/logout/complete", {"deep_link": f"org.pointapp.point:/logout?state={left['state']}"})
    world.clock.forward(61)
    phone.refresh(used)
    written = log.getvalue() + heard(caplog)
    assert '"route": "/native/v1/login/complete"' in written
    assert_unheard(secrets | {"logout": left["state"], "logout url": left["logout_url"]}, written)


def test_what_is_stored_opens_nothing(world: World) -> None:
    """Whoever copies the database has hashes and what is sealed, and no token, code, state or verifier."""
    phone, olivia = Phone(world), Phone(world, "olivia@acme.example")
    under_way, link = Phone(world).come_back(), phone.come_back()
    phone.complete(link)
    at_page = olivia.come_back_by_password()
    secrets = secrets_of(phone, link, under_way, at_page)
    phone.refresh()
    secrets |= {f"next {name}": value for name, value in secrets_of(phone).items()}
    database = Path(world.settings.database_url.removeprefix("sqlite:///"))
    stored = b"".join(each.read_bytes() for each in database.parent.glob(f"{database.name}*"))
    assert b"alice@acme.example" in stored
    for name, secret in secrets.items():
        assert secret.encode() not in stored, name
        assert len(secret) < 24 or secret.encode()[9:25] not in stored, name


def test_a_login_at_point_s_page_leaves_none_either(
    world: World, log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    olivia = Phone(world, "olivia@acme.example")
    link = olivia.come_back_by_password()
    again = olivia.browser.get(olivia.begun["authorization_url"])
    again = olivia.browser.submit(again, "state", button="Continue")
    olivia.complete(link_on(again))
    cookies = {f"cookie {each.name}": each.value or "" for each in olivia.browser.http.cookies if each.value}
    assert cookies["cookie point_session"]
    assert_unheard(secrets_of(olivia, link, link_on(again)) | cookies, log.getvalue() + heard(caplog))


@pytest.mark.parametrize("fault", ["wrong_nonce", "token_500", "token_html", "token_200_error", "no_email_anywhere"])
def test_a_login_that_fails_leaves_none_in_logs_answers_or_activity(
    world: World, log: io.StringIO, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    phone = Phone(world)
    link = phone.come_back()
    world.sandbox.fault(fault)
    answers = [phone.complete(link), phone.complete(link), phone.complete(change_query(link, code="other-code"))]
    written = log.getvalue() + heard(caplog) + str(world.activity()) + "".join(answer.text for answer in answers)
    assert_unheard(secrets_of(phone, link), written)


@pytest.mark.parametrize(
    "link",
    [
        f"{LOGIN}?code=canary-code&state=canary-state",
        f"{LOGIN}?error=canary-error&error_description=canary&state=canary-state",
        f"{LOGIN}?code=canary%&state=canary",
        "https://canary.example/?code=canary",
        "canary\0",
        {"canary": "canary"},
    ],
    ids=["unknown", "error", "encoding", "scheme", "character", "type"],
)
def test_what_a_stranger_sends_is_not_written_down_nor_sent_back(world: World, log: io.StringIO, link: object) -> None:
    phone = Phone(world)
    answer = phone.complete(link, code_verifier="canary-" + "x" * 43)
    assert answer.status_code == 400
    phone.call("POST", "/token", {"refresh_token": "canary-" + "x" * 30})
    phone.ask("GET", "/me", token="canary." + "x" * 30)
    phone.ask("DELETE", "/sessions/canary", token="canary")
    assert "canary" not in answer.text
    assert "canary" not in log.getvalue()


def test_every_line_has_the_reference_of_its_answer_and_its_reason(world: World, log: io.StringIO) -> None:
    answer = Phone(world).complete(f"{LOGIN}?code=1&state=2")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["refused", "request"]
    assert {line["reference"] for line in lines} == {answer.json()["reference"]}
    assert (lines[0]["code"], lines[0]["reason"]) == said(answer)[1:]
    assert lines[1]["route"] == "/native/v1/login/complete"
