"""A world whose application serves a whole file: each test gets its own Okta and its own copy of the database, but
the templates are compiled once."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from okta_sandbox import Sandbox
from tests.world import Stage, World, make_world

pytest.register_assert_rewrite("tests.web.steps")


@pytest.fixture(scope="module")
def _one_world(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("shared")
    with make_world(stage, folder) as world:
        world.services.db.close()
        with sqlite3.connect(folder / "portal.db") as database:
            for table in ("apps", "integrations", "activity"):
                database.execute(f"DELETE FROM {table}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        shutil.copy(folder / "portal.db", folder / "unconnected.db")
        yield world


@pytest.fixture
def shared(_one_world: World) -> Iterator[World]:
    """As `world`: the two organizations and their people, and an Okta that nobody has signed in to."""
    world = _one_world
    restore(Path(world.settings.database_url.removeprefix("sqlite:///")), world)
    world.stage.app = world.app
    world.clock.ahead = 0.0
    world.sandbox = Sandbox(portal=world.base, clock=world.clock)
    with world.sandbox.serve(host="127.0.0.1") as server:
        world.okta = f"http://localhost:{server.port}"
        world.connect()
        yield world


def restore(database: Path, world: World) -> None:
    """The database as it was before the first test."""
    world.services.db.close()
    for left in database.parent.glob("portal.db-*"):
        left.unlink()
    shutil.copy(database.with_name("unconnected.db"), database)
