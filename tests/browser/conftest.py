"""A real Chromium for each worker, and people before it, each with a profile of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.person import Person
from tests.needs import forget_tries, need
from tests.world import World

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
Meet = Callable[..., Person]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in here needs the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Ends with the package: while it runs, its event loop is the thread's."""
    need(shutil.which("chromium"), "Chromium: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    forget_tries()


@pytest.fixture
def world(world: World) -> World:
    """Okta is another site for the browser, as it is for everybody: cookies that go nowhere across sites stay away.

    Two ports of `localhost` would be one site.
    """
    world.okta = world.okta.replace("localhost", "127.0.0.1")
    world.connect()
    return world


@pytest.fixture
def meet(chromium: Browser, world: World) -> Iterator[Meet]:
    """`meet("alice@acme.example")` is Alice before an empty browser; keywords go to the browser's profile.

    A console message, a violated policy, a page error, a stranger's host or an answer of 5xx fails the test.
    """
    people: list[Person] = []

    def meet(email: str = "", *, browser: Browser = chromium, okta: str = "", **profile: Any) -> Person:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **profile})
        people.append(Person(context, world.base, okta or world.okta, email))
        return people[-1]

    yield meet
    for person in people:
        person.context.close()
    assert [fault for person in people for fault in person.faults] == []


@pytest.fixture
def alice(meet: Meet) -> Person:
    return meet("alice@acme.example")


@pytest.fixture
def olivia(meet: Meet) -> Person:
    return meet("olivia@acme.example")


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    need(AXE.exists(), "axe-core: install Node with npm, then `make node_modules/ready`")
    return AXE.read_text()
