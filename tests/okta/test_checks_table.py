"""The table: each step of the guide, set right and broken in each way, and which one row turns red for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from okta_sandbox import Sandbox
from portal.okta.steps import BY_ID
from tests.okta.checks_stand import GOOD, ONLY_A_LOGIN, REDIRECT_URIS, Stand, reds, row_of, standing, verdicts

BOTH = ("default", "org")


@pytest.fixture
def stand() -> Iterator[Stand]:
    with standing() as stand:
        yield stand


@pytest.mark.parametrize("server", [*BOTH, "auto"])
@pytest.mark.parametrize("sign_in", ["embedded", "redirect"])
def test_where_everything_is_set_up_every_row_is_right(stand: Stand, sign_in: str, server: str) -> None:
    report = stand.check(sign_in, server)
    assert verdicts(report) == GOOD
    assert (report.okta_host, report.server_id) == (stand.url, "org" if server == "auto" else server)
    for kind, uri in REDIRECT_URIS.items():
        assert row_of(report, f"{kind}.redirect_uri").expected == uri


@dataclass(frozen=True)
class Broken:
    """name -- of the way in which it is broken. servers -- where that can be seen. shown -- what `found` has in it."""

    name: str
    step: str
    cause: str
    work: Callable[[Stand], object]
    servers: tuple[str, ...] = BOTH
    shown: str = ""


def switched(name: str, step: str, cause: str, servers: tuple[str, ...] = BOTH, shown: str = "") -> Broken:
    """A switch, fault or breakage of the sandbox, under its name."""
    return Broken(name, step, cause, lambda stand: stand.sandbox.fault(name), servers, shown)


def entered(name: str, step: str, cause: str, /, **entries: Any) -> Broken:
    """Something else is in the form; `SPA` and `NATIVE` stand for the ids of the apps."""

    def work(stand: Stand) -> None:
        known = {"SPA": stand.clients["spa"], "NATIVE": stand.clients["native"]}
        for field, text in entries.items():
            for word, value in known.items():
                text = text.replace(word, value)
            stand.entries[field] = text

    # The server of the entry, where that is what is entered.
    server = entries.get("authorization_server")
    return Broken(name, step, cause, work, (server,) if server else BOTH)


def changed(name: str, step: str, cause: str, work: Callable[[Stand], object], *servers: str) -> Broken:
    """Something in the org's directory is different."""
    return Broken(name, step, cause, work, servers or BOTH)


def app(stand: Stand, kind: str) -> Any:
    return stand.sandbox.app(stand.clients[kind])


def origin(stand: Stand, **changes: Any) -> None:
    next(iter(stand.sandbox.origins.values())).update(changes)


def policy_for(stand: Stand, kind: str) -> None:
    policy = next(iter(stand.sandbox.servers["default"].policies.values()))
    policy["conditions"]["clients"]["include"] = [stand.clients[kind]]


def enter_another_okta(stand: Stand) -> None:
    other = Sandbox(keys="b")
    server = other.serve()
    stand.servers.append(server)
    stand.entries |= {"native_domain": server.url, "native_client_id": other.client_id("native")}


def make_service(stand: Stand, kind: str) -> None:
    found = app(stand, kind)
    found.oauth["application_type"] = "service"
    found.credentials["token_endpoint_auth_method"] = "private_key_jwt"


def of_apps() -> Iterator[Broken]:
    """What can be wrong with either app."""
    for kind in ("spa", "native"):
        yield switched(f"{kind}_inactive", f"{kind}.client", "client_unknown")
        yield switched(f"{kind}_confidential", f"{kind}.public", "client_confidential", shown="secret")
        yield switched(f"{kind}_dpop_required", f"{kind}.public", "dpop_required", shown="DPoP")
        yield switched(f"{kind}_without_authorization_code", f"{kind}.authorization_code", "grant_missing",
                       shown="refresh_token, interaction_code")  # fmt: skip
        yield switched(f"{kind}_without_refresh_token", f"{kind}.refresh_token", "grant_missing",
                       shown="authorization_code, interaction_code")  # fmt: skip
        yield switched(f"{kind}_without_interaction_code", f"{kind}.interaction_code", "grant_missing",
                       shown="authorization_code, refresh_token")  # fmt: skip
        yield switched(f"{kind}_redirect_uri_removed", f"{kind}.redirect_uri", "redirect_uri_missing")
        yield switched(f"{kind}_issuer_custom_url", "authorization_server", "issuer_mode", ("org",),
                       f"{kind}: http://id.acme.example")  # fmt: skip
        other = {"spa": "native", "native": "spa"}[kind]
        yield changed(f"{kind}_not_in_the_access_policy", f"{kind}.access_policy", "policy_grant_missing",
                      lambda stand, other=other: policy_for(stand, other), "default")  # fmt: skip
        yield changed(f"{kind}_redirect_uri_with_a_slash", f"{kind}.redirect_uri", "redirect_uri_missing",
                      lambda stand, kind=kind: app(stand, kind).oauth.update(
                          redirect_uris=[REDIRECT_URIS[kind] + "/"]))  # fmt: skip
        yield changed(f"{kind}_redirect_uri_in_capitals", f"{kind}.redirect_uri", "redirect_uri_missing",
                      lambda stand, kind=kind: app(stand, kind).oauth.update(
                          redirect_uris=[REDIRECT_URIS[kind].upper()]))  # fmt: skip
        yield changed(f"{kind}_deleted", f"{kind}.client", "client_unknown",
                      lambda stand, kind=kind: stand.sandbox.apps.pop(stand.clients[kind]))  # fmt: skip
        yield changed(f"{kind}_is_a_service", f"{kind}.public", "service_app",
                      lambda stand, kind=kind: make_service(stand, kind))  # fmt: skip
        yield entered(f"{kind}_id_is_an_address", f"{kind}.client", "client_id_is_url",
                      **{f"{kind}_client_id": "https://acme.okta.com"})  # fmt: skip
        yield entered(f"{kind}_id_is_a_secret", f"{kind}.client", "client_id_is_secret",
                      **{f"{kind}_client_id": "S3cret-" * 8})  # fmt: skip
        yield entered(f"{kind}_id_is_an_api_token", f"{kind}.client", "api_token_pasted",
                      **{f"{kind}_client_id": "00" + "aB3_" * 10})  # fmt: skip
        yield entered(f"{kind}_id_is_not_one", f"{kind}.client", "client_id_form", **{f"{kind}_client_id": "my app"})
        yield entered(f"{kind}_id_of_nobody", f"{kind}.client", "client_unknown",
                      **{f"{kind}_client_id": "0oaNobody00000000000"})  # fmt: skip
        yield entered(f"{kind}_domain_with_a_slip", "domain", "domain_typo", **{f"{kind}_domain": "acme.okta.com.com"})
        yield entered(f"{kind}_domain_that_is_none", "domain", "domain_not_found",
                      **{f"{kind}_domain": "acmee.okta.com"})  # fmt: skip


BREAKAGES = [
    *of_apps(),
    switched("classic_engine", "engine", "classic_engine", shown="Classic"),
    switched("interaction_code_off", "interaction_code_setting", "org_setting_off", shown="off"),
    switched("rule_without_interaction_code", "spa.access_policy", "policy_grant_missing", ("default",)),
    switched("offline_access_refused", "spa.offline_access", "offline_access_refused"),
    switched("origin_removed", "trusted_origin", "origin_not_trusted"),
    switched("authorization_server_inactive", "authorization_server", "authorization_server_unknown", ("default",)),
    switched("no_api_access_management", "authorization_server", "api_access_management", ("default",)),
    switched("authorization_server_custom_url", "authorization_server", "issuer_mismatch", ("default",),
             "http://id.acme.example"),
    switched("discovery_issuer_mismatch", "authorization_server", "issuer_mismatch", BOTH, "stranger.example"),
    switched("organization_html", "domain", "domain_not_okta"),
    changed("no_access_policy", "spa.access_policy", "policy_grant_missing",
            lambda stand: stand.sandbox.servers["default"].policies.clear(), "default"),
    changed("origin_with_a_slash", "trusted_origin", "origin_not_trusted", lambda stand: origin(
        stand, origin=f"{stand.sandbox.portal}/")),
    changed("origin_of_another_port", "trusted_origin", "origin_not_trusted", lambda stand: origin(
        stand, origin="http://localhost:5001")),
    changed("origin_without_cors", "trusted_origin", "origin_not_trusted", lambda stand: origin(
        stand, scopes=[{"type": "REDIRECT"}])),
    changed("origin_inactive", "trusted_origin", "origin_not_trusted", lambda stand: origin(stand, status="INACTIVE")),
    changed("native_domain_of_another_okta", "pair", "two_orgs", enter_another_okta),
    entered("server_of_nobody", "authorization_server", "authorization_server_unknown",
            authorization_server="ausNobody00000000000"),
    entered("server_that_is_none", "authorization_server", "authorization_server_form",
            authorization_server="my server"),
    entered("ids_swapped", "pair", "swapped", spa_client_id="NATIVE", native_client_id="SPA"),
    entered("spa_id_twice", "pair", "same_client", native_client_id="SPA"),
    entered("native_id_twice", "pair", "same_client", spa_client_id="NATIVE"),
    entered("spa_id_empty", "spa.client", "field_required", spa_client_id=""),
    entered("native_id_empty", "native.client", "field_together", native_client_id=""),
    entered("spa_domain_empty", "domain", "domain_empty", spa_domain=" "),
    entered("native_domain_empty", "domain", "domain_empty", native_domain=""),
    entered("domain_is_an_email", "domain", "domain_is_email", spa_domain="alice@acme.example"),
    entered("domain_is_oktas_own", "domain", "domain_not_org", spa_domain="www.okta.com"),
    entered("domain_is_an_api_token", "domain", "api_token_pasted", spa_domain="00" + "aB3_" * 10),
    entered("domain_of_a_house", "domain", "domain_not_okta", spa_domain="okta.internal"),
]  # fmt: skip


# At every server with our own page; with Okta's page at one of them, since the server makes no difference to that.
RUNS = [
    *((one, server, "embedded") for one in BREAKAGES for server in one.servers),
    *((one, one.servers[0], "redirect") for one in BREAKAGES),
]


@pytest.mark.parametrize(
    ("broken", "server", "sign_in"), RUNS, ids=[f"{one.name}-{server}-{sign_in}" for one, server, sign_in in RUNS]
)
def test_each_breakage_turns_one_row_red_and_names_its_cause(
    stand: Stand, broken: Broken, server: str, sign_in: str
) -> None:
    broken.work(stand)
    report = stand.check(sign_in, server)
    row = row_of(report, broken.step)
    if sign_in == "redirect" and BY_ID[broken.step].embedded_only:
        # What only POINT's own page needs turns nothing red where people sign in on Okta's.
        assert reds(report) == {}
        assert (row.verdict, row.cause) == ("unknown", "only_for_embedded")
    else:
        assert reds(report) == {broken.step: broken.cause}
    assert broken.shown in row.found


def test_the_table_has_more_than_enough_breakages() -> None:
    names = [one.name for one in BREAKAGES]
    assert len(set(names)) == len(names) >= 60
    told = {step for step in GOOD if step not in ONLY_A_LOGIN}
    # A native app hangs on the same rule as the SPA, so its offline_access alone cannot break here.
    assert {one.step for one in BREAKAGES} >= told - {"native.offline_access"}


@pytest.mark.parametrize("kind", ["spa", "native"])
@pytest.mark.parametrize("name", ["sign_out_uri_removed", "unassigned"])
def test_what_only_a_login_can_tell_is_said_to_be_so_and_turns_nothing_red(
    stand: Stand, kind: str, name: str
) -> None:
    stand.sandbox.fault(f"{kind}_{name}")
    assert verdicts(stand.check()) == GOOD


def test_two_boxes_that_are_not_ticked_are_two_red_rows(stand: Stand) -> None:
    stand.sandbox.fault("app_without_interaction_code")
    assert reds(stand.check()) == {"spa.interaction_code": "grant_missing", "native.interaction_code": "grant_missing"}


def test_a_rule_that_is_missing_for_both_apps_is_told_once(stand: Stand) -> None:
    for name, step in {
        "rule_without_interaction_code": "access_policy", "offline_access_refused": "offline_access",
    }.items():  # fmt: skip
        stand.sandbox.fault(name)
        native = row_of(stand.check(), f"native.{step}")
        assert (native.verdict, native.cause) == ("unknown", "as_spa")
        stand.sandbox.clear_faults()


def test_several_mistakes_are_several_red_rows(stand: Stand) -> None:
    for name in ("spa_redirect_uri_removed", "native_without_refresh_token", "origin_removed"):
        stand.sandbox.fault(name)
    assert reds(stand.check()) == {
        "spa.redirect_uri": "redirect_uri_missing", "native.refresh_token": "grant_missing",
        "trusted_origin": "origin_not_trusted",
    }  # fmt: skip


@pytest.mark.parametrize("server", BOTH)
def test_without_a_native_app_its_rows_are_left_out(stand: Stand, server: str) -> None:
    stand.entries |= {"native_client_id": "", "native_domain": " "}
    report = stand.check(server=server)
    assert verdicts(report) == {
        step: verdict for step, verdict in GOOD.items() if not step.startswith("native.") and step != "pair"
    }


def test_a_pasted_issuer_is_the_server_that_automatic_takes(stand: Stand) -> None:
    for field in ("spa_domain", "native_domain"):
        stand.entries[field] = f"{stand.url}/oauth2/default"
    assert stand.check(server="auto").server_id == "default"
    stand.sandbox.fault("no_api_access_management")
    report = stand.check(server="auto")
    assert (report.server_id, verdicts(report)) == ("org", GOOD)
