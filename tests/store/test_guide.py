"""Progress with the guide and hand-over links: each organization's own, and of a link's token only a hash."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select, text

from portal.errors import Problem, Refused
from portal.store.guide import Tick, list_ticks, tick_tasks, untick_tasks
from portal.store.setup_links import MOST_LIVE, create_link, find_link, list_links, revoke_link, use_link
from portal.store.setup_tables import setup_links
from tests.store.conftest import NOW, House

TOKEN = "a-token-of-43-characters-0123456789-abcdefg"
DAY = 86400


def make_link(house: House, organization: int, token: str = TOKEN, *, now: int = NOW, seconds: int = DAY) -> int:
    with house.db.writing() as connection:
        return create_link(
            connection, organization, token=token, name="Pat", who="olivia@acme.example", now=now, seconds=seconds
        )


def test_what_is_ticked_off_says_who_and_when(house: House) -> None:
    with house.db.writing() as connection:
        assert tick_tasks(connection, house.acme, ["spa.create", "spa.save"], who="olivia", now=NOW) == [
            "spa.create", "spa.save"
        ]  # fmt: skip
    with house.db.reading() as connection:
        assert list_ticks(connection, house.acme) == dict.fromkeys(["spa.create", "spa.save"], Tick(NOW, "olivia"))


def test_who_ticked_first_stays(house: House) -> None:
    with house.db.writing() as connection:
        tick_tasks(connection, house.acme, ["spa.save"], who="olivia", now=NOW)
        assert tick_tasks(connection, house.acme, ["spa.save", "spa.name"], who="pat", now=NOW + 5) == ["spa.name"]
        assert list_ticks(connection, house.acme)["spa.save"] == Tick(NOW, "olivia")


def test_a_tick_is_the_organization_s_own(house: House) -> None:
    with house.db.writing() as connection:
        tick_tasks(connection, house.acme, ["spa.save"], who="olivia", now=NOW)
        tick_tasks(connection, house.globex, ["spa.save"], who="gus", now=NOW)
        assert untick_tasks(connection, house.globex, ["spa.save", "spa.name"]) == ["spa.save"]
        assert list_ticks(connection, house.globex) == {}
        assert list(list_ticks(connection, house.acme)) == ["spa.save"]


def test_a_link_opens_its_organization_until_it_expires(house: House) -> None:
    made = make_link(house, house.acme)
    with house.db.reading() as connection:
        link = find_link(connection, TOKEN, now=NOW + DAY - 1)
        assert link is not None
        assert (link.id, link.organization_id, link.slug, link.organization_name) == (made, house.acme, "acme", "Acme")
        assert (link.name, link.created_by, link.created_at) == ("Pat", "olivia@acme.example", NOW)
        assert find_link(connection, TOKEN, now=NOW + DAY) is None
        assert find_link(connection, TOKEN + "x", now=NOW) is None


def test_the_token_is_nowhere_in_the_database(house: House) -> None:
    make_link(house, house.acme)
    with house.db.reading() as connection:
        row = connection.execute(select(setup_links)).one()
        assert bytes(row.token_hash) == hashlib.sha256(TOKEN.encode()).digest()
        assert not any(TOKEN in str(value) for value in row)


def test_a_revoked_link_opens_nothing_and_is_revoked_once(house: House) -> None:
    made = make_link(house, house.acme)
    with house.db.writing() as connection:
        assert revoke_link(connection, house.globex, made, now=NOW) is None
        assert find_link(connection, TOKEN, now=NOW) is not None
        revoked = revoke_link(connection, house.acme, made, now=NOW + 1)
        assert revoked is not None
        assert (revoked.name, revoked.revoked_at) == ("Pat", NOW + 1)
        assert revoke_link(connection, house.acme, made, now=NOW + 2) is None
        assert find_link(connection, TOKEN, now=NOW + 2) is None


def test_links_are_listed_for_their_organization_newest_first(house: House) -> None:
    first, second = make_link(house, house.acme), make_link(house, house.acme, "b" * 43)
    make_link(house, house.globex, "c" * 43)
    with house.db.reading() as connection:
        assert [link.id for link in list_links(connection, house.acme)] == [second, first]


def test_a_visit_is_news_once_an_hour(house: House) -> None:
    make_link(house, house.acme)
    news = []
    with house.db.writing() as connection:
        for at in (NOW, NOW + 100, NOW + 3699, NOW + 7299):
            link = find_link(connection, TOKEN, now=at)
            assert link is not None
            news.append(use_link(connection, link, now=at))
    assert news == [True, False, False, True]


def test_there_are_at_most_20_live_links(house: House) -> None:
    for number in range(MOST_LIVE):
        make_link(house, house.acme, f"{number:043}")
    with pytest.raises(Refused) as refused:
        make_link(house, house.acme)
    assert refused.value.problem is Problem.CONFLICT
    make_link(house, house.globex)
    make_link(house, house.acme, "d" * 43, now=NOW + DAY)
    with house.db.reading() as connection:
        assert connection.execute(text("SELECT count(*) FROM setup_links")).scalar_one() == MOST_LIVE + 2
