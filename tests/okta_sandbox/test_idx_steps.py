"""/idp/idx/*: a sign-in from the first question to the interaction code, and what can go wrong on the way."""

from typing import Any

import pytest

from tests.okta_sandbox.conftest import Clock
from tests.okta_sandbox.idx import JSON_TYPE, Embedded, find_action, interaction_code_for, read_code
from tests.okta_sandbox.party import CHALLENGE, PASSWORD, REDIRECT, Party

ALICE, BEN = "alice@acme.example", "ben@acme.example"


def said(answer: Any) -> tuple[int, str, str]:
    message = answer.json()["messages"]["value"][0]
    return answer.status_code, message["i18n"]["key"], message["message"]


WRONG = (401, "incorrectPassword", "Password is incorrect")
UNKNOWN = (401, "errors.E0000004", "Authentication failed")
EXPIRED = (401, "idx.session.expired", "The session has expired.")
DENIED = (403, "security.access_denied", "You do not have permission to perform the requested action.")


def test_the_name_comes_first_then_the_password_then_the_code(party: Party, page: Embedded) -> None:
    begun = page.begin()
    assert [field["name"] for field in find_action(begun, "identify")["value"]] == [
        "identifier", "rememberMe", "stateHandle"]
    named = page.identify("Alice@acme.example").json()
    assert named["user"]["value"]["identifier"] == ALICE
    assert find_action(named, "challenge-authenticator")["href"] == f"{party.base}/idp/idx/challenge/answer"
    ended = page.answer(PASSWORD).json()
    assert ended["successWithInteractionCode"]["href"] == f"{party.issuer}/v1/token"
    assert "remediation" not in ended
    assert party.redeem_interaction_code(read_code(ended)).status_code == 200


def test_the_org_server_redeems_what_began_there(party: Party, org_party: Party) -> None:
    page = Embedded(party.base, party.client_id, server="")
    ended = page.sign_in(ALICE)
    assert ended["successWithInteractionCode"]["href"] == f"{party.base}/oauth2/v1/token"
    assert party.redeem_interaction_code(read_code(ended)).json()["error_description"] == (
        "The grant was issued for another authorization server.")
    assert org_party.redeem_interaction_code(read_code(ended)).status_code == 200


def test_one_call_signs_in_for_other_tests(party: Party) -> None:
    code = interaction_code_for(party.base, party.client_id, REDIRECT, "s", "n", CHALLENGE, ALICE, PASSWORD)
    assert party.redeem_interaction_code(code).status_code == 200


def test_a_wrong_password_can_be_mended(page: Embedded) -> None:
    page.begin()
    page.identify(ALICE)
    handle = page.state_handle
    for wrong in ("wrong", ""):
        answer = page.answer(wrong)
        assert said(answer) == WRONG
        assert find_action(answer.json(), "challenge-authenticator")
    assert page.state_handle == handle
    assert "successWithInteractionCode" in page.answer(PASSWORD).json()


def test_nobody_of_that_name_and_nobody_any_more(party: Party, page: Embedded) -> None:
    party.sandbox.deactivate("olivia@acme.example")
    page.begin()
    for name in ("nobody@acme.example", "olivia@acme.example", ""):
        answer = page.identify(name)
        assert said(answer) == UNKNOWN
        assert find_action(answer.json(), "identify")
    assert page.identify(ALICE).status_code == 200


def test_somebody_who_is_deactivated_meanwhile_cannot_go_on(party: Party, page: Embedded) -> None:
    page.begin()
    page.identify(ALICE)
    party.sandbox.deactivate(ALICE)
    assert said(page.answer(PASSWORD)) == WRONG


def test_whoever_is_not_assigned_is_told_so(party: Party, page: Embedded) -> None:
    page.begin()
    answer = page.identify(BEN)
    assert said(answer) == (400, "idx.error.user.not.assigned.to.app", "User is not assigned to this application.")
    assert find_action(answer.json(), "identify")
    party.sandbox.assign(BEN, party.client_id)
    assert page.identify(BEN).status_code == 200
    party.sandbox.assign(BEN, party.client_id, on=False)
    ended = page.answer(PASSWORD)
    assert said(ended)[:2] == (400, "idx.error.code.user_not_assigned")
    assert ended.json()["failure"]["name"] == "failure-redirect"


def test_a_rule_for_other_people_is_seen_at_the_end(party: Party, page: Embedded) -> None:
    for rules in party.sandbox.servers["default"].rules.values():
        for rule in rules.values():
            rule["conditions"]["people"]["users"]["exclude"] = [party.sandbox.person(ALICE).id]
    page.begin()
    page.identify(ALICE)
    assert said(page.answer(PASSWORD))[:2] == (400, "idx.error.code.no_matching_policy")
    assert read_code(Embedded(party.base, party.client_id).sign_in("olivia@acme.example"))


def test_introspect_tells_where_a_sign_in_stands(page: Embedded) -> None:
    page.begin()
    page.identify(ALICE)
    handle = page.state_handle
    for body in ({"interactionHandle": page.interaction_handle}, {"stateHandle": handle}, {"stateToken": handle}):
        answer = page.post("introspect", body).json()
        assert answer["stateHandle"] == handle
        assert find_action(answer, "challenge-authenticator")


def test_unknown_and_used_handles_have_expired(page: Embedded) -> None:
    assert said(page.post("introspect", {"interactionHandle": "nothing"})) == EXPIRED
    assert said(page.post("identify", {"identifier": ALICE})) == EXPIRED
    page.sign_in(ALICE)
    assert said(page.introspect()) == EXPIRED
    assert said(page.answer(PASSWORD)) == EXPIRED


def test_an_old_sign_in_has_expired(page: Embedded, clock: Clock) -> None:
    page.begin()
    clock.now += 3600
    assert said(page.identify(ALICE)) == EXPIRED


def test_a_sign_in_ends_with_its_app(party: Party, page: Embedded) -> None:
    page.begin()
    party.sandbox.app(party.client_id).json["status"] = "INACTIVE"
    assert said(page.identify(ALICE)) == EXPIRED
    assert said(page.introspect()) == EXPIRED


def test_cancel_begins_anew_under_another_handle(page: Embedded) -> None:
    page.begin()
    page.identify(ALICE)
    old = page.state_handle
    answer = page.step("cancel").json()
    assert answer["stateHandle"] != old
    assert "user" not in answer
    assert find_action(answer, "identify")
    assert said(page.post("identify", {"identifier": ALICE, "stateHandle": old})) == EXPIRED
    assert page.identify(ALICE).status_code == 200


@pytest.mark.parametrize(("path", "identified"), [
    ("challenge/answer", False), ("challenge", False), ("challenge", True), ("challenge/resend", True),
    ("challenge/poll", True), ("recover", False), ("identify", True),
])
def test_a_step_out_of_turn_is_denied(page: Embedded, path: str, identified: bool) -> None:
    page.begin()
    if identified:
        page.identify(ALICE)
    assert said(page.step(path)) == DENIED


def test_passwords_are_not_reset_here(page: Embedded) -> None:
    page.begin()
    page.identify(ALICE)
    assert said(page.step("recover"))[:2] == (403, "oie.selfservice.reset.password.not.allowed")


def test_answers_are_json_of_this_version_right_or_wrong(page: Embedded) -> None:
    page.interact()
    for answer in (page.introspect(), page.identify("nobody"), page.post("introspect", {}), page.identify(ALICE)):
        assert answer.headers["Content-Type"] == JSON_TYPE
        assert answer.headers["Cache-Control"] == "no-cache, no-store"


def test_only_json_is_read(page: Embedded) -> None:
    page.begin()
    assert page.post("identify", {}, "text/plain").json()["errorCode"] == "E0000021"
    for content in ("{", "[]", '"text"'):
        answer = page.send(f"{page.url}/idp/idx/identify", {"Content-Type": "application/json"}, data=content)
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "E0000003")
    assert said(page.step("identify", identifier={"deep": 1})) == UNKNOWN


def test_the_native_app_signs_in_the_same_way(party: Party) -> None:
    native = party.sandbox.client_id("native")
    ended = Embedded(party.base, native, "org.pointapp.point:/login").sign_in(ALICE)
    assert party.redeem_interaction_code(read_code(ended)).json()["error"] == "invalid_grant"
    tokens = party.redeem_interaction_code(read_code(ended), client_id=native)
    assert tokens.json()["refresh_token"]


def test_a_confidential_client_is_asked_for_its_secret(party: Party, page: Embedded) -> None:
    credentials = party.sandbox.app(party.client_id).credentials
    credentials |= {"token_endpoint_auth_method": "client_secret_post", "client_secret": "secret"}
    assert page.interact().json()["error"] == "invalid_client"
    fields = page.sign_in(ALICE, client_secret="secret")["successWithInteractionCode"]["value"]
    assert {"name": "client_secret", "required": True} in fields
