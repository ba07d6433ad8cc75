"""The same set-up as a script, which is really run here, and as a Terraform file, held to what the set-up sends."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from portal.errors import Problem
from portal.okta import set_up_plan as plan
from portal.setting_up import addresses_of
from tests.needs import need
from tests.web.one_click import SETUP, Empty, begin, changes, empty_okta, look_at, wait_for_checks
from tests.world import Visitor, World

TOKEN = "sandbox-token-short-lived"


@pytest.fixture
def empty(shared: World) -> Iterator[Empty]:
    with empty_okta(shared) as empty:
        yield empty
    wait_for_checks(shared)


@pytest.fixture
def gus(shared: World) -> Visitor:
    gus = shared.gus
    gus.log_in_by_password()
    return gus


def run_script(text: str, folder: Path, *, token: str = TOKEN, typed: str = "", **environ: str) -> tuple[int, str]:
    """(exit code, what it said)"""
    need(shutil.which("curl"), "curl: sudo apt-get install curl")
    script = folder / "okta.sh"
    script.write_text(text)
    known = {"PATH": os.environ["PATH"], **({"OKTA_API_TOKEN": token} if token else {}), **environ}
    done = subprocess.run(["sh", str(script)], input=typed, env=known, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def download(gus: Visitor, kind: str, domain: str = "", **query: str) -> str:
    answer = gus.get(f"{SETUP}/{kind}", params={"files_domain": domain, **query})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="point-globex-okta.')
    return answer.text


def test_the_script_sets_up_what_the_set_up_itself_does(
    shared: World, empty: Empty, gus: Visitor, tmp_path: Path
) -> None:
    code, said = run_script(download(gus, "script", empty.okta), tmp_path)
    assert code == 0, said
    with empty_okta(shared) as other:
        begin(shared, other)
        assert look_at(empty.sandbox) == look_at(other.sandbox)
    for kind in ("spa", "native"):
        assert empty.sandbox.client_id(kind) in said
    assert "SPA: Okta Client ID" in said
    assert "Native App: Okta Domain (Native App)" in said
    assert TOKEN not in said


def test_the_script_may_run_again(shared: World, empty: Empty, gus: Visitor, tmp_path: Path) -> None:
    script = download(gus, "script", empty.okta)
    run_script(script, tmp_path)
    before, made = look_at(empty.sandbox), [one for one in changes(empty.sandbox) if one[0] == "POST"]
    code, said = run_script(script, tmp_path)
    assert code == 0, said
    assert look_at(empty.sandbox) == before
    assert [one for one in changes(empty.sandbox) if one[0] == "POST"] == made
    assert said.count("is there already") == 5


def test_the_set_up_finds_what_the_script_has_made(shared: World, empty: Empty, gus: Visitor, tmp_path: Path) -> None:
    run_script(download(gus, "script", empty.okta), tmp_path)
    before = look_at(empty.sandbox)
    run = begin(shared, empty)
    assert run.status == "done"
    assert look_at(empty.sandbox) == before


def test_the_script_reads_the_token_without_showing_it(
    shared: World, empty: Empty, gus: Visitor, tmp_path: Path
) -> None:
    script = download(gus, "script")
    code, said = run_script(script, tmp_path, token="", typed=f"{TOKEN}\n", OKTA_URL=empty.okta)
    assert code == 0, said
    assert TOKEN not in said
    assert len(empty.sandbox.apps) == 2


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("", "There is no API token."),
        ("wrong-token", "Okta does not accept this API token."),
        ("two words", "That is not an API token"),
        ("sandbox-token-read-only", "This API token may not do that"),
    ],
)
def test_the_script_says_what_is_wrong_with_a_token(
    shared: World, empty: Empty, gus: Visitor, tmp_path: Path, token: str, said: str
) -> None:
    code, heard = run_script(download(gus, "script", empty.okta), tmp_path, token=token)
    assert code == 1
    assert said in heard
    assert not empty.sandbox.apps
    assert not token or token not in heard


def test_the_script_wants_an_okta(gus: Visitor, tmp_path: Path) -> None:
    script = download(gus, "script")
    assert run_script(script, tmp_path)[0] == 1
    code, said = run_script(script, tmp_path, OKTA_URL="https://acme-admin.okta.com")
    assert (code, "Leave out -admin" in said) == (1, True)
    code, said = run_script(script, tmp_path, OKTA_URL="http://127.0.0.1:1")
    assert (code, "cannot be reached" in said) == (1, True)


def test_the_script_does_without_interaction_code_and_says_so(
    shared: World, empty: Empty, gus: Visitor, tmp_path: Path
) -> None:
    empty.sandbox.settings.interaction_code = False
    code, said = run_script(download(gus, "script", empty.okta), tmp_path)
    assert code == 0, said
    assert "One step is left" in said
    assert all(app.grants == ["authorization_code", "refresh_token"] for app in empty.sandbox.apps.values())


@pytest.mark.parametrize(("query", "fault"), [({}, "no_api_access_management"), ({"authorization_server": "org"}, "")])
def test_the_script_needs_no_policy_at_the_org_server(
    shared: World, empty: Empty, gus: Visitor, tmp_path: Path, query: dict[str, str], fault: str
) -> None:
    if fault:
        empty.sandbox.fault(fault)
    code, said = run_script(download(gus, "script", empty.okta, **query), tmp_path)
    assert code == 0, said
    assert not empty.sandbox.servers["default"].policies
    assert "Advanced > Authorization server           org" in said


def test_the_script_has_one_app_where_one_is_wanted(empty: Empty, gus: Visitor, tmp_path: Path) -> None:
    code, said = run_script(download(gus, "script", empty.okta, apps="spa"), tmp_path)
    assert code == 0, said
    assert [app.oauth["application_type"] for app in empty.sandbox.apps.values()] == ["browser"]
    assert "Native" not in said


def read_terraform(text: str) -> dict[str, Any]:
    """Resources, data, outputs and the like by type and name, strings without their quotes."""
    found: dict[str, Any] = {}
    for kind, blocks in hcl2.loads(text).items():
        for block in blocks if isinstance(blocks, list) else []:
            if isinstance(block, dict):
                merge(found.setdefault(kind, {}), bare(block))
    return found


def merge(into: dict[str, Any], more: dict[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value


def bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {bare(name): bare(each) for name, each in value.items() if not str(name).startswith("__")}
    if isinstance(value, list):
        return [bare(each) for each in value]
    return value.strip('"') if isinstance(value, str) else value


@pytest.mark.parametrize("kind", plan.KINDS)
def test_the_terraform_file_has_every_field_that_the_set_up_sends(shared: World, gus: Visitor, kind: plan.Kind) -> None:
    found = read_terraform(download(gus, "terraform", "acme.okta.com"))
    app = found["resource"]["okta_app_oauth"][kind]
    body = plan.app_body(kind, addresses_of(shared.services))
    oauth, credentials = body["settings"]["oauthClient"], body["credentials"]["oauthClient"]
    rotation = oauth.pop("refresh_token")
    grants = '["authorization_code", "refresh_token"]'
    wanted = {
        "label": body["label"], "type": oauth.pop("application_type"),
        "login_mode": oauth["idp_initiated_login"]["mode"],
        "grant_types": f"${{concat({grants}, local.interaction_code)}}",
        "token_endpoint_auth_method": credentials["token_endpoint_auth_method"],
        "pkce_required": credentials["pkce_required"], "auto_key_rotation": credentials["autoKeyRotation"],
        "refresh_token_rotation": rotation["rotation_type"],
        **({"refresh_token_leeway": rotation["leeway"]} if "leeway" in rotation else {}),
        **{name: oauth[name] for name in oauth if name not in ("grant_types", "idp_initiated_login",
                                                               "dpop_bound_access_tokens")},
    }  # fmt: skip
    assert app == wanted
    assert oauth["grant_types"] == ["authorization_code", "refresh_token", "interaction_code"]
    # The provider has no argument for it, and Okta's own default is the same.
    assert oauth["dpop_bound_access_tokens"] is False


def test_the_terraform_file_has_the_rest_too(shared: World, gus: Visitor) -> None:
    found = read_terraform(download(gus, "terraform", "acme.okta.com"))
    resources, rule = found["resource"], plan.rule_body()
    origin, policy = plan.origin_body(addresses_of(shared.services)), plan.policy_body([])
    assert resources["okta_trusted_origin"]["point"] == {
        "name": origin["name"], "origin": shared.base, "scopes": [scope["type"] for scope in origin["scopes"]],
    }  # fmt: skip
    assert set(resources["okta_app_group_assignment"]) == {"spa", "native"}
    written = resources["okta_auth_server_policy"]["point"]
    assert {name: written[name] for name in ("name", "description", "priority", "status")} == {
        name: policy[name] for name in ("name", "description", "priority", "status")
    }
    assert "okta_app_oauth.native.id" in str(written["client_whitelist"])
    written = resources["okta_auth_server_policy_rule"]["point"]
    assert written["grant_type_whitelist"] == '${concat(["authorization_code"], local.interaction_code)}'
    assert written["scope_whitelist"] == rule["conditions"]["scopes"]["include"]
    assert written["group_whitelist"] == rule["conditions"]["people"]["groups"]["include"]
    lifetimes = [written[f"{name}_minutes"] for name in ("access_token_lifetime", "refresh_token_lifetime",
                                                         "refresh_token_window")]  # fmt: skip
    assert lifetimes == list(rule["actions"]["token"].values())
    assert found["provider"]["okta"] == {"org_name": "acme", "base_url": "okta.com"}
    assert set(found["output"]) == {"spa_client_id", "native_client_id"}
    assert "okta_everyone_group" in found["data"]


def test_the_terraform_file_asks_for_what_it_is_not_told(gus: Visitor) -> None:
    found = read_terraform(download(gus, "terraform", authorization_server="org", apps="spa"))
    assert {"org_name", "base_url"} <= set(found["variable"])
    assert set(found["resource"]) == {"okta_app_oauth", "okta_app_group_assignment", "okta_trusted_origin"}
    assert "native" not in found["resource"]["okta_app_oauth"]


@pytest.mark.parametrize("kind", ["terraform", "script"])
def test_a_domain_that_is_none_is_told_beside_its_field(gus: Visitor, kind: str) -> None:
    answer = gus.get(f"{SETUP}/{kind}", params={"files_domain": "acme.okta.com.com"})
    assert answer.status_code == 422
    assert Problem.DOMAIN_TYPO.title in gus.page(answer).problem_at("files_domain")


def test_an_entry_cannot_break_out_of_the_files(gus: Visitor) -> None:
    """Only ids are taken for an authorization server, and only names for a domain."""
    for query in ({"authorization_server": "a'; rm -rf ~; '"}, {"files_domain": 'x".okta.com'}):
        for kind in ("terraform", "script"):
            assert gus.get(f"{SETUP}/{kind}", params=query).status_code == 422
