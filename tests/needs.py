"""What a machine may lack. `need` skips with one line that says what to install; where CI=true, it fails instead."""

from __future__ import annotations

import os

import pytest

from portal.web import throttle


def need(condition: object, what_to_install: str) -> None:
    """Goes on when `condition` holds."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"needs {what_to_install}", pytrace=False)
    pytest.skip(f"needs {what_to_install}")


def forget_tries() -> None:
    """The counters of tries live as long as the process; a test that logs in by password begins with none."""
    throttle._limiter(None).storage.reset()
