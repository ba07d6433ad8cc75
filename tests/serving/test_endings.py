"""What ends a session ends it on every process within a second: Delete Integration and a new password."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from portal.store.members import add_member
from tests.serving.nodes import Node, Nodes, nodes_on
from tests.store.databases import KINDS, empty_database
from tests.world import Visitor


@pytest.fixture(scope="module", params=KINDS)
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("endings")
    with empty_database(request.param, folder) as url, nodes_on(folder, url) as nodes:
        nodes.start(2)
        yield nodes


def at(node: Node, person: Visitor) -> Visitor:
    """The same browser before another node: cookies ignore ports."""
    other = Visitor(f"http://localhost:{node.port}", person.email)
    other.http.cookies = person.http.cookies
    return other


def ends(node: Node, person: Visitor) -> bool:
    """Whether `node` takes the person for a stranger within a second."""
    until = time.monotonic() + 1
    while at(node, person).session()["authenticated"]:
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_delete_integration_and_a_new_password_are_felt_on_the_other_node_within_a_second(nodes: Nodes) -> None:
    first, second = nodes.running
    app = nodes.log_in(first)
    alice = nodes.alice
    alice.log_in()
    assert at(second, alice).session()["authenticated"]
    assert second.call("GET", "/native/v1/me", bearer=app["access_token"]).status == 200
    owner = _owner(nodes)
    owner.submit(owner.get("/organizations/acme/integrations/okta/delete"), button="Delete Integration")
    assert ends(second, alice)
    assert second.call("GET", "/native/v1/me", bearer=app["access_token"]).status == 401
    elsewhere = Visitor(nodes.base, owner.email)
    elsewhere.log_in_by_password("a password of the owner's")
    assert at(second, elsewhere).session()["authenticated"]
    new = {"password": "four otters climb a ladder", "password_again": "four otters climb a ladder"}
    owner.submit(owner.get("/account/password"), old_password="a password of the owner's", **new)
    assert ends(second, elsewhere)
    assert at(second, owner).session()["authenticated"]


def _owner(nodes: Nodes) -> Visitor:
    from portal.passwords import hash_password

    with nodes.services.db.writing() as connection:
        organization_id = nodes.ask("SELECT id FROM organizations WHERE slug = 'acme'")
        add_member(
            connection,
            organization_id,
            "olivia@acme.example",
            role="owner",
            now=nodes.services.now(),
            password_hash=hash_password("a password of the owner's"),
        )
    olivia = Visitor(nodes.base, "olivia@acme.example")
    olivia.log_in_by_password("a password of the owner's")
    assert olivia.session()["role"] == "owner"
    return olivia
