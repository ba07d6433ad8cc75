"""The strict grammar and the owner's field: what is an Okta domain, and which sentence answers everything else."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest

from portal.errors import Problem, Refused
from portal.okta.domain import OKTA_SUFFIXES, OktaDomain, parse_domain, read_pasted
from tests.okta.hostile import load_cases, needs_cases

INPUTS = [case for case in load_cases("inputs") if case["stage"] != "resolve"]
# The strict parser refuses paths; for the owner's field exactly these two addresses are among the known ones.
KNOWN_TO_THE_FIELD = {"SSRF-020": "default", "SSRF-021": None}


def reason_for(text: object, **allowed: Any) -> str:
    with pytest.raises(Refused) as caught:
        parse_domain(text, **allowed)
    return caught.value.reason


@needs_cases
@pytest.mark.parametrize("case", INPUTS, ids=lambda case: case["id"])
def test_every_listed_input_gets_its_verdict_without_network(case: dict[str, Any]) -> None:
    """domain.py holds no resolver and imports no socket: test_the_grammar_cannot_reach_the_network."""
    if case["verdict"] == "reject":
        assert reason_for(case["input"]) == case["code"]
    else:
        assert str(parse_domain(case["input"])) == case["input"].lower().removeprefix("https://").rstrip("/")


@needs_cases
@pytest.mark.parametrize("case", INPUTS, ids=lambda case: case["id"])
def test_the_field_gives_the_same_verdicts_but_for_known_addresses(case: dict[str, Any]) -> None:
    if case["verdict"] != "reject":
        assert read_pasted(case["input"]).domain == parse_domain(case["input"])
    elif case["id"] in KNOWN_TO_THE_FIELD:
        assert read_pasted(case["input"]).authorization_server == KNOWN_TO_THE_FIELD[case["id"]]
    else:
        with pytest.raises(Refused) as caught:
            read_pasted(case["input"])
        assert caught.value.reason == case["code"]


def test_the_grammar_cannot_reach_the_network() -> None:
    import portal.okta.domain
    import portal.okta.hostname

    for module in (portal.okta.domain, portal.okta.hostname):
        assert not {"socket", "ssl", "http", "urllib", "requests"} & set(vars(module))


@pytest.mark.parametrize("suffix", OKTA_SUFFIXES)
def test_an_org_below_each_of_oktas_suffixes_is_run_by_okta(suffix: str) -> None:
    domain = parse_domain(f"acme.{suffix}")
    assert (domain.base, domain.is_okta_run, str(domain)) == (f"https://acme.{suffix}", True, f"acme.{suffix}")
    assert reason_for(suffix) == "domain_not_an_org"
    assert reason_for(f"evil{suffix}") == "domain_not_allowed"
    assert reason_for(f"acme-admin.{suffix}") == "domain_is_admin_console"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (" \tacme.okta.com\r\n", "acme.okta.com"),
        ("\u00a0acme.okta.com\u00a0", "acme.okta.com"),
        ("HTTPS://ACME.OKTA.COM/", "acme.okta.com"),
        ("acme.okta.com.", "acme.okta.com"),
        ("acme-admin.okta.com", "acme.okta.com"),
        ("https://ACME-Admin.oktapreview.com/admin/dashboard", "acme.oktapreview.com"),
        ("https://acme-admin.okta.com/admin/app/oidc_client/instance/0oa1b2c3D4/#tab-general", "acme.okta.com"),
        ("https://acme-admin.okta.com/admin/apps/active", "acme.okta.com"),
        ("https://acme.okta.com/app/UserHome?iss=https%3A%2F%2Facme.okta.com&session_hint=A", "acme.okta.com"),
        ("https://acme.okta.com/login/login.htm?fromURI=%2Fapp%2FUserHome", "acme.okta.com"),
        ("https://acme.okta.com/.well-known/okta-organization", "acme.okta.com"),
        ("https://acme.okta.com/.well-known/openid-configuration", "acme.okta.com"),
        ("https://acme.okta.com/oauth2", "acme.okta.com"),
        ("https://acme.okta.com/oauth2/v1/token", "acme.okta.com"),
    ],
)  # fmt: skip
def test_what_owners_paste_holds_the_domain(text: str, host: str) -> None:
    pasted = read_pasted(text)
    assert (pasted.domain.host, pasted.authorization_server) == (host, None)


@pytest.mark.parametrize(
    ("path", "server"),
    [
        ("/oauth2/default", "default"),
        ("/oauth2/default/", "default"),
        ("/oauth2/aus1a2B3c", "aus1a2B3c"),
        ("/oauth2/aus1a2B3c/.well-known/openid-configuration", "aus1a2B3c"),
        ("/oauth2/default/.well-known/oauth-authorization-server", "default"),
        ("/.well-known/oauth-authorization-server/oauth2/aus9", "aus9"),
        ("/oauth2/default/v1/authorize?client_id=0oa1&scope=openid%20email", "default"),
        ("/admin/oauth2/as/aus1a2B3c#tab-settings", "aus1a2B3c"),
    ],
)
def test_an_authorization_server_in_the_address_is_kept(path: str, server: str) -> None:
    assert read_pasted(f"https://acme.okta.com{path}").authorization_server == server


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("acme.okta.com/foo", Problem.DOMAIN_HAS_PATH),
        ("acme.okta.com/oauth2/DEFAULT", Problem.DOMAIN_HAS_PATH),
        ("acme.okta.com/oauth2/default/../../x", Problem.DOMAIN_HAS_PATH),
        ("acme.okta.com/oauth2/default\nHost: evil", Problem.DOMAIN_HAS_PATH),
        ("acme.okta.com/oauth2/\u0430us1", Problem.DOMAIN_NOT_ASCII),
        ("acme.okta.com?x", Problem.DOMAIN_FORM),
        ("acme.okta.com#x", Problem.DOMAIN_FORM),
        ("evil.example?.okta.com/oauth2/default", Problem.DOMAIN_FORM),
        ("evil.example\\.okta.com/oauth2/default", Problem.DOMAIN_FORM),
        ("evil.example@acme.okta.com/oauth2/default", Problem.DOMAIN_FORM),
        ("acme-admin.okta.com.evil.org/oauth2/default", Problem.DOMAIN_NOT_OKTA),
        ("http://acme.okta.com/oauth2/default", Problem.DOMAIN_NOT_HTTPS),
        ("https://https://acme.okta.com", Problem.DOMAIN_TYPO),
        ("acme.okta.com:443/oauth2/default", Problem.DOMAIN_HAS_PORT),
        ("acme.okta.com..", Problem.DOMAIN_FORM),
        ("acme.okta.com.okta.com", Problem.DOMAIN_TYPO),
        ("acme.okta.con", Problem.DOMAIN_TYPO),
        ("www.okta.com", Problem.DOMAIN_NOT_ORG),
        ("john.doe@acme.com", Problem.DOMAIN_IS_EMAIL),
        ("127.0.0.1:8080", Problem.DOMAIN_IS_IP),
        ("10.0.0.1/admin", Problem.DOMAIN_IS_IP),
        ("https://", Problem.DOMAIN_EMPTY),
        ("   ", Problem.DOMAIN_EMPTY),
        ("{yourOktaDomain}", Problem.DOMAIN_EMPTY),
        ("https://${yourOktaDomain}", Problem.DOMAIN_EMPTY),
        ("https://{yourOktaDomain}/oauth2/default", Problem.DOMAIN_EMPTY),
        ("<your-okta-domain>", Problem.DOMAIN_EMPTY),
    ],
)
def test_what_is_wrong_gets_the_sentence_that_fits(text: str, problem: Problem) -> None:
    with pytest.raises(Refused) as caught:
        read_pasted(text)
    assert caught.value.problem is problem


def test_a_custom_domain_is_accepted_on_demand_and_not_believed() -> None:
    assert reason_for("id.example.org") == "domain_not_allowed"
    domain = parse_domain("ID.example.org", custom=True)
    assert (domain.base, domain.is_okta_run) == ("https://id.example.org", False)
    assert read_pasted("https://id.example.org/oauth2/default", custom=True).domain == domain


@pytest.mark.parametrize(
    "ending", ["local", "internal", "corp", "lan", "home", "onion", "arpa", "localhost", "test", "example", "invalid"]
)
def test_no_custom_domain_is_an_internal_name(ending: str) -> None:
    assert reason_for(f"id.acme.{ending}", custom=True) == "domain_not_allowed"
    assert reason_for(ending, custom=True) == "domain_not_fqdn"


def test_a_misspelled_okta_is_no_custom_domain() -> None:
    assert reason_for("acme.okta.com.com", custom=True) == "domain_typo"


def test_the_operators_suffixes_count_as_okta() -> None:
    for host in ("id.acme.test", "a.id.acme.test"):
        assert parse_domain(host, extra_suffixes=(" .ID.acme.test",)).is_okta_run
    assert reason_for("evilid.acme.test", extra_suffixes=("id.acme.test", "")) == "domain_not_allowed"


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("localhost", "http://localhost"),
        ("LOCALHOST:9100", "http://localhost:9100"),
        ("https://localhost:9443/", "https://localhost:9443"),
        ("127.0.0.1:9100", "http://127.0.0.1:9100"),
        ("http://[::1]:9100", "http://[::1]:9100"),
    ],
)
def test_loopback_is_accepted_on_demand_only(text: str, base: str) -> None:
    domain = parse_domain(text, loopback=True)
    assert (str(domain), domain.base, domain.is_okta_run) == (base, base, True)
    assert read_pasted(f"{base}/oauth2/default", loopback=True).domain == domain
    with pytest.raises(Refused):
        parse_domain(text)


@pytest.mark.parametrize(
    "text",
    ["127.0.0.2:80", "0.0.0.0:80", "[::]:80", "localhost:0", "localhost:65536", "localhost:9100@evil.org", "localhost.",
     "localhost:9100/x", "ftp://localhost:9100", "http://acme.okta.com", "acme.okta.com:9100", "127.1:80"],
)  # fmt: skip
def test_loopback_means_three_names_and_no_more(text: str) -> None:
    with pytest.raises(Refused):
        parse_domain(text, loopback=True)


@pytest.mark.parametrize(
    "text",
    ["a" * 100_000, "a." * 50_000, "@" * 100_000, "https://" * 12_500, "a" * 2048, "a" * 262, "1." * 131, "a:" * 131,
     "a.okta.com/" + "v1/" * 600, "acme.okta.com/admin/" + "-" * 2000, "{" * 2048, "your okta " * 200],
    ids=lambda text: f"{text[:12]}x{len(text)}",
)  # fmt: skip
@pytest.mark.parametrize("read", [parse_domain, read_pasted])
def test_a_long_input_is_answered_in_a_millisecond(read: Any, text: str) -> None:
    def seconds() -> float:
        start = time.thread_time()
        with contextlib.suppress(Refused):
            read(text)
        return time.thread_time() - start

    assert min(seconds() for _ in range(5)) < 0.001


def test_what_comes_out_can_go_in_again() -> None:
    domain = parse_domain("https://ACME.okta.com/")
    assert domain == parse_domain(domain.base) == parse_domain(str(domain)) == OktaDomain("acme.okta.com")
