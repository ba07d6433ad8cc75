"""The way back into the app as a desktop goes it: a Chromium on a screen, the system's xdg-open, and the client that
`register` has made the program for POINT's links. Nothing is handed over by hand.

What a person says once in "Open xdg-open? Always allow", the browser's profile says here from the start. Home folder,
profile and screen belong to the test; the real user's desktop learns nothing of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, Playwright, expect

from tests.browser.conftest import FLAGS
from tests.browser.person import Person
from tests.native_bridge.device import LINK, Device, Waiting, device
from tests.needs import need
from tests.world import OKTA_PASSWORD, POINT_PASSWORD, World

SCHEME = LINK.rstrip(":")
Sit = Callable[[str], Person]


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    """A screen that nobody sees; the server itself chooses a number that is free."""
    need(shutil.which("Xvfb"), "Xvfb: sudo apt-get install xvfb")
    need(shutil.which("xdg-open"), "xdg-utils: sudo apt-get install xdg-utils")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as number:
        yield ":" + number.readline().strip()
    server.terminate()
    server.wait(10)


@pytest.fixture
def desktop(world: World, screen: str, tmp_path: Path) -> Iterator[Device]:
    """A computer whose desktop gives POINT's links to the client."""
    with device(tmp_path / "home", world, DISPLAY=screen) as desktop:
        desktop.run("register")
        yield desktop
        desktop.run("unregister")


@pytest.fixture
def sit(playwright: Playwright, desktop: Device, world: World, tmp_path: Path) -> Iterator[Sit]:
    """`sit("alice@acme.example")` is Alice before the desktop's browser, which may start the app for both hosts."""
    people: list[Person] = []
    profile = tmp_path / "profile"
    (profile / "Default").mkdir(parents=True)
    always = {"allowed_origin_protocol_pairs": {host: {SCHEME: True} for host in (world.base, world.okta)}}
    (profile / "Default" / "Preferences").write_text(json.dumps({"protocol_handler": always}))
    # The client is started by the desktop's files, not by what a test's environment happens to say.
    environment = {name: value for name, value in desktop.environment.items() if name != "PYTHONPATH"}

    def sit(email: str) -> Person:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=shutil.which("chromium"), headless=False, env=environment, args=FLAGS
        )
        people.append(Person(context, world.base, world.okta, email))
        people[-1].hosts.add("")  # A link to an app has no host.
        return people[-1]

    yield sit
    for person in people:
        person.context.close()
    assert [fault for person in people for fault in person.faults] == []


def sign_in(person: Person, url: str) -> None:
    """At Okta, whose redirect leads out of the browser: no page comes after it."""
    person.go(url).at_okta().type("Username", person.email).type("Password", OKTA_PASSWORD)
    person.control("Sign in").click(no_wait_after=True)


def leave(person: Person, url: str) -> None:
    """An address whose redirects lead out of the browser."""
    with pytest.raises(Error, match="ERR_ABORTED"):
        person.page.goto(url)


def until(happened: Callable[[], bool]) -> None:
    """Waits for what another process does."""
    end = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_okta_s_redirect_reaches_the_client(desktop: Device, sit: Sit) -> None:
    waiting = desktop.login()
    sign_in(sit("alice@acme.example"), waiting.url)
    assert waiting.end()["logged_in"] is True
    me = desktop.run("whoami")
    assert (me["user"]["email"], me["method"]) == ("alice@acme.example", "okta")


def test_okta_s_redirect_after_signing_out_reaches_the_client(desktop: Device, sit: Sit) -> None:
    waiting, alice = desktop.login(), sit("alice@acme.example")
    sign_in(alice, waiting.url)
    waiting.end()
    waiting = Waiting(desktop.start("logout", "--okta", "--print-url", "--json"))
    leave(alice, waiting.url)
    assert waiting.end() == {"logged_out": True, "okta": "ended"}
    assert desktop.run("whoami", code=1)["error"] == "logged_out"


def test_the_button_of_point_s_own_page_reaches_the_client(desktop: Device, sit: Sit) -> None:
    waiting, olivia = desktop.login("--password", "--organization", "acme"), sit("olivia@acme.example")
    olivia.go(waiting.url).type("E-mail address", olivia.email).type("Password", POINT_PASSWORD).press("Log in")
    olivia.at("Open POINT to finish your login")
    olivia.press("Open POINT")
    assert waiting.end()["logged_in"] is True
    assert desktop.run("whoami")["method"] == "password"
    expect(olivia.page.get_by_role("heading", level=1)).to_be_visible()


def test_a_client_that_was_killed_meanwhile_is_started_by_the_link(desktop: Device, sit: Sit) -> None:
    """And another login that was begun since goes on waiting for its own return."""
    killed, alice = desktop.login("--dpop"), sit("alice@acme.example")
    killed.kill()
    again = desktop.login()
    sign_in(alice, killed.url)
    until(lambda: "login.json" in desktop.files())
    assert desktop.run("whoami")["user"]["email"] == "alice@acme.example"
    assert again.process.poll() is None
    leave(alice, again.url)
    assert again.end()["logged_in"] is True
    assert len(desktop.run("sessions")["sessions"]) == 1
