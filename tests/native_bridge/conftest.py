"""The shared world of the web's tests: each test has its own Okta and database, a file one application."""

from __future__ import annotations

import pytest

from native_bridge.bridge import Bridge
from native_bridge.signing_keys import SigningKeys
from tests.web.conftest import _one_world
from tests.web.conftest import shared as world_of_the_web
from tests.world import World

__all__ = ["_one_world", "world_of_the_web"]


@pytest.fixture
def shared(world_of_the_web: World) -> World:
    """The same with a bridge that knows no key of an earlier database."""
    world = world_of_the_web
    keys = SigningKeys(world.services)
    world.app.extensions["native_bridge"] = Bridge(world.services, keys, world.app.extensions["limits"])
    return world
