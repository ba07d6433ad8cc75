"""The watch: what changes in an Okta is written down and mailed once, and once more when it is right again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import select

from portal.check_texts import TITLES
from portal.mail import finish_sending
from portal.store.check_watches import DAY, next_watch
from portal.store.integrations import delete_integration
from portal.store.members import add_member
from portal.store.setup_tables import mails
from portal.watching import notice_for, watch
from tests.web.steps import globex_okta
from tests.web.test_okta_checks import check
from tests.world import Visitor, World

OWNERS = ["olivia@acme.example", "zoe@acme.example"]
TURNED, AGAIN = "okta.check_turned_wrong", "okta.check_right_again"


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture
def acme(world: World) -> World:
    """Acme has two owners, and its Okta was looked at when all was right."""
    for file in _folder(world):
        file.unlink()
    with world.services.db.writing() as connection:
        add_member(connection, world.acme_id, "zoe@acme.example", role="owner", now=world.services.now())
    assert watch(world.services) == {"checked": 1, "turned_wrong": 0, "right_again": 0}
    return world


def look_again(world: World) -> dict[str, int]:
    """A day later."""
    now = world.services.now()
    world.clock.forward(next_watch(world.acme_id, now) - now)
    return watch(world.services)


def break_redirect_uri(world: World) -> None:
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["redirect_uris"] = ["https://elsewhere.example/"]


def mend_redirect_uri(world: World) -> None:
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["redirect_uris"] = [world.base + "/login/callback"]


def mailed(world: World) -> list[tuple[str, str]]:
    """(to, kind) of every mail there was, oldest first."""
    with world.services.db.reading() as connection:
        rows = connection.execute(select(mails.c.recipient, mails.c.kind).order_by(mails.c.id))
        return [(to, kind) for to, kind in rows if kind.startswith("check_")]


def letters(world: World) -> list[EmailMessage]:
    """The mails, as they came out, oldest first."""
    finish_sending(world.services)
    files = [BytesParser(policy=default).parsebytes(file.read_bytes()) for file in _folder(world)]
    return sorted(files, key=lambda mail: (mail["Date"].datetime, mail["To"]))


def _folder(world: World) -> list[Path]:
    return list((world.settings.instance / "mail").glob("*.eml"))


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def events(world: World) -> list[tuple[str, str]]:
    """(what, step) of the checks in Acme's activity, oldest first."""
    found = [each for each in reversed(world.activity()) if each.what in (TURNED, AGAIN)]
    return [(each.what, each.about["step"]) for each in found]


def test_what_turned_wrong_is_mailed_once_to_every_owner_and_once_when_it_is_right_again(acme: World) -> None:
    break_redirect_uri(acme)
    assert look_again(acme) == {"checked": 1, "turned_wrong": 1, "right_again": 0}
    assert mailed(acme) == [(owner, "check_turned_wrong") for owner in OWNERS]
    assert events(acme) == [(TURNED, "spa.redirect_uri")]
    assert look_again(acme) == {"checked": 1, "turned_wrong": 0, "right_again": 0}
    assert len(mailed(acme)) == 2
    mend_redirect_uri(acme)
    assert look_again(acme) == {"checked": 1, "turned_wrong": 0, "right_again": 1}
    assert mailed(acme)[2:] == [(owner, "check_right_again") for owner in OWNERS]
    assert events(acme) == [(TURNED, "spa.redirect_uri"), (AGAIN, "spa.redirect_uri")]
    assert look_again(acme)["right_again"] == 0
    assert len(mailed(acme)) == 4


def test_the_activity_says_why(acme: World) -> None:
    break_redirect_uri(acme)
    look_again(acme)
    event = acme.activity()[0]
    assert (event.who, event.what) == ("maintenance", TURNED)
    assert event.about["cause"] == "redirect_uri_missing"
    assert event.about["found"]


def test_the_mails_say_what_is_wrong_where_to_change_it_and_where_to_look(acme: World) -> None:
    break_redirect_uri(acme)
    look_again(acme)
    mend_redirect_uri(acme)
    look_again(acme)
    wrong, *_, again = letters(acme)
    link = acme.base + "/organizations/acme/integrations/okta/checks?subject=live"
    for said in (text_of(wrong), text_of(wrong, "html")):
        assert "Acme Volunteers" in said
        assert "Web app: Sign-in redirect URI" in said
        assert acme.base + "/login/callback" in said
        assert link in said
    assert wrong["Subject"] == "Something changed in the Okta of Acme Volunteers"
    assert "Add URI" in text_of(wrong)
    assert again["Subject"] == "Right again in the Okta of Acme Volunteers"
    assert "Web app: Sign-in redirect URI" in text_of(again)
    assert link in text_of(again)


def test_several_changes_are_one_mail(acme: World) -> None:
    for kind in ("spa", "native"):
        acme.sandbox.app(acme.sandbox.client_id(kind)).oauth["grant_types"].remove("refresh_token")
    assert look_again(acme)["turned_wrong"] == 2
    assert mailed(acme) == [(owner, "check_turned_wrong") for owner in OWNERS]
    assert letters(acme)[0]["Subject"] == "2 things changed in the Okta of Acme Volunteers"


def test_an_okta_that_is_away_is_no_change(acme: World) -> None:
    acme.sandbox.fault("discovery_500")
    acme.sandbox.fault("rate_limited")
    for _ in range(2):
        assert look_again(acme) == {"checked": 1, "turned_wrong": 0, "right_again": 0}
    acme.sandbox.clear_faults()
    assert look_again(acme) == {"checked": 1, "turned_wrong": 0, "right_again": 0}
    assert mailed(acme) == []
    assert events(acme) == []


def test_what_was_never_right_has_not_turned(world: World) -> None:
    break_redirect_uri(world)
    for _ in range(2):
        assert look_again(world)["turned_wrong"] == 0
    mend_redirect_uri(world)
    assert look_again(world)["right_again"] == 0
    assert mailed(world) == []
    break_redirect_uri(world)
    assert look_again(world)["turned_wrong"] == 1


def log_in(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def test_what_an_owner_has_seen_on_the_page_is_not_mailed(acme: World) -> None:
    break_redirect_uri(acme)
    check(acme, log_in(acme), "live")
    assert events(acme) == [(TURNED, "spa.redirect_uri")]
    assert acme.activity()[0].who == "olivia@acme.example"
    assert look_again(acme)["turned_wrong"] == 0
    mend_redirect_uri(acme)
    assert look_again(acme)["right_again"] == 1
    assert mailed(acme) == []


def test_an_owner_who_sees_it_right_again_is_not_mailed_and_the_others_are(acme: World) -> None:
    break_redirect_uri(acme)
    look_again(acme)
    mend_redirect_uri(acme)
    check(acme, log_in(acme), "live")
    assert mailed(acme)[2:] == [("zoe@acme.example", "check_right_again")]
    assert look_again(acme)["right_again"] == 0
    assert len(mailed(acme)) == 3


def test_the_command_line_is_nobody_who_has_seen_it(acme: World) -> None:
    break_redirect_uri(acme)
    acme.app.test_cli_runner().invoke(args=["okta", "check", "acme"])
    assert events(acme) == []
    assert look_again(acme)["turned_wrong"] == 1
    assert len(mailed(acme)) == 2


def test_the_owners_page_is_told_what_the_last_look_found(acme: World) -> None:
    def notice() -> Any:
        with acme.services.db.reading() as connection:
            return notice_for(connection, acme.acme_id)

    assert notice() is None
    break_redirect_uri(acme)
    look_again(acme)
    told = notice()
    assert told is not None
    assert told.steps == (TITLES["spa.redirect_uri"],)
    assert abs(told.since - acme.services.now()) < 60
    acme.connect(spa_client_id="0oaAnother0000000001")
    assert notice() is None, "other settings, of which nothing is known yet"
    acme.connect()
    assert notice() is not None
    with acme.services.db.writing() as connection:
        delete_integration(connection, acme.acme_id, who="olivia", now=acme.services.now())
    assert notice() is None


def test_nobody_is_asked_more_than_once_a_day(acme: World) -> None:
    asked = len(acme.sandbox.requests)
    assert watch(acme.services)["checked"] == 0
    assert len(acme.sandbox.requests) == asked
    now = acme.services.now()
    times = [next_watch(acme.acme_id, now + hour * 3600) for hour in range(49)]
    assert len(set(times)) == 3
    assert all(later - sooner in (0, DAY) for sooner, later in pairwise(times))


def test_a_deleted_integration_is_not_asked(acme: World) -> None:
    with acme.services.db.writing() as connection:
        delete_integration(connection, acme.acme_id, who="olivia", now=acme.services.now())
    asked = len(acme.sandbox.requests)
    assert look_again(acme)["checked"] == 0
    assert len(acme.sandbox.requests) == asked


def test_one_organizations_changes_are_not_anothers(acme: World) -> None:
    with globex_okta(acme) as globex:
        assert watch(acme.services)["checked"] == 1
        globex.sandbox.app(globex.sandbox.client_id("spa")).oauth["redirect_uris"] = ["https://elsewhere.example/"]
        acme.clock.forward(2 * DAY)
        assert watch(acme.services) == {"checked": 2, "turned_wrong": 1, "right_again": 0}
    assert mailed(acme) == [("gus@globex.example", "check_turned_wrong")]
    assert events(acme) == []


def test_only_so_many_are_looked_at_in_one_call(acme: World) -> None:
    with globex_okta(acme):
        acme.clock.forward(2 * DAY)
        assert [watch(acme.services, most=1)["checked"] for _ in range(3)] == [1, 1, 0]


@contextmanager
def all_at_once(world: World, count: int) -> Iterator[list[dict[str, int]]]:
    """`watch`, by as many processes as far as the database can tell."""
    together, found = Barrier(count), []

    def go() -> None:
        together.wait()
        found.append(watch(world.services))

    threads = [Thread(target=go) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    yield found


def test_two_maintenances_at_once_look_once_and_mail_once(acme: World) -> None:
    break_redirect_uri(acme)
    acme.clock.forward(2 * DAY)
    with all_at_once(acme, 4) as found:
        assert sorted(each["checked"] for each in found) == [0, 0, 0, 1]
    assert len(mailed(acme)) == 2


def test_maintenance_watches(acme: World) -> None:
    break_redirect_uri(acme)
    acme.clock.forward(2 * DAY)
    answer = acme.app.test_cli_runner().invoke(args=["maintenance", "--json"])
    assert json.loads(answer.stdout)["watched"] == {"checked": 1, "turned_wrong": 1, "right_again": 0}


def test_one_organization_that_cannot_be_looked_at_stops_nobody(acme: World) -> None:
    """Its owner's own run is under way at that very moment: the watch leaves it to that."""
    from portal.store.check_runs import start_run

    with globex_okta(acme):
        acme.clock.forward(2 * DAY)
        with acme.services.db.writing() as connection:
            start_run(
                connection, acme.acme_id, subject="draft", fingerprint="x", who="olivia", now=acme.services.now()
            )
        assert watch(acme.services)["checked"] == 1


def test_the_okta_page_says_what_turned_wrong_until_it_is_right(acme: World) -> None:
    olivia = acme.olivia
    olivia.log_in_by_password()
    page = "/organizations/acme/integrations/okta"
    quiet = olivia.get(page)
    assert quiet.status_code == 200
    assert "changed in Okta" not in quiet.text
    break_redirect_uri(acme)
    look_again(acme)
    olivia.log_in_by_password()
    shown = olivia.get(page).text
    assert "Something changed in Okta that people will run into" in shown
    assert "Sign-in redirect URI" in shown.partition("Right before, and wrong since")[2].partition("</p>")[0]
    assert 'href="/organizations/acme/integrations/okta/checks?subject=live"' in shown
    mend_redirect_uri(acme)
    look_again(acme)
    olivia.log_in_by_password()
    quiet = olivia.get(page)
    assert quiet.status_code == 200
    assert "changed in Okta" not in quiet.text
