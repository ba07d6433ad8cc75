"""Every listed deep link (`cases/deep_links.json`), through the app's calls, in the middle of a login under way."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.native_bridge.steps import LOGIN, LOGOUT, Phone, said
from tests.okta.forgery import by_id, load_cases
from tests.web.steps import assert_anonymous, change_answer, come_back, count_rows, query_of
from tests.world import World

CASES = load_cases("deep_links")
OTHER_ISSUER = "https://beta.okta.com"
# Cases whose answer is another than the suggested one, and why.
DEVIATIONS: dict[str, tuple[str, str]] = {
    "DL-126": ("too_large", "the body is turned down for its size (413) before there is a link in it"),
}


@pytest.fixture
def world(shared: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return shared


class Scene:
    """A phone whose login is under way and has just come back from Okta, and what the case needs beside it."""

    def __init__(self, world: World, case: dict[str, Any]) -> None:
        self.world, self.needed = world, set(re.findall(r"{([^{}]+)}", str(case["uri"])))
        self.phone, self.other, self.visitor = Phone(world), Phone(world, "olivia@acme.example"), world.alice
        self.values: dict[str, str] = {"ISS_A:enc": quote(world.okta, safe=""), "ISS_B:enc": quote(OTHER_ISSUER)}
        self._earlier()
        embedded = bool({"S_IDX", "IC"} & self.needed)
        self.link = self.phone.come_back_embedded() if embedded else self.phone.come_back()
        mine = query_of(self.link)
        names = {"state": "S", "code": "C", "interaction_code": "IC"}
        names |= {"state": "S_IDX"} if embedded else {"state": "S:metadata_says_iss_supported"} if self.promised else {}
        self.values |= {names[name]: value for name, value in mine.items()}

    def _earlier(self) -> None:
        """What has happened before: logins that are over, and those of others."""
        self.promised = "S:metadata_says_iss_supported" in self.needed
        self.theirs = ""
        if self.promised:
            promise = {"authorization_response_iss_parameter_supported": True}
            change_answer(self.world.sandbox, "/openid-configuration", lambda document: document.update(promise))
        if "S_EXP" in self.needed:
            self.values["S_EXP"] = query_of(self.phone.come_back())["state"]
            self.world.clock.forward(600)
        if {"S_USED", "C_USED"} & self.needed:
            used = query_of(self.phone.come_back())
            assert self.phone.complete(self.phone_link(used)).ok
            self.values |= {"S_USED": used["state"], "C_USED": used["code"]}
        if "S_OUT" in self.needed:
            self.phone.log_in()
            self.values["S_OUT"] = self.phone.log_out(okta=True).json()["state"]
        if {"S_OTHER", "S_WEB"} & self.needed:
            self.theirs = self.other.come_back() if "S_OTHER" in self.needed else come_back(self.visitor)
            self.values |= dict.fromkeys(("S_OTHER", "S_WEB"), query_of(self.theirs)["state"])

    def phone_link(self, query: dict[str, str]) -> str:
        return f"{LOGIN}?code={query['code']}&state={query['state']}"

    def fill(self, uri: Any) -> Any:
        """The link of the case with its fixtures in their places."""

        def value(found: re.Match[str]) -> str:
            if found[1] == "1000_PARAMS":
                return "&".join(f"p{number}=1" for number in range(1000))
            return self.values[found[1]] if found[1] in self.values else "A" * int(found[1].removeprefix("A"))

        return re.sub(r"\{([^{}]+)\}", value, uri) if isinstance(uri, str) else uri

    def calls_of_okta(self) -> int:
        return len(self.world.requests_to("/token")) + len(self.world.requests_to("/userinfo"))


def is_login(case: dict[str, Any]) -> bool:
    return not case["code"].startswith("ok_logout")


def choose(expect: str) -> list[dict[str, Any]]:
    return [case for case in CASES if is_login(case) and case["expect"] == expect]


@pytest.mark.parametrize("case", by_id(choose("accept")))
def test_a_good_link_logs_in_and_the_same_link_gets_the_same_answer(world: World, case: dict[str, Any]) -> None:
    scene = Scene(world, case)
    link, calls = scene.fill(case["uri"]), scene.calls_of_okta()
    answer = scene.phone.complete(link)
    assert answer.status_code == 200
    assert scene.phone.is_logged_in()
    assert scene.calls_of_okta() == calls + 1
    assert scene.phone.complete(link).content == answer.content
    assert scene.calls_of_okta() == calls + 1
    if scene.link != link:
        assert said(scene.phone.complete(scene.link)) == (409, "attempt_used", "state_used")


@pytest.mark.parametrize("case", by_id(choose("reject")))
def test_a_bad_link_is_refused_and_ends_the_login_only_where_it_has_to(world: World, case: dict[str, Any]) -> None:
    scene = Scene(world, case)
    before, calls = count_rows(world), scene.calls_of_okta()
    link = scene.fill(case["uri"])
    answer = scene.phone.complete(link)
    wanted = DEVIATIONS.get(case["id"], (case["code"],))[0]
    assert (answer.ok, answer.json()["reason"]) == (False, wanted)
    assert count_rows(world) == before
    # Only a code that Okta has to judge leaves the house.
    assert scene.calls_of_okta() - calls == (wanted == "code_rejected_by_op")
    again = scene.phone.complete(scene.link)
    if case["consumes_state"]:
        assert said(again) == (said(answer) if link == scene.link else (409, "attempt_used", "state_used"))
        assert count_rows(world) == before
    else:
        assert again.status_code == 200
    finish_the_others(scene, case)


def finish_the_others(scene: Scene, case: dict[str, Any]) -> None:
    """A login whose state the link carried, and that is not this phone's, goes on where it began."""
    if "S_OTHER" in scene.needed:
        assert scene.other.complete(scene.theirs).json()["user"]["email"] == "olivia@acme.example"
    if "S_WEB" in scene.needed:
        assert_anonymous(scene.visitor)
        scene.visitor.get(scene.theirs)
        assert scene.visitor.session()["email"] == "alice@acme.example"


@pytest.mark.parametrize("case", by_id([case for case in CASES if not is_login(case)]))
def test_a_logout_link_is_welcome_and_ends_no_login(world: World, case: dict[str, Any]) -> None:
    scene = Scene(world, case)
    for _ in range(2):
        answer = scene.phone.call("POST", "/logout/complete", {"deep_link": scene.fill(case["uri"])})
        assert answer.status_code == 204
    assert scene.phone.complete(scene.link).status_code == 200


@pytest.mark.parametrize("case", by_id([case for case in CASES if str(case["uri"]).startswith(LOGOUT)]))
def test_no_logout_link_finishes_a_login_and_no_login_s_answer_is_a_logout(world: World, case: dict[str, Any]) -> None:
    scene = Scene(world, case)
    link, calls = scene.fill(case["uri"]), scene.calls_of_okta()
    answers = [scene.phone.complete(link)]
    if is_login(case):
        answers.append(scene.phone.call("POST", "/logout/complete", {"deep_link": link}))
    reason = "wrong_path" if case["code"] == "wrong_path" else "wrong_flow"
    assert {said(answer) for answer in answers} == {(400, "deep_link_invalid", reason)}
    assert scene.calls_of_okta() == calls
    assert scene.phone.complete(scene.link).status_code == 200


@pytest.mark.parametrize(
    "link", [None, 1, [], {}, "", f"{LOGIN}?code=1&state=2", "https://dash.pointapp.org/native/open/logout"]
)
def test_what_is_no_logout_link_is_refused_at_the_end_of_a_logout(world: World, link: object) -> None:
    answer = Phone(world).call("POST", "/logout/complete", {"deep_link": link})
    assert said(answer)[:2] == (400, "deep_link_invalid")


def test_every_case_goes_through_the_calls() -> None:
    ids = {case["id"] for case in CASES} or pytest.skip("needs the case files")
    done = {case["id"] for case in [*choose("accept"), *choose("reject")]}
    done |= {case["id"] for case in CASES if not is_login(case)}
    assert done == ids
    assert DEVIATIONS.keys() <= ids
    assert {case["expect"] for case in CASES} == {"accept", "reject", "accept_no_effect"}


def test_what_okta_wrote_is_not_handed_on(world: World) -> None:
    phone = Phone(world)
    state = query_of(phone.come_back())["state"]
    said_by_okta = "%3Cscript%3Ealert(1)%3C%2Fscript%3E"
    answer = phone.complete(f"{LOGIN}?error=access_denied&error_description={said_by_okta}&state={state}")
    assert said(answer) == (400, "login_cancelled", "op_access_denied")
    assert "script" not in answer.text


def test_the_reference_of_a_refused_link_is_in_the_organization_s_activity_once(world: World) -> None:
    phone = Phone(world)
    link = f"{LOGIN}?error=access_denied&state={query_of(phone.come_back())['state']}"
    first, second = phone.complete(link), phone.complete(link)
    assert said(first) == said(second)
    events = [event for event in world.activity() if event.what == "login.refused"]
    assert [event.reference for event in events] == [first.json()["reference"]]
    assert events[0].about["reason"] == "op_access_denied"
