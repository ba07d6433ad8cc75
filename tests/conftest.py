"""Fixtures: the servers of a run, and a world for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.native_bridge.steps", "tests.web.steps", "tests.world")

from tests.world import Stage, World, make_world  # noqa: E402

# Files that take long come first, so that at the end no worker waits for another one's last file.
_LONG = ("browser", "serving", "native_bridge", "web")

SHARED = Path(os.environ.get("POINT_SHARED", Path(__file__).parents[1].parent / "shared"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        folder = item.path.relative_to(here).parts[0]
        return _LONG.index(folder) if folder in _LONG else len(_LONG)

    items.sort(key=place)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("stage"))
    yield stage
    stage.close()


@pytest.fixture
def world(stage: Stage, tmp_path: Path) -> Iterator[World]:
    with make_world(stage, tmp_path) as world:
        yield world
