"""Logging in with a password: how it is kept, how often one may try, and that nobody locks anybody else out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from portal.store.members import find_user
from tests.conftest import Stage
from tests.needs import forget_tries
from tests.world import POINT_PASSWORD, Visitor, World, make_world

TRIES, FROM_ONE_NETWORK = 10, 30


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    forget_tries()


def try_password(visitor: Visitor, password: str = "wrong", email: str = "", **headers: str) -> requests.Response:
    data = {"email": email or visitor.email, "password": password}
    return visitor.step(
        "/login", method="POST", data=data, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def exhaust(world: World, email: str) -> None:
    """A stranger uses up all tries for this address."""
    statuses = [try_password(world.person(email)).status_code for _ in range(TRIES)]
    assert statuses[:-1] == [422] * (TRIES - 1)


def test_a_password_is_stored_as_argon2id_and_shown_nowhere(quiet: World) -> None:
    with quiet.services.db.reading() as connection:
        user = find_user(connection, "gus@globex.example")
    assert user is not None
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    gus = quiet.gus
    gus.log_in_by_password()
    for path in ("/", "/account", "/session"):
        assert "argon2" not in gus.get(path).text


def test_no_password_field_ever_comes_filled_in(quiet: World) -> None:
    gus = quiet.gus
    for path in ("/login", "/login/globex", "/login/acme"):
        data = {"email": gus.email, "password": "a wrong password"}
        answer = gus.step(path, method="POST", data=data)
        field = gus.page(answer).find("input", name="password")
        assert field.attributes["type"] == "password"
        assert field.attributes["autocomplete"] == "current-password"
        assert "value" not in field.attributes


@pytest.mark.parametrize("email", ["carol@globex.example", "nobody@nowhere.example"])
def test_too_many_tries_for_one_address_have_to_wait(quiet: World, email: str) -> None:
    exhaust(quiet, email)
    answer = try_password(quiet.person(email), POINT_PASSWORD)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 601
    assert "Nothing has been locked" in answer.text
    assert "Reference" in answer.text


def test_other_addresses_do_not_wait(quiet: World) -> None:
    exhaust(quiet, "carol@globex.example")
    gus = quiet.gus
    gus.log_in_by_password()
    assert gus.session()["authenticated"]


def test_upper_case_and_blanks_are_the_same_address(quiet: World) -> None:
    exhaust(quiet, "carol@globex.example")
    for email in ("Carol@Globex.example", " carol@globex.example ", "CAROL@GLOBEX.EXAMPLE"):
        assert try_password(quiet.stranger, email=email).status_code == 429


def test_the_organizations_page_counts_together_with_the_login_page(quiet: World) -> None:
    exhaust(quiet, "carol@globex.example")
    data = {"email": "carol@globex.example", "password": POINT_PASSWORD}
    assert quiet.stranger.step("/login/globex", method="POST", data=data).status_code == 429


def test_strangers_do_not_lock_out_a_browser_that_is_known(quiet: World) -> None:
    gus = quiet.gus
    gus.log_in_by_password()
    gus.step("/logout", method="POST")
    exhaust(quiet, gus.email)
    assert try_password(quiet.gus, POINT_PASSWORD).status_code == 429
    gus.log_in_by_password()
    assert gus.session()["authenticated"]


def test_a_browser_is_known_for_its_own_account_only(quiet: World) -> None:
    gus = quiet.gus
    gus.log_in_by_password()
    exhaust(quiet, "carol@globex.example")
    assert try_password(gus, POINT_PASSWORD, email="carol@globex.example").status_code == 429


def test_a_known_browser_may_not_guess_for_ever(quiet: World) -> None:
    gus = quiet.gus
    gus.log_in_by_password()
    statuses = [try_password(gus).status_code for _ in range(TRIES)]
    assert statuses[:-1] == [422] * (TRIES - 1)
    assert try_password(gus, POINT_PASSWORD).status_code == 429


@pytest.mark.parametrize("cookie", ["x", "AAAA", "é", "a" * 4000])
def test_an_invented_known_browser_is_not_known(quiet: World, cookie: str) -> None:
    exhaust(quiet, "carol@globex.example")
    stranger = quiet.person("carol@globex.example")
    answer = try_password(stranger, POINT_PASSWORD, Cookie=f"point_known={cookie}".encode().decode("latin-1"))
    assert answer.status_code == 429


def test_too_many_tries_from_one_network_have_to_wait_a_minute(quiet: World) -> None:
    """Without a proxy in front, what a client says about its address is not believed."""
    for number in range(FROM_ONE_NETWORK + 1):
        answer = try_password(quiet.stranger, email=f"p{number}@nowhere.example", X_Forwarded_For=f"192.0.2.{number}")
        assert (answer.status_code == 422) == (number < FROM_ONE_NETWORK)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61


def test_behind_a_trusted_proxy_each_client_is_its_own_network(stage: Stage, tmp_path: Path) -> None:
    with make_world(stage, tmp_path, trusted_proxies=1) as world:
        gus = world.gus
        for number in range(FROM_ONE_NETWORK + 1):
            email = f"p{number}@nowhere.example"
            last = try_password(gus, email=email, X_Forwarded_For="203.0.113.9, 198.51.100.7")
        assert last.status_code == 429
        spoofed = try_password(gus, email="x@nowhere.example", X_Forwarded_For="192.0.2.1, 198.51.100.7")
        assert spoofed.status_code == 429
        assert try_password(gus, POINT_PASSWORD, X_Forwarded_For="198.51.100.8").status_code == 303


def test_okta_still_works_while_the_password_has_to_wait(world: World) -> None:
    exhaust(world, "olivia@acme.example")
    olivia = world.olivia
    olivia.log_in()
    assert olivia.session()["method"] == "okta"


def test_the_demo_is_ten_times_as_patient(stage: Stage, tmp_path: Path) -> None:
    with make_world(stage, tmp_path, demo=True) as world:
        statuses = {try_password(world.carol).status_code for _ in range(TRIES + 5)}
        assert statuses == {422}


@pytest.mark.parametrize("password", ["", " " + POINT_PASSWORD, POINT_PASSWORD + "\n", "\x00", "x" * 50_000])
def test_only_the_very_password_logs_in(quiet: World, password: str) -> None:
    assert try_password(quiet.gus, password).status_code == 422


def test_a_second_account_in_a_browser_does_not_make_it_a_stranger_to_the_first(world: World) -> None:
    shared = world.olivia
    shared.log_in_by_password()
    shared.email = "adam@acme.example"
    shared.log_in_by_password()
    exhaust(world, "olivia@acme.example")
    shared.email = "olivia@acme.example"
    assert shared.log_in_by_password().status_code == 200


def test_many_passwords_at_once_take_the_memory_of_a_few() -> None:
    """Each check takes 19 MiB: thirty at once would take 570."""
    program = (
        "import resource, threading\n"
        "from portal.passwords import check_password\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "threads = [threading.Thread(target=check_password, args=(None, 'wrong')) for _ in range(30)]\n"
        "[thread.start() for thread in threads]; [thread.join() for thread in threads]\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    # As `make serve` starts it: without the limit each thread may keep an arena of its own.
    environ = {**os.environ, "MALLOC_ARENA_MAX": "2"}
    taken = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environ
    ).stdout
    assert int(taken) < 150
