"""The sandbox's own page and its JSON."""

import re
from html import escape

from okta_sandbox import Sandbox
from okta_sandbox.breakages import BREAKAGES
from okta_sandbox.faults import FAULTS
from tests.okta_sandbox.party import Party


def test_faults_and_settings_can_be_listed_and_switched_as_json(party: Party) -> None:
    listed = party.get("/sandbox/faults").json()
    assert listed == party.sandbox.faults()
    assert {"interaction_code_off", "classic_engine", "no_api_access_management", "wrong_nonce"} <= set(listed)
    assert not any(listed.values())
    for on in (True, False):
        answer = party.http.put(f"{party.base}/sandbox/faults/wrong_nonce", json={"on": on}, timeout=5)
        assert answer.json() == {"name": "wrong_nonce", "on": on}
        assert party.sandbox.faults()["wrong_nonce"] is on
    party.http.put(f"{party.base}/sandbox/faults/classic_engine", json={"on": True}, timeout=5)
    assert party.sandbox.settings.classic_engine is True


def test_a_faulty_switch_is_refused(party: Party) -> None:
    assert party.http.put(f"{party.base}/sandbox/faults/nothing", json={"on": True}, timeout=5).status_code == 404
    for body in ({"on": "yes"}, {}, []):
        assert party.http.put(f"{party.base}/sandbox/faults/wrong_nonce", json=body, timeout=5).status_code == 400


def test_the_page_shows_people_apps_and_every_switch(party: Party) -> None:
    page = party.get("/sandbox").text
    for text in ("alice@acme.example", party.client_id, "org.pointapp.point:/login", "Rotate keys now"):
        assert text in page
    boxes = set(re.findall(r'<input type="checkbox" name="([a-z0-9_]+)"', page))
    assert set(party.sandbox.faulty) <= boxes
    assert '<label><input type="checkbox" name="interaction_code" checked> Interaction Code</label>' in page


def test_one_switch_alone_is_called_interaction_code(party: Party) -> None:
    labels = re.findall(r"<label>(.*?)</label>", party.get("/sandbox").text)
    assert len([label for label in labels if "interaction code" in label.lower()]) == 1


def test_a_second_factor_and_an_identity_provider_are_settings(party: Party) -> None:
    form = {"interaction_code": "on", "api_access_management": "on", "email_code": "on", "identity_provider": "on"}
    party.http.post(f"{party.base}/sandbox/settings", data=form, timeout=5)
    on = [name for name, on in party.sandbox.faults().items() if on]
    assert on == ["email_code_required", "external_identity_provider"]
    page = party.get("/sandbox").text
    assert 'name="email_code" checked>' in page
    assert "Require code of alice@acme.example by e-mail" in page


def test_the_forms_of_the_page_work(party: Party) -> None:
    sandbox: Sandbox = party.sandbox

    def post(path: str, **form: str) -> None:
        answer = party.http.post(f"{party.base}/sandbox/{path}", data=form, allow_redirects=False, timeout=5)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/sandbox")

    post("switches", wrong_nonce="on", delay_ms="7")
    assert [name for name, on in sandbox.faults().items() if on] == ["wrong_nonce"]
    assert sandbox.delay_ms == 7
    post("switches", delay_ms="7")
    post("settings", api_access_management="on")
    taken = ["interaction_code_off", "spa_without_interaction_code", "native_without_interaction_code"]
    assert [name for name, on in sandbox.faults().items() if on] == taken
    post("switches", spa_without_interaction_code="on", delay_ms="7")
    assert "interaction_code" in sandbox.app(sandbox.client_id("native")).grants
    assert "interaction_code" not in sandbox.app(sandbox.client_id("spa")).grants
    ben = sandbox.person("ben@acme.example")
    post("people", email=ben.email, client_id=party.client_id, action="assign")
    assert ben.id in sandbox.app(party.client_id).people
    post("people", email=ben.email, action="deactivate")
    assert not ben.active
    following = sandbox.keys().next.kid
    post("rotate")
    assert sandbox.keys().active.kid == following


def test_the_page_shows_every_breakage_in_its_group_with_a_line_of_explanation(party: Party) -> None:
    page = party.get("/sandbox").text
    groups = re.findall(r"<fieldset><legend>(.*?)</legend>(.*?)</fieldset>", page)
    shown = {name: group for group, boxes in groups for name in re.findall(r'name="([a-z0-9_]+)"', boxes)}
    for name, breakage in BREAKAGES.items():
        assert shown[name] == breakage.group
        assert f"> {escape(f'{name} ({breakage.said})')}</label>" in page
    assert set(FAULTS) <= shown.keys()
    for anchor in ("people", "apps", "origins", "policies", "settings", "requests"):
        assert page.count(f'<h2 id="{anchor}">') == 1


def test_the_page_shows_no_values_of_requests(party: Party) -> None:
    code = party.callback()["code"]
    party.redeem(code)
    page = party.get("/sandbox").text
    assert "code_verifier" in page
    assert code not in page
