"""From an Okta with nothing in it to people logging in, by hand along the guide; and the same handed over to somebody.

The sandbox has no Admin Console, so what a step says is done through its Management API, with the values and the names
of boxes that are read from the page itself. What the page left out or got wrong would be missing at Okta.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import requests
from playwright.sync_api import Locator, expect

from okta_sandbox import Sandbox
from portal import guide
from tests.browser.conftest import Meet
from tests.browser.person import Person
from tests.browser.test_trial_login import link_of
from tests.web.one_click import TOKEN, wait_for_checks
from tests.web.steps import add_person
from tests.world import World

OKTA = "/organizations/globex/integrations/okta"
KINDS = {"Single-Page Application": "browser", "Native Application": "native"}
GRANTS = {
    "Authorization Code": "authorization_code", "Refresh Token": "refresh_token", "Interaction Code": "interaction_code"
}  # fmt: skip
FIELDS = {
    "spa": ("SPA: Okta Client ID", "SPA: Okta Domain"),
    "native": ("Native App: Okta Client ID (Native App)", "Native App: Okta Domain (Native App)"),
}
SIGN_IN_URI = "Sign-in redirect URIs"


@dataclass(frozen=True)
class Said:
    """What one part of the guide, or of the sheet, says: words in quotation marks, and values under Okta's labels."""

    words: set[str]
    values: dict[str, str]


def read_part(shown: Locator) -> Said:
    """Works on a guide page, on the sheet, and without JavaScript."""
    labels, values = shown.locator(".copy > b, .sheet-values > dt"), shown.locator(".copy > code, .sheet-values code")
    pairs = zip(labels.all_inner_texts(), values.all_inner_texts(), strict=True)
    return Said(set(re.findall("“(.+?)”", shown.inner_text())), dict(pairs))


class Administrator:
    """Whoever may change things in this Okta."""

    def __init__(self, okta: str) -> None:
        self.okta = okta
        self.client_ids: dict[str, str] = {}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(
            method, f"{self.okta}/api/v1{path}", json=body, headers={"Authorization": f"SSWS {TOKEN}"}, timeout=10
        )
        assert answer.ok, answer.text
        return answer.json()

    def add_app(self, name: str, said: Said) -> None:
        """The guide's parts 2 and 3."""
        [kind] = [KINDS[word] for word in said.words & set(KINDS)]
        oauth = {
            "application_type": kind,
            "grant_types": sorted(GRANTS[word] for word in said.words & set(GRANTS)),
            "response_types": ["code"],
            "redirect_uris": [said.values[SIGN_IN_URI]],
            "post_logout_redirect_uris": [said.values["Sign-out redirect URIs"]],
        }
        app = {
            "name": "oidc_client", "label": said.values["App integration name"], "signOnMode": "OPENID_CONNECT",
            "credentials": {"oauthClient": {"token_endpoint_auth_method": "none", "pkce_required": True}},
            "settings": {"oauthClient": oauth},
        }  # fmt: skip
        self.client_ids[name] = self.call("POST", "/apps", app)["id"]
        if "Base URIs" in said.values:
            self.trust(said.values["App integration name"], said.values["Base URIs"])
        assert "Allow everyone in your organization to access" in said.words
        [everyone] = self.call("GET", "/groups?q=Everyone")
        self.call("PUT", f"/apps/{self.client_ids[name]}/groups/{everyone['id']}", {})

    def trust(self, name: str, origin: str) -> None:
        """Looks first, as the guide says."""
        if origin not in [each["origin"] for each in self.call("GET", "/trustedOrigins")]:
            self.call("POST", "/trustedOrigins", {"name": name, "origin": origin, "scopes": [{"type": "CORS"}]})

    def add_policy(self, said: Said) -> None:
        assert "All clients" in said.words
        policies = "/authorizationServers/default/policies"
        policy = {"type": "OAUTH_AUTHORIZATION_POLICY", "name": said.values["Name"], "description": "POINT"}
        policy |= {"conditions": {"clients": {"include": ["ALL_CLIENTS"]}}}
        made = self.call("POST", policies, policy)["id"]
        grants = sorted(GRANTS[word] for word in said.words & set(GRANTS))
        rule = {"type": "RESOURCE_ACCESS", "name": said.values["Rule Name"]}
        rule |= {"conditions": {"grantTypes": {"include": grants}, "scopes": {"include": ["*"]}}}
        self.call("POST", f"{policies}/{made}/rules", rule)

    def mend_redirect_uri(self, name: str, value: str) -> None:
        app = self.call("GET", f"/apps/{self.client_ids[name]}")
        app["settings"]["oauthClient"]["redirect_uris"] = [value]
        self.call("PUT", f"/apps/{self.client_ids[name]}", app)

    def do(self, part: guide.Part, said: Said) -> None:
        """What this part says is to be done in Okta."""
        if part.id in ("spa", "native"):
            self.add_app(part.id, said)
        elif part.id == "origins":
            self.trust(said.values["Origin Name"], said.values["Origin URL"])
        elif part.id == "policies":
            self.add_policy(said)


@dataclass(frozen=True)
class New:
    """An Okta in which nobody has set anything up, with two people of Globex."""

    sandbox: Sandbox
    okta: str
    admin: Administrator


@pytest.fixture
def new(world: World) -> Iterator[New]:
    sandbox = Sandbox(portal=world.base, empty=True, clock=world.clock)
    for given_name in ("Carol", "Dana"):
        add_person(sandbox, f"{given_name.lower()}@globex.example", given_name)
    with sandbox.serve() as server:
        okta = f"http://127.0.0.1:{server.port}"
        yield New(sandbox, okta, Administrator(okta))
    wait_for_checks(world)


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without"])
def script(request: pytest.FixtureRequest) -> bool:
    found: bool = request.param
    return found


def tick_all(person: Person) -> None:
    for box in person.page.get_by_role("checkbox").all():
        box.check()


def fill_in(person: Person, new: New, app: str) -> Person:
    """What was copied from Okta, into the fields beside the guide."""
    client_id, domain = FIELDS[app]
    return person.type(client_id, new.admin.client_ids[app]).type(domain, new.okta).press("Save as a draft")


def wait_for_result(person: Person, who: str) -> None:
    expect(person.page.get_by_text(f"by {who}.")).to_be_visible(timeout=15_000)


def titles_to_put_right(person: Person) -> list[str]:
    """The steps that the sentence on top of the checks leads to."""
    return person.page.locator(".check-sum li").all_inner_texts()


def log_in(person: Person) -> None:
    person.go("/login").enter_email().sign_in()
    person.page.wait_for_url(person.base + "/")
    person.assert_logged_in()


def follow_the_guide(gus: Person, new: New) -> None:
    """All parts by their own buttons; one address is mistyped in Okta on the way."""
    gus.press("Integrations").press("Connect Okta").press("Follow the guide").sees("0 of 39 done")
    gus.press("Start: Get an Okta account")
    for part, after in pairwise(guide.PARTS):
        gus.at(part.title, f"{OKTA}/guide/{part.id}")
        said = read_part(gus.page.locator("ol.tasks"))
        if part.id == "spa":
            said.values[SIGN_IN_URI] += "/"
        new.admin.do(part, said)
        if part.id.startswith("find-"):
            fill_in(gus, new, part.id.removeprefix("find-")).sees("Kept as a draft.").at(part.title)
        tick_all(gus)
        gus.press(f"Next: {after.title}")
    gus.press("All parts of the guide").sees("39 of 39 done")


@pytest.mark.drives("integrations.okta_switch_on", "integrations.okta_undo")
def test_an_owner_sets_okta_up_by_hand_along_the_guide(world: World, new: New, meet: Meet, script: bool) -> None:
    gus = meet("gus@globex.example", okta=new.okta, java_script_enabled=script).log_in_by_password("globex")
    follow_the_guide(gus, new)

    new.sandbox.delay_ms = 300  # an Okta that is far away, so that the progress is to be seen
    new.sandbox.fault("slow_everything")
    gus.press("Checks").press("Check now").sees("Checking with your Okta")
    expect(gus.page.get_by_role("progressbar")).to_be_visible()
    new.sandbox.fault("slow_everything", on=False)
    wait_for_result(gus, gus.email)
    assert titles_to_put_right(gus) == ["Web app: Sign-in redirect URI"]
    row = gus.page.locator("#step-spa-redirect_uri")
    expect(row).to_contain_text("General")
    new.admin.mend_redirect_uri("spa", row.locator(".copy code").inner_text())
    gus.picture("journey-checks-wrong")
    gus.press("Check again")
    expect(gus.page.get_by_text("Nothing to put right")).to_be_visible(timeout=15_000)
    gus.picture("journey-checks-right")

    dana = meet("dana@globex.example", okta=new.okta, java_script_enabled=script)
    gus.press("Go on to a test login").press("Test login on the web").sees("Still to come")
    dana.go(link_of(gus)).press("Begin the test at Okta").sign_in().at("It works").assert_anonymous()
    expect(gus.page.get_by_text("Logging in with these settings works")).to_be_visible(timeout=15_000)
    assert gus.page.locator(".stage .badge-good").count() >= 6
    dana.press("Finish: sign out at Okta").sees("You are signed out at Okta.")

    gus.press("Go to the draft, to switch it on").press("Switch on")
    gus.sees("Switched on. People log in with these settings from now on.")
    log_in(dana)
    gus.press("Delete Integration").sees("1 person at Globex logs in to POINT with Okta.").sees("dana@globex.example")
    gus.press("Delete Integration").at("Okta is deleted")
    dana.assert_anonymous()
    gus.press("Undo").sees("Undone.")
    dana.go("/login/globex/okta").page.wait_for_url(dana.base + "/")
    dana.assert_logged_in()


def test_a_person_without_an_account_does_it_with_the_sheet_and_the_link(world: World, new: New, meet: Meet) -> None:
    gus = meet("gus@globex.example", okta=new.okta).log_in_by_password("globex").go(f"{OKTA}/guide")
    gus.press("Hand over to an Okta administrator").type("Who is it for?", "Pat").press("Make the link")
    pat = meet(okta=new.okta).go(gus.page.locator(".copy code").first.inner_text())
    pat.at("Set up Okta for Globex").press("Print").at("Okta set-up for Globex")
    parts = [part for part in guide.PARTS if not part.later]
    for part, section in zip(parts, pat.page.locator(".sheet-part").all(), strict=False):
        expect(section.get_by_role("heading", level=2)).to_contain_text(part.title)
        new.admin.do(part, read_part(section))
    pat.press("Back to the guide")
    for app in FIELDS:
        fill_in(pat, new, app).sees("Saved as a draft. An owner of the organization can see it and switch it on.")
    pat.press("Checks").press("Check now").sees("What was found")
    expect(pat.page.get_by_text("Nothing to put right.")).to_be_visible(timeout=15_000)
    assert pat.page.locator(".check-wrong").count() == 0
    assert pat.page.locator(".check-right").count() >= 10
    pat.assert_anonymous()
    gus.go(OKTA).sees("Kept by Pat").press("Switch on").sees("Switched on.")
    log_in(meet("carol@globex.example", okta=new.okta))
