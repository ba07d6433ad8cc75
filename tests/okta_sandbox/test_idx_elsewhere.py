"""Sign-ins that leave the page: a code or a link by e-mail, an external identity provider; and calls across origins."""

import re
from urllib.parse import urlsplit

import pytest
import requests

from okta_sandbox import Sandbox
from tests.okta_sandbox.conftest import Clock
from tests.okta_sandbox.idx import Embedded, find_action, read_code
from tests.okta_sandbox.party import PASSWORD, REDIRECT, Party, decode_part, read_query

ALICE = "alice@acme.example"
PORTAL = "http://localhost:5000"


@pytest.fixture
def asked(party: Party, page: Embedded) -> Embedded:
    """A sign-in whose password was right and whose code lies in the mailbox."""
    party.sandbox.require_email_code(ALICE)
    page.begin()
    page.identify(ALICE)
    chosen = page.answer(PASSWORD)
    assert "successWithInteractionCode" not in chosen.json()
    sent = page.choose_email(chosen.json()).json()
    assert sent["currentAuthenticatorEnrollment"]["value"]["profile"] == {"email": "a***e@acme.example"}
    return page


def field_problem(answer: requests.Response) -> tuple[int, str]:
    field = find_action(answer.json(), "challenge-authenticator")["value"][0]["form"]["value"][0]
    assert "messages" not in answer.json()
    return answer.status_code, field["messages"]["value"][0]["i18n"]["key"]


INVALID = (401, "api.authn.error.PASSCODE_INVALID")


def test_the_code_is_in_the_mailbox_and_ends_the_sign_in(party: Party, asked: Embedded) -> None:
    mail = party.sandbox.mailbox[-1]
    assert (mail.to, mail.time) == (ALICE, party.sandbox.clock())
    assert re.fullmatch(r"[0-9]{6}", mail.code)
    page = party.get("/sandbox").text
    assert mail.code in page
    assert mail.link.replace("&", "&amp;") in page
    assert asked.read_mail()["code"] == mail.code
    tokens = party.redeem_interaction_code(read_code(asked.answer(mail.code).json())).json()
    assert decode_part(tokens["id_token"], 1)["amr"] == ["mfa", "otp", "pwd"]


def test_a_wrong_code_is_told_at_its_field_and_can_be_mended(party: Party, asked: Embedded) -> None:
    for wrong in ("", "abc", PASSWORD):
        assert field_problem(asked.answer(wrong)) == INVALID
    assert read_code(asked.answer(party.sandbox.mailbox[-1].code).json())


def test_a_code_lives_five_minutes(party: Party, asked: Embedded, clock: Clock) -> None:
    clock.now += 300
    assert field_problem(asked.answer(party.sandbox.mailbox[-1].code)) == INVALID


def test_a_new_code_voids_the_one_before(party: Party, asked: Embedded) -> None:
    old = party.sandbox.mailbox[-1].code
    while party.sandbox.mailbox[-1].code == old:
        assert asked.step("challenge/resend").status_code == 200
    assert field_problem(asked.answer(old)) == INVALID
    assert read_code(asked.answer(party.sandbox.mailbox[-1].code).json())


def test_polling_tells_the_step_again(asked: Embedded) -> None:
    assert find_action(asked.step("challenge/poll").json(), "challenge-authenticator")


def test_only_the_email_can_be_chosen(asked: Embedded) -> None:
    assert asked.step("challenge", authenticator={"id": "autSomethingElse"}).status_code == 403


def test_the_link_leads_to_the_app_with_code_and_state(party: Party, asked: Embedded) -> None:
    link = party.sandbox.mailbox[-1].link
    assert link.startswith(REDIRECT + "?otp=")
    query = read_query(link)
    assert set(query) == {"otp", "state"}
    assert query["state"] == "state-1"
    again = Embedded(party.base, party.client_id)
    again.interaction_handle = asked.interaction_handle
    assert find_action(again.introspect().json(), "challenge-authenticator")
    assert read_code(again.answer(query["otp"]).json())


def test_the_native_apps_link_has_its_scheme(party: Party) -> None:
    party.sandbox.fault("email_code_required")
    native = Embedded(party.base, party.sandbox.client_id("native"), "org.pointapp.point:/login")
    assert read_code(native.sign_in(ALICE))
    assert party.sandbox.mailbox[-1].link.startswith("org.pointapp.point:/login?otp=")


def test_the_org_or_one_person_may_need_a_code(party: Party) -> None:
    def sign_in(person: str) -> int:
        before = len(party.sandbox.mailbox)
        Embedded(party.base, party.client_id).sign_in(person)
        return len(party.sandbox.mailbox) - before

    assert sign_in(ALICE) == 0
    party.http.post(f"{party.base}/sandbox/people", data={"email": ALICE, "action": "require_code"}, timeout=5)
    assert (sign_in(ALICE), sign_in("olivia@acme.example")) == (1, 0)
    party.http.post(f"{party.base}/sandbox/people", data={"email": ALICE, "action": "waive_code"}, timeout=5)
    party.sandbox.fault("email_code_required")
    assert (sign_in(ALICE), sign_in("olivia@acme.example")) == (1, 1)


def leave(party: Party, page: Embedded) -> str:
    """Where the sign-in leads to: the path of the identity provider's page."""
    party.sandbox.fault("external_identity_provider")
    redirect = find_action(page.begin(), "redirect-idp")
    assert redirect["idp"]["name"] == "Acme Directory"
    return str(redirect["href"].removeprefix(party.base))


def sign_in_there(party: Party, path: str, password: str = PASSWORD, **more: str) -> requests.Response:
    found = re.search(r'name="stateToken" value="([^"]+)"', party.get(path).text)
    assert found
    form = {"stateToken": found[1], "identifier": ALICE, "password": password, **more}
    return party.http.post(party.base + urlsplit(path).path, data=form, allow_redirects=False, timeout=5)


def test_an_identity_provider_leads_back_with_the_code(party: Party, page: Embedded) -> None:
    answer = sign_in_there(party, leave(party, page))
    assert answer.headers["Location"].startswith(REDIRECT + "?interaction_code=")
    back = read_query(answer.headers["Location"])
    assert (set(back), back["state"]) == ({"interaction_code", "state"}, "state-1")
    claims = decode_part(party.redeem_interaction_code(back["interaction_code"]).json()["id_token"], 1)
    assert claims["idp"] == party.sandbox.identity_provider["id"]
    assert (claims["email"], claims["nonce"]) == (ALICE, "nonce-1")


def test_when_okta_wants_more_the_app_goes_on_where_it_was(party: Party, page: Embedded) -> None:
    party.sandbox.require_email_code(ALICE)
    back = read_query(sign_in_there(party, leave(party, page)).headers["Location"])
    assert (back["error"], back["state"]) == ("interaction_required", "state-1")
    assert back["error_description"] == ("Your client is configured to use the interaction code flow and user"
                                         " interaction is required to complete the request.")
    page.choose_email(page.introspect().json())
    code = read_code(page.answer(party.sandbox.mailbox[-1].code).json())
    claims = decode_part(party.redeem_interaction_code(code).json()["id_token"], 1)
    assert claims["idp"] == party.sandbox.identity_provider["id"]


def test_failures_at_the_identity_provider(party: Party, page: Embedded) -> None:
    path = leave(party, page)
    wrong = sign_in_there(party, path, "wrong")
    assert (wrong.status_code, '<p role="alert">Unable to sign in</p>' in wrong.text) == (200, True)
    assert read_query(sign_in_there(party, path, cancel="1").headers["Location"])["error"] == "access_denied"
    party.sandbox.assign(ALICE, party.client_id, on=False)
    back = read_query(sign_in_there(party, path).headers["Location"])
    assert (back["error"], back["error_description"]) == ("access_denied",
                                                          "User is not assigned to the client application.")
    assert party.get("/sso/idps/0oaOther?stateToken=" + page.state_handle).status_code == 400
    assert "login_required" in party.get(urlsplit(path).path + "?stateToken=nothing").text
    party.sandbox.fault("external_identity_provider", on=False)
    assert party.get(path).status_code == 400


def test_an_identity_provider_is_kept_over_restarts(tmp_path_factory: pytest.TempPathFactory) -> None:
    state = tmp_path_factory.mktemp("state") / "state.json"
    first = Sandbox(state=state)
    first.require_email_code(ALICE)
    first.save()
    again = Sandbox(state=state)
    assert again.identity_provider == first.identity_provider
    assert again.person(ALICE).email_code is True


@pytest.mark.parametrize(("origin", "trusted"), [
    (PORTAL, True), ("http://localhost:5001", False), ("https://localhost:5000", False), ("null", False),
    (PORTAL + "/", False), ("https://example.invalid", False),
])
def test_only_a_trusted_origin_may_read_the_answers(party: Party, origin: str, trusted: bool) -> None:
    page = Embedded(party.base, party.client_id, origin=origin)
    expected = (origin, "true") if trusted else (None, None)
    for answer in (page.interact(), page.introspect(), page.identify(ALICE), page.answer("wrong"),
                   page.interact(scope="nonsense"), page.post("introspect", {})):
        headers = answer.headers
        assert (headers.get("Access-Control-Allow-Origin"), headers.get("Access-Control-Allow-Credentials")) == expected
        assert headers["Vary"] == "Origin"


def test_a_call_without_an_origin_is_none_of_cors(page: Embedded) -> None:
    assert "Access-Control-Allow-Origin" not in page.interact().headers


@pytest.mark.parametrize("path", ["/oauth2/default/v1/interact", "/oauth2/v1/interact", "/idp/idx/introspect",
                                  "/idp/idx/challenge/answer"])
def test_the_preflight_is_for_trusted_origins(party: Party, path: str) -> None:
    def ask(origin: str) -> requests.Response:
        wanted = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
        return party.http.options(party.base + path, headers={"Origin": origin, **wanted}, timeout=5)

    allowed = ask(PORTAL)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == PORTAL
    assert allowed.headers["Access-Control-Allow-Credentials"] == "true"
    assert "X-Okta-User-Agent-Extended" in allowed.headers["Access-Control-Allow-Headers"]
    refused = ask("https://example.invalid")
    assert [name for name in refused.headers if name.startswith("Access-Control")] == []


def test_a_trusted_origin_must_be_active_and_for_cors(party: Party) -> None:
    page = Embedded(party.base, party.client_id, origin=PORTAL)
    entry = next(iter(party.sandbox.origins.values()))
    for change in ({"scopes": [{"type": "REDIRECT"}]}, {"scopes": [{"type": "CORS"}], "status": "INACTIVE"}):
        entry |= change
        assert "Access-Control-Allow-Origin" not in page.interact().headers
