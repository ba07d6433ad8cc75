"""Groups as Okta names them: by a filter in the app and a scope at its own server, by a claim at a custom one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from okta_sandbox import Sandbox
from okta_sandbox.group_claims import make_claim
from tests.okta_sandbox.party import Party, decode_part

ALICE, ADMINS = "alice@acme.example", "POINT admins"


def named(party: Party, **more: str) -> object:
    """The claim of an ID token, or None."""
    return decode_part(party.log_in(**more)["id_token"], 1).get("groups")


def test_a_custom_server_names_groups_by_its_claim_without_a_scope(party: Party) -> None:
    assert named(party) is None
    party.sandbox.put_in_group(ALICE, ADMINS)
    assert named(party) == [ADMINS]
    party.sandbox.fault("groups_claim_missing")
    assert named(party) is None
    party.sandbox.fault("groups_claim_missing", on=False)
    assert named(party) == [ADMINS]
    party.sandbox.put_in_group(ALICE, ADMINS, on=False)
    assert named(party) is None


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("REGEX", ".*", ["Everyone", ADMINS]),
        ("REGEX", "POINT", None),
        ("STARTS_WITH", "POINT", [ADMINS]),
        ("EQUALS", "Everyone", ["Everyone"]),
        ("CONTAINS", "admin", [ADMINS]),
    ],
)
def test_a_filter_decides_which_groups_are_named_and_none_means_no_claim(
    party: Party, kind: str, value: str, found: object
) -> None:
    party.sandbox.put_in_group(ALICE, ADMINS)
    party.sandbox.servers["default"].claims = {"c": make_claim(kind=kind, value=value)}
    assert named(party) == found


def test_a_claim_that_is_not_always_there_is_at_userinfo_only(party: Party) -> None:
    party.sandbox.servers["default"].claims = {"c": make_claim(always=False)}
    tokens = party.log_in()
    assert "groups" not in decode_part(tokens["id_token"], 1)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert party.get("/oauth2/default/v1/userinfo", headers=bearer).json()["groups"] == ["Everyone"]


def test_the_org_server_names_groups_only_for_the_scope(org_party: Party) -> None:
    org_party.sandbox.put_in_group(ALICE, ADMINS)
    assert named(org_party) is None
    assert named(org_party, scope="openid profile email groups") == [ADMINS]
    org_party.sandbox.app(org_party.client_id).groups_filter = None
    assert named(org_party, scope="openid profile email groups") is None


def test_groups_are_listed_and_the_page_puts_people_in_and_out(party: Party) -> None:
    def post(**form: str) -> None:
        party.http.post(f"{party.base}/sandbox/people", data={"email": ALICE, **form}, timeout=5)

    assert "POINT admins: not in it" in party.get("/sandbox").text
    post(group=ADMINS, action="put_in")
    post(group="New one", action="put_in")
    post(group="Everyone", action="take_out")
    assert "POINT admins: in it" in party.get("/sandbox").text
    token = {"Authorization": f"SSWS {party.sandbox.token}"}
    groups = party.get("/api/v1/groups", headers=token).json()
    assert [(group["profile"]["name"], group["type"]) for group in groups] == [
        ("Everyone", "BUILT_IN"), (ADMINS, "OKTA_GROUP"), ("New one", "OKTA_GROUP"),
    ]  # fmt: skip
    alice = party.sandbox.person(ALICE)
    assert len(party.sandbox.groups_of(alice)) == 3
    post(group=ADMINS, action="take_out")
    assert len(party.sandbox.groups_of(alice)) == 2


def test_groups_survive_a_restart_and_a_state_file_from_before_them_still_loads(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    sandbox = Sandbox(state=state)
    sandbox.put_in_group(ALICE, ADMINS)
    sandbox.save()
    again = Sandbox(state=state)
    assert len(again.groups_of(again.person(ALICE))) == 2
    assert not again.faults()["groups_claim_missing"]
    kept = json.loads(state.read_text())
    for person in kept["people"]:
        del person["groups"]
    for app in kept["apps"]:
        del app["groups_filter"]
    for server in kept["servers"]:
        del server["claims"]
    state.write_text(json.dumps(kept))
    older = Sandbox(state=state)
    assert len(older.groups_of(older.person(ALICE))) == 1
    assert older.faults()["groups_claim_missing"]
    older.fault("groups_claim_missing", on=False)
    assert older.servers["default"].claims
