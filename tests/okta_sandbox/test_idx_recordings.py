"""The sandbox's answers beside recorded ones: every name that Okta sends is there, of the same type, at its place."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import SHARED
from tests.okta_sandbox.idx import Embedded, read_code
from tests.okta_sandbox.party import PASSWORD, Party, decode_part

FOLDER = SHARED / "okta" / "recorded"
ALICE, BEN = "alice@acme.example", "ben@acme.example"
EXACT = {"rel", "method", "relatesTo", "required", "visible", "mutable", "secret", "class", "version", "intent", "key",
         "message", "error", "token_type"}
"""Names whose value has to be the recorded one, too."""
pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason=f"needs {FOLDER}; POINT_SHARED names the folder")


def load(name: str, *absent: str) -> Any:
    """A recording, without what this org has not: entries of lists by name, label or type, and members by name."""
    return prune(json.loads((FOLDER / name).read_text()), set(absent))


def prune(value: Any, absent: set[str]) -> Any:
    if isinstance(value, list):
        return [prune(entry, absent) for entry in value if not is_absent(entry, absent)]
    if isinstance(value, dict):
        return {name: prune(member, absent) for name, member in value.items() if name not in absent}
    return value


def is_absent(entry: Any, absent: set[str]) -> bool:
    return isinstance(entry, dict) and any(entry.get(name) in absent for name in ("name", "label", "type"))


def compare(recorded: Any, ours: Any, where: str = "") -> Iterator[str]:
    """Whatever the recording has and ours has not. What ours has beyond it is looked at elsewhere."""
    if type(recorded) is not type(ours):
        yield f"{where}: {type(recorded).__name__} became {type(ours).__name__}"
    elif isinstance(recorded, dict):
        for name, value in recorded.items():
            if name not in ours:
                yield f"{where}.{name} is missing"
            elif name in EXACT and value != ours[name] and not isinstance(value, dict | list):
                yield f"{where}.{name}: {value!r} became {ours[name]!r}"
            else:
                yield from compare(value, ours[name], f"{where}.{name}")
    elif isinstance(recorded, list):
        yield from compare_lists(recorded, ours, where)


def compare_lists(recorded: list[Any], ours: list[Any], where: str) -> Iterator[str]:
    """Entries belong together by their name, type or label; texts just have to be there."""
    for entry in recorded:
        if not isinstance(entry, dict):
            if entry not in ours:
                yield f"{where}: {entry!r} is missing"
            continue
        mark = next((name for name in ("name", "type", "label") if name in entry), "")
        fitting = [one for one in ours if one.get(mark) == entry.get(mark)]
        if not fitting:
            yield f"{where}: no entry with {mark}={entry.get(mark)!r}"
        else:
            yield from compare(entry, fitting[0], f"{where}[{entry.get(mark)}]")


def read_names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for member in value.values() for name in read_names(member)}
    if isinstance(value, list):
        return {name for member in value for name in read_names(member)}
    return set()


def begin(party: Party, page: Embedded) -> Any:
    return page.begin()


def identify(party: Party, page: Embedded) -> Any:
    page.begin()
    return page.identify(ALICE).json()


def answer_wrongly(party: Party, page: Embedded) -> Any:
    identify(party, page)
    return page.answer("wrong").json()


def answer_rightly(party: Party, page: Embedded) -> Any:
    identify(party, page)
    return page.answer(PASSWORD).json()


def answer_confidentially(party: Party, page: Embedded) -> Any:
    credentials = party.sandbox.app(party.client_id).credentials
    credentials |= {"token_endpoint_auth_method": "client_secret_post", "client_secret": "secret"}
    page.interaction["client_secret"] = "secret"
    return answer_rightly(party, page)


def cancel(party: Party, page: Embedded) -> Any:
    identify(party, page)
    return page.step("cancel").json()


def mistype_code(party: Party, page: Embedded) -> Any:
    party.sandbox.require_email_code(ALICE)
    page.choose_email(answer_rightly(party, page))
    return page.answer("wrong").json()


def come_unassigned(party: Party, page: Embedded) -> Any:
    page.begin()
    return page.identify(BEN).json()


def ask_too_late(party: Party, page: Embedded) -> Any:
    return page.post("introspect", {"interactionHandle": "nothing"}).json()


def skip_a_step(party: Party, page: Embedded) -> Any:
    page.begin()
    return page.answer(PASSWORD).json()


def see_providers(party: Party, page: Embedded) -> Any:
    party.sandbox.fault("external_identity_provider")
    return page.begin()


STEPS: list[tuple[str, tuple[str, ...], Callable[[Party, Embedded], Any]]] = [
    ("idx/02-introspect-response.json", (), begin),
    ("idx/03-identify-response.json", (), identify),
    ("idx/04-challenge-answer-response.json", (), answer_confidentially),
    ("idx/success-with-interaction-code.json", (), answer_rightly),
    ("idx/cancel-response.json", (), cancel),
    ("idx/error-authenticator-verify-password.json", ("select-authenticator-authenticate", "authenticatorId"),
     answer_wrongly),
    ("idx/error-401-invalid-otp-passcode.json", ("Phone", "phone"), mistype_code),
    ("idx/error-user-is-not-assigned.json", ("credentials", "select-enroll-profile", "currentAuthenticator"),
     come_unassigned),
    ("idx/introspect-error-response.json", (), ask_too_late),
    ("idx/error-403-security-access-denied.json", (), skip_a_step),
    ("idx/identify-with-third-party-idps.json", ("select-enroll-profile",), see_providers),
]
OAUTH: list[tuple[str, str, dict[str, Any]]] = [
    ("idx/error-400-unauthorized-client.json", "app_without_interaction_code", {}),
    ("oauth2/widget-error-feature-not-enabled.json", "classic_engine", {}),
    ("oauth2/interact-error-response.json", "", {"code_challenge": None}),
    ("oauth2/widget-interact.json", "", {}),
    ("idx/01-interact-response.json", "", {}),
]


@pytest.mark.parametrize(("name", "absent", "ask"), STEPS, ids=[name for name, *_ in STEPS])
def test_a_step_has_what_okta_sends(
    party: Party, page: Embedded, name: str, absent: tuple[str, ...], ask: Callable[[Party, Embedded], Any],
) -> None:
    assert list(compare(load(name, *absent), ask(party, page))) == []


@pytest.mark.parametrize(("name", "fault", "changes"), OAUTH, ids=[name for name, *_ in OAUTH])
def test_interact_answers_as_okta_does(
    party: Party, page: Embedded, name: str, fault: str, changes: dict[str, Any],
) -> None:
    if fault:
        party.sandbox.fault(fault)
    recorded, ours = load(name), page.interact(**changes).json()
    assert set(recorded) == set(ours)
    assert list(compare(recorded, ours)) == []


def test_tokens_and_their_claims_are_those_of_okta(party: Party, page: Embedded) -> None:
    tokens = party.redeem_interaction_code(read_code(answer_rightly(party, page))).json()
    recorded = load("idx/05-token-response.json")
    assert list(compare(recorded, tokens)) == []
    for name in ("id_token", "access_token"):
        for part in (0, 1):
            assert list(compare(decode_part(recorded[name], part), decode_part(tokens[name], part))) == [], name


def test_a_wrong_verifier_is_answered_as_okta_does(party: Party, page: Embedded) -> None:
    answer = party.redeem_interaction_code(read_code(answer_rightly(party, page)), code_verifier="x" * 43)
    for name in ("oauth2/token-error-response.json", "oauth2/widget-error-token-invalid-grant-pkce.json"):
        assert load(name) == answer.json()


@pytest.mark.parametrize("ask", [ask for *_, ask in STEPS], ids=[name for name, *_ in STEPS])
def test_no_name_is_made_up(party: Party, page: Embedded, ask: Callable[[Party, Embedded], Any]) -> None:
    known = {name for path in (FOLDER / "idx").glob("*.json") for name in read_names(json.loads(path.read_text()))}
    assert read_names(ask(party, page)) - known == set()


def test_the_comparison_finds_what_is_missing() -> None:
    recorded = {"a": [{"name": "x", "value": 1, "key": "k"}], "b": {"c": "text"}}
    assert list(compare(recorded, recorded)) == []
    assert len(list(compare(recorded, {"a": [{"name": "x", "value": "1", "key": "l"}], "b": {}}))) == 3
    assert len(list(compare(recorded, {"a": [{"name": "y"}]}))) == 2
