"""Passwords that are set, changed and forgotten: one-time links, what ends with them, and which ones are not taken."""

from __future__ import annotations

import email
import email.policy
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from sqlalchemy import text

from portal.mail import finish_sending
from portal.store.members import add_member, find_user
from tests.conftest import Stage
from tests.mail_server import MailServer, link_in, mail_server, text_of, wait_until
from tests.pages import Page
from tests.web.steps import add_person, globex_okta
from tests.web.test_logs import heard, log  # noqa: F401
from tests.world import POINT_PASSWORD, Visitor, World, make_world

NEW = "four otters climb a violet ladder"
FORGOT, OWN = "/login/forgot", "/account/password"


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def office(stage: Stage, tmp_path: Path, server: MailServer) -> Iterator[World]:
    with make_world(stage, tmp_path, smtp_url=server.url()) as world:
        yield world


def ask(world: World, email: str) -> requests.Response:
    """Somebody says that they have forgotten their password."""
    visitor = world.stranger
    return visitor.submit(visitor.get(FORGOT), email=email)


def get_link(world: World, server: MailServer, email: str = "olivia@acme.example") -> str:
    """The newest link in the mailbox, as a path."""
    before = len(server.to(email))
    ask(world, email)
    wait_until(lambda: len(server.to(email)) > before)
    return link_in(server.to(email)[-1]).removeprefix(world.base)


def use(world: World, path: str, password: str = NEW, again: str | None = None) -> requests.Response:
    """Opens a link and sets a password; what the form answers, not followed."""
    visitor = world.stranger
    page = visitor.get(path)
    assert page.status_code == 200, page.text
    fields = {"password": password, "password_again": password if again is None else again}
    return visitor.submit(page, follow=False, **fields)


def can_log_in(world: World, password: str, email: str = "olivia@acme.example") -> bool:
    visitor = world.person(email)
    visitor.log_in_by_password(password)
    return bool(visitor.session()["authenticated"])


def links_to(answer: requests.Response, words: str) -> list[str]:
    """Where the links with these words lead."""
    return [each.attributes["href"] for each in Page(answer.text).elements if each.tag == "a" and each.text == words]


# -- forgotten --------------------------------------------------------------------------------------------------------


def test_who_has_forgotten_it_sets_a_new_one_by_mail(office: World, server: MailServer) -> None:
    path = get_link(office, server)
    answer = use(office, path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login/password")
    assert not can_log_in(office, POINT_PASSWORD)
    assert can_log_in(office, NEW)
    (changed,) = (mail for mail in server.wait_for(2) if mail["Subject"] == "Your POINT password was changed")
    assert "/login/forgot" in text_of(changed)
    assert [event.what for event in office.activity()[:3]].count("password.changed") == 1


def test_a_link_works_once(office: World, server: MailServer) -> None:
    path = get_link(office, server)
    first, second = office.stranger, office.stranger
    pages = [first.get(path), second.get(path)]
    fields = {"password": NEW, "password_again": NEW}
    assert first.submit(pages[0], follow=False, **fields).status_code == 303
    late = second.submit(pages[1], follow=False, password="another " + NEW, password_again="another " + NEW)
    assert late.status_code == 410
    assert "does not work any more" in late.text
    assert office.stranger.get(path).status_code == 410
    assert can_log_in(office, NEW)


def test_opening_a_link_changes_nothing(office: World, server: MailServer) -> None:
    """Mail programs and scanners open every link there is."""
    path = get_link(office, server)
    for _ in range(5):
        assert office.stranger.get(path).status_code == 200
    assert office.stranger.step(path, method="HEAD").status_code == 200
    assert can_log_in(office, POINT_PASSWORD)
    assert use(office, path).status_code == 303


def test_a_link_is_over_after_half_an_hour(office: World, server: MailServer) -> None:
    path = get_link(office, server)
    office.clock.forward(1790)
    assert office.stranger.get(path).status_code == 200
    office.clock.forward(20)
    assert office.stranger.get(path).status_code == 410


def test_an_older_link_ends_with_the_new_password(office: World, server: MailServer) -> None:
    older, newer = get_link(office, server), get_link(office, server)
    assert use(office, newer).status_code == 303
    assert office.stranger.get(older).status_code == 410


def test_a_link_that_could_not_be_used_for_a_weak_password_still_works(office: World, server: MailServer) -> None:
    path = get_link(office, server)
    assert use(office, path, "short").status_code == 422
    assert use(office, path).status_code == 303


@pytest.mark.parametrize("token", ["x", "x" * 43, "x" * 5000, "%00", "é"])
def test_an_invented_link_is_none(quiet: World, token: str) -> None:
    answer = quiet.stranger.get(f"/login/password/{token}")
    assert answer.status_code in (400, 404, 410)


def test_every_other_login_ends_on_the_web_and_in_the_app(office: World, server: MailServer) -> None:
    browsers = [office.olivia, office.olivia]
    browsers[0].log_in_by_password()
    browsers[1].log_in()
    with office.services.db.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO sessions (id_hash, organization_id, user_id, method, kind, created_at, used_at, proved_at,"
                " expires_at) SELECT x'00', organization_id, user_id, 'okta', 'phone', created_at, used_at, proved_at,"
                " expires_at FROM sessions LIMIT 1"
            )
        )
    assert use(office, get_link(office, server)).status_code == 303
    assert [browser.session()["authenticated"] for browser in browsers] == [False, False]
    with office.services.db.reading() as connection:
        why = connection.execute(text("SELECT kind, ended_why, sealed_tokens FROM sessions ORDER BY kind")).all()
    assert {tuple(row) for row in why} == {("phone", "password_changed", None), ("web", "password_changed", None)}


# -- nobody learns who has an account ---------------------------------------------------------------------------------


@pytest.mark.parametrize("email", ["olivia@acme.example", "nobody@acme.example", "nobody@nowhere.example"])
def test_the_answer_is_the_same_for_every_address(office: World, server: MailServer, email: str) -> None:
    answer = ask(office, email)
    assert answer.url.endswith("/login/forgot/sent")
    assert "If there is a POINT account with that address" in answer.text
    assert email not in answer.text


def test_a_stranger_gets_no_mail(office: World, server: MailServer) -> None:
    ask(office, "nobody@acme.example")
    get_link(office, server)
    assert [mail["To"] for mail in server.mails] == ["olivia@acme.example"]


@pytest.mark.parametrize("email", ["olivia@acme.example", "nobody@acme.example"])
def test_too_many_wishes_have_to_wait_whoever_it_is(office: World, email: str) -> None:
    statuses = [office.stranger.step(FORGOT, method="POST", data={"email": email}).status_code for _ in range(6)]
    assert statuses == [303] * 5 + [429]


def test_a_mailbox_is_not_flooded_from_many_networks(stage: Stage, tmp_path: Path, server: MailServer) -> None:
    with make_world(stage, tmp_path, smtp_url=server.url(), trusted_proxies=1) as world:
        for number in range(12):
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            data = {"email": "olivia@acme.example"}
            assert world.stranger.step(FORGOT, method="POST", data=data, headers=headers).status_code == 303
        server.wait_for(5)
        time.sleep(0.3)
        finish_sending(world.services)
        assert len(server.mails) == 5


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "a b@acme.example"])
def test_what_is_no_address_is_said_beside_the_field(quiet: World, email: str) -> None:
    answer = quiet.stranger.step(FORGOT, method="POST", data={"email": email})
    assert answer.status_code == 422
    assert "whole work e-mail address" in Page(answer.text).problem_at("email")


# -- nothing of it gets about -----------------------------------------------------------------------------------------


def test_no_other_site_learns_the_token(office: World, server: MailServer) -> None:
    path = get_link(office, server)
    page = office.stranger.get(path)
    assert (page.headers["Referrer-Policy"], page.headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert "http" not in page.text.replace(office.base, "")
    assert use(office, path, "short").headers["Referrer-Policy"] == "no-referrer"


def test_the_token_is_in_no_log_line_and_only_its_hash_in_the_database(
    world: World,
    log: io.StringIO,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At debug level, ours and the libraries'."""
    before = set((world.settings.instance / "mail").glob("*.eml"))
    ask(world, "olivia@acme.example")
    wait_until(lambda: set((world.settings.instance / "mail").glob("*.eml")) - before)
    (path,) = set((world.settings.instance / "mail").glob("*.eml")) - before
    link = link_in(email.message_from_bytes(path.read_bytes(), policy=email.policy.default))  # type: ignore[arg-type]
    token = link.rpartition("/")[2]
    use(world, link.removeprefix(world.base), "short")
    use(world, link.removeprefix(world.base))
    world.stranger.get(link)
    assert "/login/password/<token>" in log.getvalue()
    assert token not in log.getvalue() + heard(caplog) + world.stranger.get("/metrics").text
    with world.services.db.reading() as connection:
        kept = connection.execute(text("SELECT token_hash FROM password_links")).scalars().all()
        events = connection.execute(text("SELECT about FROM activity")).scalars().all()
        mails = connection.execute(text("SELECT sealed FROM mails")).scalars().all()
    assert token.encode() not in b"".join(map(bytes, [*kept, *mails]))
    assert token not in "".join(events)


def test_another_sites_form_sets_nothing(office: World, server: MailServer) -> None:
    path = get_link(office, server)
    data = {"password": NEW, "password_again": NEW}
    answer = office.stranger.step(path, method="POST", data=data, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert can_log_in(office, POINT_PASSWORD)


# -- which passwords are taken ----------------------------------------------------------------------------------------

WEAK = {
    "": "Please fill this in",
    "elevenchars": "12 characters or more",
    "password12345": "lists that guessers try first",
    "passwordpassword": "lists that guessers try first",
    "aaaaaaaaaaaaaaaaaaaaaaaa": "lists that guessers try first",
    "qwertyuiop1234": "lists that guessers try first",
    "1234567890123456": "lists that guessers try first",
    "iloveyouiloveyou": "lists that guessers try first",
    "olivia@acme.example": "your own name or address",
    "oliviaacmeexample": "your own name or address",
    "Acme Volunteers": "your own name or address",
    "acmevolunteers1": "your own name or address",
    "Olivia-Acme-2026!": "your own name or address",
    "x" * 1025: "at most 1,024 characters",
}


@pytest.mark.parametrize("password", WEAK, ids=lambda password: password[:20] or "empty")
def test_a_password_that_is_guessed_early_is_not_taken_and_the_page_says_why(
    office: World, server: MailServer, password: str
) -> None:
    path = get_link(office, server)
    answer = use(office, path, password)
    assert answer.status_code == 422
    assert WEAK[password] in Page(answer.text).problem_at("password")
    assert "value" not in Page(answer.text).find("input", name="password").attributes
    assert can_log_in(office, POINT_PASSWORD)


GOOD = [NEW, "!_)+{(=%]*~?;&", "q7Hn2mWx9kLp", "Δώδεκα χαρακτήρες εδώ", "🦦🦦🦦 climbs a tall ladder", "ab" + NEW * 30]


@pytest.mark.parametrize("password", GOOD)
def test_a_long_or_foreign_or_random_one_is_taken(office: World, server: MailServer, password: str) -> None:
    assert use(office, get_link(office, server), password).status_code == 303
    assert can_log_in(office, password)


def test_a_slip_between_the_two_boxes_is_said(office: World, server: MailServer) -> None:
    answer = use(office, get_link(office, server), NEW, NEW + "s")
    assert answer.status_code == 422
    assert "not the same" in Page(answer.text).problem_at("password_again")
    assert can_log_in(office, POINT_PASSWORD)


# -- one's own --------------------------------------------------------------------------------------------------------


def change(visitor: Visitor, old: str, new: str = NEW) -> requests.Response:
    fields = {"password": new, "password_again": new} | ({"old_password": old} if old else {})
    return visitor.submit(visitor.get(OWN), follow=False, **fields)


def test_who_is_logged_in_changes_it_and_stays_logged_in_here_alone(office: World, server: MailServer) -> None:
    here, there = office.olivia, office.olivia
    for browser in (here, there):
        browser.log_in_by_password()
    answer = change(here, POINT_PASSWORD)
    assert answer.headers["Location"] == "/account/password?done"
    assert "Your password is set" in here.follow(answer).text
    assert here.session()["authenticated"]
    assert not there.session()["authenticated"]
    assert not can_log_in(office, POINT_PASSWORD)
    assert can_log_in(office, NEW)
    assert server.wait_for()[0]["Subject"] == "Your POINT password was changed"


@pytest.mark.parametrize("old", ["", "wrong", NEW])
def test_without_the_old_one_it_is_not_changed(world: World, old: str) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    data = {"old_password": old, "password": NEW, "password_again": NEW}
    answer = olivia.step(OWN, method="POST", data=data)
    assert answer.status_code == 422
    assert Page(answer.text).problem_at("old_password")
    assert can_log_in(world, POINT_PASSWORD)


def test_the_old_one_is_not_guessed_for_ever(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    data = {"old_password": "wrong", "password": NEW, "password_again": NEW}
    statuses = [olivia.step(OWN, method="POST", data=data).status_code for _ in range(11)]
    assert statuses[-1] == 429
    assert set(statuses[:8]) == {422}


def test_a_stolen_session_guesses_no_more_from_many_networks(stage: Stage, tmp_path: Path) -> None:
    """The cookies are the thief's as well, so that the browser seems known."""
    with make_world(stage, tmp_path, trusted_proxies=1) as world:
        olivia = world.olivia
        olivia.log_in_by_password()
        data = {"old_password": "wrong", "password": NEW, "password_again": NEW}
        statuses = [
            olivia.step(OWN, method="POST", data=data, headers={"X-Forwarded-For": f"198.51.{number}.1"}).status_code
            for number in range(21)
        ]
        assert statuses == [422] * 20 + [429]
        assert can_log_in(world, POINT_PASSWORD)


def test_somebody_who_came_by_okta_adds_a_password(office: World, server: MailServer) -> None:
    alice = office.alice
    alice.log_in()
    assert "You have no password" in alice.get("/account").text
    assert "old_password" not in alice.get(OWN).text
    assert change(alice, "").status_code == 303
    assert alice.session()["authenticated"]
    assert can_log_in(office, NEW, "alice@acme.example")
    assert "You can log in with your e-mail address and a password" in alice.get("/account").text
    assert server.wait_for()[0]["Subject"] == "Your POINT password was set"


def test_a_login_of_long_ago_gets_a_first_password_by_mail_only(office: World, server: MailServer) -> None:
    """A browser that was left open must not be given a key of its own."""
    alice = office.alice
    alice.log_in()
    office.clock.forward(1000)
    page = alice.get(OWN)
    assert not any(each.attributes.get("name") == "password" for each in Page(page.text).elements)
    refused = alice.step(OWN, method="POST", data={"password": NEW, "password_again": NEW})
    assert (refused.status_code, can_log_in(office, NEW, alice.email)) == (403, False)
    sent = alice.submit(page, button="Send the link")
    assert "A link is on its way to alice@acme.example" in sent.text
    server.wait_for()
    assert use(office, link_in(server.mails[0]).removeprefix(office.base)).status_code == 303
    assert can_log_in(office, NEW, alice.email)


def test_another_organizations_okta_gives_nobody_a_first_password(office: World, server: MailServer) -> None:
    """Alice, of Acme, has linked Globex's Okta. Whoever runs that Okta signs in there as her, and gets no further."""
    alice = office.alice
    alice.log_in()
    with office.services.db.writing() as connection:
        add_member(connection, office.globex_id, alice.email, role="volunteer", now=office.services.now())
    with globex_okta(office) as okta:
        add_person(okta.sandbox, alice.email, "Alix")
        assert alice.log_in(slug="globex").url == f"{office.base}/login/link"
        office.clock.forward(1)
        alice.submit(alice.log_in(next_="/login/link"), button="Connect my Okta account")
        thief = office.person(alice.email)
        thief.log_in(slug="globex")
        assert thief.session()["organization"] == "globex"
        page = thief.get(OWN)
        assert "You belong to more than one organization" in page.text
        assert not any(each.attributes.get("name") == "password" for each in Page(page.text).elements)
        refused = thief.step(OWN, method="POST", data={"password": NEW, "password_again": NEW})
        assert (refused.status_code, "link from your mailbox" in refused.text) == (403, True)
        assert not can_log_in(office, NEW, "alice@acme.example")
        thief.submit(page, button="Send the link")
    server.wait_for()
    assert use(office, link_in(server.mails[0]).removeprefix(office.base)).status_code == 303
    assert can_log_in(office, NEW, "alice@acme.example")


def test_only_okta_means_no_passwords(office: World, server: MailServer) -> None:
    from portal.store.okta_only import begin_okta_only

    alice = office.alice
    alice.log_in()
    path = get_link(office, server, "alice@acme.example")
    with office.services.db.writing() as connection:
        olivia = find_user(connection, "olivia@acme.example")
        assert olivia is not None
        begin_okta_only(connection, office.acme_id, user_id=olivia.id, who="olivia", now=office.services.now())
    assert "passwords are switched off" in alice.get(OWN).text
    data = {"password": NEW, "password_again": NEW}
    assert alice.step(OWN, method="POST", data=data).status_code == 403
    assert office.stranger.get(path).status_code == 403
    ask(office, "alice@acme.example")
    mail = server.wait_for(2)[1]
    assert mail["Subject"] == "You log in to POINT with Okta"
    assert link_in(mail, "/login/acme") == office.base + "/login/acme"
    assert "/login/password/" not in text_of(mail)


# -- the command line -------------------------------------------------------------------------------------------------


def test_a_new_member_without_a_password_is_mailed_a_link_for_seven_days(office: World, server: MailServer) -> None:
    words = ["member", "add", "acme", "nora@acme.example", "--role", "admin", "--json"]
    printed = json.loads(office.app.test_cli_runner().invoke(args=words).output)
    (mail,) = server.wait_for()
    assert mail["To"] == "nora@acme.example"
    assert printed["link"] == link_in(mail)
    office.clock.forward(6 * 86400)
    assert use(office, printed["link"].removeprefix(office.base)).status_code == 303
    assert can_log_in(office, NEW, "nora@acme.example")


def test_a_new_member_with_a_password_gets_no_link(office: World, server: MailServer) -> None:
    words = ["member", "add", "acme", "nora@acme.example", "--role", "admin", "--json", "--password-stdin"]
    printed = json.loads(office.app.test_cli_runner().invoke(args=words, input="a good password\n").output)
    assert "link" not in printed
    assert server.mails == []


def test_a_password_given_to_somebody_who_is_here_already_is_a_changed_one(office: World, server: MailServer) -> None:
    words = ["member", "add", "acme", "olivia@acme.example", "--role", "owner", "--json", "--password-stdin"]
    olivia = office.olivia
    olivia.log_in_by_password()
    office.app.test_cli_runner().invoke(args=words, input=POINT_PASSWORD)
    assert olivia.session()["authenticated"]  # The same as before: nothing has changed.
    assert server.mails == []
    office.app.test_cli_runner().invoke(args=words, input="another good password\n")
    assert not olivia.session()["authenticated"]
    (mail,) = server.wait_for()
    assert mail["To"] == "olivia@acme.example"
    assert can_log_in(office, "another good password", "olivia@acme.example")


def test_maintenance_forgets_links_that_have_been_over_for_a_week(office: World, server: MailServer) -> None:
    get_link(office, server)
    office.clock.forward(8 * 86400)
    done = json.loads(office.app.test_cli_runner().invoke(args=["maintenance", "--json"]).output)
    assert done["removed"]["password_links"] == 1


# -- the way there ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/login/globex", "/login?with=password&email=gus@globex.example", "/login/acme?with=password"]
)
def test_every_form_with_a_password_leads_to_the_forgotten_one(quiet: World, path: str) -> None:
    assert links_to(quiet.stranger.get(path), "Forgot your password?")


def test_the_address_that_was_typed_comes_along(quiet: World) -> None:
    page = quiet.stranger.get("/login?with=password&email=gus@globex.example")
    (link,) = links_to(page, "Forgot your password?")
    form = Page(quiet.stranger.get(link).text).form_with("email")
    assert form.fields["email"] == "gus@globex.example"

