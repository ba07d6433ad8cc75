"""A world whose application serves a whole file: each test gets its own Okta and its own copy of the database, but
the templates are compiled once. As in the demo, rate limits are ten times as high: tables of attacks are many tries."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from okta_sandbox import Sandbox
from tests.needs import forget_tries
from tests.world import Stage, World, make_world


@pytest.fixture(scope="module")
def _one_world(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, sqlite3.Connection]]:
    with _living(stage, tmp_path_factory.mktemp("shared"), demo=True) as found:
        yield found


@pytest.fixture(scope="module")
def _plain_world(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, sqlite3.Connection]]:
    with _living(stage, tmp_path_factory.mktemp("plain")) as found:
        yield found


@contextmanager
def _living(stage: Stage, folder: Path, **settings: Any) -> Iterator[tuple[World, sqlite3.Connection]]:
    """A world, and its database as it was before Okta was connected."""
    with make_world(stage, folder, **settings) as world:
        unconnected = sqlite3.connect(":memory:")
        copy_database(open_database(world), unconnected)
        for table in ("apps", "integration_versions", "integrations", "activity"):
            unconnected.execute(f"DELETE FROM {table}")
        unconnected.commit()
        yield world, unconnected
        unconnected.close()


@pytest.fixture
def shared(_one_world: tuple[World, sqlite3.Connection]) -> Iterator[World]:
    """As `world`: the two organizations and their people, and an Okta that nobody has signed in to."""
    with _begun_anew(*_one_world) as world:
        yield world


@pytest.fixture
def plain(_plain_world: tuple[World, sqlite3.Connection]) -> Iterator[World]:
    """The same with the limits of production, and no tries counted yet."""
    forget_tries()
    with _begun_anew(*_plain_world) as world:
        yield world


@contextmanager
def _begun_anew(world: World, unconnected: sqlite3.Connection) -> Iterator[World]:
    copy_database(unconnected, open_database(world))
    world.stage.app = world.app
    world.clock.ahead = 0.0
    world.sandbox = Sandbox(portal=world.base, clock=world.clock)
    with world.sandbox.serve(host="127.0.0.1") as server:
        world.okta = f"http://localhost:{server.port}"
        world.connect()
        yield world


def open_database(world: World) -> sqlite3.Connection:
    return sqlite3.connect(world.settings.database_url.removeprefix("sqlite:///"))


def copy_database(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """In one transaction, so that whoever has the file open goes on with the new content; closes the file."""
    source.backup(target)
    for each in (source, target):
        if each.execute("PRAGMA database_list").fetchone()[2]:
            each.close()


@pytest.fixture(scope="module")
def _quiet(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(stage, tmp_path_factory.mktemp("quiet")) as world:
        yield world


@pytest.fixture
def quiet(_quiet: World) -> World:
    """One connected world for all tests of a file that change nothing in it; each begins with no tries counted."""
    forget_tries()
    _quiet.stage.app = _quiet.app
    return _quiet
