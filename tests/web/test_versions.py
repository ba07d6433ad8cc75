"""The versions of the Okta settings: every change is one, with old and new, and each can come back."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from portal.store.drafts import find_draft
from portal.store.integration_versions import list_versions
from portal.store.integrations import find_integration
from tests.needs import forget_tries
from tests.pages import Page
from tests.world import Visitor, World

OKTA = "/organizations/acme/integrations/okta"
VERSIONS = OKTA + "/versions"
FORM = ("spa_client_id", "spa_domain", "native_client_id", "native_domain", "authorization_server", "sign_in")


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


def cards(visitor: Visitor, path: str = VERSIONS) -> list[str]:
    page = Page(visitor.get(path).text)
    return [element.text for element in page.elements if element.attributes.get("class") == "card"]


def save(visitor: Visitor, button: str = "Save", **typed: str) -> None:
    form = Page(visitor.get(OKTA).text).form_with(*FORM, button=button)
    action = {"action": "draft"} if button != "Save" else {}
    visitor.step(OKTA, method="POST", data={**form.fields, **typed, **action})


def restore(visitor: Visitor, place: int) -> Any:
    """Presses Restore of the version at this place of the page."""
    page = visitor.get(VERSIONS)
    forms = [form for form in Page(page.text).forms if "Restore" in form.buttons]
    return visitor.follow(visitor.step(forms[place].action, method="POST", data=forms[place].fields))


def live(world: World) -> Any:
    with world.services.db.reading() as connection:
        return find_integration(connection, world.acme_id)


def kinds(world: World) -> list[str]:
    with world.services.db.reading() as connection:
        return [version.what for version in list_versions(connection, world.acme_id)]


def test_every_way_to_change_what_is_live_is_a_version_with_old_and_new(world: World, olivia: Visitor) -> None:
    save(olivia, authorization_server="default")
    save(olivia, button="Save as a draft", sign_in="embedded")
    olivia.submit(olivia.get(OKTA), button="Switch on")
    world.app.test_cli_runner().invoke(args=["okta", "delete", "acme"])
    world.app.test_cli_runner().invoke(args=["okta", "restore", "acme"])
    assert kinds(world) == ["undone", "deleted", "switched_on", "saved", "saved"]
    undone, deleted, switched, saved, first = cards(olivia)
    assert undone.startswith("Deletion undoneLive now")
    assert "The same settings as before" in undone
    assert "nobody logged in with Okta" in deleted
    assert "olivia@acme.example" in switched
    assert "Where people sign inBefore: On Okta's pageAfter: On POINT's page" in squeezed(switched)
    assert "Authorization serverBefore: Org authorization serverAfter: default" in squeezed(saved)
    assert world.sandbox.client_id("native") in first
    assert "Restore" not in undone
    assert all("Restore" in card for card in (deleted, switched, saved, first))


def squeezed(text_: str) -> str:
    return text_.replace(" Before:", "Before:").replace(" After:", "After:")


def test_restore_brings_the_settings_back_and_is_a_version_itself(world: World, olivia: Visitor) -> None:
    before = live(world)
    save(olivia, authorization_server="default", native_client_id="", native_domain="")
    page = restore(olivia, 0)
    assert "Restored. People log in with these settings from now on." in page.text
    after = live(world)
    assert (after.apps, after.authorization_server, after.version) == (before.apps, "org", 3)
    assert (kinds(world)[0], world.activity()[0].what) == ("restored", "okta.version_restored")
    assert cards(olivia)[0].startswith("Earlier settings restoredLive now")
    alice = world.alice
    alice.log_in()
    assert alice.session()["method"] == "okta"


def test_what_okta_does_not_take_any_more_becomes_a_draft_with_the_reason(world: World, olivia: Visitor) -> None:
    save(olivia, authorization_server="default")
    before = live(world)
    world.sandbox.app(world.sandbox.client_id("native")).json["status"] = "INACTIVE"
    page = restore(olivia, 0)
    assert page.status_code == 422
    assert "Kept as a draft; what is live has not changed" in page.text
    assert "no active app" in Page(page.text).problem_at("native_client_id")
    assert live(world) == before
    with world.services.db.reading() as connection:
        draft = find_draft(connection, world.acme_id)
    assert draft is not None
    assert (draft.entries["authorization_server"], draft.problems) == ("org", {"native_client_id": "client_unknown"})


def test_a_deleted_integration_can_be_restored_as_a_version_too(world: World, olivia: Visitor) -> None:
    before = live(world)
    world.app.test_cli_runner().invoke(args=["okta", "delete", "acme"])
    assert "Restored" in restore(olivia, 1).text
    assert live(world).apps == before.apps


def test_restoring_on_an_old_page_conflicts_and_changes_nothing(world: World, olivia: Visitor) -> None:
    save(olivia, authorization_server="default")
    page = Page(olivia.get(VERSIONS).text)
    form = next(form for form in page.forms if "Restore" in form.buttons)
    save(olivia, native_client_id="", native_domain="")
    before = live(world)
    answer = olivia.step(form.action, method="POST", data=form.fields)
    assert answer.status_code == 409
    assert "Somebody else changed this" in answer.text
    assert live(world) == before


def test_what_was_live_before_versions_were_kept_is_shown_and_comes_first(world: World, olivia: Visitor) -> None:
    with world.services.db.writing() as connection:
        connection.execute(text("DELETE FROM integration_versions"))
    (only,) = cards(olivia)
    assert only.startswith("SavedLive now")
    assert world.sandbox.client_id("spa") in only
    save(olivia, authorization_server="default")
    newest, oldest = cards(olivia)
    assert "After: default" in newest
    assert world.sandbox.client_id("spa") in oldest
    restore(olivia, 0)
    assert live(world).authorization_server == "org"


def test_many_versions_are_shown_in_pages(world: World, olivia: Visitor) -> None:
    for number in range(45):
        world.connect(authorization_server=("default", "org")[number % 2])
    assert len(cards(olivia)) == 20
    older = Page(olivia.get(VERSIONS).text)
    pages = 1
    while link := next((each for each in older.elements if (each.tag, each.text) == ("a", "Older ones")), None):
        shown = cards(olivia, link.attributes["href"])
        assert all("Before: " in card or "oldest settings" in card for card in shown)
        older, pages = Page(olivia.get(link.attributes["href"]).text), pages + 1
    assert (pages, len(shown)) == (3, 6)
    for odd in ("0", "x", "9" * 30, "-1"):
        assert olivia.get(VERSIONS, params={"before": odd}).status_code == 200


@pytest.mark.parametrize("version_id", ["999", "0", "9" * 30])
def test_a_version_that_is_not_there_is_no_page(world: World, olivia: Visitor, version_id: str) -> None:
    data = {"version": "1"}
    assert olivia.step(f"{VERSIONS}/{version_id}/restore", method="POST", data=data).status_code == 404


def test_the_versions_of_another_organization_cannot_be_restored(world: World, olivia: Visitor) -> None:
    gus = world.gus
    gus.log_in_by_password()
    with world.services.db.reading() as connection:
        foreign = list_versions(connection, world.acme_id)[0].id
    path = f"/organizations/globex/integrations/okta/versions/{foreign}/restore"
    assert gus.step(path, method="POST", data={}).status_code == 404
    assert "Nothing here yet" in gus.get("/organizations/globex/integrations/okta/versions").text


def test_an_admin_reads_the_versions_and_restores_nothing(world: World) -> None:
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = Page(adam.get(VERSIONS).text)
    assert "Live now" in page.text
    assert {button for form in page.forms for button in form.buttons} == {"Log out"}
