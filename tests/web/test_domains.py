"""Organization > Domains: claimed, proved by a real name server, removed; and who that lets in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.domain_proofs import check_open_claims
from portal.store.domains import add_claim, drop_claim, list_claims, list_domains, verify_domain
from tests.dns_server import NameServer, run_name_server
from tests.web.steps import add_person, came_first_by_globex
from tests.world import Stage, Visitor, World, make_world

PAGE = "/organizations/acme/domains"


@pytest.fixture(scope="module")
def names() -> Iterator[NameServer]:
    with run_name_server() as server:
        yield server


@pytest.fixture
def world(stage: Stage, tmp_path: Path, names: NameServer) -> Iterator[World]:
    names.records, names.silent, names.fails = {}, False, False
    with make_world(stage, tmp_path, dns_servers=(names.address,)) as world:
        yield world


@pytest.fixture
def olivia(world: World) -> Visitor:
    olivia = world.olivia
    olivia.log_in_by_password()
    return olivia


def claim(olivia: Visitor, name: str = "acme.test") -> tuple[str, str]:
    """(name, value) of the record that the page asks for."""
    page = olivia.submit(olivia.get(PAGE), domain=name)
    assert page.status_code == 200, page.text
    found = re.findall(r'<code dir="ltr" translate="no">([^<]+)</code>', page.text)
    return found[-2], found[-1]


def check(olivia: Visitor, name: str = "acme.test") -> str:
    return olivia.follow(olivia.step(f"{PAGE}/{name}/check", method="POST")).text


def domains(world: World) -> list[str]:
    with world.services.db.reading() as connection:
        return [domain.name for domain in list_domains(connection, world.acme_id)]


@pytest.mark.parametrize("place", ["_point.acme.test", "acme.test"])
def test_a_record_proves_the_domain_and_its_people_are_found(
    world: World, olivia: Visitor, names: NameServer, place: str
) -> None:
    record, value = claim(olivia)
    assert record == "_point.acme.test"
    assert "The record is not there yet" in check(olivia)
    names.records[place] = ["v=spf1 -all", value[:20] + "|" + value[20:]]
    assert "Verified." in check(olivia)
    assert domains(world) == ["acme.example", "acme.test"]
    add_person(world.sandbox, "tess@acme.test", "Tess")
    tess = world.person("tess@acme.test")
    assert "acme" in tess.submit(tess.get("/login"), email="tess@acme.test").text
    tess.log_in()
    assert tess.session()["role"] == "volunteer"
    assert [event.what for event in world.activity() if event.what.startswith("domain")] == [
        "domain.verified", "domain.claimed"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ({"_point.acme.test": ["point-verification=somebody-elses"]}, "another value"),
        ({"_point.acme.test": ["something else"]}, "not there yet"),
        ({}, "not there yet"),
    ],
)
def test_what_is_wrong_with_the_record_is_said(
    world: World, olivia: Visitor, names: NameServer, records: dict[str, list[str]], sentence: str
) -> None:
    claim(olivia)
    names.records = records
    assert sentence in check(olivia)
    assert domains(world) == ["acme.example"]


@pytest.mark.parametrize("trouble", ["silent", "fails"])
def test_name_servers_that_do_not_answer_prove_nothing_and_are_named(
    world: World, olivia: Visitor, names: NameServer, trouble: str
) -> None:
    claim(olivia)
    setattr(names, trouble, True)
    assert "did not answer just now" in check(olivia)
    assert domains(world) == ["acme.example"]


def test_maintenance_looks_by_itself_once_an_hour(world: World, olivia: Visitor, names: NameServer) -> None:
    _record, value = claim(olivia)
    assert check_open_claims(world.services) == (0, 0)
    names.records["_point.acme.test"] = [value]
    assert check_open_claims(world.services) == (0, 0)  # Within the hour nobody is asked again.
    world.clock.forward(3700)
    assert check_open_claims(world.services) == (1, 0)
    assert domains(world) == ["acme.example", "acme.test"]


def test_a_claim_that_nobody_proves_is_forgotten_after_a_month(world: World, olivia: Visitor) -> None:
    claim(olivia)
    world.clock.forward(31 * 86400)
    assert check_open_claims(world.services) == (0, 1)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("gmail.com", "mail provider"),
        ("someone@outlook.com", "mail provider"),
        ("co.uk", "what stands behind the @"),
        ("localhost", "what stands behind the @"),
        ("<script>", "what stands behind the @"),
        ("acme.example", "has been verified already"),
        ("globex.example", "has been verified already"),
        ("", "what stands behind the @"),
    ],
)
def test_what_cannot_be_claimed_is_said_beside_the_field(olivia: Visitor, typed: str, sentence: str) -> None:
    answer = olivia.step(PAGE, method="POST", data={"domain": typed})
    assert answer.status_code in (409, 422)
    assert sentence in answer.text
    assert 'aria-invalid="true"' in answer.text


@pytest.mark.parametrize("typed", ["Acme.Test", "https://www.acme.test/about", "olivia@acme.test", "acme.test."])
def test_a_domain_is_understood_however_it_is_pasted(olivia: Visitor, typed: str) -> None:
    assert claim(olivia, typed)[0] == "_point.acme.test"


def test_claiming_twice_is_one_claim_with_one_token(world: World, olivia: Visitor) -> None:
    assert claim(olivia) == claim(olivia)
    with world.services.db.reading() as connection:
        assert len(list_claims(connection, world.acme_id)) == 1


def test_two_organizations_may_claim_and_one_gets_it(world: World, olivia: Visitor, names: NameServer) -> None:
    _record, value = claim(olivia)
    gus = world.gus
    gus.log_in_by_password()
    page = gus.submit(gus.get("/organizations/globex/domains"), domain="acme.test")
    assert value not in page.text
    names.records["_point.acme.test"] = [value]
    gus.step("/organizations/globex/domains/acme.test/check", method="POST")
    assert "Verified." in check(olivia)
    names.records["_point.acme.test"] = re.findall(r"point-verification=[0-9a-f]+", page.text)
    late = gus.follow(gus.step("/organizations/globex/domains/acme.test/check", method="POST"))
    assert "Another organization at POINT has proved this domain" in late.text
    assert domains(world) == ["acme.example", "acme.test"]


def test_the_last_domain_stays_while_okta_login_is_on(world: World, olivia: Visitor) -> None:
    assert "This is the last domain" in olivia.get(f"{PAGE}/acme.example/remove").text
    answer = olivia.step(f"{PAGE}/acme.example/remove", method="POST")
    assert answer.status_code == 409
    assert domains(world) == ["acme.example"]
    olivia.step("/organizations/acme/integrations/okta/delete", method="POST")
    olivia.step(f"{PAGE}/acme.example/remove", method="POST")
    assert domains(world) == []


def test_removing_a_domain_logs_its_okta_people_out_and_keeps_them_members(
    world: World, olivia: Visitor, names: NameServer
) -> None:
    _record, value = claim(olivia)
    names.records["_point.acme.test"] = [value]
    check(olivia)
    add_person(world.sandbox, "tess@acme.test", "Tess")
    tess, alice = world.person("tess@acme.test"), world.alice
    tess.log_in()
    alice.log_in()
    page = olivia.get(f"{PAGE}/acme.test/remove")
    assert "1 member has an address there." in page.text
    olivia.submit(page, button="Remove domain")
    assert domains(world) == ["acme.example"]
    assert tess.session() == {"authenticated": False}
    assert alice.session()["authenticated"]
    tess.log_in()
    assert tess.session()["role"] == "volunteer"


def test_it_logs_out_whoever_came_first_to_another_organization_of_the_same_okta(
    world: World, olivia: Visitor, names: NameServer
) -> None:
    came_first_by_globex(world)
    _record, value = claim(olivia)
    names.records["_point.acme.test"] = [value]
    check(olivia)
    alice = world.alice
    alice.log_in()
    assert alice.session()["organization"] == "acme"
    olivia.submit(olivia.get(f"{PAGE}/acme.example/remove"), button="Remove domain")
    assert alice.session() == {"authenticated": False}


def test_the_owner_s_own_domain_is_suggested_until_it_is_known(world: World) -> None:
    with world.services.db.writing() as connection:
        from portal.store.members import add_member
        from tests.world import _HASH

        add_member(connection, world.acme_id, "ora@acme.test", role="owner", now=1, password_hash=_HASH)
    ora = world.person("ora@acme.test")
    ora.log_in_by_password()
    assert 'value="acme.test"' in ora.get(PAGE).text
    claim(ora)
    assert 'value="acme.test"' not in ora.get(PAGE).text


def test_an_admin_looks_and_changes_nothing(world: World) -> None:
    adam = world.person("adam@acme.example")
    adam.log_in_by_password()
    page = adam.get(PAGE)
    assert "An owner of your organization can change them." in page.text
    assert "Add domain" not in page.text


def test_a_claim_that_was_given_up_while_the_dns_was_asked_proves_nothing(world: World) -> None:
    now = world.services.now()
    with world.services.db.writing() as connection:
        given_up = add_claim(connection, world.acme_id, "acme.test", who="olivia@acme.example", now=now)
        drop_claim(connection, world.acme_id, "acme.test")
        assert not verify_domain(connection, given_up, now=now)
    assert domains(world) == ["acme.example"]
