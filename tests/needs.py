"""What a machine may lack. `need` skips with one line that says what to install; where CI=true, it fails instead."""

from __future__ import annotations

import os

import pytest

from tests.world import LIVING


def need(condition: object, what_to_install: str) -> None:
    """Goes on when `condition` holds."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"needs {what_to_install}", pytrace=False)
    pytest.skip(f"needs {what_to_install}")


def forget_tries() -> None:
    """For worlds that several tests share: a test that logs in by password begins with no tries counted."""
    for world in LIVING:
        limits = world.app.extensions["limits"]
        limits.clear()
