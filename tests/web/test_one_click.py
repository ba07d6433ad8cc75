"""The pages of the one-click set-up: what is refused beside which field, and that a token is nowhere afterwards."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import requests

from okta_sandbox import RawAnswer, SeenRequest
from portal.errors import Problem
from portal.store.activity import Event, list_events
from tests.web.one_click import (
    SETUP,
    TOKEN,
    Empty,
    at_call,
    changes,
    dump,
    empty_okta,
    look_at,
    refuse,
    send,
    wait_for,
    wait_for_checks,
)  # fmt: skip
from tests.web.steps import globex_okta
from tests.world import Visitor, World

SECRET = "x5Yq-client-secret-of-an-app-x5YqQ8vT2mJ4kL7nR9sW3bZ6cD1fG0hK-pA2xs"
CANARIES = ("0oaCanary00000000123", "eyJhbGciOi.canary.canary", "https://acme.okta.com/canary", SECRET,
            "00canaryCANARYcanaryCANARYcanaryCANARY-_xx", "sandbox-token-expired", "sandbox-token-read-only",
            "sandbox-token-apps-only", "SSWS canary-canary-canary", "canary canary")  # fmt: skip


@pytest.fixture
def empty(shared: World) -> Iterator[Empty]:
    with empty_okta(shared) as empty:
        yield empty
    wait_for_checks(shared)


@pytest.fixture
def gus(shared: World) -> Visitor:
    """The owner of Globex, logged in."""
    gus = shared.gus
    gus.log_in_by_password()
    return gus


def problem_at(visitor: Visitor, answer: requests.Response, field: str) -> str:
    assert answer.status_code == 422
    return visitor.page(answer).problem_at(field)


@pytest.mark.parametrize(
    ("token", "problem"),
    [
        ("", Problem.FIELD_REQUIRED),
        ("   ", Problem.FIELD_REQUIRED),
        ("0oaCanary00000000123", Problem.API_TOKEN_IS_CLIENT_ID),
        (SECRET, Problem.API_TOKEN_IS_SECRET),
        ("eyJhbGciOi.canary.canary", Problem.API_TOKEN_FORM),
        ("https://acme.okta.com/canary", Problem.API_TOKEN_FORM),
        ("canary canary", Problem.API_TOKEN_FORM),
        ("SSWS canary-canary-canary", Problem.API_TOKEN_REFUSED),
        ("00canaryCANARYcanaryCANARYcanaryCANARY-_xx", Problem.API_TOKEN_REFUSED),
        ("sandbox-token-expired", Problem.API_TOKEN_REFUSED),
    ],
)
def test_what_is_no_good_token_is_told_beside_the_field_and_nothing_is_done(
    shared: World, empty: Empty, gus: Visitor, token: str, problem: Problem
) -> None:
    before = look_at(empty.sandbox)
    answer = send(gus, empty, token=token)
    assert problem.title in problem_at(gus, answer, "token")
    assert problem.advice in problem_at(gus, answer, "token")
    field = gus.page(answer).find("input", name="token")
    assert (field.attributes["type"], field.attributes["autocomplete"]) == ("password", "off")
    assert "value" not in field.attributes
    assert not token.strip() or token.strip() not in answer.text
    assert look_at(empty.sandbox) == before
    assert "Set-up of" not in gus.get(SETUP).text


@pytest.mark.parametrize(
    ("token", "step", "role"),
    [
        ("sandbox-token-read-only", "App for the web", "Application Administrator"),
        ("sandbox-token-apps-only", "Trusted origin", "Organization Administrator"),
    ],
)
def test_a_token_that_may_not_do_it_stops_there_and_says_which_role_is_needed(
    shared: World, empty: Empty, gus: Visitor, token: str, step: str, role: str
) -> None:
    send(gus, empty, token=token)
    run = wait_for(shared)
    assert run.status == "stopped"
    page = gus.get(SETUP)
    assert "Stopped half-way." in page.text
    text = gus.page(page).text
    assert f"{step}Stopped here {Problem.API_TOKEN_WEAK.title}" in text
    assert role in text
    assert "Resume" in text


def test_a_token_that_expires_in_the_middle_stops_there_and_a_new_one_goes_on(
    shared: World, empty: Empty, gus: Visitor
) -> None:
    at_call(empty.sandbox, 8, lambda _: empty.sandbox.revoked.add(TOKEN))
    send(gus, empty)
    assert wait_for(shared).status == "stopped"
    page = gus.get(SETUP)
    assert Problem.API_TOKEN_REFUSED.title in page.text
    answer = gus.submit(page, "resume_token", resume_token=TOKEN)
    assert Problem.API_TOKEN_REFUSED.title in problem_at(gus, answer, "resume_token")
    answer = gus.submit(answer, "resume_token", resume_token="sandbox-token")
    assert wait_for(shared).status == "done"
    assert len(empty.sandbox.apps) == 2


def test_the_token_is_in_no_row_no_log_no_page_and_no_answer(
    shared: World, empty: Empty, gus: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("portal").addHandler(caplog.handler)
    caplog.set_level(logging.DEBUG)
    pages = []
    for token in CANARIES:
        pages.append(send(gus, empty, token=token).text)
        wait_for(shared) if "Set-up of" in pages[-1] else None
        pages.append(gus.get(SETUP).text)
    # An Okta that answers with the token in its error must not bring it into our log.
    empty.sandbox.answer = lambda request: _tell_tale(request)
    pages.append(send(gus, empty).text)
    empty.sandbox.answer = None
    at_call(empty.sandbox, 6, refuse)
    pages.append(send(gus, empty).text)
    wait_for(shared)
    pages.append(gus.submit(gus.get(SETUP), "resume_token", resume_token=TOKEN).text)
    wait_for(shared)
    pages.append(gus.get(SETUP).text)
    logging.getLogger("portal").removeHandler(caplog.handler)
    everything = {
        "database": dump(shared),
        "log": caplog.text + "".join(str(vars(record)) for record in caplog.records),
        "pages": "\n".join(pages),
    }
    for place, text in everything.items():
        for token in (*CANARIES, TOKEN):
            bare = token.removeprefix("SSWS ")
            assert bare not in text or bare in empty.okta, (place, bare)


def _tell_tale(request: SeenRequest) -> RawAnswer | None:
    if request.path != "/api/v1/users/me":
        return None
    body = f'{{"errorCode":"E0000011","errorSummary":"Invalid token: {TOKEN}","errorCauses":[]}}'
    return RawAnswer(401, [("Content-Type", "application/json")], body.encode())


@pytest.mark.parametrize(
    ("domain", "problem"),
    [
        ("", Problem.DOMAIN_EMPTY),
        ("acme.okta.com.com", Problem.DOMAIN_TYPO),
        ("gus@globex.example", Problem.DOMAIN_IS_EMAIL),
        ("00canaryCANARYcanaryCANARYcanaryCANARY-_xx", Problem.API_TOKEN_PASTED),
    ],
)
def test_what_is_no_okta_is_told_beside_the_field_and_gets_no_token(
    shared: World, empty: Empty, gus: Visitor, domain: str, problem: Problem
) -> None:
    answer = send(gus, empty, domain=domain)
    assert problem.title in problem_at(gus, answer, "domain")
    assert "canary" not in answer.text
    assert changes(empty.sandbox) == []


def test_a_server_that_is_no_okta_never_sees_the_token(shared: World, empty: Empty, gus: Visitor) -> None:
    empty.sandbox.fault("organization_html")
    answer = send(gus, empty)
    assert Problem.DOMAIN_NOT_OKTA.title in problem_at(gus, answer, "domain")
    assert not [one for one in empty.sandbox.requests if "authorization" in one.headers]


def test_both_fields_are_told_about_at_once(shared: World, empty: Empty, gus: Visitor) -> None:
    answer = send(gus, empty, domain="acme", token="")
    assert problem_at(gus, answer, "domain")
    assert problem_at(gus, answer, "token")
    assert "2 things to put right" in answer.text


def test_one_click_connects_and_revokes_the_token(shared: World, empty: Empty, gus: Visitor) -> None:
    answer = send(gus, empty)
    assert "Set-up of" in answer.text
    wait_for(shared)
    page = gus.page(gus.get(SETUP))
    assert "Done: Okta is set up, and POINT is connected." in page.text
    assert "Revoked in Okta" in page.text
    assert empty.sandbox.revoked == {TOKEN}
    assert "live" not in [element.attributes.get("data-module") for element in page.elements]
    assert [event.what for event in _events(shared)][:3] == ["okta.set_up_done", "okta.saved", "okta.set_up_started"]


def test_a_second_run_says_that_everything_was_there(shared: World, empty: Empty, gus: Visitor) -> None:
    for _ in range(2):
        send(gus, empty, token="sandbox-token")
        wait_for(shared)
    page = gus.page(gus.get(SETUP))
    assert "Everything was there already. Nothing was changed." in page.text
    assert "Please revoke it there." in page.text
    assert len(empty.sandbox.apps) == 2


def test_looking_first_shows_the_plan_and_asks_for_the_token_again(shared: World, empty: Empty, gus: Visitor) -> None:
    _look(gus, empty)
    wait_for(shared)
    page = gus.get(SETUP)
    assert "Nothing has been changed yet. 7 things will be created." in gus.page(page).text
    assert "Undo" not in page.text
    assert gus.page(page).form_with("token").fields["domain"] == empty.okta
    assert changes(empty.sandbox) == []


def _look(gus: Visitor, empty: Empty) -> requests.Response:
    form = gus.page(gus.get(SETUP)).form_with("token")
    data = {**form.fields, "domain": empty.okta, "token": TOKEN, "what": "look"}
    return gus.follow(gus.step(form.action, method="POST", data=data))


def test_progress_is_a_part_of_the_page_that_ends_by_itself(shared: World, empty: Empty, gus: Visitor) -> None:
    assert gus.get(SETUP + "/progress").text.count("<div") == 1
    empty.sandbox.fault("management_rate_limited")
    answer = send(gus, empty)
    place = gus.page(answer).find("div", data_module="live")
    assert 'http-equiv="refresh"' in answer.text
    part = gus.get(place.attributes["data-url"])
    assert part.text.lstrip().startswith("<div")
    assert "<html" not in part.text
    empty.sandbox.clear_faults()
    wait_for(shared)
    assert 'data-module="live"' not in gus.get(place.attributes["data-url"]).text


def test_stop_stops_and_a_second_press_finds_it_stopped(shared: World, empty: Empty, gus: Visitor) -> None:
    empty.sandbox.fault("management_rate_limited")
    answer = send(gus, empty)
    for _ in range(2):
        stopped = gus.submit(answer, "run", button="Stop")
        assert stopped.status_code == 200
    assert wait_for(shared).status == "stopped"
    assert "Stopped half-way." in gus.get(SETUP).text


def test_undo_takes_back_what_was_made(shared: World, empty: Empty, gus: Visitor) -> None:
    before = look_at(empty.sandbox)
    send(gus, empty, token="sandbox-token")
    wait_for(shared)
    gus.submit(gus.get(SETUP), "undo_token", undo_token="sandbox-token")
    assert wait_for(shared).status == "undone"
    assert look_at(empty.sandbox) == before
    page = gus.get(SETUP)
    assert "Taken back" in page.text
    assert "People log in with an app that is deleted now." in page.text
    assert "undo_token" not in page.text


@pytest.mark.parametrize("path", ["/resume", "/undo", "/stop"])
def test_a_run_that_is_not_there_or_somebody_elses_is_a_conflict(
    shared: World, empty: Empty, gus: Visitor, path: str
) -> None:
    send(gus, empty)
    wait_for(shared)
    olivia = shared.olivia
    olivia.log_in_by_password()
    acme = SETUP.replace("globex", "acme")
    for visitor, page, run in ((olivia, acme, "1"), (gus, SETUP, "99"), (gus, SETUP, "x"), (gus, SETUP, "9" * 30)):
        answer = visitor.step(page + path, method="POST", data={"run": run, "undo_token": TOKEN})
        assert answer.status_code == 409
    assert "Set-up of" not in olivia.get(acme + "?run=1").text


def test_an_admin_may_look_but_not_set_up(shared: World) -> None:
    adam = shared.person("adam@acme.example")
    adam.log_in_by_password()
    page = adam.get("/organizations/acme/integrations/okta/setup")
    assert page.status_code == 200
    assert "token" not in {name for form in adam.page(page).forms for name in form.fields}
    for path in ("", "/resume", "/undo", "/stop"):
        answer = adam.step("/organizations/acme/integrations/okta/setup" + path, method="POST")
        assert answer.status_code == 403


def test_phones_can_be_added_to_a_web_that_is_there(shared: World, empty: Empty, gus: Visitor) -> None:
    assert "Phones only" not in gus.get(SETUP).text
    send(gus, empty, token="sandbox-token", apps="spa")
    wait_for(shared)
    assert len(empty.sandbox.apps) == 1
    send(gus, empty, token="sandbox-token", apps="native")
    run = wait_for(shared)
    assert run.status == "done"
    assert len(empty.sandbox.apps) == 2
    form = gus.page(gus.get("/organizations/globex/integrations/okta")).form_with("spa_client_id")
    assert form.fields["spa_client_id"] == empty.sandbox.client_id("spa")
    assert form.fields["native_client_id"] == empty.sandbox.client_id("native")


def test_where_something_else_is_live_the_page_says_so_before_and_offers_to_switch_on_after(
    shared: World, empty: Empty, gus: Visitor
) -> None:
    assert "which go live at once" in gus.get(SETUP).text
    with globex_okta(shared) as theirs:
        carol = shared.carol
        carol.log_in(slug="globex")
        assert "kept as a draft, in place of an earlier one, until you switch it on" in gus.get(SETUP).text
        send(gus, empty, token="sandbox-token")
        wait_for(shared)
        wait_for_checks(shared)
        page = gus.get(SETUP)
        text = gus.page(page).text
        assert "Other settings are live and stay so: the new ones are a draft until you switch it on." in text
        assert "POINT is connected" not in text
        assert f"Live: {theirs.okta} Draft: {empty.okta}" in text
        assert carol.session()["authenticated"]
        after = gus.submit(page, button="Switch on")
        assert "Switched on." in after.text
        assert not carol.session()["authenticated"]
        assert "Switch on" not in gus.page(gus.get(SETUP)).text


def test_a_token_in_the_field_for_a_client_id_is_told_so_and_not_kept(shared: World, gus: Visitor) -> None:
    okta = "/organizations/globex/integrations/okta"
    token = "00canaryCANARYcanaryCANARYcanaryCANARY-_xx"
    answer = gus.submit(gus.get(okta), spa_client_id=token, spa_domain=shared.okta)
    assert Problem.API_TOKEN_PASTED.advice in problem_at(gus, answer, "spa_client_id")
    assert token not in dump(shared)


def _events(world: World) -> list[Event]:
    with world.services.db.reading() as connection:
        return list_events(connection, world.globex_id, limit=10)
