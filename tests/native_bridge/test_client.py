"""The reference client's logins: one process waits, another gets the deep link, and any of them may die in between."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.native_bridge.device import LINK, Device, Waiting, deep_link, device, sign_in
from tests.pages import Page
from tests.world import World

UNKNOWN = "native-" + "x" * 44


@pytest.fixture
def phone(world: World, tmp_path: Path) -> Iterator[Device]:
    with device(tmp_path / "home", world) as phone:
        yield phone


def link_on(page: Page, text: str) -> str:
    [link] = [each for each in page.elements if each.tag == "a" and each.text == text]
    return link.attributes["href"]


def test_the_deep_link_finishes_the_login_and_the_one_who_waits_hears_of_it(world: World, phone: Device) -> None:
    waiting = phone.login()
    link = sign_in(world.alice, waiting.url)
    assert phone.run("open", link)["user"]["email"] == "alice@acme.example"
    assert waiting.end()["organization"] == {"slug": "acme", "name": "Acme Volunteers"}
    me = phone.run("whoami")
    assert (me["logged_in"], me["method"], me["user"]["role"]) == (True, "okta", "volunteer")


def test_people_get_sentences(world: World, phone: Device) -> None:
    phone.log_in()
    assert phone.say("whoami").startswith("Logged in as Alice Andersson (alice@acme.example), volunteer of Acme")
    assert "(this one)" in phone.say("sessions")
    assert phone.say("refresh") == "Fresh tokens, good for 600 seconds."
    assert phone.say("logout") == "You are logged out."
    assert phone.say("whoami", code=1) == "You are logged out. Log in to go on."
    assert phone.say("logout") == "You were logged out already."


@pytest.mark.parametrize("arguments", [["nothing"], ["open"], ["login", "--elsewhere"], []])
def test_wrong_usage_is_exit_status_2(phone: Device, arguments: list[str]) -> None:
    assert "usage:" in phone.say(*arguments, code=2)


def test_everything_kept_is_for_the_person_alone_and_nothing_used_remains(world: World, phone: Device) -> None:
    waiting = phone.login("--dpop")
    [kept] = [json.loads(text) for text in phone.files().values()]
    assert len(kept["code_verifier"]) == 43
    assert kept["code_verifier"] not in waiting.url
    link = sign_in(world.alice, waiting.url)
    assert kept["code_verifier"] not in link
    phone.run("open", link)
    waiting.end()
    assert phone.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in phone.folder.iterdir()} == {0o600}
    everything = "".join(phone.files().values())
    for used in (kept["code_verifier"], link.partition("code=")[2].partition("&")[0]):
        assert used not in everything


def test_no_command_prints_a_token(world: World, phone: Device) -> None:
    phone.log_in()
    said = "".join(phone.say(*each) for each in (["whoami"], ["refresh"], ["sessions"], ["sessions", "--json"]))
    assert not any(phone.kept()[name] in said for name in ("access_token", "refresh_token"))


def test_a_client_that_was_killed_is_finished_by_the_deep_link(world: World, phone: Device) -> None:
    waiting = phone.login()
    waiting.kill()
    phone.run("open", sign_in(world.alice, waiting.url))
    assert phone.run("whoami")["user"]["email"] == "alice@acme.example"


def test_ctrl_c_cancels_nothing_for_good(world: World, phone: Device) -> None:
    waiting = phone.login()
    assert waiting.interrupt()["error"] == "not_waiting"
    assert phone.run("whoami", code=1)["error"] == "logged_out"
    phone.run("open", sign_in(world.alice, waiting.url))
    assert phone.run("whoami")["logged_in"] is True


def test_two_logins_at_once_each_find_their_own(world: World, phone: Device) -> None:
    first, second = phone.login(), phone.login("--dpop")
    links = [sign_in(world.alice, waiting.url) for waiting in (first, second)]
    phone.run("open", links[1])
    assert second.end()["logged_in"] is True
    assert first.process.poll() is None
    phone.run("open", links[0])
    assert first.end()["logged_in"] is True
    # The later one has taken the other's place, which is over at POINT, too.
    assert [each["current"] for each in phone.run("sessions")["sessions"]] == [True]


def test_the_same_link_twice_is_the_same_login(world: World, phone: Device) -> None:
    waiting = phone.login()
    link = sign_in(world.alice, waiting.url)
    at_once = [phone.start("open", link, "--json") for _ in range(3)]
    said = {process.communicate(timeout=30)[0] for process in at_once}
    assert len(said) == 1
    before = phone.kept()
    assert phone.run("open", link)["logged_in"] is True
    assert phone.kept() == before
    assert len(phone.run("sessions")["sessions"]) == 1


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("/login?error=access_denied", "attempt_unknown"),
        (f"/login?error=access_denied&state={UNKNOWN}", "attempt_unknown"),
        (f"/login?code=abc&state={UNKNOWN}", "attempt_unknown"),
        ("/login.evil?error=access_denied&state={state}", "deep_link_invalid"),
        ("//login?error=access_denied&state={state}", "deep_link_invalid"),
        ("/login/?error=access_denied&state={state}", "deep_link_invalid"),
        ("/Login?error=access_denied&state={state}", "deep_link_invalid"),
        ("/logout?state={state}", "attempt_unknown"),
        (f"/login?error=access_denied&state={UNKNOWN}&state={{state}}", "deep_link_invalid"),
        (f"/login?error=access_denied&state={UNKNOWN}#state={{state}}", "attempt_unknown"),
        ("/login?state={state}\\&code=1", "deep_link_invalid"),
        ("/login?state={state}&code=1&x=" + "y" * 9000, "deep_link_invalid"),
    ],
)
def test_a_stranger_s_link_changes_nothing(world: World, phone: Device, link: str, code: str) -> None:
    waiting = phone.login()
    state = json.loads(next(iter(phone.files().values())))["state"]
    before = phone.files()
    assert phone.run("open", LINK + link.replace("{state}", state), code=1)["error"] == code
    assert phone.files() == before
    phone.run("open", sign_in(world.alice, waiting.url))
    assert waiting.end()["logged_in"] is True


def test_a_link_that_the_bridge_cannot_read_leaves_the_login_open(world: World, phone: Device) -> None:
    """Whoever has seen the state but not the code can cause no more than a note."""
    waiting = phone.login()
    state = json.loads(next(iter(phone.files().values())))["state"]
    assert phone.run("open", f"{LINK}/login?state={state}", code=1)["error"] == "deep_link_invalid"
    assert "note" in waiting.line()
    phone.run("open", sign_in(world.alice, waiting.url))
    assert waiting.end()["logged_in"] is True


def test_the_scheme_alone_may_be_in_capitals(world: World, phone: Device) -> None:
    waiting = phone.login()
    phone.run("open", sign_in(world.alice, waiting.url).replace(LINK, LINK.upper()))
    assert waiting.end()["logged_in"] is True


def test_what_okta_refuses_ends_the_login_and_is_said_again(world: World, phone: Device) -> None:
    waiting, ben = phone.login(), world.person("ben@acme.example")
    link = deep_link(ben.follow(ben.sign_in_at_okta(ben.get(waiting.url)), until=LINK))
    refused = phone.run("open", link, code=1)
    assert refused["error"] == "login_not_assigned"
    assert refused["reference"]
    assert waiting.end(code=1)["error"] == "login_not_assigned"
    assert phone.run("open", link, code=1)["error"] == "login_not_assigned"
    assert phone.run("whoami", code=1)["error"] == "logged_out"


def test_a_login_that_took_too_long_is_forgotten(world: World, phone: Device) -> None:
    waiting = phone.login()
    waiting.kill()
    link = sign_in(world.alice, waiting.url)
    phone.change("attempt-*.json", expires=time.time() - 1)
    assert phone.run("open", link, code=1)["error"] == "attempt_expired"
    assert list(phone.folder.glob("attempt-*")) == []
    assert phone.run("open", link, code=1)["error"] == "attempt_unknown"


def test_who_waits_too_long_is_told(world: World, phone: Device) -> None:
    waiting = phone.login()
    phone.change("attempt-*.json", expires=time.time() - 1)
    assert waiting.end(code=1)["error"] == "attempt_expired"


def test_a_password_login_goes_through_point_s_own_page(world: World, phone: Device) -> None:
    waiting, olivia = phone.login("--password", "--organization", "acme"), world.olivia
    page = olivia.submit(olivia.get(waiting.url), email=olivia.email, password="demo-owner-password")
    phone.run("open", link_on(olivia.page(page), "Open POINT"))
    assert waiting.end()["user"]["role"] == "owner"
    assert phone.run("whoami")["method"] == "password"


def test_the_system_browser_is_opened(world: World, phone: Device) -> None:
    browser = phone.home / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {phone.home}/new && mv {phone.home}/new {phone.home}/opened\n')
    browser.chmod(0o700)
    phone.environment["BROWSER"] = str(browser)
    process = phone.start("login", "--server", world.base, "--organization", "acme", "--json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline()) == {"opened": True}
    phone.run("open", sign_in(world.alice, (phone.home / "opened").read_text().strip()))
    assert json.loads(process.communicate(timeout=20)[0])["logged_in"] is True


@pytest.mark.parametrize(
    ("server", "code"),
    [("http://point.example", "server_refused"), ("file:///etc/passwd", "server_refused"),
     ("http://localhost:1", "unreachable")],
)  # fmt: skip
def test_codes_and_tokens_go_nowhere_else(phone: Device, server: str, code: str) -> None:
    assert phone.run("login", "--server", server, "--organization", "acme", "--print-url", code=1)["error"] == code


def test_an_unknown_organization_is_refused_before_a_browser_opens(world: World, phone: Device) -> None:
    refused = phone.run("login", "--server", world.base, "--organization", "nobody", "--print-url", code=1)
    assert refused["error"] == "organization_unknown"
    assert phone.files() == {}


def test_an_organization_without_an_app_for_phones_logs_in_by_the_web_s(world: World, phone: Device) -> None:
    """Okta returns to POINT's page, which hands over; after signing out it stays there, so nobody waits for a link."""
    world.connect(native_client_id="", native_domain="")
    waiting, alice = phone.login(), world.alice
    to_okta = link_on(alice.page(alice.get(waiting.url)), "Log in with Okta")
    asked = alice.follow(alice.sign_in_at_okta(alice.get(to_okta)))
    returned = alice.submit(asked, "state", button="Continue")
    phone.run("open", link_on(alice.page(returned), "Open POINT"))
    assert waiting.end()["logged_in"] is True
    logout = Waiting(phone.start("logout", "--okta", "--print-url", "--json"))
    assert logout.end() == {"logged_out": True, "okta": "opened"}
    assert alice.get(logout.url).url.partition("?")[0] == world.base + "/"
