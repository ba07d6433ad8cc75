"""What a process does behind its pages when it is killed: nothing of it is lost, and nothing is done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from okta_sandbox import RawAnswer, SeenRequest
from portal.passwords import hash_password
from portal.store.members import Profile, add_member, link_identity
from tests.serving.nodes import Nodes, nodes_on
from tests.store.databases import KINDS, empty_database
from tests.world import Visitor

PEOPLE = 1200
PASSWORD = "a password of the owner's"


@pytest.fixture(params=KINDS)
def nodes(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("left")
    with empty_database(request.param, folder) as url, nodes_on(folder, url) as nodes:
        yield nodes


def wait_until(check: Callable[[], object]) -> None:
    until = time.monotonic() + 10
    while not check():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_a_killed_process_was_giving_back_is_given_back_by_another_and_once(nodes: Nodes) -> None:
    [first] = nodes.start(1)
    alice = Visitor(nodes.base, "alice@acme.example")
    alice.log_in()
    asked: list[SeenRequest] = []

    def hang(request: SeenRequest) -> RawAnswer | None:
        if request.path.endswith("/revoke"):
            asked.append(request)
            time.sleep(3)
            return RawAnswer(503, [], b"")
        return None

    nodes.sandbox.answer = hang
    alice.step("/logout", method="POST", data={"okta": "no"})
    wait_until(lambda: asked)
    first.kill()
    nodes.sandbox.answer = None
    [sign_in] = nodes.sandbox.grants.sign_ins.values()
    # Whoever was at it has claimed it, and may be at it still, for all that anybody else knows.
    nodes.command("maintenance")
    assert (sign_in.dead, nodes.ask("SELECT count(*) FROM left_tokens"), len(asked)) == (False, 1, 1)
    nodes.change("UPDATE left_tokens SET try_at = try_at - 150")  # As if its claim had run out.
    nodes.command("maintenance")
    assert (sign_in.dead, nodes.ask("SELECT count(*) FROM left_tokens")) == (True, 0)


def test_what_a_deletion_has_not_done_when_it_is_killed_is_done_by_another(nodes: Nodes) -> None:
    """A mail for everybody, once; and the tokens of the sessions that it ended go back to Okta."""
    [first] = nodes.start(1)
    alice = Visitor(nodes.base, "alice@acme.example")
    alice.log_in()
    acme = nodes.ask("SELECT id FROM organizations WHERE slug = 'acme'")
    okta = nodes.ask("SELECT issuer FROM apps LIMIT 1")
    owner = Visitor(nodes.base, "olivia@acme.example")
    with nodes.services.db.writing() as connection:
        add_member(connection, acme, owner.email, role="owner", now=1, password_hash=hash_password(PASSWORD))
        for number in range(PEOPLE):
            user = add_member(connection, acme, f"p{number}@acme.example", role="volunteer", now=1)
            link_identity(connection, acme, user, Profile(okta, f"sub {number}", f"p{number}@acme.example", "P"), now=1)
    owner.log_in_by_password(PASSWORD)
    answer = owner.step("/organizations/acme/integrations/okta/delete", method="POST")
    first.kill()
    assert answer.status_code == 303
    written = nodes.ask("SELECT count(*) FROM mails WHERE kind = 'okta_deleted'")
    assert written < PEOPLE, "it was killed too late"
    nodes.command("maintenance")
    assert nodes.ask("SELECT count(*) FROM mails WHERE kind = 'okta_deleted'") == PEOPLE + 1
    assert nodes.ask("SELECT count(DISTINCT recipient) FROM mails WHERE kind = 'okta_deleted'") == PEOPLE + 1
    assert nodes.ask("SELECT count(*) FROM unfinished_deletions") == 0
    nodes.change("UPDATE left_tokens SET try_at = try_at - 150")  # What was claimed when it was killed.
    nodes.command("maintenance")
    [sign_in] = nodes.sandbox.grants.sign_ins.values()
    assert (sign_in.dead, nodes.ask("SELECT count(*) FROM left_tokens")) == (True, 0)
