"""A login of the app that is being opened while an owner deletes Okta ends up outside, on both databases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.store.integrations import delete_integration
from portal.store.upgrade import upgrade_database
from tests.native_bridge.steps import Phone
from tests.store.databases import KINDS, empty_database
from tests.world import Stage, World, make_world


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, stage: Stage, tmp_path: Path) -> Iterator[World]:
    with empty_database(request.param, tmp_path) as url:
        upgrade_database(url)
        with make_world(stage, tmp_path, database_url=url) as world:
            yield world


def delete_slowly(world: World) -> None:
    """The integration is gone and its sessions have ended; it takes a second until that is committed."""
    with world.services.db.writing() as connection:
        delete_integration(connection, world.acme_id, who="olivia@acme.example", now=world.services.now())
        time.sleep(1)


@pytest.mark.parametrize("by_the_web", [False, True], ids=["native app", "web app"])
def test_a_login_that_returns_while_okta_is_being_deleted_lets_nobody_in(world: World, by_the_web: bool) -> None:
    if by_the_web:
        world.connect(native_client_id="", native_domain="")
    phone = Phone(world)
    link = phone.come_back_by_the_web() if by_the_web else phone.come_back()
    with ThreadPoolExecutor(1) as pool:
        deleting = pool.submit(delete_slowly, world)
        time.sleep(0.2)
        answer = phone.complete(link)
        deleting.result(10)
    if answer.status_code == 200:
        assert not phone.is_logged_in()
    else:
        assert answer.json()["code"] in ("settings_changed", "code_refused")
