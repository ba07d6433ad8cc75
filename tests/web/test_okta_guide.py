"""The guide in the product: every step of the admin guide has its place, with this organization's values, links into
its own Admin Console, ticks that stay, and what the last checks found."""

from __future__ import annotations

import re
import time
from html import unescape
from itertools import pairwise

import pytest

from okta_sandbox import Sandbox
from portal import guide
from portal.connecting import save_okta
from portal.okta.connect import Entries
from portal.okta.steps import STEPS
from portal.settings import Settings
from portal.store.check_runs import finish_run, start_run
from portal.store.drafts import save_draft
from portal.store.guide import list_ticks
from portal.subjects import find_subject
from portal.web.guide_shown import values_of
from tests.pages import Page
from tests.world import Visitor, World

OKTA = "/organizations/acme/integrations/okta"
GUIDE = OKTA + "/guide"
CLIENT_ID = "0oaSpa00000000000001"

# What the admin guide says, in its own words, and the page that has to say it. Quotation marks, dashes and capitals
# apart; where the guide's words are not Okta's own labels, they are Okta's here.
SEED = {
    "account": [
        "already uses Okta", "Okta login page", "sign in using your existing credentials", "create an Okta account",
        "visit the Okta sign-up page", "complete all required fields", "click “Start free trial”",
        "Verify your Okta account via the confirmation email", "until your profile is fully activated",
        "refer to the official Okta documentation", "Log in to the Okta Admin",
        "select your organization (if prompted)",
        "In the top-right corner, click “Admin” to open the Admin Console",
        "You must have administrator access in your organization to complete this setup.",
    ],
    "spa": [
        "Single-Page Application", "navigation menu and click “Applications”",
        "From the dropdown, select “Applications” again", "On the Applications page, click “Create App Integration”",
        "Configure the sign-in method", "In the Sign-in method section, select “OIDC – OpenID Connect”",
        "When prompted to choose the application type, select “Single Page Application”", "Click “Next”",
        "Complete the “New Single-Page App Integration” form", "the “New Single-Page App Integration” form opens",
        "App integration name field, you may rename the application", "POINT SPA Integration", "keep the default name",
        "Configure Grant Types", "Under Grant type, select", "Authorization Code", "Refresh Token",
        "Expand the Advanced section", "Under Other grants, select “Interaction Code”",
        "Interaction Code option not visible?",
        "the Interaction Code grant type is not enabled for your Okta organization",
        "In the Okta Admin, go to Settings > Account", "locate Embedded widget sign-in support",
        "repeat this step", "Under Sign-in redirect URIs, click “Add URI”", "{base}/login/callback",
        "Under Sign-out redirect URIs, click “Add URI”", "{base}",
        "If any URIs are already listed, do not remove them. Simply add the URI above.",
        "Under Trusted Origins, Base URIs, click “Add URI”", "Configure Assignments", "Controlled access",
        "Allow everyone in your organization to access",
        "Ensure Enable immediate access remains unchecked if you want to assign the app to specific groups or users "
        "later.", "Click “Save” to complete the setup.",
    ],
    "native": [
        "as a Native Application in Okta", "click “Create App Integration”", "OIDC – OpenID Connect",
        "When prompted for the application type, select “Native Application”", "Click Next",
        "New Native App Integration", "rename the application", "POINT Native App Integration", "keep the default name",
        "Authorization Code", "Refresh Token", "Expand the Advanced section",
        "Under Other grants, select “Interaction Code”", "Embedded widget sign-in support",
        "Under Sign-in redirect URIs, click “Add URI”", "org.pointapp.point:/login",
        "Under Sign-out redirect URIs, click “Add URI”", "org.pointapp.point:/logout", "do not remove them",
        "Allow everyone in your organization to access", "Ensure Enable immediate access remains unchecked",
        "Click “Save” to complete the setup.",
    ],
    "origins": [
        "trusted origin in your Okta security settings", "CORS", "Security > API > Trusted Origins",
        "already listed as a trusted origin", "If it is listed, no further action is needed", "If it is not listed",
        "Click “Add Origin”", "Origin Name", "POINT Dash", "Origin URL", "{base}", "Choose Type",
        "Cross-Origin Resource Sharing (CORS)", "Click “Save” to apply the changes",
    ],
    "policies": [
        "verify and update the access policies", "navigate to Security > API",
        "Select the “Authorization Servers” tab", "Locate the custom authorization server you want to update",
        "click the pencil icon next to it to edit its settings",
        "Only administrators with proper permissions can edit authorization server policies.",
        "Click the “Access Policies” tab", "If no access policies exist", "click “Add Policy”", "create the policy",
        "After creating a policy, click “Add Rule”", "Locate the policy that applies to your application",
        "Default Policy Rule", "click the pencil icon in the “Actions” column to edit",
        "click “Advanced” in the section “IF Grant type is”", "Under Other grants, select “Interaction Code”",
        "the Interaction Code grant type is not enabled", "Embedded widget sign-in support",
    ],
    "find-spa": [
        "you need the Client ID and the domain", "Log in to your Okta account and select your organization",
        "In the top-right corner, click “Admin”", "You must have administrator access in your organization",
        "navigate to Applications > Applications", "click the “Active” tab to see all active applications",
        "select your SPA application (for example “My SPA”)", "Open the Client Credentials section",
        "locate the “Client ID” and copy it", "POINT Admin Dashboard > Organization > Integrations > Okta",
        "Paste the Client ID into the field “SPA: Okta Client ID”", "go to the “Sign On” tab",
        "Click “OpenID Connect ID Token” and then “Edit”", "Update the Issuer field with your Okta organization URL",
        "click “Save”", "Copy the URL", "Paste it into POINT under “SPA: Okta Domain”",
    ],
    "find-native": [
        "select your Native App (for example “My Native App”)", "Client Credentials", "copy it",
        "Paste it in POINT under “Native App: Okta Client ID (Native App)”", "go to the “Sign On” tab",
        "Click “OpenID Connect ID Token” and then “Edit”", "Copy the URL",
        "Paste it into POINT under “Native App: Okta Domain (Native App)”",
    ],
    "point": [
        "In your POINT Admin Dashboard, navigate to the left-hand menu and click Organization > Integrations",
        "Select “Okta” from the list of available integrations", "Enter the required information",
        "obtained from the Okta apps you created (SPA and Native App)", "your Okta organization domain",
        "If you are unsure how to find the Client ID or domain, see", "Click “Save” to enable the integration",
    ],
    "delete": [
        "If you need to remove Okta from POINT", "go to Organization > Integrations", "select “Okta”",
        "Click “Delete Integration”",
    ],
    "": ["Okta is a trusted identity and access management platform", "use the same credentials to log in to POINT",
         "Single Sign-On (SSO)", "support@pointapp.org"],
}  # fmt: skip


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


def plain(text: str) -> str:
    """Without what is only spelling."""
    text = re.sub(r"[“”\"'’:,.]", "", unescape(text).lower())
    return " ".join(re.sub(r"[-–—]", " ", text).split())


@pytest.fixture
def olivia(world: World) -> Visitor:
    visitor = world.olivia
    visitor.log_in_by_password()
    return visitor


@pytest.fixture
def gus(world: World) -> Visitor:
    visitor = world.gus
    visitor.log_in_by_password()
    return visitor


def links_of(page: Page) -> list[str]:
    """Where the page leads in a new tab, which is Okta, public pages about it apart."""
    new_tab = [element.attributes for element in page.elements if element.attributes.get("target") == "_blank"]
    assert all("noreferrer" in attributes["rel"] for attributes in new_tab)
    return [
        attributes["href"]
        for attributes in new_tab
        if not attributes["href"].startswith(("https://www.okta.com/", "https://help.okta.com/"))
    ]


def boxes(page: Page) -> dict[str, bool]:
    """The boxes to tick, and which are."""
    found = [element.attributes for element in page.elements if element.attributes.get("name") == "done"]
    return {attributes["value"]: "checked" in attributes for attributes in found}


def tick(visitor: Visitor, part: str, *tasks: str, was: str = "", go: str = "") -> str:
    """Sends the form as a browser would; answers where it led."""
    data = {"was": was, "done": list(tasks), "go": go}
    return visitor.step(f"{GUIDE}/{part}", method="POST", data=data).headers["Location"]


# -- what it says ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", SEED)
def test_every_step_of_the_admin_guide_has_its_place(world: World, olivia: Visitor, part: str) -> None:
    page = olivia.get(f"{GUIDE}/{part}".rstrip("/"))
    assert page.status_code == 200
    said = plain(Page(page.text).text)
    assert [words for words in SEED[part] if plain(words.format(base=world.base)) not in said] == []


def test_every_part_is_on_the_overview_and_leads_to_the_next_by_name(olivia: Visitor) -> None:
    overview = Page(olivia.get(GUIDE).text)
    for part in guide.PARTS:
        assert part.title in [element.text for element in overview.elements if element.tag == "h3"]
    for part, after in pairwise(guide.PARTS):
        page = Page(olivia.get(f"{GUIDE}/{part.id}").text)
        assert f"Next: {after.title}" in page.text
        back = Page(olivia.get(f"{GUIDE}/{after.id}").text)
        assert back.find("a", href=f"{GUIDE}/{part.id}").text == f"Previous: {part.title}"
    assert "Next:" not in Page(olivia.get(f"{GUIDE}/{guide.PARTS[-1].id}").text).text


def test_every_check_has_a_part_that_says_how_to_put_it_right() -> None:
    assert {step.id for step in STEPS} <= {check for task in guide.TASKS.values() for check in task.checks}
    known = {step.id for step in STEPS}
    assert [task.id for task in guide.TASKS.values() if set(task.checks) - known or len(task.id) > 60] == []


def test_the_values_are_those_of_the_admin_guide_in_production() -> None:
    values = values_of(Settings(base_url="https://dash.pointapp.org", database_url="", secret_keys=()))
    assert values["redirect_uri"] == "https://dash.pointapp.org/login/callback"
    assert values["sign_out_uri"] == values["origin"] == "https://dash.pointapp.org"
    assert values["native_redirect_uri"] == "org.pointapp.point:/login"
    assert values["native_sign_out_uri"] == "org.pointapp.point:/logout"


def test_a_value_to_enter_can_be_copied(world: World, olivia: Visitor) -> None:
    page = Page(olivia.get(f"{GUIDE}/spa").text)
    copied = [element.text for element in page.elements if element.attributes.get("data-module") == "copy"]
    assert f"Sign-in redirect URIs {world.base}/login/callback" in copied
    assert f"Sign-out redirect URIs {world.base}" in copied


def test_the_fields_are_beside_every_part_and_save_where_the_form_does(world: World, olivia: Visitor) -> None:
    for part in ("", *guide.BY_ID):
        page = olivia.get(f"{GUIDE}/{part}".rstrip("/"))
        form = Page(page.text).form_with("spa_client_id", "spa_domain", "native_client_id", "native_domain")
        assert form.action == OKTA
        assert form.fields["spa_client_id"] == world.sandbox.client_id("spa")
    saved = olivia.submit(page, "spa_client_id", spa_domain=world.okta)
    assert "Saved." in saved.text


def test_a_part_that_there_is_not_is_not_found(olivia: Visitor) -> None:
    assert olivia.get(f"{GUIDE}/nope").status_code == 404
    assert olivia.step(f"{GUIDE}/nope", method="POST", data={"was": ""}).status_code == 404


# -- links -------------------------------------------------------------------------------------------------------------


def connect(world: World, domain: str, organization: str = "acme", **entries: str) -> None:
    known = {"spa_client_id": CLIENT_ID, "spa_domain": domain, **entries}
    save_okta(
        world.services, world.acme_id if organization == "acme" else world.globex_id, Entries(**known),
        sign_in="redirect", who="olivia@acme.example", reference="", check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "console"),
    [
        ("acme.okta.com", "https://acme-admin.okta.com"),
        ("acme.oktapreview.com", "https://acme-admin.oktapreview.com"),
        ("acme.okta-emea.com", "https://acme-admin.okta-emea.com"),
        ("https://acme-admin.okta.com/admin/apps/active", "https://acme-admin.okta.com"),
    ],
)
def test_a_step_leads_straight_into_this_tenant_s_console(
    world: World, olivia: Visitor, domain: str, console: str
) -> None:
    connect(world, domain, authorization_server="default")
    spa = links_of(Page(olivia.get(f"{GUIDE}/spa").text))
    assert set(spa) == {
        f"{console}/admin/apps/active",
        f"{console}/admin/apps/oauth2-wizard/create?applicationType=BROWSER",
        f"{console}/admin/app/oidc_client/instance/{CLIENT_ID}#tab-general",
        f"{console}/admin/app/oidc_client/instance/{CLIENT_ID}#tab-assignments",
        f"{console}/admin/settings/account",
    }
    assert f"{console}/admin/access/api/trusted_origins" in links_of(Page(olivia.get(f"{GUIDE}/origins").text))
    assert f"{console}/admin/oauth2/as/default#policies" in links_of(Page(olivia.get(f"{GUIDE}/policies").text))
    # No native app yet: its list instead of its page.
    native = links_of(Page(olivia.get(f"{GUIDE}/native").text))
    assert f"{console}/admin/apps/active" in native
    assert not any("/instance/" in link for link in native)


def test_a_custom_domain_has_no_link_until_the_host_that_okta_runs_is_known(world: World, olivia: Visitor) -> None:
    entries = {"spa_client_id": CLIENT_ID, "spa_domain": "id.acme.org", "authorization_server": "auto"}
    with world.services.db.writing() as connection:
        save_draft(connection, world.acme_id, entries=entries, apps=[], problems={}, who="olivia", now=1)
    page = Page(olivia.get(f"{GUIDE}/spa").text)
    assert links_of(page) == []
    assert "Applications > Applications > Create App Integration" in page.text
    with world.services.db.writing() as connection:
        subject = find_subject(connection, world.acme_id)
        assert subject is not None
        ours = {"subject": subject.name, "fingerprint": subject.fingerprint}
        run, _new = start_run(connection, world.acme_id, **ours, who="olivia", now=1)
        finish_run(connection, world.acme_id, run, okta_host="acme.okta.com", server_id="aus1a2b3c4", now=2)
    assert "https://acme-admin.okta.com/admin/apps/active" in links_of(Page(olivia.get(f"{GUIDE}/spa").text))
    policies = links_of(Page(olivia.get(f"{GUIDE}/policies").text))
    assert "https://acme-admin.okta.com/admin/oauth2/as/aus1a2b3c4#policies" in policies


def test_without_a_domain_the_way_is_said_in_words_and_a_typed_one_makes_links(gus: Visitor) -> None:
    there = "/organizations/globex/integrations/okta/guide"
    page = Page(gus.get(f"{there}/spa").text)
    assert links_of(page) == []
    assert "In Okta: Applications > Applications" in page.text
    typed = gus.get(there, params={"domain": "globex.okta.com"})
    carried = Page(typed.text).find("a", href=f"{there}/spa?domain=globex.okta.com")
    assert links_of(Page(gus.get(carried.attributes["href"]).text))[0] == (
        "https://globex-admin.okta.com/admin/apps/active"
    )


@pytest.mark.parametrize(
    "typed", ["evil.example", "javascript:alert(1)", "okta.com.evil.example", "gus@okta.com", "x" * 900]
)
def test_a_domain_that_is_none_makes_no_link_and_says_so(gus: Visitor, typed: str) -> None:
    page = Page(gus.get("/organizations/globex/integrations/okta/guide", params={"domain": typed}).text)
    assert links_of(page) == []
    assert page.problem_at("domain")


def test_the_demo_s_links_lead_to_the_sandbox(world: World, olivia: Visitor) -> None:
    found = links_of(Page(olivia.get(f"{GUIDE}/spa").text))
    assert {link.partition("#")[0] for link in found} == {f"{world.okta}/sandbox"}
    sandbox = world.stranger.get(found[0])
    assert sandbox.status_code == 200
    pages = [Page(olivia.get(f"{GUIDE}/{part}").text) for part in guide.BY_ID]
    for anchor in {link.partition("#")[2] for page in pages for link in links_of(page)} - {""}:
        assert f'id="{anchor}"' in sandbox.text


# -- progress ----------------------------------------------------------------------------------------------------------


def test_what_is_ticked_off_stays_with_who_and_when(world: World, olivia: Visitor) -> None:
    assert "0 of 39 done" in Page(olivia.get(GUIDE).text).text
    saved = olivia.get(tick(olivia, "spa", "spa.navigate", "spa.create"))
    page = Page(saved.text)
    assert page.find("div", role="status").text == "Progress saved."
    assert [task for task, ticked in boxes(page).items() if ticked] == ["spa.navigate", "spa.create"]
    assert "2 of 11 done" in page.text
    assert "Ticked off by olivia@acme.example" in page.text
    assert page.find("progress").attributes == {"id": "done", "value": "2", "max": "11"}
    overview = Page(olivia.get(GUIDE).text)
    assert "2 of 39 done" in overview.text
    event = world.activity()[0]
    assert (event.what, event.who) == ("guide.progress", "olivia@acme.example")
    assert event.about == {"done": ["spa.navigate", "spa.create"], "undone": []}


def test_the_button_that_names_the_next_part_saves_and_leads_there(world: World, olivia: Visitor) -> None:
    assert tick(olivia, "spa", "spa.navigate", go="native") == f"{GUIDE}/native"
    with world.services.db.reading() as connection:
        assert list(list_ticks(connection, world.acme_id)) == ["spa.navigate"]
    assert tick(olivia, "spa", "spa.navigate", was="spa.navigate", go="//evil.example") == f"{GUIDE}/spa?saved=yes"


def test_two_people_do_not_undo_each_other_s_ticks(world: World, olivia: Visitor) -> None:
    """Both have the page open from before either saved."""
    tick(olivia, "spa", "spa.navigate")
    tick(olivia, "spa", "spa.create")
    tick(olivia, "native", "spa.save")
    assert [task for task, ticked in boxes(Page(olivia.get(f"{GUIDE}/spa").text)).items() if ticked] == [
        "spa.navigate", "spa.create"
    ]  # fmt: skip
    tick(olivia, "spa", "spa.create", was="spa.navigate spa.create")
    assert [task for task, ticked in boxes(Page(olivia.get(f"{GUIDE}/spa").text)).items() if ticked] == ["spa.create"]
    tick(olivia, "spa", "spa.navigate", "spa.create", "spa.name", was="spa.navigate spa.create")
    assert [task for task, ticked in boxes(Page(olivia.get(f"{GUIDE}/spa").text)).items() if ticked] == [
        "spa.create", "spa.name"
    ]  # fmt: skip


@pytest.mark.parametrize("data", [{}, {"done": "spa.create"}, {"version": "0"}])
def test_a_form_that_is_not_ours_ticks_nothing_off(world: World, olivia: Visitor, data: dict[str, str]) -> None:
    assert olivia.step(f"{GUIDE}/spa", method="POST", data=data).status_code == 422
    with world.services.db.reading() as connection:
        assert list_ticks(connection, world.acme_id) == {}


def test_progress_is_the_organization_s_own(world: World, olivia: Visitor, gus: Visitor) -> None:
    tick(olivia, "spa", "spa.navigate")
    assert "0 of 39 done" in Page(gus.get("/organizations/globex/integrations/okta/guide").text).text
    for visitor in (gus, world.carol):
        visitor.log_in_by_password()
        for path in ("", "/spa", "/print", "/links"):
            assert visitor.get(GUIDE + path).status_code == 404
        assert visitor.step(f"{GUIDE}/spa", method="POST", data={"was": "spa.navigate"}).status_code == 404
    assert "1 of 39 done" in Page(olivia.get(GUIDE).text).text


def test_an_admin_reads_it_and_ticks_nothing(world: World, olivia: Visitor) -> None:
    tick(olivia, "spa", "spa.navigate")
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = Page(adam.get(f"{GUIDE}/spa").text)
    assert boxes(page) == {}
    assert "Ticked off by olivia@acme.example" in page.text
    assert "Next: Add POINT to Okta (Native App)" in page.text
    assert adam.step(f"{GUIDE}/spa", method="POST", data={"was": ""}).status_code == 403
    assert adam.get(f"{GUIDE}/links").status_code == 403


# -- what the checks found ---------------------------------------------------------------------------------------------


def state_of(visitor: Visitor, part: str, task: str) -> str:
    """The badge beside a task."""
    found = re.search(rf'<li class="task" id="{re.escape(task)}">.*?</li>\s*(?=<li class="task"|</ol>)',
                      visitor.get(f"{GUIDE}/{part}").text, re.DOTALL)  # fmt: skip
    assert found
    badges = [element.text for element in Page(found[0]).elements if "badge" in element.attributes.get("class", "")]
    return badges[0] if badges else ""


def run_checks(visitor: Visitor) -> None:
    visitor.step(OKTA + "/checks", method="POST", data={"subject": "live"})
    until = time.monotonic() + 15
    while 'data-module="live"' in visitor.get(OKTA + "/checks").text:
        assert time.monotonic() < until
        time.sleep(0.1)


def take_away_redirect_uri(sandbox: Sandbox) -> None:
    """Somebody removes POINT's address from the SPA in Okta."""
    sandbox.app(sandbox.client_id("spa")).oauth["redirect_uris"] = ["https://elsewhere.example/callback"]


def test_a_task_says_what_the_last_checks_found(world: World, olivia: Visitor) -> None:
    assert state_of(olivia, "spa", "spa.redirect_uri") == "Not checked yet"
    assert state_of(olivia, "spa", "spa.navigate") == ""
    run_checks(olivia)
    assert state_of(olivia, "spa", "spa.redirect_uri") == "Checked: right"
    assert state_of(olivia, "native", "native.redirect_uri") == "Checked: right"
    assert state_of(olivia, "spa", "spa.assignments") == "Only a test login can tell"
    take_away_redirect_uri(world.sandbox)
    run_checks(olivia)
    assert state_of(olivia, "spa", "spa.redirect_uri") == "Checked: to put right"
    page = Page(olivia.get(f"{GUIDE}/spa").text)
    assert page.find("a", href=f"{OKTA}/checks#step-spa-redirect_uri")
    assert "1 to put right" in Page(olivia.get(GUIDE).text).text


def test_what_was_found_with_other_settings_says_nothing_about_these(world: World, olivia: Visitor) -> None:
    run_checks(olivia)
    connect(world, "acme.okta.com")
    assert state_of(olivia, "spa", "spa.redirect_uri") == "Not checked yet"


# -- the sheet ---------------------------------------------------------------------------------------------------------


def test_the_sheet_has_everything_on_one_page_and_no_menu(world: World, olivia: Visitor) -> None:
    page = Page(olivia.get(f"{GUIDE}/print").text)
    for part in guide.PARTS:
        assert (part.title in page.text) != part.later
    scheme = "org.pointapp.point"
    for value in (f"{world.base}/login/callback", f"{scheme}:/login", f"{scheme}:/logout", "POINT Dash"):
        assert value in page.text
    assert world.sandbox.client_id("spa") in page.text
    assert not [element for element in page.elements if element.tag == "nav"]
    assert "Interaction Code option not visible?" in page.text
    assert "Okta set-up for Acme Volunteers" in page.text


def test_the_sheet_of_an_organization_without_okta_has_room_to_write(gus: Visitor) -> None:
    page = Page(gus.get("/organizations/globex/integrations/okta/guide/print").text)
    assert sum(element.attributes.get("class") == "sheet-line" for element in page.elements) == 4
