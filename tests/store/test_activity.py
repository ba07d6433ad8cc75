"""Looking through the activity and counting it, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, event

from portal.store.activity import record_event
from portal.store.activity_days import DAY, Count, count_days, is_behind, remove_old_events, settle_days
from portal.store.activity_search import Place, Wanted, search_events
from tests.store.conftest import NOW, House

TODAY = NOW // DAY


def note(
    connection: Connection, organization: int, what: str = "login", *, at: int = NOW, who: str = "alice@acme.example",
    reference: str = "", **about: str,
) -> None:  # fmt: skip
    record_event(connection, organization, who=who, what=what, now=at, reference=reference, about=about)


def test_events_come_newest_first_a_page_at_a_time_and_none_twice(house: House) -> None:
    with house.db.writing() as connection:
        for number in range(7):
            note(connection, house.acme, at=NOW + number // 3, reference=str(number))
        note(connection, house.globex, reference="elsewhere")
    with house.db.reading() as connection:
        seen: list[str] = []
        after: Place | None = None
        for _ in range(4):
            page = search_events(connection, house.acme, Wanted(), after=after, limit=2)
            seen += [event.reference for event in page]
            after = page[-1].place
    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(("okta.saved",)), ["b"]),
        (Wanted(("okta.saved", "login.refused")), ["b", "c"]),
        (Wanted(("login", "okta.saved"), who="olivia@acme.example"), ["b"]),
        (Wanted(who="alice@acme.example"), ["a", "c"]),
        (Wanted(reference="c"), ["c"]),
        (Wanted(since=NOW), ["a", "b"]),
        (Wanted(until=NOW), ["c"]),
        (Wanted(("nothing.like.this",)), []),
    ],
    ids=str,
)
def test_what_is_looked_for_is_found_and_nothing_else(house: House, wanted: Wanted, expected: list[str]) -> None:
    with house.db.writing() as connection:
        note(connection, house.acme, "login.refused", at=NOW - DAY, reference="c", code="login_not_assigned")
        note(connection, house.acme, "okta.saved", who="olivia@acme.example", reference="b")
        note(connection, house.acme, at=NOW + 1, reference="a")
        note(connection, house.globex, reference="a")
    with house.db.reading() as connection:
        assert [found.reference for found in search_events(connection, house.acme, wanted)] == expected


def test_looking_is_one_statement_however_many_kinds(house: House) -> None:
    statements: list[str] = []
    with house.db.reading() as connection:
        event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))
        search_events(connection, house.acme, Wanted(("a", "b", "c")))
    assert len(statements) == 1


def tally(connection: Connection, organization: int) -> set[Count]:
    counts = count_days(connection, organization, ("login", "login.refused"), since_day=TODAY - 30)
    # What was counted twice must not look like what was counted once.
    assert len(counts) == len({(count.day, count.what, count.cause) for count in counts})
    return set(counts)


def test_counts_are_the_same_before_and_after_the_days_were_settled(house: House) -> None:
    with house.db.writing() as connection:
        for days, what in ((0, "login"), (1, "login"), (1, "login"), (2, "login.refused"), (5, "okta.saved")):
            about = {"code": "login_policy"} if what == "login.refused" else {}
            note(connection, house.acme, what, at=NOW - days * DAY, **about)
        note(connection, house.globex, at=NOW - DAY)
    expected = {
        Count(TODAY, "login", "", 1), Count(TODAY - 1, "login", "", 2),
        Count(TODAY - 2, "login.refused", "login_policy", 1),
    }  # fmt: skip
    with house.db.reading() as connection:
        assert tally(connection, house.acme) == expected
    for _ in range(2):
        with house.db.writing() as connection:
            settle_days(connection, house.acme, now=NOW)
    with house.db.writing() as connection:
        assert tally(connection, house.acme) == expected
        # What is counted already is not looked at again, what comes now is.
        note(connection, house.acme)
        assert Count(TODAY, "login", "", 2) in tally(connection, house.acme)
    with house.db.writing() as connection:
        settle_days(connection, house.acme, now=NOW + 3 * DAY)
        assert Count(TODAY, "login", "", 2) in tally(connection, house.acme)


def test_a_day_is_not_settled_while_a_request_may_still_write_of_it(house: House) -> None:
    midnight = TODAY * DAY
    with house.db.writing() as connection:
        note(connection, house.acme, at=midnight - 10)
        settle_days(connection, house.acme, now=midnight + 60)
        note(connection, house.acme, at=midnight - 5)
        assert Count(TODAY - 1, "login", "", 2) in tally(connection, house.acme)


def test_a_page_does_not_count_a_long_past_by_itself(house: House) -> None:
    with house.db.reading() as connection:
        assert not is_behind(connection, house.acme, now=NOW)


def test_what_is_older_than_400_days_goes_and_the_rest_stays(house: House) -> None:
    with house.db.writing() as connection:
        note(connection, house.acme, at=NOW - 401 * DAY, reference="old")
        note(connection, house.acme, at=NOW - 399 * DAY, reference="kept")
        note(connection, house.globex, at=NOW - 401 * DAY, reference="another's")
        assert remove_old_events(connection, house.acme, now=NOW) == 1
        assert remove_old_events(connection, house.acme, now=NOW) == 0
        assert [found.reference for found in search_events(connection, house.acme, Wanted())] == ["kept"]
        assert len(search_events(connection, house.globex, Wanted())) == 1
