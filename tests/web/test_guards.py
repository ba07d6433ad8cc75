"""Who gets in where, for every route there is, and which forms are turned away."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from tests.needs import forget_tries
from tests.world import Visitor, World

# What each role may do; a route that is not here is found out by test_every_route_is_in_the_table.
EVERYBODY, MEMBERS, MANAGERS, OWNERS = "everybody", "members", "managers", "owners"
TABLE = {
    ("account.show", "GET"): MEMBERS,
    ("activity.file", "GET"): MANAGERS,
    ("activity.index", "GET"): MANAGERS,
    ("login.again", "GET"): MEMBERS,
    ("login.again_by_password", "POST"): MEMBERS,
    ("sessions.own", "GET"): MEMBERS,
    ("sessions.end_own", "POST"): MEMBERS,
    ("sessions.of_member", "GET"): OWNERS,
    ("sessions.end_of_member", "POST"): OWNERS,
    ("domains.ask_remove", "GET"): OWNERS,
    ("domains.check", "POST"): OWNERS,
    ("domains.claim", "POST"): OWNERS,
    ("domains.drop", "POST"): OWNERS,
    ("domains.index", "GET"): MANAGERS,
    ("domains.remove", "POST"): OWNERS,
    ("integrations.index", "GET"): MANAGERS,
    ("members.drop", "POST"): OWNERS,
    ("members.index", "GET"): MANAGERS,
    ("members.invite", "POST"): OWNERS,
    ("members.ask_remove", "GET"): OWNERS,
    ("members.remove", "POST"): OWNERS,
    ("members.role", "POST"): OWNERS,
    ("members.show", "GET"): OWNERS,
    ("organizations.index", "GET"): MEMBERS,
    ("organizations.switch", "POST"): MEMBERS,
    ("integrations.okta", "GET"): MANAGERS,
    ("integrations.okta_preview", "GET"): MANAGERS,
    ("integrations.save_okta", "POST"): OWNERS,
    ("integrations.okta_switch_on", "POST"): OWNERS,
    ("integrations.okta_throw_away", "POST"): OWNERS,
    ("group_roles.show", "GET"): MANAGERS,
    ("group_roles.add", "POST"): OWNERS,
    ("group_roles.remove", "POST"): OWNERS,
    ("group_roles.set_claim", "POST"): OWNERS,
    ("okta_checks.show", "GET"): MANAGERS,
    ("okta_checks.progress", "GET"): MANAGERS,
    ("okta_checks.rows", "GET"): MANAGERS,
    ("okta_checks.run", "POST"): OWNERS,
    ("okta_guide.show", "GET"): MANAGERS,
    ("okta_guide.show_one", "GET"): MANAGERS,
    ("okta_guide.print_sheet", "GET"): MANAGERS,
    ("okta_guide.save_progress", "POST"): OWNERS,
    ("okta_guide.links", "GET"): OWNERS,
    ("okta_guide.make_link", "POST"): OWNERS,
    ("okta_guide.take_link_back", "POST"): OWNERS,
    ("okta_setup.show", "GET"): MANAGERS,
    ("okta_setup.progress", "GET"): MANAGERS,
    ("okta_setup.script", "GET"): MANAGERS,
    ("okta_setup.terraform", "GET"): MANAGERS,
    ("okta_setup.start", "POST"): OWNERS,
    ("okta_setup.resume", "POST"): OWNERS,
    ("okta_setup.undo", "POST"): OWNERS,
    ("okta_setup.stop", "POST"): OWNERS,
    ("okta_test.index", "GET"): MANAGERS,
    ("okta_test.start", "POST"): MANAGERS,
    ("okta_test.show", "GET"): MANAGERS,
    ("okta_test.progress", "GET"): MANAGERS,
    ("okta_versions.show", "GET"): MANAGERS,
    ("okta_versions.restore", "POST"): OWNERS,
    ("security.show", "GET"): MANAGERS,
    ("session_length.save", "POST"): OWNERS,
    ("security.switch_on", "POST"): OWNERS,
    ("security.confirm", "POST"): OWNERS,
    ("security.switch_off", "POST"): OWNERS,
    ("security.make_codes", "POST"): OWNERS,
    ("integrations.okta_delete", "GET"): OWNERS,
    ("integrations.okta_deleted", "GET"): MANAGERS,
    ("integrations.okta_undo", "POST"): OWNERS,
    ("passwords.change", "GET"): MEMBERS,
    ("passwords.change_now", "POST"): MEMBERS,
    ("passwords.send_own_link", "POST"): MEMBERS,
    ("integrations.okta_delete_now", "POST"): OWNERS,
}
MAY = {
    "volunteer": {MEMBERS},
    "admin": {MEMBERS, MANAGERS},
    "owner": {MEMBERS, MANAGERS, OWNERS},
}
SAVE = "/organizations/acme/integrations/okta"


def routes(world: World) -> list[tuple[str, str, str]]:
    """(endpoint, method, path for Acme) of every route that is not for everybody."""
    found = []
    for rule in world.app.url_map.iter_rules():
        if world.app.view_functions[rule.endpoint].access.action is None:
            continue
        path = re.sub(r"<(?:[a-z]+:)?slug>", "acme", rule.rule).replace("<part_id>", "spa")
        path = re.sub(r"<(?:[a-z]+:)?[a-z_]+>", "1", path)
        found += [(rule.endpoint, method, path) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    return found


def person_with(world: World, role: str) -> Visitor:
    visitor = {"owner": world.olivia, "admin": world.person("adam@acme.example"), "volunteer": world.alice}[role]
    if role == "volunteer":
        visitor.log_in()
    else:
        visitor.log_in_by_password()
    assert visitor.session()["role"] == role
    return visitor


def test_every_route_is_in_the_table(quiet: World) -> None:
    assert {(endpoint, method) for endpoint, method, _path in routes(quiet)} == set(TABLE)


@pytest.mark.parametrize("role", MAY)
def test_a_role_gets_in_where_the_table_says(world: World, role: str) -> None:
    """A form that is let in has an old version or nothing in it, so that it changes nothing."""
    forget_tries()
    visitor = person_with(world, role)
    for endpoint, method, path in routes(world):
        answer = visitor.step(path, method=method, data={"version": "0"} if method == "POST" else None)
        allowed = TABLE[endpoint, method] in MAY[role]
        assert (answer.status_code != 403) == allowed, (endpoint, method, answer.status_code)
        # 404: nothing of that number.
        assert answer.status_code in ((200, 303, 404, 409, 422) if allowed else (403,)), (endpoint, method)


def test_carol_of_another_organization_finds_nothing_on_any_route(quiet: World) -> None:
    """404, as for a page that does not exist: not even that the organization is there is told."""
    for visitor in (quiet.carol, quiet.gus):
        visitor.log_in_by_password()
        tried = [route for route in routes(quiet) if "/acme" in route[2]]
        assert len(tried) >= 5
        for endpoint, method, path in tried:
            here = visitor.step(path, method=method)
            nowhere = visitor.step(path.replace("/acme", "/nowhere"), method=method)
            assert here.status_code == nowhere.status_code == 404, (endpoint, method)
            assert "Acme" not in here.text


def test_nobody_is_sent_to_log_in_and_back(quiet: World) -> None:
    for endpoint, method, path in routes(quiet):
        answer = quiet.stranger.step(path + "?a=1", method=method)
        assert answer.status_code == 303, (endpoint, method)
        expected = "/login" if method == "POST" else "/login?next=" + path.replace("/", "%2F") + "%3Fa%3D1"
        assert answer.headers["Location"] == expected


def test_a_program_that_is_not_logged_in_gets_json(quiet: World) -> None:
    answer = quiet.stranger.step("/account", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()) == (401, {"authenticated": False})


def test_a_refusal_has_its_json_twin(quiet: World) -> None:
    alice = person_with(quiet, "volunteer")
    answer = alice.step(SAVE, headers={"Accept": "application/json"})
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "forbidden"
    assert answer.json()["reference"] == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "nonsense"},
        {"Sec-Fetch-Site": ""},
        {"Sec-Fetch-Site": "cross-site", "Origin": "{base}"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "{base}.evil.example"},
        {"Origin": "{base}/"},
        {"Origin": "https://localhost"},
        {"Origin": "http://127.0.0.1:{port}"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/login", "/logout", "/login/acme", "/login/link", SAVE, SAVE + "/delete"])
def test_a_form_from_another_site_is_turned_away(quiet: World, path: str, headers: dict[str, str]) -> None:
    port = quiet.base.rpartition(":")[2]
    sent = {name: value.format(base=quiet.base, port=port) for name, value in headers.items()}
    answer = quiet.stranger.step(path, method="POST", data={"email": "gus@globex.example"}, headers=sent)
    assert answer.status_code == 403
    assert "another site" in answer.text


@pytest.mark.parametrize(
    "headers", [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": "{base}"}], ids=str
)
def test_a_form_from_our_own_pages_is_taken(quiet: World, headers: dict[str, str]) -> None:
    sent = {name: value.format(base=quiet.base) for name, value in headers.items()}
    data = {"email": "nobody@nowhere.example"}
    assert quiet.stranger.step("/login", method="POST", data=data, headers=sent).status_code == 200


def test_a_link_from_another_site_is_followed(quiet: World) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "null"}
    assert quiet.stranger.step("/login/acme", headers=headers).status_code == 200


def test_another_site_logs_nobody_out(quiet: World) -> None:
    alice = person_with(quiet, "volunteer")
    alice.step("/logout", method="POST", headers={"Sec-Fetch-Site": "cross-site"})
    assert alice.session()["authenticated"]


def test_a_form_of_another_session_changes_nothing(world: World) -> None:
    """Two tabs: the page of one is open while somebody else logs in in the other."""
    forget_tries()
    olivia = person_with(world, "owner")
    page = olivia.get(SAVE)
    olivia.log_in_by_password()
    before = len(world.activity())
    answer = olivia.submit(page, "spa_client_id", spa_client_id="0oaOther000000000001")
    assert answer.status_code == 409
    assert "logged in differently" in answer.text
    assert len(world.activity()) == before


@pytest.mark.parametrize("stamp", ["x", "é", "0" * 32, "a" * 10_000])
def test_an_invented_stamp_is_another_session(quiet: World, stamp: str) -> None:
    olivia = person_with(quiet, "owner")
    answer = olivia.step(SAVE, method="POST", data={"form_stamp": stamp, "version": "0"})
    assert answer.status_code == 409


def test_a_form_that_is_sent_after_logging_out_leads_to_the_login(quiet: World) -> None:
    olivia = person_with(quiet, "owner")
    page = olivia.get(SAVE)
    olivia.http.cookies.clear()
    answer = olivia.submit(page, "spa_client_id", follow=False)
    assert answer.status_code == 401
    assert olivia.page(answer).find("a", href="/login").text == "Log in again"


@pytest.mark.parametrize("body", ["a" * 70_000, "&".join(f"a{n}=1" for n in range(5000))], ids=["long", "many"])
def test_a_form_that_is_too_much_is_refused(quiet: World, body: str) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(quiet.base + "/login", data=body, headers=headers, timeout=5)
    assert answer.status_code in (413, 422)
    assert answer.status_code == 413 or len(body) < 64 * 1024


def answers(visitor: Visitor, *paths: str) -> dict[str, Any]:
    return {path: visitor.step(path).status_code for path in paths}


def test_a_member_who_was_demoted_loses_the_page_at_once(world: World) -> None:
    forget_tries()
    adam = person_with(world, "admin")
    assert answers(adam, SAVE, "/account") == {SAVE: 200, "/account": 200}
    world.app.test_cli_runner().invoke(args=["member", "add", "acme", "adam@acme.example", "--role", "volunteer"])
    assert answers(adam, SAVE, "/account") == {SAVE: 403, "/account": 200}
