"""Save beside what is live: what Okta takes goes live, what it does not take yet is a draft, and what becomes of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from sqlalchemy import text

from portal.okta.connect import Entries
from portal.store.drafts import Draft, find_draft
from portal.store.integrations import Integration, find_integration
from portal.subjects import find_subject
from tests.needs import forget_tries
from tests.pages import Page
from tests.web.steps import when_asked
from tests.world import Visitor, World

OKTA = "/organizations/acme/integrations/okta"
FORM = ("spa_client_id", "spa_domain", "native_client_id", "native_domain", "authorization_server", "sign_in")
TOKEN = "00" + "aB3-_" * 8
SECRET = "x9" * 32


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    forget_tries()


@pytest.fixture
def olivia(world: World) -> Visitor:
    visitor = world.olivia
    visitor.log_in_by_password()
    return visitor


def save(visitor: Visitor, *, draft: bool = False, **typed: str) -> Page:
    """Fills in `typed` and presses Save, or Save as a draft."""
    answer = send(visitor, visitor.get(OKTA), draft=draft, **typed)
    assert answer.status_code == (422 if "aria-invalid" in answer.text else 200)
    return Page(answer.text)


def send(visitor: Visitor, page: requests.Response, *, draft: bool = False, **typed: str) -> requests.Response:
    form = Page(page.text).form_with(*FORM, button="Save as a draft" if draft else "Save")
    pressed = {"action": "draft"} if draft else {}
    return visitor.follow(visitor.step(OKTA, method="POST", data={**form.fields, **typed, **pressed}))


def press(visitor: Visitor, button: str, page: requests.Response | None = None) -> requests.Response:
    return visitor.submit(page or visitor.get(OKTA), button=button)


def stored(world: World) -> tuple[Integration | None, Draft | None]:
    with world.services.db.reading() as connection:
        return find_integration(connection, world.acme_id), find_draft(connection, world.acme_id)


def forget_redirect_uri(world: World) -> list[str]:
    """Takes POINT's address out of the SPA at Okta; answers what was there."""
    oauth = world.sandbox.app(world.sandbox.client_id("spa")).oauth
    before = oauth["redirect_uris"]
    oauth["redirect_uris"] = ["http://localhost/other"]
    return list(before)


def test_what_okta_does_not_take_is_a_draft_and_what_is_live_stays_live(world: World, olivia: Visitor) -> None:
    before, _none = stored(world)
    page = save(olivia, spa_client_id="0oaUnknown0000000001")
    live, draft = stored(world)
    assert live == before
    assert page.problem_at("spa_client_id")
    assert "Kept as a draft; what is live has not changed" in page.text
    assert draft is not None
    assert draft.entries["spa_client_id"] == "0oaUnknown0000000001"
    assert (draft.problems, draft.updated_by) == ({"spa_client_id": "client_unknown"}, "olivia@acme.example")
    assert draft.apps["native"] == live.apps["native"]
    alice = world.alice
    alice.log_in()
    assert alice.session()["method"] == "okta"
    assert world.activity()[1].what == "okta.draft_kept"


def test_the_page_shows_the_draft_in_the_form_and_what_differs_from_what_is_live(world: World, olivia: Visitor) -> None:
    save(olivia, spa_client_id="0oaUnknown0000000001", native_client_id="", native_domain="")
    page = Page(olivia.get(OKTA).text)
    assert page.form_with(*FORM, button="Save").fields["spa_client_id"] == "0oaUnknown0000000001"
    card = page.find("section", id="draft").text
    assert "Draft, not switched on" in card
    client_id = world.sandbox.client_id("spa")
    assert f"SPA: Okta Client ID Live: {client_id} Draft: 0oaUnknown0000000001" in card
    assert f"Native App: Okta Domain (Native App) Live: {world.okta} Draft: Not set" in card
    assert "Where people sign in" not in card
    assert "Okta does not know this Client ID" in card


def test_once_it_is_put_right_in_okta_save_goes_live_and_the_draft_is_gone(world: World, olivia: Visitor) -> None:
    right = forget_redirect_uri(world)
    save(olivia, native_client_id="", native_domain="")
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["redirect_uris"] = right
    page = save(olivia)
    assert "Saved." in page.find("div", role="status").text
    live, draft = stored(world)
    assert (list(live.apps), draft) == (["spa"], None)


@pytest.mark.parametrize("refused", [False, True])
def test_save_as_a_draft_stores_without_switching_on_and_says_what_is_next(
    world: World, olivia: Visitor, refused: bool
) -> None:
    if refused:
        forget_redirect_uri(world)
    before, _none = stored(world)
    page = save(olivia, draft=True, authorization_server="default")
    assert "Kept as a draft. What is live has not changed." in page.find("div", role="status").text
    card = page.find("section", id="draft").text
    assert ("Okta did not take it" in card) == refused
    assert "Run the checks Test login" in card
    live, draft = stored(world)
    assert live == before
    assert draft is not None
    assert draft.apps["spa"].issuer == world.okta + "/oauth2/default"
    listed = olivia.get("/organizations/acme/integrations").text
    assert "A draft is saved beside what is live." in listed


def test_a_draft_without_anything_live_waits_for_its_set_up(world: World, olivia: Visitor) -> None:
    world.app.test_cli_runner().invoke(args=["okta", "delete", "acme"])
    save(olivia, draft=True, spa_client_id=world.sandbox.client_id("spa"), spa_domain=world.okta)
    assert stored(world)[0] is None
    page = Page(olivia.get("/organizations/acme/integrations").text)
    assert page.find("span", class_="badge badge-warning").text == "Setup needed"
    assert world.stranger.get("/login/acme/okta").status_code == 404
    assert "Switched on" in Page(press(olivia, "Switch on").text).find("div", role="status").text
    alice = world.alice
    alice.log_in()
    assert alice.session()["method"] == "okta"


def test_a_draft_of_what_is_live_is_none(world: World, olivia: Visitor) -> None:
    page = save(olivia, draft=True)
    assert "live already" in page.find("div", role="status").text
    assert stored(world)[1] is None
    forget_redirect_uri(world)
    page = save(olivia)
    assert "Nothing was saved yet" in page.text
    assert stored(world)[1] is None


def test_switching_on_asks_okta_again_and_the_draft_stays_when_it_says_no(world: World, olivia: Visitor) -> None:
    save(olivia, draft=True, authorization_server="default")
    before, _kept = stored(world)
    right = forget_redirect_uri(world)
    answer = press(olivia, "Switch on")
    assert answer.status_code == 422
    assert "Sign-in redirect URIs" in Page(answer.text).problem_at("spa_client_id")
    live, draft = stored(world)
    assert (live, draft.problems) == (before, {"spa_client_id": "redirect_uri_missing"})
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["redirect_uris"] = right
    assert "Switched on" in press(olivia, "Switch on").text
    live, draft = stored(world)
    assert (live.authorization_server, draft) == ("default", None)
    assert world.activity()[0].what == "okta.switched_on"


def test_throwing_the_draft_away_twice_says_the_same(world: World, olivia: Visitor) -> None:
    save(olivia, draft=True, authorization_server="default")
    page = olivia.get(OKTA)
    for _ in range(2):
        assert "The draft is gone" in Page(press(olivia, "Throw the draft away", page).text).text
    assert stored(world)[1] is None
    assert [event.what for event in world.activity()].count("okta.draft_dropped") == 1


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"spa_client_id": SECRET}, "spa_client_id", "client secret"),
        ({"spa_client_id": TOKEN}, "spa_client_id", "API token"),
        ({"native_client_id": TOKEN}, "native_client_id", "API token"),
        ({"spa_client_id": f"SSWS {TOKEN}"}, "spa_client_id", "API token"),
        ({"spa_domain": TOKEN}, "spa_domain", "API token"),
        ({"native_domain": f"SSWS {TOKEN}"}, "native_domain", "API token"),
        ({"authorization_server": TOKEN}, "authorization_server", "API token"),
        ({"authorization_server": SECRET}, "authorization_server", "Choose one of the list"),
        ({"spa_domain": SECRET}, "spa_domain", "only letters, digits"),
        ({"spa_client_id": "https://acme.okta.com"}, "spa_client_id", "address"),
        ({"spa_domain": "olivia@acme.example"}, "spa_domain", "e-mail address"),
        ({"spa_client_id": ""}, "spa_client_id", "fill this in"),
    ],
    ids=str,
)
@pytest.mark.parametrize("draft", [False, True])
def test_what_is_no_client_id_or_domain_is_kept_nowhere(
    world: World, olivia: Visitor, capfd: pytest.CaptureFixture[str], typed: dict[str, str], field: str, words: str,
    draft: bool,
) -> None:  # fmt: skip
    before = stored(world)
    asked = len(world.sandbox.requests)
    page = save(olivia, draft=draft, **typed)
    assert words in page.problem_at(field)
    assert "Nothing was saved yet" in page.text
    assert TOKEN not in page.text
    assert stored(world) == before
    assert len(world.sandbox.requests) == asked
    with world.services.db.reading() as connection:
        dump = "".join(str(connection.execute(text(f"SELECT * FROM {name}")).all()) for name in (
            "integration_drafts", "integration_versions", "integrations", "apps", "activity"))  # fmt: skip
    said = capfd.readouterr()
    for secret in (TOKEN, SECRET):
        assert secret not in dump + said.err + said.out


def test_a_custom_domain_that_was_not_proved_is_no_app_of_the_draft(world: World, olivia: Visitor) -> None:
    save(olivia, spa_domain="id.volunteers.invalid.example.org")
    draft = stored(world)[1]
    assert draft is not None
    assert "spa" not in draft.apps
    with world.services.db.reading() as connection:
        subject = find_subject(connection, world.acme_id)
    assert subject is not None
    assert (subject.name, subject.entries.spa_domain, "spa" in subject.apps) == (
        "draft", "id.volunteers.invalid.example.org", False,
    )  # fmt: skip


def test_a_silent_okta_by_its_name_is_believed_so_that_checks_can_look_at_it(world: World, olivia: Visitor) -> None:
    save(olivia, spa_domain="http://localhost:1", native_client_id="", native_domain="")
    draft = stored(world)[1]
    assert draft is not None
    assert draft.problems == {"spa_domain": "domain_silent"}
    assert draft.apps["spa"].issuer == "http://localhost:1"


@pytest.mark.parametrize("button", ["Save", "Save as a draft", "Switch on", "Throw the draft away"])
def test_a_page_from_before_somebody_elses_draft_changes_nothing(world: World, olivia: Visitor, button: str) -> None:
    other = world.olivia
    other.log_in()
    save(olivia, draft=True, authorization_server="default")
    page = other.get(OKTA)
    save(olivia, draft=True, authorization_server="default", native_client_id="", native_domain="")
    before = stored(world)
    if button.startswith("Save"):
        answer = send(other, page, draft="draft" in button, sign_in="embedded")
    else:
        answer = press(other, button, page)
    assert answer.status_code == 409
    assert "Somebody else changed this" in answer.text
    assert stored(world) == before


def test_of_two_owners_who_switch_on_at_once_one_is_told(world: World, olivia: Visitor) -> None:
    other = world.olivia
    other.log_in()
    save(olivia, draft=True, sign_in="embedded")
    pages = [(olivia, olivia.get(OKTA)), (other, other.get(OKTA))]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda pair: press(pair[0], "Switch on", pair[1]).status_code, pages))
    assert sorted(answers) == [200, 409]
    assert stored(world)[0].version == 2


def test_a_save_that_overtakes_a_slow_one_wins(world: World, olivia: Visitor) -> None:
    """Okta answers the first one while somebody else saves: the first is not kept as a draft over it either."""
    other = world.olivia
    raced: list[requests.Response | None] = []
    other.log_in()
    page, others = olivia.get(OKTA), other.get(OKTA)

    def overtake() -> None:
        if not raced:
            raced.append(None)
            raced[0] = send(other, others, native_client_id="", native_domain="")

    when_asked(world.sandbox, "/authorize", overtake)
    answer = send(olivia, page, spa_client_id="0oaUnknown0000000001")
    assert (raced[0].status_code, answer.status_code) == (200, 409)
    live, draft = stored(world)
    assert (list(live.apps), draft) == (["spa"], None)


def test_the_command_keeps_a_draft_as_the_button_does(world: World) -> None:
    entries = ["--spa-client-id", "0oaUnknown0000000001", "--spa-domain", world.okta]
    result = world.app.test_cli_runner().invoke(args=["okta", "save", "acme", *entries, "--json"])
    assert (result.exit_code, "client_unknown" in result.output) == (1, True)
    assert stored(world)[1].updated_by == "command line"


def test_an_admin_sees_the_draft_and_cannot_touch_it(world: World, olivia: Visitor) -> None:
    save(olivia, draft=True, authorization_server="default")
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = Page(adam.get(OKTA).text)
    assert "Draft, not switched on" in page.text
    assert {button for form in page.forms for button in form.buttons} == {"Log out"}
    for path in ("/switch-on", "/throw-away"):
        assert adam.step(OKTA + path, method="POST").status_code == 403


def test_editing_what_is_live_says_that_people_use_it(world: World, olivia: Visitor) -> None:
    assert "People log in with these settings now" in Page(olivia.get(OKTA).text).text
    assert find_subject_name(world) == "live"


def find_subject_name(world: World) -> str:
    with world.services.db.reading() as connection:
        subject = find_subject(connection, world.acme_id)
    assert subject is not None
    assert isinstance(subject.entries, Entries)
    return subject.name
