"""One served sandbox per test, with a clock that a test can turn."""

from collections.abc import Iterator

import pytest

from okta_sandbox import Sandbox, Server
from tests.okta_sandbox.idx import Embedded
from tests.okta_sandbox.party import Party

START = 1_800_000_000.0


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Sandbox:
    return Sandbox(clock=clock)


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[Server]:
    with sandbox.serve() as server:
        yield server


@pytest.fixture
def party(sandbox: Sandbox, server: Server) -> Iterator[Party]:
    party = Party(sandbox, server)
    yield party
    party.close()


@pytest.fixture
def page(party: Party) -> Embedded:
    """The sign-in page of the cast's browser app, at the authorization server `default`."""
    return Embedded(party.base, party.client_id)


@pytest.fixture
def org_party(sandbox: Sandbox, server: Server) -> Iterator[Party]:
    """The same at the org authorization server."""
    party = Party(sandbox, server, path="")
    yield party
    party.close()
