"""The keys that sign access tokens: how they rest, and how two nodes on one database make, change and drop them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import event, update

from native_bridge.signing_keys import AHEAD_SECONDS, SIGN_SECONDS, STAY_SECONDS, SigningKeys, verifies
from portal.services import Services, make_services
from portal.settings import Settings
from portal.store.db import Database
from portal.store.models import signing_keys
from portal.store.signing_keys import add_key, list_keys, remove_keys
from tests.store.conftest import NOW, count

OLD, NEW = "the old secret key of this test", "the new secret key of this test"


class Nodes:
    """Nodes of one portal: own connections, one database, one clock."""

    def __init__(self, url: str, closing: ExitStack) -> None:
        self.now = NOW
        self._url, self._closing = url, closing

    def services(self, *secret_keys: str) -> Services:
        """What one more node has; without keys, those that all have."""
        settings = Settings("https://dash.pointapp.org", self._url, secret_keys or (OLD,))
        services = make_services(settings, clock=lambda: self.now)
        self._closing.callback(services.db.close)
        return services

    def start(self, *secret_keys: str) -> SigningKeys:
        """One more node."""
        return SigningKeys(self.services(*secret_keys))


@pytest.fixture
def nodes(db: Database, migrated: str) -> Iterator[Nodes]:
    with ExitStack() as closing:
        yield Nodes(migrated, closing)


def published(keys: SigningKeys) -> list[str]:
    return [jwk["kid"] for jwk in keys.jwks()["keys"]]


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What these calls return, all made at the same moment."""
    gate = threading.Barrier(len(calls))

    def go(call: Callable[[], object]) -> object:
        gate.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(go, calls))


# -- the table ---------------------------------------------------------------------------------------------------------


def test_keys_come_in_the_order_of_their_use(db: Database) -> None:
    with db.writing() as connection:
        for kid, use_from in (("c", NOW), ("a", NOW + 1), ("b", NOW)):
            assert add_key(connection, kid=kid, sealed_key=b"sealed", now=NOW, use_from=use_from)
    with db.reading() as connection:
        assert [(one.kid, one.use_from) for one in list_keys(connection)] == [("b", NOW), ("c", NOW), ("a", NOW + 1)]


def test_a_key_is_never_written_over(db: Database) -> None:
    with db.writing() as connection:
        assert add_key(connection, kid="a", sealed_key=b"first", now=NOW, use_from=NOW)
        assert not add_key(connection, kid="a", sealed_key=b"second", now=NOW, use_from=NOW + 1)
        (stored,) = list_keys(connection)
    assert (stored.sealed_key, stored.created_at, stored.use_from) == (b"first", NOW, NOW)


def test_only_keys_from_before_are_removed(db: Database) -> None:
    with db.writing() as connection:
        for kid, use_from in (("a", NOW - 1), ("b", NOW), ("c", NOW + 1)):
            add_key(connection, kid=kid, sealed_key=b"sealed", now=NOW, use_from=use_from)
        assert remove_keys(connection, before=NOW) == 1
        assert [one.kid for one in list_keys(connection)] == ["b", "c"]


# -- the first key -----------------------------------------------------------------------------------------------------


def test_the_first_key_is_made_on_demand_and_used_at_once_by_all(nodes: Nodes) -> None:
    first, second = nodes.start(), nodes.start()
    key = first.signing()
    assert second.signing().kid == key.kid
    assert published(first) == published(second) == [key.kid]
    public = second.public(key.kid)
    assert public is not None
    assert verifies(public, b"message", key.sign(b"message"))
    assert not verifies(public, b"another", key.sign(b"message"))


@pytest.mark.parametrize("round_", range(4))
def test_eight_threads_of_two_nodes_make_one_first_key(nodes: Nodes, db: Database, round_: int) -> None:
    first, second = nodes.start(), nodes.start()
    kids = at_once(*[lambda node=node: node.signing().kid for node in (first, second) for _ in range(8)])
    assert len(set(kids)) == 1
    assert published(first) == published(second) == [kids[0]]
    with db.reading() as connection:
        assert count(connection, "signing_keys") == 1


def test_what_is_published_is_public(nodes: Nodes) -> None:
    (jwk,) = nodes.start().jwks()["keys"]
    assert set(jwk) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
    assert (jwk["kty"], jwk["crv"], jwk["use"], jwk["alg"]) == ("EC", "P-256", "sig", "ES256")


# -- the next key ------------------------------------------------------------------------------------------------------


def test_a_successor_is_published_a_day_before_it_signs(nodes: Nodes) -> None:
    first, second = nodes.start(), nodes.start()
    old = first.signing().kid
    nodes.now += SIGN_SECONDS - AHEAD_SECONDS - 1
    assert published(first) == published(second) == [old]
    nodes.now += 1
    both = published(first)
    assert both[0] == old
    assert len(both) == 2
    assert published(second) == both
    nodes.now += AHEAD_SECONDS - 1
    assert first.signing().kid == second.signing().kid == old
    nodes.now += 1
    assert first.signing().kid == second.signing().kid == both[1]


def test_eight_threads_of_two_nodes_make_one_successor(nodes: Nodes) -> None:
    first, second = nodes.start(), nodes.start()
    first.signing(), second.signing()
    nodes.now += SIGN_SECONDS
    at_once(*[node.jwks for node in (first, second) for _ in range(8)])
    assert len(published(first)) == 2
    assert published(first) == published(second)


def test_an_old_key_stays_for_its_last_token_and_an_hour(nodes: Nodes, db: Database) -> None:
    node = nodes.start()
    old = node.signing().kid
    nodes.now += SIGN_SECONDS - AHEAD_SECONDS
    assert node.rotate(nodes.now)
    nodes.now += AHEAD_SECONDS + STAY_SECONDS - 1
    assert node.signing().kid != old
    assert node.public(old) is not None
    assert node.remove_old(nodes.now) == 0
    nodes.now += 61
    assert node.public(old) is None
    assert published(node) == published(nodes.start()) == [node.signing().kid]
    assert node.remove_old(nodes.now) == 1
    with db.reading() as connection:
        assert [one.kid for one in list_keys(connection)] == [node.signing().kid]


def test_rotating_again_changes_nothing(nodes: Nodes) -> None:
    node = nodes.start()
    assert node.rotate(nodes.now)
    assert not node.rotate(nodes.now)
    assert not node.rotate(nodes.now + SIGN_SECONDS - AHEAD_SECONDS - 1)
    assert node.rotate(nodes.now + SIGN_SECONDS - AHEAD_SECONDS)
    assert not nodes.start().rotate(nodes.now + SIGN_SECONDS)


def test_a_late_successor_is_still_published_for_a_day(nodes: Nodes) -> None:
    old = nodes.start().signing().kid
    nodes.now += 2 * SIGN_SECONDS
    node = nodes.start()
    assert len(published(node)) == 2
    assert node.signing().kid == old
    nodes.now += AHEAD_SECONDS
    assert node.signing().kid == published(node)[1]


def test_a_year_of_months_never_has_more_than_two_keys(nodes: Nodes) -> None:
    node, seen = nodes.start(), set()
    for _ in range(400):
        nodes.now += 86400
        assert len(published(node)) <= 2
        seen.add(node.signing().kid)
        node.remove_old(nodes.now)
    assert len(seen) == 14


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_key_that_another_node_has_just_made_is_found_at_once(nodes: Nodes) -> None:
    first, second = nodes.start(), nodes.start()
    first.signing(), second.signing()
    first.rotate(nodes.now + SIGN_SECONDS)
    made = published(first)[-1]
    nodes.now += 9
    assert second.public(made) is None
    nodes.now += 1
    assert second.public(made) is not None


def test_the_table_is_read_once_a_minute_and_for_unknown_keys_every_ten_seconds(nodes: Nodes) -> None:
    services, asked = nodes.services(), []
    keys = SigningKeys(services)
    kid = keys.signing().kid
    event.listen(services.db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    for _ in range(59):
        nodes.now += 1
        assert keys.public(kid)
    assert asked == []
    nodes.now += 1
    keys.public(kid), keys.signing(), keys.jwks()
    assert len(asked) == 1
    for _ in range(30):
        nodes.now += 1
        keys.public("nobody's"), keys.public("somebody's")
    assert len(asked) == 4


def test_eight_threads_that_find_the_keys_old_read_them_once(nodes: Nodes) -> None:
    services, asked = nodes.services(), []
    keys = SigningKeys(services)
    keys.signing()
    nodes.now += 60
    event.listen(services.db.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    at_once(*[keys.jwks] * 8)
    assert len(asked) == 1


def test_signing_inside_a_transaction_waits_for_nobody(nodes: Nodes) -> None:
    """Neither for itself, when a successor is due, nor for a thread that waits for this transaction to make one."""
    services = nodes.services()
    keys = SigningKeys(services)
    old = keys.signing().kid
    nodes.now += SIGN_SECONDS
    with ThreadPoolExecutor(1) as pool, services.db.writing():
        waiting = pool.submit(keys.jwks)
        time.sleep(0.2)  # On SQLite that thread now holds the lock of the keys, and waits.
        asked_at = time.monotonic()
        assert keys.signing().kid == old
        assert time.monotonic() - asked_at < 1
    assert len(waiting.result()["keys"]) == 2


# -- secret keys -------------------------------------------------------------------------------------------------------


def test_a_new_secret_key_in_front_changes_nothing(nodes: Nodes) -> None:
    kid = nodes.start(OLD).signing().kid
    assert nodes.start(NEW, OLD).signing().kid == kid


def test_a_key_whose_secret_key_is_gone_is_replaced_once(nodes: Nodes) -> None:
    lost = nodes.start(OLD).signing().kid
    first, second = nodes.start(NEW), nodes.start(NEW)
    kid = first.signing().kid
    assert kid != lost
    assert published(first) == published(second) == [kid]
    assert second.public(lost) is None
    assert second.signing().kid == kid


def test_a_key_under_another_ones_name_is_not_believed(nodes: Nodes, db: Database) -> None:
    kid = nodes.start().signing().kid
    with db.writing() as connection:
        connection.execute(update(signing_keys).values(kid="A" * 43))
    assert "A" * 43 not in published(nodes.start())
    assert kid not in published(nodes.start())
