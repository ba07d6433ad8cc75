"""The shared world of the web's tests: each test has its own Okta and database, a file one application."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.native_bridge.steps")

from native_bridge.bridge import Bridge  # noqa: E402
from native_bridge.signing_keys import SigningKeys  # noqa: E402
from tests.web.conftest import _one_world  # noqa: E402
from tests.web.conftest import shared as world_of_the_web  # noqa: E402
from tests.world import World  # noqa: E402

__all__ = ["_one_world", "world_of_the_web"]


@pytest.fixture
def shared(world_of_the_web: World) -> World:
    """The same with a bridge that knows no key of an earlier database."""
    world = world_of_the_web
    keys = SigningKeys(world.services)
    world.app.extensions["native_bridge"] = Bridge(world.services, keys, world.app.extensions["limits"])
    return world
