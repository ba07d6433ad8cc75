"""Mail that waits and links to set a password, on both databases: one sender for each mail, one use for each link."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from portal.errors import Problem, Refused
from portal.store.db import Database, after_commit
from portal.store.mails import (
    CLAIM_SECONDS,
    KEEP_SECONDS,
    NewMail,
    add_mails,
    claim_mail,
    drop_waiting,
    find_next_time,
    give_up,
    mark_sent,
    put_off,
    remove_old_mails,
)
from portal.store.members import add_member
from portal.store.password_links import (
    NewLink,
    add_links,
    end_links_of_organization,
    find_account_by_link,
    remove_old_links,
    store_password,
    use_link,
)
from tests.store.conftest import NOW, House, count


def add(db: Database, *send_at: int, organization_id: int | None = None, kind: str = "hello") -> None:
    new = [NewMail(f"p{at}@acme.example", kind, b"sealed", at, organization_id) for at in send_at]
    with db.writing() as connection:
        add_mails(connection, new, now=NOW)


def claim(db: Database, now: int = NOW) -> str | None:
    with db.writing() as connection:
        mail = claim_mail(connection, now=now)
    return mail.recipient if mail else None


def test_the_longest_due_is_sent_first_and_nothing_before_its_time(db: Database) -> None:
    add(db, NOW + 5, NOW - 20, NOW - 10)
    assert [claim(db) for _ in range(3)] == [f"p{NOW - 20}@acme.example", f"p{NOW - 10}@acme.example", None]
    assert claim(db, NOW + 5) == f"p{NOW + 5}@acme.example"


def test_of_many_senders_each_mail_has_one(db: Database) -> None:
    add(db, *range(NOW - 40, NOW))
    with ThreadPoolExecutor(8) as pool:
        claimed = list(pool.map(lambda _number: claim(db), range(60)))
    assert sorted(each for each in claimed if each) == sorted(f"p{at}@acme.example" for at in range(NOW - 40, NOW))


def test_a_claim_is_over_after_three_minutes(db: Database) -> None:
    add(db, NOW)
    assert claim(db) is not None
    assert claim(db, NOW + CLAIM_SECONDS - 1) is None
    assert claim(db, NOW + CLAIM_SECONDS) is not None


def test_what_is_out_or_given_up_is_never_claimed_again(db: Database) -> None:
    add(db, NOW, NOW - 1, NOW - 2)
    with db.writing() as connection:
        first, second, third = (claim_mail(connection, now=NOW) for _ in range(3))
        assert first
        assert second
        assert third
        mark_sent(connection, first.id, now=NOW)
        give_up(connection, second.id, now=NOW, why="550")
        put_off(connection, second.id, until=NOW, why="too late")
        put_off(connection, third.id, until=NOW + 60, why="451")
    assert claim(db, NOW + 59) is None
    assert claim(db, NOW + 60) == third.recipient
    with db.reading() as connection:
        assert find_next_time(connection) == NOW + 60 + CLAIM_SECONDS
        kept = connection.execute(text("SELECT sealed FROM mails WHERE sent_at IS NOT NULL OR failed_at IS NOT NULL"))
        assert {bytes(row[0]) for row in kept} == {b""}


def test_an_organization_takes_back_its_own_waiting_mails_of_one_kind(house: House) -> None:
    add(house.db, NOW, NOW + 1, organization_id=house.acme)
    add(house.db, NOW, organization_id=house.globex)
    add(house.db, NOW, organization_id=house.acme, kind="other")
    with house.db.writing() as connection:
        assert drop_waiting(connection, house.acme, "hello") == 2
        assert count(connection, "mails") == 2


def test_a_month_later_what_is_over_is_forgotten(db: Database) -> None:
    add(db, NOW, NOW + 1)
    with db.writing() as connection:
        mail = claim_mail(connection, now=NOW)
        assert mail
        mark_sent(connection, mail.id, now=NOW)
        assert remove_old_mails(connection, now=NOW + KEEP_SECONDS) == 0
        assert remove_old_mails(connection, now=NOW + KEEP_SECONDS + 1) == 1
        assert count(connection, "mails") == 1


def link(house: House, token: str, email: str = "nora@acme.example", purpose: str = "forgot", seconds: int = 60) -> int:
    with house.db.writing() as connection:
        user_id = add_member(connection, house.acme, email, role="volunteer", now=NOW)
        add_links(connection, [NewLink(token, user_id, purpose, NOW + seconds)], now=NOW)
    return user_id


def test_of_many_who_use_a_link_at_once_one_may(house: House) -> None:
    link(house, "token")

    def use(_number: int) -> bool:
        with house.db.writing() as connection:
            return use_link(connection, "token", now=NOW)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(20))) == 1


@pytest.mark.parametrize(("token", "at"), [("token", NOW + 60), ("Token", NOW), ("", NOW)])
def test_a_link_that_is_over_or_invented_leads_nowhere(house: House, token: str, at: int) -> None:
    link(house, "token")
    with house.db.writing() as connection:
        assert find_account_by_link(connection, token, now=at) is None
        assert not use_link(connection, token, now=at)
        assert find_account_by_link(connection, "token", now=NOW + 59) is not None


def test_a_new_password_ends_the_persons_links_and_nobody_elses(house: House) -> None:
    nora = link(house, "first")
    link(house, "second")
    link(house, "other", "otto@acme.example")
    with house.db.writing() as connection:
        store_password(connection, nora, "a hash", now=NOW)
        found = [find_account_by_link(connection, token, now=NOW) for token in ("first", "second", "other")]
    assert [account and account.email for account in found] == [None, None, "otto@acme.example"]


def test_the_links_of_one_purpose_end_for_the_organization_they_came_from(house: House) -> None:
    """Nora belongs to both."""
    nora = link(house, "kept")
    with house.db.writing() as connection:
        add_member(connection, house.globex, "nora@acme.example", role="volunteer", now=NOW)
        ended = NewLink("ended", nora, "okta_deleted", NOW + 60, house.acme)
        add_links(connection, [ended], now=NOW)
        assert end_links_of_organization(connection, house.globex, "okta_deleted", now=NOW) == 0
        assert end_links_of_organization(connection, house.acme, "okta_deleted", now=NOW) == 1
        assert find_account_by_link(connection, "kept", now=NOW) is not None
        assert remove_old_links(connection, now=NOW + 8 * 86400) == 2


# -- after the commit --------------------------------------------------------------------------------------------------


def test_what_shall_happen_after_the_commit_sees_what_was_written_and_may_write(db: Database) -> None:
    seen: list[int] = []

    def look() -> None:
        with db.writing() as connection:
            seen.append(count(connection, "mails"))

    with db.writing() as connection:
        add_mails(connection, [NewMail("a@acme.example", "hello", b"", NOW)], now=NOW)
        after_commit(connection, look)
        assert seen == []
    assert seen == [1]
    with db.writing():
        pass
    assert seen == [1]


def test_after_a_rollback_nothing_happens_not_even_later(db: Database) -> None:
    seen: list[str] = []
    with pytest.raises(ZeroDivisionError), db.writing() as connection:
        after_commit(connection, lambda: seen.append("failed"))
        raise ZeroDivisionError
    with pytest.raises(Refused), db.writing() as connection:
        after_commit(connection, lambda: seen.append("refused"))
        raise Refused(Problem.CONFLICT)
    with db.writing() as connection:
        after_commit(connection, lambda: seen.append("done"))
    assert seen == ["done"]

