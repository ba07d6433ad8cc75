"""Whether the embedded sign-in can work: each cause against the sandbox, hostile answers by script, and the keeping."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from okta_sandbox import Sandbox
from portal.errors import Problem, Refused
from portal.okta.answer import Answer
from portal.okta.embedded import STEPS, Cause, Embedded, EmbeddedStates, Row
from portal.okta.http import Door
from portal.okta.interact import probe_embedded
from portal.okta.metadata import Provider
from portal.okta.provider import Providers
from tests.okta.scripted import CLIENT_ID, ISSUER, ScriptedDoor, answer, provider

PORTAL = "http://localhost:5000"
REDIRECT = f"{PORTAL}/login/callback"
SCOPE = "openid profile email offline_access"
RECORDED = Path(__file__).resolve().parents[2] / "../shared/okta/recorded"
GOOD = {
    "engine": ("right", "Identity Engine"), "org_setting": ("right", "on"), "app_grant": ("right", "interaction_code"),
    "access_policy": ("right", "a rule fits"), "trusted_origin": ("right", "trusted"),
}  # fmt: skip


def rows_of(found: Embedded) -> dict[str, tuple[str, str]]:
    assert tuple(row.step for row in found.rows) == STEPS
    return {row.step: (row.verdict, row.found) for row in found.rows}


def unknown(found: str, *steps: str) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(steps, ("unknown", found))


# -- against the sandbox ---------------------------------------------------------------------------------------------
@dataclass
class Stand:
    """A served sandbox, a door to it, and what it says about its authorization servers while all is well."""

    sandbox: Sandbox
    url: str
    door: Door
    known: dict[str, Provider]

    def probe(self, server: str = "/oauth2/default", **changes: Any) -> Embedded:
        asked = {"client_id": self.sandbox.client_id("spa"), "redirect_uri": REDIRECT, "scope": SCOPE, "origin": PORTAL}
        return probe_embedded(self.door, self.known[server], **(asked | changes))

    @property
    def asked(self) -> list[tuple[str, str, str]]:
        return [(one.method, one.path, one.headers.get("origin", "")) for one in self.sandbox.requests]


@pytest.fixture
def stand() -> Iterator[Stand]:
    sandbox = Sandbox(PORTAL)
    with sandbox.serve() as server:
        door = Door(loopback=True)
        providers = Providers(door, loopback=True)
        known = {path: providers.load(server.url + path) for path in ("/oauth2/default", "")}
        sandbox.seen.clear()
        yield Stand(sandbox, server.url, door, known)
        door.close()


@pytest.mark.parametrize("server", ["/oauth2/default", ""])
def test_where_everything_is_set_up_nothing_is_red(stand: Stand, server: str) -> None:
    found = stand.probe(server)
    assert (found.cause, found.grants) == (None, None)
    assert rows_of(found) == GOOD


def test_it_asks_what_a_widget_asks_and_leaves_nothing_behind(stand: Stand) -> None:
    stand.probe()
    idx = "/idp/idx/introspect"
    assert sorted(stand.asked) == sorted([
        ("GET", "/.well-known/okta-organization", ""), ("POST", "/oauth2/default/v1/interact", ""), ("POST", idx, ""),
        ("POST", idx, PORTAL), ("POST", idx, "https://example.invalid"), ("POST", "/idp/idx/cancel", ""),
    ])  # fmt: skip
    assert stand.asked[-1][1] == "/idp/idx/cancel"
    bodies = [json.loads(one.body) for one in stand.sandbox.requests if one.path.startswith("/idp/")]
    assert len({body["interactionHandle"] for body in bodies[:3]}) == 1
    gone = bodies[3]["stateHandle"]
    assert stand.sandbox.transactions.find(state_handle=gone, now=stand.sandbox.clock()) is None


def test_nothing_secret_goes_out(stand: Stand) -> None:
    forms = []
    for _ in range(2):
        stand.probe()
        forms.append(next(one.form for one in stand.sandbox.requests[::-1] if one.path.endswith("/interact")))
        assert not any({"authorization", "cookie"} & one.headers.keys() for one in stand.sandbox.requests)
    for form in forms:
        assert form.keys() == {"client_id", "scope", "redirect_uri", "code_challenge", "code_challenge_method",
                               "state", "nonce"}  # fmt: skip
        assert (form["redirect_uri"], form["scope"], form["code_challenge_method"]) == ([REDIRECT], [SCOPE], ["S256"])
    assert all(forms[0][name] != forms[1][name] for name in ("code_challenge", "state", "nonce"))


NOT_TOLD = unknown("not told", "app_grant")
NOT_ASKED = unknown("not asked", "access_policy")
INTERACT = ("org_setting", "app_grant")
IDX = ("access_policy", "trusted_origin")
SWITCHES: list[tuple[str, Cause | None, dict[str, tuple[str, str]]]] = [
    ("interaction_code_off", Cause.ORG_SETTING_OFF, {"org_setting": ("wrong", "off"), **NOT_TOLD, **NOT_ASKED}),
    ("classic_engine", Cause.CLASSIC_ENGINE,
     {"engine": ("wrong", "Classic Engine"), **unknown("not in Classic Engine", "org_setting"), **NOT_TOLD,
      **NOT_ASKED}),
    ("app_without_interaction_code", Cause.APP_GRANT_MISSING,
     {"app_grant": ("wrong", "authorization_code, refresh_token"), **unknown("not told", "org_setting"), **NOT_ASKED}),
    ("rule_without_interaction_code", Cause.POLICY_GRANT_MISSING, {"access_policy": ("wrong", "no rule fits")}),
    ("interact_500", Cause.OKTA_AWAY, {**unknown("HTTP 500", *INTERACT), **NOT_ASKED}),
    ("interact_html", Cause.UNCLEAR, {**unknown("HTTP 200", *INTERACT), **NOT_ASKED}),
    ("idx_500", Cause.OKTA_AWAY, unknown("HTTP 500", *IDX)),
    ("idx_html", Cause.UNCLEAR, unknown("HTTP 200", *IDX)),
    ("organization_500", None, {}),
    ("organization_html", None, {}),
    ("rate_limited", Cause.OKTA_AWAY,
     {**unknown("HTTP 429", "engine", *INTERACT, "trusted_origin"), **NOT_ASKED}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "cause", "rows"), SWITCHES, ids=[name for name, *_ in SWITCHES])
def test_each_switch_has_its_cause_and_turns_nothing_else_red(
    stand: Stand, name: str, cause: Cause | None, rows: dict[str, tuple[str, str]]
) -> None:
    stand.sandbox.fault(name)
    found = stand.probe()
    assert found.cause is cause
    assert rows_of(found) == GOOD | rows
    assert found.grants == (("authorization_code", "refresh_token") if cause is Cause.APP_GRANT_MISSING else None)


def test_the_grant_that_the_org_setting_took_away_is_what_is_missing_once_it_is_on_again(stand: Stand) -> None:
    stand.sandbox.fault("interaction_code_off")
    stand.sandbox.fault("interaction_code_off", on=False)
    assert stand.probe().cause is Cause.APP_GRANT_MISSING


def test_the_org_server_has_no_rules_to_fit(stand: Stand) -> None:
    stand.sandbox.fault("rule_without_interaction_code")
    assert rows_of(stand.probe("")) == GOOD


def test_a_server_without_a_policy_is_told_by_its_introspect(stand: Stand) -> None:
    stand.sandbox.servers["default"].policies.clear()
    assert stand.probe().cause is Cause.POLICY_GRANT_MISSING


def test_a_client_that_okta_does_not_know(stand: Stand) -> None:
    found = stand.probe(client_id="0oaNobody00000000000")
    assert found.cause is Cause.CLIENT_UNKNOWN
    assert rows_of(found) == GOOD | unknown("client not known", *INTERACT) | NOT_ASKED


def test_an_inactive_client_is_as_good_as_unknown(stand: Stand) -> None:
    stand.sandbox.app(stand.sandbox.client_id("spa")).json["status"] = "INACTIVE"
    assert stand.probe().cause is Cause.CLIENT_UNKNOWN


def test_a_redirect_uri_that_is_not_in_the_app(stand: Stand) -> None:
    stand.sandbox.app(stand.sandbox.client_id("spa")).oauth["redirect_uris"].clear()
    found = stand.probe()
    assert found.cause is Cause.REDIRECT_URI_MISSING
    assert rows_of(found) == GOOD | unknown("redirect URI not registered", *INTERACT) | NOT_ASKED


@pytest.mark.parametrize(
    "change", [{"origin": PORTAL + "/"}, {"origin": "https://dash.pointapp.org"}, {"status": "INACTIVE"},
               {"scopes": [{"type": "REDIRECT"}]}],
)  # fmt: skip
def test_an_origin_that_is_not_trusted_for_cors(stand: Stand, change: dict[str, Any]) -> None:
    next(iter(stand.sandbox.origins.values())).update(change)
    found = stand.probe()
    assert found.cause is Cause.ORIGIN_NOT_TRUSTED
    assert rows_of(found) == GOOD | {"trusted_origin": ("wrong", "not trusted")}


@pytest.mark.parametrize(
    ("switch", "cause"),
    [("classic_engine", Cause.CLASSIC_ENGINE), ("interaction_code_off", Cause.ORG_SETTING_OFF),
     ("app_without_interaction_code", Cause.APP_GRANT_MISSING),
     ("rule_without_interaction_code", Cause.POLICY_GRANT_MISSING), ("interact_html", Cause.ORIGIN_NOT_TRUSTED),
     ("interact_500", Cause.ORIGIN_NOT_TRUSTED)],
)  # fmt: skip
def test_of_several_causes_the_one_to_mend_first_is_named_and_each_row_is_red(
    stand: Stand, switch: str, cause: Cause
) -> None:
    stand.sandbox.origins.clear()
    stand.sandbox.fault(switch)
    found = stand.probe()
    assert found.cause is cause
    assert rows_of(found)["trusted_origin"] == ("wrong", "not trusted")


def test_an_org_that_cannot_say_which_engine_it_has(stand: Stand) -> None:
    for switch in ("organization_html", "classic_engine"):
        stand.sandbox.fault(switch)
    found = stand.probe()
    assert found.cause is Cause.ORG_SETTING_OFF
    assert rows_of(found)["engine"] == ("unknown", "HTTP 200")


# -- time --------------------------------------------------------------------------------------------------------------
def timed(call: Callable[[], Embedded]) -> tuple[Embedded, float]:
    started = time.monotonic()
    return call(), time.monotonic() - started


@pytest.mark.parametrize(
    ("switch", "rows"),
    [("interact_slow", unknown("no answer", *INTERACT, "trusted_origin") | NOT_ASKED),
     ("idx_slow", unknown("no answer", *IDX))],
)  # fmt: skip
def test_a_hanging_okta_costs_the_seconds_that_were_given_and_no_more(
    stand: Stand, switch: str, rows: dict[str, tuple[str, str]]
) -> None:
    stand.sandbox.fault(switch)
    found, seconds = timed(lambda: stand.probe(seconds=0.5))
    assert found.cause is Cause.OKTA_AWAY
    assert rows_of(found) == GOOD | rows
    assert 0.4 < seconds < 0.9


def test_a_distant_okta_answers_in_time(stand: Stand) -> None:
    """Six answers of 220 ms, one after the other, would take 1.3 s."""
    stand.sandbox.delay_ms = 220
    stand.sandbox.fault("slow_everything")
    found, seconds = timed(stand.probe)
    assert rows_of(found) == GOOD
    assert 0.88 <= seconds < 1.25


def test_slow_answers_do_not_add_up(stand: Stand) -> None:
    stand.sandbox.delay_ms = 400
    stand.sandbox.fault("slow_everything")
    found, seconds = timed(lambda: stand.probe(seconds=0.6))
    assert (found.cause, rows_of(found)["org_setting"]) == (Cause.OKTA_AWAY, ("right", "on"))
    assert seconds < 0.9


def test_an_okta_that_is_gone_is_away(stand: Stand) -> None:
    with Sandbox(PORTAL).serve() as other:
        gone = other.url
    moved = replace(stand.known[""], issuer=gone, token_endpoint=f"{gone}/oauth2/v1/token")
    stand.known["gone"] = moved
    found, seconds = timed(lambda: stand.probe("gone"))
    assert found.cause is Cause.OKTA_AWAY
    assert {row.verdict for row in found.rows} == {"unknown"}
    assert seconds < 0.5


@pytest.mark.parametrize("changes", [{"origin": "http://localhost:5000\r\nX: y"}, {"scope": None}])
def test_a_mistake_of_our_own_is_raised_and_nobody_waits_for_ever(stand: Stand, changes: dict[str, Any]) -> None:
    started = time.monotonic()
    with pytest.raises((ValueError, TypeError)):
        stand.probe(**changes)
    assert time.monotonic() - started < 1


# -- hostile answers -------------------------------------------------------------------------------------------------
HANDLE, STATE = "interaction-handle", "02state-handle"
MISSING: Any = object()


class Okta(ScriptedDoor):
    """Answers by address. `changes` replace what an honest Okta says; `strangers` is the introspect of a stranger."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        cors = {"access-control-allow-origin": PORTAL, "access-control-allow-credentials": "true"}
        begun = {"stateHandle": STATE, "remediation": {"type": "array", "value": [{"name": "identify"}]}}
        self.said: dict[str, Any] = {
            "organization": answer({"id": "00o", "pipeline": "idx"}),
            "interact": answer({"interaction_handle": HANDLE}), "introspect": answer(begun),
            "ours": answer(begun, **cors), "strangers": answer(begun), "cancel": answer(begun), **changes,
        }  # fmt: skip

    @contextmanager
    def within(self, seconds: float, name: str | None = None) -> Iterator[None]:
        yield

    def post_json(
        self, url: str, document: Mapping[str, Any], *, content_type: str = "application/json",
        headers: Mapping[str, str] | None = None, deadline: float | None = None,
    ) -> Answer:  # fmt: skip
        return self._answer("POST", url, dict(document), {"content-type": content_type, **(headers or {})})

    def _answer(self, method: str, url: str, form: dict[str, str], headers: Mapping[str, str] | None) -> Answer:
        sent = dict(headers or {})
        self.calls.append((method, url, form, sent))
        name = url.rpartition("/")[2].removeprefix("okta-")
        if name == "introspect" and "origin" in sent:
            name = "ours" if sent["origin"] == PORTAL else "strangers"
        given = self.said[name]
        if isinstance(given, Refused):
            raise given
        return given  # type: ignore[no-any-return]

    def sent(self, end: str) -> list[dict[str, str]]:
        return [form for _, url, form, _ in self.calls if url.endswith(end)]


def ask(okta: Okta, known: Provider) -> Embedded:
    return probe_embedded(okta, known, client_id=CLIENT_ID, redirect_uri=REDIRECT, scope=SCOPE, origin=PORTAL)


def probe(okta: Okta, issuer: str = ISSUER) -> Embedded:
    found = ask(okta, provider(issuer))
    assert all(len(row.found) <= 200 and row.found.isprintable() and row.found for row in found.rows)
    assert not any(mark in row.found for row in found.rows for mark in "<>&\"'")
    return found


def test_the_addresses_and_types_are_those_of_the_widget() -> None:
    ours = f"{ISSUER}/oauth2/aus1a2b"
    for issuer, server in ((ISSUER, f"{ISSUER}/oauth2/v1"), (ours, f"{ours}/v1")):
        okta = Okta()
        assert rows_of(probe(okta, issuer)) == GOOD
        assert okta.sent("/interact") == okta.sent(f"{server}/interact") != []
        ion, plain = "application/ion+json; okta-version=1.0.0", "application/json; okta-version=1.0.0"
        types = {url: (sent.get("content-type"), sent["accept"]) for _, url, _, sent in okta.calls if "/idp/" in url}
        idx = f"{ISSUER}/idp/idx"
        assert types == {f"{idx}/introspect": (ion, ion), f"{idx}/cancel": ("application/json", plain)}


@pytest.mark.parametrize(
    "token_endpoint",
    [f"{ISSUER}/token", f"{ISSUER}/oauth2/v1/token/", f"{ISSUER}/oauth2/v1/token?x=/v1/token", "",
     f"{ISSUER}/oauth2/a/b/v1/token", f"{ISSUER}/oauth2/%2e%2e/v1/token", f"{ISSUER}/oauth2/../v1/token",
     f"{ISSUER}/oauth2/v1/token\n", "https://evil.example/oauth2/v1/token",
     f"{ISSUER}.evil.example/oauth2/v1/token", "https://acme.okta.com@evil.example/oauth2/v1/token"],
)  # fmt: skip
def test_an_endpoint_that_is_not_built_like_oktas_is_not_asked(token_endpoint: str) -> None:
    okta = Okta()
    known = replace(provider(), token_endpoint=token_endpoint)
    found = ask(okta, known)
    assert (found.cause, okta.calls) == (Cause.UNCLEAR, [])
    assert {row.verdict for row in found.rows} == {"unknown"}


def refused(reason: str, problem: Problem = Problem.OKTA_ANSWER_INVALID) -> Refused:
    return Refused(problem, reason)


def error(code: Any, text: Any = "", status: int = 400) -> Answer:
    return answer({"error": code, "error_description": text}, status)


HOSTILE = [
    answer({}), answer([]), answer(b""), answer(b"{"), answer(b"<h1>hi</h1>", 200, "text/html"), answer({}, 404),
    answer({"interaction_handle": None}), answer({"interaction_handle": ""}), answer({"interaction_handle": 7}),
    answer({"interaction_handle": [HANDLE]}), answer({"interaction_handle": "a\r\nb"}),
    answer({"interaction_handle": "a\x7fb"}), answer({"interaction_handle": "a b"}),
    answer({"interaction_handle": "ä"}), answer({"interaction_handle": "x" * 5000}),
    answer({"interaction_handle": HANDLE}, 201), answer({"interaction_handle": HANDLE}, 400),
    answer({"interaction_handle": HANDLE}, 302, location="https://evil.example/"),
    answer({"interaction_handle": HANDLE}, content_type="text/html"), answer(b"", 302, location="https://evil.example/"),
    answer(b'{"interaction_handle":"a","interaction_handle":"b"}'), answer({"error": "access_denied"}),
    error("unauthorized_client", "grant type. Configured grant types: [implicit]", 200),
    error("access_denied", "The requested feature is not enabled", 302),
    error({}, []), error(["unauthorized_client"], 5), error("x" * 9999, "y" * 9999), error("<b>", "<script>"),
    error("access_denied", "Policy evaluation failed for this request."), error("invalid_scope", "One or more scopes"),
    error("unauthorized_client", "This client cannot use a custom authorization server."),
    error("invalid_client", "No client credentials found.", 401),
    error("invalid_client", "Client authentication failed. Either the client or the client credentials are", 401),
    error("invalid_request", "PKCE code challenge is required to use the interaction code flow."),
    error("unauthorized_client", "... grant type. Configured grant types: [interaction_code, refresh_token]."),
    answer({"errorCode": "E0000007", "errorSummary": "Not found"}, 404), answer({"errorCode": {"a": 1}}, 404),
    refused("response_too_large"), refused("response_malformed"), refused("response_encoding_unsupported"),
    refused("endpoint_invalid"),
]  # fmt: skip


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_an_interact_that_okta_would_not_give_is_unclear_and_turns_nothing_red(said: Any) -> None:
    okta = Okta(interact=said)
    found = probe(okta)
    assert found.cause is Cause.UNCLEAR
    assert {row.verdict for row in found.rows} == {"right", "unknown"}
    assert rows_of(found)["access_policy"] == ("unknown", "not asked")
    assert len(okta.sent("/introspect")) == 2
    assert not any(HANDLE in form.values() for form in okta.sent("/introspect"))


@pytest.mark.parametrize(
    "said", [answer({}, 500), answer({}, 503), answer({"interaction_handle": HANDLE}, 500), answer({}, 429),
             error("access_denied", "The requested feature is not enabled", 503),
             refused("op_timeout", Problem.OKTA_UNREACHABLE), refused("tls_untrusted", Problem.OKTA_UNREACHABLE),
             refused("op_busy", Problem.OKTA_BUSY)],
)  # fmt: skip
def test_an_interact_that_does_not_come_is_okta_being_away(said: Any) -> None:
    found = probe(Okta(interact=said))
    assert found.cause is Cause.OKTA_AWAY
    assert {row.verdict for row in found.rows} == {"right", "unknown"}


@pytest.mark.parametrize(
    ("said", "cause"),
    [(error("access_denied", "The requested feature is not enabled in this environment."), Cause.ORG_SETTING_OFF),
     (error("server_error", "The requested feature is not enabled in this environment.", 403), Cause.ORG_SETTING_OFF),
     (error("invalid_client", "Invalid value for 'client_id' parameter.", 401), Cause.CLIENT_UNKNOWN),
     (error("invalid_redirect_uri", "The 'redirect_uri' parameter must be a Login"), Cause.REDIRECT_URI_MISSING),
     (error("unauthorized_client", "The client may not use the provided grant type."), Cause.APP_GRANT_MISSING)],
)  # fmt: skip
def test_oktas_other_words_for_the_same(said: Answer, cause: Cause) -> None:
    found = probe(Okta(interact=said))
    assert (found.cause, found.grants) == (cause, None)


@pytest.mark.parametrize(
    ("listed", "grants", "shown"),
    [("refresh_token, implicit, authorization_code", ("refresh_token", "implicit", "authorization_code"), None),
     ("", (), "none"), ("<script>alert(1)</script>, a b, \r\n, ä, &lt;", (), "none"),
     ("urn:x:device_code,password", ("urn:x:device_code", "password"), None),
     (", ".join(["x" * 65, "refresh_token"]), ("refresh_token",), "refresh_token"),
     (", ".join(["y" * 60] * 30), ("y" * 60,) * 20, ", ".join(["y" * 60] * 3))],
)  # fmt: skip
def test_what_the_app_has_instead_is_listed_by_name(listed: str, grants: tuple[str, ...], shown: str | None) -> None:
    text = f"The client is not authorized to use the provided grant type. Configured grant types: [{listed}]."
    found = probe(Okta(interact=error("unauthorized_client", text)))
    assert (found.cause, found.grants) == (Cause.APP_GRANT_MISSING, grants)
    assert rows_of(found)["app_grant"] == ("wrong", shown or ", ".join(grants))


def messages(*keys: Any) -> dict[str, Any]:
    return {"messages": {"type": "array", "value": [{"i18n": {"key": key}} for key in keys]}}


NO_RULE = "idx.error.code.no_matching_policy"


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404])
def test_that_no_rule_fits_is_believed_whatever_its_status(status: int) -> None:
    okta = Okta(introspect=answer({"stateHandle": STATE, **messages("x", NO_RULE)}, status))
    found = probe(okta)
    assert found.cause is Cause.POLICY_GRANT_MISSING
    assert rows_of(found) == GOOD | {"access_policy": ("wrong", "no rule fits")}
    assert okta.sent("/cancel") == [{"stateHandle": STATE}]


VAGUE = [
    answer({}), answer([]), answer(b"<h1>", 200, "text/html"), answer(b"", 307, location="/"),
    answer({"remediation": []}), answer({"remediation": {"value": {}}}), answer({"remediation": {"value": 5}}),
    answer({"remediation": {"value": [1, None, [], "identify", {"name": ""}]}}),
    answer({"remediation": {"value": []}}), answer({"remediation": {"value": [{"name": "identify"}]}}, 401),
    answer({"messages": 5}), answer({"messages": {"value": "x"}}), answer({"messages": {"value": [{"i18n": NO_RULE}]}}),
    answer(messages(NO_RULE + ".else", [NO_RULE], {"a": NO_RULE}, None)), answer(messages("idx.session.expired"), 401),
    answer({"message": NO_RULE}, 403), answer(b'{"a":1,"a":2}'), refused("response_too_large"),
]  # fmt: skip


@pytest.mark.parametrize("said", VAGUE, ids=range(len(VAGUE)))
def test_an_introspect_that_says_neither_leaves_the_policy_open(said: Any) -> None:
    found = probe(Okta(introspect=said))
    assert found.cause is Cause.UNCLEAR
    assert rows_of(found) == GOOD | {"access_policy": ("unknown", rows_of(found)["access_policy"][1])}


@pytest.mark.parametrize(
    "said", [answer(messages(NO_RULE), 500), answer({"remediation": {"value": [{"name": "identify"}]}}, 429),
             refused("op_timeout", Problem.OKTA_UNREACHABLE)],
)  # fmt: skip
def test_an_introspect_that_does_not_come_is_okta_being_away(said: Any) -> None:
    found = probe(Okta(introspect=said))
    assert found.cause is Cause.OKTA_AWAY
    assert rows_of(found) == GOOD | {"access_policy": ("unknown", rows_of(found)["access_policy"][1])}


@pytest.mark.parametrize("handle", [7, None, "", ["02"], "02\x1b", "02\r\n", "ä", "x" * 5000])
def test_a_state_handle_that_is_none_is_not_sent_back(handle: Any) -> None:
    begun = {"stateHandle": handle, "remediation": {"value": [{"name": "identify"}]},
             "cancel": {"href": "https://evil.example/"}}  # fmt: skip
    okta = Okta(introspect=answer(begun))
    assert probe(okta).cause is None
    assert okta.sent("/cancel") == []


def test_a_cancel_that_fails_changes_nothing() -> None:
    for said in (refused("op_timeout", Problem.OKTA_UNREACHABLE), answer({}, 500), answer(b"<", 302)):
        assert rows_of(probe(Okta(cancel=said))) == GOOD


@pytest.mark.parametrize(
    "document", [{"pipeline": ["v1"]}, {"pipeline": "V1"}, {"pipeline": None}, {}, [], {"pipeline": {"a": 1}}]
)
def test_an_org_that_gives_a_handle_has_the_engine_for_it(document: Any) -> None:
    assert rows_of(probe(Okta(organization=answer(document)))) == GOOD
    away = Okta(organization=answer(document), interact=answer({}, 500))
    assert rows_of(probe(away))["engine"] == ("unknown", "HTTP 200")


@pytest.mark.parametrize("status", [301, 404, 500])
def test_classic_engine_is_believed_from_a_proper_answer_only(status: int) -> None:
    assert probe(Okta(organization=answer({"pipeline": "v1"}, status))).cause is None


def cors(origin: str | None, credentials: str | None = "true", status: int = 200, document: Any = MISSING) -> Answer:
    named = {"access-control-allow-origin": origin, "access-control-allow-credentials": credentials}
    body = messages("idx.session.expired") if document is MISSING else document
    return answer(body, status, **{name: value for name, value in named.items() if value is not None})


STRANGER = cors("https://example.invalid")
UNREACHABLE = refused("op_timeout", Problem.OKTA_UNREACHABLE)
ORIGINS: list[tuple[Any, Any, Cause | None, str]] = [
    (cors(PORTAL), cors(None, None), None, "right"),
    (cors(PORTAL, status=401), cors(None, None, 401), None, "right"),
    (cors(PORTAL), cors("null"), None, "right"),
    (cors(None), cors(None), Cause.ORIGIN_NOT_TRUSTED, "wrong"),
    (cors(None, status=403), cors(None), Cause.ORIGIN_NOT_TRUSTED, "wrong"),
    (cors(PORTAL), STRANGER, None, "unknown"),
    (cors(PORTAL), cors("*"), None, "unknown"),
    (cors(PORTAL), UNREACHABLE, None, "unknown"),
    (cors(PORTAL), cors(None, status=500), None, "unknown"),
    (cors(PORTAL), cors(None, document=[]), None, "unknown"),
    (cors("*"), cors("*"), Cause.UNCLEAR, "unknown"),
    (cors(PORTAL, None), cors(None), Cause.UNCLEAR, "unknown"),
    (cors(PORTAL, "True"), cors(None), Cause.UNCLEAR, "unknown"),
    (cors(PORTAL + "/"), cors(None), Cause.UNCLEAR, "unknown"),
    (cors(f"{PORTAL}, {PORTAL}"), cors(None), Cause.UNCLEAR, "unknown"),
    (cors("null"), cors(None), Cause.UNCLEAR, "unknown"),
    (cors(None, document=[]), cors(None), Cause.UNCLEAR, "unknown"),
    (cors(None, status=404), cors(None), Cause.UNCLEAR, "unknown"),
    (cors(None, status=302), cors(None), Cause.UNCLEAR, "unknown"),
    (cors(None, status=500), cors(None), Cause.OKTA_AWAY, "unknown"),
    (cors(None, status=429), cors(None), Cause.OKTA_AWAY, "unknown"),
    (UNREACHABLE, cors(None), Cause.OKTA_AWAY, "unknown"),
    (refused("response_malformed"), cors(None), Cause.UNCLEAR, "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("ours", "strangers", "cause", "verdict"), ORIGINS, ids=range(len(ORIGINS)))
def test_what_cors_says_about_our_pages(ours: Any, strangers: Any, cause: Cause | None, verdict: str) -> None:
    found = probe(Okta(ours=ours, strangers=strangers))
    assert (found.cause, rows_of(found)["trusted_origin"][0]) == (cause, verdict)
    assert {**rows_of(found), "trusted_origin": GOOD["trusted_origin"]} == GOOD


def test_whatever_is_answered_becomes_a_verdict() -> None:
    """Pieces of real answers put together at random; the seed is fixed."""
    chance = random.Random(20)
    words = [None, 0, "", "v1", "idx", HANDLE, STATE, NO_RULE, "access_denied", "unauthorized_client", "\x00\x1b[31m",
             "Configured grant types: [", "grant type", "<img>", "requested feature enabled", "x" * 3000]  # fmt: skip
    names = ["interaction_handle", "stateHandle", "pipeline", "error", "error_description", "errorCode", "errorSummary",
             "messages", "remediation", "value", "i18n", "key", "name"]  # fmt: skip

    def make(depth: int = 0) -> Any:
        kind = chance.random()
        if depth > 4 or kind < 0.4:
            return chance.choice(words)
        if kind < 0.6:
            return [make(depth + 1) for _ in range(chance.randrange(4))]
        return {chance.choice(names): make(depth + 1) for _ in range(chance.randrange(6))}

    for _ in range(1500):
        statuses = [chance.choice([200, 200, 200, 302, 400, 400, 401, 403, 404, 429, 500]) for _ in range(6)]
        places = ("organization", "interact", "introspect", "ours", "strangers", "cancel")
        said = {place: answer(make(), status) for place, status in zip(places, statuses, strict=True)}
        found = probe(Okta(**{place: one for place, one in said.items() if chance.random() < 0.7}))
        assert isinstance(found.cause, Cause | None)


needs_recordings = pytest.mark.skipif(not RECORDED.exists(), reason="../shared/okta/recorded is not there")


def recorded(name: str, status: int = 200) -> Answer:
    return answer(json.loads((RECORDED / name).read_text()), status)


@needs_recordings
@pytest.mark.parametrize("name", ["02-introspect-response", "identify", "identify-with-password",
                                  "identify-with-third-party-idps"])  # fmt: skip
def test_recorded_first_steps_are_right(name: str) -> None:
    okta = Okta(interact=recorded("idx/01-interact-response.json"), introspect=recorded(f"idx/{name}.json"))
    assert rows_of(probe(okta)) == GOOD
    assert len(okta.sent("/cancel")) == 1


@needs_recordings
@pytest.mark.parametrize(
    ("name", "status", "cause"),
    [("idx/error-400-unauthorized-client.json", 400, Cause.APP_GRANT_MISSING),
     ("oauth2/widget-error-feature-not-enabled.json", 400, Cause.ORG_SETTING_OFF),
     ("oauth2/interact-error-response.json", 400, Cause.UNCLEAR)],
)  # fmt: skip
def test_recorded_refusals_of_interact(name: str, status: int, cause: Cause) -> None:
    assert probe(Okta(interact=recorded(name, status))).cause is cause


# -- keeping -----------------------------------------------------------------------------------------------------------
KEY = (ISSUER, CLIENT_ID)
WORKS = Embedded(None, (), None)
BROKEN = Embedded(Cause.ORG_SETTING_OFF, (), None)
AWAY = Embedded(Cause.OKTA_AWAY, (), None)


class Asked:
    """A probe that counts, and gives its answers one after the other, the last one for ever."""

    def __init__(self, *answers: Embedded) -> None:
        self.answers = list(answers)
        self.count = 0

    def __call__(self) -> Embedded:
        self.count += 1
        return self.answers[min(self.count, len(self.answers)) - 1]


class Clock:
    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(("found", "seconds"), [(WORKS, 300), (BROKEN, 60), (AWAY, 60)])
def test_a_good_answer_is_believed_five_minutes_and_a_bad_one_a_minute(found: Embedded, seconds: int) -> None:
    clock, asked = Clock(), Asked(found)
    states = EmbeddedStates(clock=clock)
    for passed, count in ((0, 1), (seconds - 1, 1), (1, 2), (seconds - 1, 2), (1, 3)):
        clock.now += passed
        assert states.get(KEY, asked) is found
        assert asked.count == count


def test_the_newest_answer_says_how_long_it_is_believed() -> None:
    clock, asked = Clock(), Asked(BROKEN, WORKS, BROKEN)
    states = EmbeddedStates(clock=clock)
    told = []
    for passed in (0, 60, 60, 239, 1, 59, 1):
        clock.now += passed
        told.append((states.get(KEY, asked).cause is None, asked.count))
    assert told == [(False, 1), (True, 2), (True, 2), (True, 2), (False, 3), (False, 3), (False, 4)]


def test_each_app_of_each_issuer_has_its_own_answer() -> None:
    states, asked = EmbeddedStates(), Asked(WORKS)
    for key in (KEY, (ISSUER, "0oaOther"), (f"{ISSUER}/oauth2/default", CLIENT_ID), KEY):
        states.get(key, asked)
    assert asked.count == 3


def test_what_is_forgotten_is_asked_for_anew() -> None:
    states, asked = EmbeddedStates(), Asked(BROKEN, WORKS)
    states.forget(KEY)
    assert states.get(KEY, asked) is BROKEN
    states.forget((ISSUER, "0oaOther"))
    assert states.get(KEY, asked) is BROKEN
    states.forget(KEY)
    assert states.get(KEY, asked) is WORKS


def test_at_most_a_thousand_are_kept_and_the_longest_unused_goes() -> None:
    states, asked = EmbeddedStates(), Asked(WORKS)
    states.get(KEY, asked)
    for number in range(999):
        states.get((ISSUER, str(number)), asked)
    states.get(KEY, asked)
    states.get((ISSUER, "one more"), asked)
    assert asked.count == 1001
    states.get(KEY, asked)
    assert asked.count == 1001
    states.get((ISSUER, "0"), asked)
    assert asked.count == 1002


class Slow:
    """A probe that ends when it is let go. `begun` is set as soon as a thread is in it."""

    def __init__(self, found: Embedded) -> None:
        self.found, self.count = found, 0
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self) -> Embedded:
        self.count += 1
        self.begun.set()
        assert self.go.wait(5)
        return self.found


def in_threads(number: int, work: Callable[[], Embedded]) -> tuple[list[threading.Thread], list[Embedded]]:
    found: list[Embedded] = []
    threads = [threading.Thread(target=lambda: found.append(work())) for _ in range(number)]
    for thread in threads:
        thread.start()
    return threads, found


def test_the_first_answer_is_asked_for_once_and_the_others_wait_for_it() -> None:
    states, slow = EmbeddedStates(), Slow(WORKS)
    threads, found = in_threads(8, lambda: states.get(KEY, slow))
    assert slow.begun.wait(5)
    time.sleep(0.05)
    assert found == []
    slow.go.set()
    for thread in threads:
        thread.join(5)
    assert (found, slow.count) == ([WORKS] * 8, 1)


def test_while_one_asks_anew_the_others_go_on_with_the_last_answer() -> None:
    clock, slow = Clock(), Slow(BROKEN)
    states = EmbeddedStates(clock=clock)
    states.get(KEY, Asked(WORKS))
    clock.now += 300
    threads, found = in_threads(1, lambda: states.get(KEY, slow))
    assert slow.begun.wait(5)
    started = time.monotonic()
    assert [states.get(KEY, slow) for _ in range(20)] == [WORKS] * 20
    assert time.monotonic() - started < 0.5
    slow.go.set()
    threads[0].join(5)
    assert (found, slow.count, states.get(KEY, slow)) == ([BROKEN], 1, BROKEN)


def test_an_answer_of_long_ago_is_nobodys_even_while_it_is_asked_for_anew() -> None:
    clock, slow = Clock(), Slow(BROKEN)
    states = EmbeddedStates(clock=clock)
    states.get(KEY, Asked(WORKS))
    clock.now += 24 * 3600
    threads, found = in_threads(4, lambda: states.get(KEY, slow))
    assert slow.begun.wait(5)
    slow.go.set()
    for thread in threads:
        thread.join(5)
    assert (found, slow.count) == ([BROKEN] * 4, 1)


def test_what_was_being_asked_when_it_was_forgotten_is_not_kept() -> None:
    states, slow = EmbeddedStates(), Slow(BROKEN)
    threads, found = in_threads(1, lambda: states.get(KEY, slow))
    assert slow.begun.wait(5)
    states.forget(KEY)
    assert states.get(KEY, Asked(WORKS)) is WORKS
    slow.go.set()
    threads[0].join(5)
    assert (found, states.get(KEY, slow)) == ([BROKEN], WORKS)


def test_a_probe_that_does_not_end_holds_up_nobody_for_long() -> None:
    states, slow = EmbeddedStates(), Slow(WORKS)
    threads, _ = in_threads(1, lambda: states.get(KEY, slow))
    assert slow.begun.wait(5)
    found, seconds = timed(lambda: states.get(KEY, slow))
    slow.go.set()
    threads[0].join(5)
    assert found.cause is Cause.OKTA_AWAY
    assert found.rows == tuple(Row(step, "unknown", "no answer") for step in STEPS)
    assert seconds < 2.5
    assert states.get(KEY, slow) is WORKS


def test_a_probe_that_is_refused_is_okta_being_away_and_a_mistake_stays_one() -> None:
    def refuse() -> Embedded:
        raise Refused(Problem.OKTA_UNREACHABLE, "op_timeout")

    def fail() -> Embedded:
        raise KeyError("ours")

    states = EmbeddedStates()
    assert states.get(KEY, refuse).cause is Cause.OKTA_AWAY
    with pytest.raises(KeyError):
        states.get(KEY, fail)
    assert states.get(KEY, Asked(WORKS)) is WORKS
