"""The activity page: what it shows, finds, counts and hands out as a file."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from portal.store.activity import record_event
from portal.web.activity_texts import TEXTS
from tests.pages import Page
from tests.world import World

PAGE = "/organizations/acme/activity"


@pytest.fixture
def world(plain: World) -> World:
    """The application is shared by all tests of this file, the database and the Okta are each test's own."""
    return plain


def note(
    world: World, what: str, *, who: str = "alice@acme.example", ago: int = 0, reference: str = "", **about: str
) -> None:
    now = world.services.now() - ago
    with world.services.db.writing() as connection:
        record_event(connection, world.acme_id, who=who, what=what, now=now, reference=reference, about=about)


def test_a_reference_from_an_error_page_finds_that_login_and_its_repair(world: World) -> None:
    world.sandbox.fault("wrong_nonce")
    refused = world.alice.log_in()
    reference = re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", refused.text)
    assert reference is not None
    world.sandbox.fault("wrong_nonce", False)
    olivia = world.olivia
    olivia.log_in_by_password()
    for typed in (reference[0], reference[0].replace("-", "").lower()):
        page = olivia.get(PAGE, params={"reference": typed})
        assert page.text.count("<li>\n<p class=\"event-head\">") == 1
        assert "We could not be sure that it is you" in page.text
        assert reference[0] in page.text
        assert "nonce" in page.text


def test_filters_and_paging_lead_through_everything_once(world: World) -> None:
    for number in range(120):
        note(world, "login" if number % 2 else "okta.saved", ago=number, reference=f"N{number:03}")
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get(PAGE, params={"kind": "logins", "who": "ALICE@acme.example"})
    seen = re.findall(r"N\d{3}", page.text)
    while (older := re.search(r'href="([^"]+)" rel="next"', page.text)) is not None:
        page = olivia.get(older[1].replace("&amp;", "&"))
        seen += re.findall(r"N\d{3}", page.text)
    assert seen == [f"N{number:03}" for number in range(1, 120, 2)]
    assert "Newest" in page.text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"reference": "nonsense"}, "A reference looks like"),
        ({"from": "yesterday"}, "Enter a day as year-month-day"),
        ({"to": "2026-13-40"}, "Enter a day as year-month-day"),
    ],
)
def test_what_cannot_be_understood_is_said_beside_its_field(world: World, query: dict[str, str], sentence: str) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get(PAGE, params=query)
    assert page.status_code == 422
    assert sentence in page.text
    assert 'aria-invalid="true"' in page.text
    assert next(iter(query.values())) in page.text
    assert "Nothing" not in Page(page.text).find("main").text


@pytest.mark.parametrize("query", [{"after": "x"}, {"after": "9" * 40 + "-1"}, {"kind": "nope"}, {"to": "9999-12-31"}])
def test_odd_addresses_show_the_page(world: World, query: dict[str, str]) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    assert olivia.get(PAGE, params=query).status_code == 200


def test_nothing_found_offers_the_way_back(world: World) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get(PAGE, params={"who": "nobody@acme.example"})
    assert "Nothing found" in page.text
    assert f'href="{PAGE}"' in page.text


def test_charts_count_logins_and_causes_and_have_a_table(world: World) -> None:
    for _ in range(3):
        note(world, "login", ago=2 * 86400, method="okta")
    note(world, "login.refused", ago=86400, code="login_not_assigned", method="okta")
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get(PAGE).text
    assert "4 logins." in page  # Olivia's own is among them.
    assert "1 was turned down." in page
    cause = "Okta knows this person, but they are not assigned to the app"
    assert re.search(rf'<th scope="row">{cause}</th><td><span>1</span>', page)
    assert re.search(r'<th scope="row">[^<]+</th><td>3</td><td>0</td>', page)
    assert page.count('class="chart-0"') == 2  # two days with logins


def test_the_file_has_everything_and_no_formula(world: World) -> None:
    note(world, "login.refused", who="=cmd|' /C calc'!A0", reference="AB2C-D3EF", code="login_policy")
    olivia = world.olivia
    olivia.log_in_by_password()
    answer = olivia.get(f"{PAGE}/activity.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acme-activity.csv"'
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["time (UTC)", "event", "who", "reference", "details"]
    refused = next(row for row in rows if row[1] == "login.refused")
    assert refused[2].startswith("'=cmd")
    assert refused[3:] == ["AB2C-D3EF", "code: login_policy"]


def test_another_organization_s_events_are_on_no_page_and_in_no_file(world: World) -> None:
    with world.services.db.writing() as connection:
        record_event(connection, world.globex_id, who="carol@globex.example", what="login", now=world.services.now(),
                     reference="GG22-GG33")  # fmt: skip
    olivia = world.olivia
    olivia.log_in_by_password()
    for address in (PAGE, f"{PAGE}?who=carol@globex.example", f"{PAGE}?reference=GG22-GG33", f"{PAGE}/activity.csv"):
        # What was typed comes back in its field, and in the mail that asks about it.
        typed = re.compile(r'value="(?:carol@globex\.example|GG22-GG33)"|reference%20GG22-GG33')
        text = typed.sub("", olivia.get(address).text)
        assert "carol@globex.example" not in text
        assert "GG22-GG33" not in text


def test_every_event_that_the_code_writes_has_a_sentence() -> None:
    """Events are written as `what="..."` or by a helper whose second argument is the kind."""
    root = Path(__file__).parents[2]
    modules = [path for folder in ("portal", "native_bridge") for path in (root / folder).rglob("*.py")]
    sources = "\n".join(path.read_text() for path in modules)
    written = set(re.findall(r'(?:what=|_record\(connection, (?:[a-z.]+, )?)"([a-z_]+(?:\.[a-z_]+)?)"', sources))
    assert len(written) > 30
    # Versions of the settings have kinds of their own.
    assert {what for what in written if what not in TEXTS} <= {"restored", "switched_on", "saved", "deleted", "undone"}
