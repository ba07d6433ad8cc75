"""A real Chromium for each worker, and people before it, each with a profile of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.browser.judge import Judge, endpoints_at
from tests.browser.person import Person
from tests.dns_server import NameServer, run_name_server
from tests.needs import forget_tries, need
from tests.world import Stage, World, make_world

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# The same browser without windows takes a third less time.
CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
Meet = Callable[..., Person]
# The parameters of a test that runs with scripts and without.
_SCRIPTS, _NO_PARAMETERS = ("javascript", "script"), SimpleNamespace(params={})


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "drives(*endpoints): sends the forms that go there, without JavaScript")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in here needs the browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    """Ends with the package: while it runs, its event loop is the thread's."""
    need(CHROMIUM, "Chromium: sudo apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
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
def names() -> Iterator[NameServer]:
    with run_name_server() as server:
        yield server


@pytest.fixture
def named_world(stage: Stage, tmp_path: Path, names: NameServer) -> Iterator[World]:
    """The same with a name server, for domains that are proved."""
    with make_world(stage, tmp_path, dns_servers=(names.address,)) as world:
        world.okta = world.okta.replace("localhost", "127.0.0.1")
        world.connect()
        yield world


@pytest.fixture
def meet(chromium: Browser, world: World, request: pytest.FixtureRequest) -> Iterator[Meet]:
    """`meet("alice@acme.example")` is Alice before an empty browser; keywords go to the browser's profile.

    A console message, a violated policy, a page error, a stranger's host or an answer of 5xx fails the test. So does a
    form that the test says it sends without JavaScript (`pytest.mark.drives`), and does not.
    """
    people: list[Person] = []

    def meet(email: str = "", *, browser: Browser = chromium, okta: str = "", **profile: Any) -> Person:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **profile})
        scripts = profile.get("java_script_enabled", True)
        people.append(Person(context, world.base, okta or world.okta, email, scripts=scripts))
        return people[-1]

    yield meet
    for person in people:
        person.context.close()
    assert [fault for person in people for fault in person.faults] == []
    mark = request.node.get_closest_marker("drives")
    if mark and not any(getattr(request.node, "callspec", _NO_PARAMETERS).params.get(name) for name in _SCRIPTS):
        sent = {each for person in people if not person.scripts for each in person.sent}
        assert set(mark.args) - {endpoint for each in sent for endpoint in endpoints_at(world.app, *each)} == set()


@pytest.fixture
def alice(meet: Meet) -> Person:
    return meet("alice@acme.example")


@pytest.fixture
def olivia(meet: Meet) -> Person:
    return meet("olivia@acme.example")


@pytest.fixture
def meet_open(meet: Meet) -> Meet:
    """`meet` with our policy switched off, without which axe could not be brought in; journeys never do that."""
    return lambda email="", **profile: meet(email, bypass_csp=True, **profile)


@pytest.fixture
def judge(axe: str, world: World) -> Iterator[Judge]:
    """Whatever it finds fails the test."""
    judge = Judge(axe, world.stage)
    yield judge
    assert judge.found == []


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    need(AXE.exists(), "axe-core: install Node with npm, then `make node_modules/ready`")
    return AXE.read_text()
