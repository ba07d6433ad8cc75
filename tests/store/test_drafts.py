"""Drafts and versions as they lie in the database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import pytest

from portal.store.drafts import drop_draft, find_draft, save_draft
from portal.store.integration_versions import find_version, list_versions
from portal.store.integrations import delete_integration, restore_integration
from tests.store.conftest import NATIVE, NOW, SPA, House

ENTRIES = {"spa_client_id": SPA.client_id, "spa_domain": SPA.domain, "sign_in": "redirect"}


def keep(house: House, organization: int, **changes: object) -> None:
    known = {"entries": ENTRIES, "apps": [SPA], "problems": {}, "who": "olivia", "now": NOW}
    with house.db.writing() as connection:
        save_draft(connection, organization, **{**known, **changes})  # type: ignore[arg-type]


def test_a_draft_takes_the_place_of_the_one_before_and_is_its_organizations_own(house: House) -> None:
    keep(house, house.acme)
    keep(house, house.acme, apps=[SPA, NATIVE], problems={"spa_domain": "domain_silent"})
    with house.db.reading() as connection:
        draft = find_draft(connection, house.acme)
        assert find_draft(connection, house.globex) is None
    assert draft is not None
    assert (draft.entries, draft.apps) == (ENTRIES, {"spa": SPA, "native": NATIVE})
    assert (draft.problems, draft.updated_at, draft.updated_by) == ({"spa_domain": "domain_silent"}, NOW, "olivia")


@pytest.mark.parametrize(
    "change", [{"now": NOW + 1}, {"who": "otto"}, {"problems": {"a": "b"}}, {"entries": {**ENTRIES, "sign_in": "x"}}]
)
def test_every_other_draft_has_another_stamp(house: House, change: dict[str, object]) -> None:
    stamps = []
    for more in ({}, {}, change):
        keep(house, house.acme, **more)
        with house.db.reading() as connection:
            draft = find_draft(connection, house.acme)
            assert draft is not None
            stamps.append(draft.stamp)
    assert stamps[0] == stamps[1] != stamps[2]


def test_a_draft_is_thrown_away_once(house: House) -> None:
    keep(house, house.acme)
    with house.db.writing() as connection:
        assert [drop_draft(connection, house.acme), drop_draft(connection, house.acme)] == [True, False]


def test_every_change_is_a_version_with_all_settings(house: House) -> None:
    with house.db.writing() as connection:
        house.connect(connection, house.globex)
        house.connect(connection, house.acme, SPA, NATIVE)
        house.connect(connection, house.acme, replace(SPA, client_id="0oaOther"), what="switched_on", who="otto")
        delete_integration(connection, house.acme, who="olivia", now=NOW + 5)
        restore_integration(connection, house.acme, who="olivia", now=NOW + 6)
        versions = list_versions(connection, house.acme)
    told = [(version.what, version.version, version.who, version.at) for version in versions]
    assert told == [
        ("undone", 4, "olivia", NOW + 6), ("deleted", 3, "olivia", NOW + 5), ("switched_on", 2, "otto", NOW),
        ("saved", 1, "olivia", NOW),
    ]  # fmt: skip
    assert versions[3].settings == {
        "authorization_server": "auto", "sign_in": "redirect", "checked": True,
        "apps": {"spa": asdict(SPA), "native": asdict(NATIVE)},
    }  # fmt: skip
    assert versions[0].settings["apps"]["spa"]["client_id"] == "0oaOther"


def test_versions_come_in_pages_and_only_to_their_organization(house: House) -> None:
    with house.db.writing() as connection:
        for _ in range(5):
            house.connect(connection, house.acme)
        first = list_versions(connection, house.acme, limit=2)
        then = list_versions(connection, house.acme, before=first[-1].id, limit=10)
        assert [version.version for version in first + then] == [5, 4, 3, 2, 1]
        assert find_version(connection, house.acme, first[0].id) == first[0]
        assert find_version(connection, house.globex, first[0].id) is None


def test_a_change_that_is_rolled_back_is_no_version(house: House) -> None:
    with pytest.raises(ZeroDivisionError), house.db.writing() as connection:
        house.connect(connection, house.acme)
        raise ZeroDivisionError
    with house.db.reading() as connection:
        assert list_versions(connection, house.acme) == []


def test_saves_at_once_are_versions_one_after_the_other(house: House) -> None:
    def save(_: int) -> None:
        with house.db.writing() as connection:
            house.connect(connection, house.acme)

    save(0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(save, range(8)))
    with house.db.reading() as connection:
        assert [version.version for version in list_versions(connection, house.acme)] == list(range(9, 0, -1))
