"""The return of an embedded sign-in: an interaction code, redeemed by the server, with the checks of any login."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from okta_sandbox import Sandbox
from portal.web import widget_assets
from tests.needs import need
from tests.okta.forgery import by_id
from tests.okta_sandbox.idx import interaction_code_for
from tests.web.group_steps import ADMINS, ALICE, give
from tests.web.steps import assert_anonymous, assert_refused, assert_turned_away, count_rows, embed
from tests.web.test_id_token_attacks import WEB, attack
from tests.web.test_rp_conformance import ACCEPTED, REFUSED, params
from tests.world import Visitor, World


@pytest.fixture
def world(shared: World) -> World:
    need(
        widget_assets.find_widget(widget_assets.FOLDER),
        "Okta's Sign-In Widget: install Node with npm, then `make node_modules/ready`",
    )
    embed(shared)
    return shared


def begin(visitor: Visitor, **query: str) -> dict[str, Any]:
    """Opens the page; what the widget on it is started with."""
    page = visitor.step("/login/acme", params=query)
    found = re.search(r'data-settings="([^"]+)"', page.text)
    assert found, page.text
    settings: dict[str, Any] = json.loads(html.unescape(found[1]))
    return settings


def code_for(world: World, settings: dict[str, Any], person: str, **changes: str) -> str:
    """What the widget brings back; a change makes it ask for something else."""
    asked = {
        "client_id": settings["clientId"],
        "redirect_uri": settings["redirectUri"],
        "state": settings["state"],
        "nonce": settings["nonce"],
        "code_challenge": settings["codeChallenge"],
        "person": person,
        **changes,
    }
    return interaction_code_for(world.okta, **asked)


def come_back(visitor: Visitor, code: str, state: str) -> requests.Response:
    return visitor.get(f"/login/callback?{urlencode({'interaction_code': code, 'state': state})}")


def log_in(world: World, visitor: Visitor) -> requests.Response:
    settings = begin(visitor)
    return come_back(visitor, code_for(world, settings, visitor.email), settings["state"])


def test_the_server_redeems_the_code_with_its_own_grant(world: World) -> None:
    alice = world.alice
    log_in(world, alice)
    assert alice.session()["method"] == "okta"
    [call] = world.requests_to("/token")
    form = {name: values[0] for name, values in call.form.items()}
    assert form.keys() == {"grant_type", "client_id", "interaction_code", "code_verifier"}
    assert form["grant_type"] == "interaction_code"


@pytest.mark.parametrize("fault_and_reason", params(REFUSED))
def test_a_bad_id_token_logs_nobody_in(world: World, fault_and_reason: tuple[str, str]) -> None:
    fault, reason = fault_and_reason
    world.sandbox.fault(fault)
    before = count_rows(world)
    alice = world.alice
    assert_refused(world, log_in(world, alice), reason, status=502)
    assert_anonymous(alice)
    assert count_rows(world) == before


@pytest.mark.parametrize("fault", params(ACCEPTED))
def test_what_an_okta_may_do_differently_is_no_reason_to_refuse(world: World, fault: str) -> None:
    world.sandbox.fault(fault)
    alice = world.alice
    log_in(world, alice)
    assert alice.session()["email"] == "alice@acme.example"


@pytest.mark.parametrize("case", by_id(WEB))
def test_a_forged_id_token_gets_the_same_verdict_as_on_any_return(world: World, case: dict[str, Any]) -> None:
    attack(world, case["recipe"])
    alice = world.alice
    page = log_in(world, alice)
    if case["expect"] == "accept":
        assert alice.session()["authenticated"] is True
    else:
        assert page.status_code >= 400
        assert_anonymous(alice)


def test_a_second_return_with_the_same_code_is_the_same_session_and_asks_okta_once(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    code = code_for(world, settings, alice.email)
    come_back(alice, code, settings["state"])
    come_back(alice, code, settings["state"])
    assert alice.session()["email"] == alice.email
    assert len(world.requests_to("/token")) == 1


def test_a_code_that_was_used_in_one_login_is_refused_in_the_next(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    code = code_for(world, settings, alice.email)
    come_back(alice, code, settings["state"])
    thief = world.stranger
    page = come_back(thief, code, begin(thief)["state"])
    assert_refused(world, page, "code_rejected_by_op", status=400)
    assert_anonymous(thief)


def test_a_code_is_too_old_after_a_minute(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    code = code_for(world, settings, alice.email)
    world.clock.forward(61)
    assert_refused(world, come_back(alice, code, settings["state"]), "code_rejected_by_op", status=400)
    assert_anonymous(alice)


def test_a_code_for_another_nonce_logs_nobody_in(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    code = code_for(world, settings, alice.email, nonce="somebody-elses-nonce")
    assert_refused(world, come_back(alice, code, settings["state"]), "nonce_mismatch", status=502)
    assert_anonymous(alice)


def test_a_code_for_another_challenge_is_refused_by_okta(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    code = code_for(world, settings, alice.email, code_challenge="A" * 43)
    assert_refused(world, come_back(alice, code, settings["state"]), "code_rejected_by_op", status=400)


def test_a_code_of_the_other_app_is_refused(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    native = {"client_id": world.sandbox.client_id("native"), "redirect_uri": "org.pointapp.point:/login"}
    code = code_for(world, settings, alice.email, **native)
    page = come_back(alice, code, settings["state"])
    assert page.status_code >= 400
    assert_anonymous(alice)


def test_a_code_of_another_organization_s_okta_is_refused_and_nothing_goes_there(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    other = Sandbox(portal=world.base, clock=world.clock, keys="b")
    with other.serve(host="127.0.0.1") as server:
        asked = {"client_id": other.client_id("spa"), "redirect_uri": settings["redirectUri"]}
        asked |= {"state": settings["state"], "nonce": settings["nonce"], "code_challenge": settings["codeChallenge"]}
        code = interaction_code_for(server.url, **asked, person="alice@acme.example")
        sent = len(other.requests)
        page = come_back(alice, code, settings["state"])
        assert len(other.requests) == sent
    assert_refused(world, page, "code_rejected_by_op", status=400)
    assert_anonymous(alice)


def test_an_unknown_state_changes_nothing(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    code = code_for(world, settings, alice.email)
    page = come_back(alice, code, "A" * 44)
    assert_turned_away(page, "This login was not started here", 400)
    assert world.requests_to("/token") == []
    come_back(alice, code, settings["state"])
    assert alice.session()["email"] == alice.email


def test_more_to_do_shows_the_same_attempt_again_and_uses_nothing_up(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    query = urlencode({"error": "interaction_required", "state": settings["state"]})
    page = alice.step(f"/login/callback?{query}")
    again = json.loads(html.unescape(re.search(r'data-settings="([^"]+)"', page.text)[1]))  # type: ignore[index]
    same = ("state", "nonce", "codeChallenge", "clientId", "issuer", "redirectUri")
    assert [again[name] for name in same] == [settings[name] for name in same]
    assert world.requests_to("/token") == []
    come_back(alice, code_for(world, settings, alice.email), settings["state"])
    assert alice.session()["email"] == alice.email


def test_the_code_of_an_e_mail_goes_to_the_widget_of_the_browser_that_waits(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    page = alice.step(f"/login/callback?{urlencode({'otp': '123456', 'state': settings['state']})}")
    assert json.loads(html.unescape(re.search(r'data-settings="([^"]+)"', page.text)[1]))["otp"] == "123456"  # type: ignore[index]


@pytest.mark.parametrize("otp", ["<b>1</b>", "12 34", "1" * 33, "1", "%00123", "12345\u00e9"])
def test_what_is_no_code_is_not_shown_in_another_browser(world: World, otp: str) -> None:
    page = world.stranger.step(f"/login/callback?{urlencode({'otp': otp, 'state': 'A' * 44})}")
    assert_turned_away(page, "This login was not started here", 400)


def test_settings_that_changed_meanwhile_refuse_the_return(world: World) -> None:
    alice = world.alice
    settings = begin(alice)
    code = code_for(world, settings, alice.email)
    embed(world)
    assert_refused(world, come_back(alice, code, settings["state"]), "integration_version", status=409)
    assert world.requests_to("/token") == []


def test_the_page_without_the_widgets_own_files_is_small(world: World) -> None:
    alice = world.alice
    page = alice.step("/login/acme").text
    ours = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)
    sizes = [len(alice.step(path, headers={"Accept-Encoding": "identity"}).content) for path in ours]
    assert len(ours) == 4
    assert len(page) + sum(sizes) <= 20_000


def test_without_the_widgets_files_people_go_on_to_okta(world: World) -> None:
    installed = world.app.extensions["widget"]
    world.app.extensions["widget"] = None
    try:
        answer = world.alice.step("/login/acme")
    finally:
        world.app.extensions["widget"] = installed
    assert answer.headers["Refresh"] == "1;url=/login/acme/okta"
    assert "/login/acme/okta" in answer.text


def test_the_page_after_the_address_leads_to_the_form(world: World) -> None:
    answer = world.alice.step("/login", method="POST", data={"email": "alice@acme.example", "next": "/account"})
    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        "/login/acme?email=alice%40acme.example&next=%2Faccount",
    )
    assert begin(world.alice, email="alice@acme.example")["username"] == "alice@acme.example"


def test_roles_follow_groups_that_the_form_asks_for_and_a_form_from_before_is_made_anew(world: World) -> None:
    """At the org authorization server, where the scope decides."""
    embed(world, authorization_server="org")
    alice = world.alice
    before = begin(alice)
    assert "groups" not in before["scopes"]
    give(world, **{ADMINS: "admin"})
    world.sandbox.put_in_group(ALICE, ADMINS)
    settings = begin(alice)
    assert "groups" in settings["scopes"]
    assert settings["state"] != before["state"]
    code = code_for(world, settings, alice.email, server="", scopes=" ".join(settings["scopes"]))
    come_back(alice, code, settings["state"])
    assert alice.session()["role"] == "admin"
