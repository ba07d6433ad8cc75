"""Every shared case is proved by a test that there is, or listed with a reason that is true today."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from okta_sandbox.faults import BAD_ANSWERS
from tests.conftest import SHARED
from tests.house import case_lists
from tests.house.proofs import faults_of, is_test, named_after
from tests.native_bridge import test_id_token_attacks as app_tokens
from tests.native_bridge import test_rp_conformance as app_conformance
from tests.web import test_id_token_attacks as web_tokens
from tests.web import test_okta_answers, test_rp_conformance
from tests.web.test_faults import BROKEN

CASES = SHARED / "cases"
needs_cases = pytest.mark.skipif(not CASES.exists(), reason=f"needs {CASES}; POINT_SHARED names the folder")
# Files of which every case goes through the tests named here; each of those holds by itself that none is left out.
WHOLE = {
    "deep_links": "tests/native_bridge/test_complete.py::test_every_case_goes_through_the_calls "
    "tests/native_bridge/test_deep_links.py::test_every_case_is_decided_here_or_listed_with_a_reason",
    "id_token_attacks": "tests/web/test_id_token_attacks.py::test_every_case_is_proved_here_or_listed_with_a_reason "
    "tests/native_bridge/test_id_token_attacks.py::test_every_case_is_proved_here_or_listed_with_a_reason "
    "tests/okta/test_id_token.py::test_every_case_is_tested_here_or_where_its_kind_is",
    "open_redirects": "tests/web/test_open_redirects.py::test_every_listed_case_gets_its_verdict "
    "tests/web/test_open_redirects.py::test_a_real_login_ends_at_home",
    "rp_conformance": "tests/web/test_rp_conformance.py::test_every_module_is_proved_here_or_listed_with_a_reason "
    "tests/native_bridge/test_rp_conformance.py::test_every_module_is_proved_here_or_listed_with_a_reason",
    "ssrf_domains": "tests/okta/test_domain.py::test_every_listed_input_gets_its_verdict_without_network "
    "tests/okta/test_http_addresses.py::test_every_listed_name_is_stopped_between_dns_and_connect "
    "tests/okta/test_http.py::test_every_listed_answer_is_proved_somewhere "
    "tests/okta/test_provider.py::test_every_metadata_case_has_its_documents",
}


def load(name: str) -> dict[str, list[dict[str, Any]]]:
    document = json.loads((CASES / f"{name}.json").read_text())
    return {part: cases for part, cases in document.items() if isinstance(cases, list)}


def ids(*names: str) -> set[str]:
    return {case["id"] for name in names for cases in load(name).values() for case in cases}


def named_in(text: str) -> set[str]:
    """The ids in a text, "IDT-16..18" and "FLT-84-87" written out."""
    found = set()
    for prefix, first, last in re.findall(r"\b([A-Z]+)-(\d+)(?:(?:\.\.|-)(\d+))?", text):
        found |= {f"{prefix}-{number:0{len(first)}}" for number in range(int(first), int(last or first) + 1)}
    return found


@needs_cases
def test_every_fault_is_proved_by_a_test_that_bears_its_name_or_is_listed() -> None:
    proved = set(named_after("FLT")) | {case for each in BROKEN for case in named_in(str(each.id))}
    named = ids("faults")
    assert named - proved - set(case_lists.FAULTS) == set(), "neither proved nor listed"
    assert proved | set(case_lists.FAULTS) == named, "unknown"
    assert set(named_after("FLT")) & set(case_lists.FAULTS) == set(), "both proved by name and listed"
    assert faults_of(case_lists.FAULTS) == []


@needs_cases
@pytest.mark.parametrize("name", WHOLE)
def test_a_file_whose_cases_are_the_parameters_of_tests_is_whole(name: str) -> None:
    assert ids(name)
    assert faults_of({name: WHOLE[name]}) == []


@pytest.mark.parametrize(
    "listed",
    [web_tokens.ELSEWHERE, app_tokens.ELSEWHERE, test_rp_conformance.ELSEWHERE, app_conformance.ELSEWHERE],
    ids=["ID tokens", "ID tokens of the app", "conformance", "conformance of the app"],
)
def test_what_is_not_proved_where_the_others_are_names_its_test_or_a_reason(listed: dict[str, str]) -> None:
    assert faults_of(listed) == []


def of_the_files_before() -> set[str]:
    """Cases that the tests above hold to be proved."""
    return ids("faults", *WHOLE)


@needs_cases
def test_every_lesson_of_another_s_advisory_has_a_test() -> None:
    """By the cases that it is about, or by name."""
    proved = {
        case["id"] for cases in load("advisories").values() for case in cases
        if named_in(f"{case['test']} {case['links']}") & of_the_files_before()
    }  # fmt: skip
    assert ids("advisories") - proved - set(case_lists.ADVISORIES) == set(), "neither proved nor listed"
    assert set(case_lists.ADVISORIES) <= ids("advisories"), "unknown"
    assert faults_of(case_lists.ADVISORIES) == []


@needs_cases
def test_every_item_of_a_checklist_is_proved_or_said_to_be_open() -> None:
    items = {case["id"]: case.get("test") or case["goal"] for cases in load("checklists").values() for case in cases}
    proved = of_the_files_before() | set(case_lists.CHECKLISTS)
    # Items point at other items.
    while more := {item for item, text in items.items() if item not in proved and named_in(text) & proved}:
        proved |= more
    assert set(items) - proved == case_lists.NOT_GONE_THROUGH
    assert set(case_lists.CHECKLISTS) <= set(items), "unknown"
    assert faults_of(case_lists.CHECKLISTS) == []


def test_each_of_okta_s_answers_is_tried_at_each_moment() -> None:
    assert set(test_okta_answers.ANSWERS) == {*BAD_ANSWERS, "429"}
    for moment, proofs in test_okta_answers.MATRIX.items():
        assert set(test_okta_answers.ANSWERS) <= set(proofs), moment
        for answer, test in proofs.items():
            assert is_test(test), (moment, answer, test)


def test_a_test_that_there_is_not_and_a_stale_reason_are_noticed() -> None:
    assert faults_of({"X-1": "tests/web/test_faults.py::test_of_nothing", "X-2": "comes with a later version"}) != []
    assert len(faults_of({"X-1": "tests/web/test_faults.py::test_of_nothing", "X-2": "not there yet, later"})) == 2
