"""The reference client's tokens: refreshed by one process for all, safe when answers get lost, gone when it is over."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from sqlalchemy import func, select

from portal.store.models import refresh_tokens
from tests.native_bridge.device import LINK, Device, Waiting, deep_link, device, sign_in
from tests.native_bridge.lossy import Lossy, lossy_way
from tests.world import World


@pytest.fixture
def phone(world: World, tmp_path: Path) -> Iterator[Device]:
    with device(tmp_path / "home", world) as phone:
        yield phone


@pytest.fixture
def way(world: World) -> Iterator[Lossy]:
    with lossy_way(world.base) as way:
        yield way


def count_refresh_tokens(world: World) -> int:
    with world.services.db.reading() as connection:
        return int(connection.execute(select(func.count()).select_from(refresh_tokens)).scalar_one())


def expire(phone: Device) -> None:
    """The access token is over by the client's own clock."""
    phone.change("login.json", expires=time.time())


def wait_for_waiters(file: int, count: int) -> None:
    """Until so many processes wait for the lock on this file, as Linux tells; elsewhere, as long as that may take."""
    table, mark = Path("/proc/locks"), f":{os.fstat(file).st_ino} "
    end = time.monotonic() + 30
    while table.exists() and sum("->" in line and mark in line for line in table.read_text().splitlines()) < count:
        assert time.monotonic() < end
        time.sleep(0.1)
    if not table.exists():
        time.sleep(8)


def happened(world: World) -> set[str]:
    return {event.what for event in world.activity()}


def start_logout(phone: Device) -> Waiting:
    return Waiting(phone.start("logout", "--okta", "--print-url", "--json"))


# -- refresh -----------------------------------------------------------------------------------------------------------


def test_eight_processes_refresh_once(world: World, phone: Device) -> None:
    """All of them see the old token before the first may ask."""
    phone.log_in()
    before = phone.kept()["refresh_token"]
    with (phone.folder / "login.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        at_once = [phone.start("refresh", "--json") for _ in range(8)]
        wait_for_waiters(lock.fileno(), 8)
    said = [json.loads(process.communicate(timeout=30)[0]) for process in at_once]
    assert [each.get("refreshed") for each in said] == [True] * 8
    assert count_refresh_tokens(world) == 2
    assert phone.kept()["refresh_token"] != before
    assert len(phone.run("sessions")["sessions"]) == 1
    assert "session.token_reused" not in happened(world)


def test_eight_processes_one_after_the_other_are_one_family_too(world: World, phone: Device) -> None:
    phone.log_in()
    expire(phone)
    at_once = [phone.start("whoami", "--json") for _ in range(8)]
    said = [json.loads(process.communicate(timeout=30)[0]) for process in at_once]
    assert [each.get("logged_in") for each in said] == [True] * 8
    assert len(phone.run("sessions")["sessions"]) == 1
    assert "session.token_reused" not in happened(world)


def test_tokens_that_are_about_to_expire_are_refreshed_by_themselves(phone: Device) -> None:
    phone.log_in()
    expire(phone)
    before = phone.kept()
    assert phone.run("whoami")["logged_in"] is True
    after = phone.kept()
    assert after["expires"] > time.time() + 500
    assert after["access_token"] != before["access_token"]
    assert after["family"] == before["family"]


def test_a_clock_that_is_slow_is_found_out_by_the_401(world: World, phone: Device) -> None:
    phone.log_in()
    world.clock.forward(660)
    assert phone.run("whoami")["logged_in"] is True


def test_lost_answers_are_asked_for_again(world: World, phone: Device, way: Lossy) -> None:
    way.lose = ["/login/complete", "/token", "/logout"]
    phone.log_in(server=way.address)
    phone.run("refresh")
    assert phone.run("whoami")["logged_in"] is True
    assert count_refresh_tokens(world) == 2
    assert "logout_url" not in phone.run("logout")
    assert way.lose == []
    assert [path.rpartition("/v1")[2] for path in way.seen].count("/logout") == 2
    assert "session.token_reused" not in happened(world)


def test_an_answer_that_is_lost_twice_logs_nobody_out(phone: Device, way: Lossy) -> None:
    phone.log_in(server=way.address)
    before = phone.kept()
    way.lose = ["/token", "/token"]
    assert phone.run("refresh", code=1)["error"] == "unreachable"
    assert phone.kept() == before
    assert phone.run("refresh")["refreshed"] is True


@pytest.mark.parametrize("status", [200, 302, 403, 511])
def test_a_hotel_that_answers_in_point_s_place_logs_nobody_out(phone: Device, way: Lossy, status: int) -> None:
    phone.log_in(server=way.address)
    before, way.captive = phone.kept(), status
    for command in ("refresh", "whoami"):
        assert phone.run(command, code=1)["error"] == "unreachable"
    assert phone.kept() == before
    way.captive = 0
    assert phone.run("refresh")["refreshed"] is True


# -- the end -----------------------------------------------------------------------------------------------------------


def test_a_login_that_was_ended_elsewhere_is_forgotten_here(phone: Device) -> None:
    phone.log_in()
    [mine] = phone.run("sessions")["sessions"]
    phone.run("sessions", "--end", mine["id"])
    refused = phone.run("whoami", code=1)
    assert refused["error"] == "logged_out"
    assert refused["reference"]
    assert "login.json" not in phone.files()


def test_logged_out_means_that_the_tokens_are_dead_here_and_there(world: World, phone: Device) -> None:
    phone.log_in()
    kept = phone.kept()
    assert phone.run("logout") == {"logged_out": True, "okta": None}
    assert "login.json" not in phone.files()
    bearer = {"Authorization": f"Bearer {kept['access_token']}"}
    assert requests.get(world.base + "/native/v1/me", headers=bearer, timeout=10).status_code == 401
    sent = {"refresh_token": kept["refresh_token"]}
    assert requests.post(world.base + "/native/v1/token", json=sent, timeout=10).status_code == 401


def test_logged_out_here_when_point_is_away(world: World, phone: Device) -> None:
    with lossy_way(world.base) as way:
        phone.log_in(server=way.address)
    refused = phone.run("logout", code=1)
    assert refused["title"] == "You are logged out here, but POINT could not be told."
    assert phone.run("whoami", code=1)["error"] == "logged_out"


def test_okta_s_session_ends_and_the_deep_link_tells_so(phone: Device) -> None:
    alice = phone.log_in()
    waiting = start_logout(phone)
    assert phone.run("whoami", code=1)["error"] == "logged_out"
    link = deep_link(alice.follow(alice.step(waiting.url), until=LINK))
    assert link.startswith(LINK + "/logout?state=native-")
    for _ in range(2):
        assert phone.run("open", link) == {"logged_out": True, "okta": "ended"}
    assert waiting.end() == {"logged_out": True, "okta": "ended"}
    assert "identifier" in alice.get(phone.login().url).text


def test_a_logout_comes_back_to_a_client_that_was_killed(phone: Device) -> None:
    alice = phone.log_in()
    waiting = start_logout(phone)
    waiting.kill()
    assert phone.run("open", deep_link(alice.follow(alice.step(waiting.url), until=LINK)))["okta"] == "ended"


@pytest.mark.parametrize("query", ["", "?error=whatever", "?state={state}&error=whatever"])
def test_a_logout_may_come_back_without_its_state_or_with_an_error(phone: Device, query: str) -> None:
    phone.log_in()
    waiting = start_logout(phone)
    query = query.format(state=parse_qs(urlsplit(waiting.url).query)["state"][0])
    assert "may still know you" in phone.say("open", f"{LINK}/logout{query}")
    assert waiting.end() == {"logged_out": True, "okta": "not_sure"}


def test_a_logout_that_nobody_began_changes_nothing(phone: Device) -> None:
    phone.log_in()
    before = phone.files()
    for query in ("", "?state=native-unknown"):
        assert phone.run("open", f"{LINK}/logout{query}", code=1)["error"] == "attempt_unknown"
    assert phone.files() == before
    assert phone.run("whoami")["logged_in"] is True


# -- proof of possession -----------------------------------------------------------------------------------------------


def test_tokens_bound_to_a_key_are_of_no_use_without_it(world: World, phone: Device) -> None:
    phone.log_in("--dpop")
    kept = phone.kept()
    assert phone.run("whoami")["logged_in"] is True
    bearer = {"Authorization": f"Bearer {kept['access_token']}"}
    assert requests.get(world.base + "/native/v1/me", headers=bearer, timeout=10).status_code == 401
    sent = {"refresh_token": kept["refresh_token"]}
    stolen = requests.post(world.base + "/native/v1/token", json=sent, timeout=10)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "proof_refused")
    assert phone.run("refresh")["refreshed"] is True
    assert phone.kept()["dpop_key"] == kept["dpop_key"]
    assert len(phone.run("sessions")["sessions"]) == 1
    phone.run("logout")


def test_a_key_that_is_not_the_login_s_is_no_reason_to_log_out(phone: Device) -> None:
    """The proof is refused, not the token."""
    phone.log_in("--dpop")
    waiting = phone.login("--dpop")
    attempts = [json.loads(text) for name, text in phone.files().items() if name.startswith("attempt-")]
    [other] = [each["dpop_key"] for each in attempts if each["dpop_key"]]
    mine = phone.kept()["dpop_key"]
    phone.change("login.json", dpop_key=other)
    assert phone.run("whoami", code=1)["error"] == "proof_refused"
    assert phone.run("refresh", code=1)["error"] == "proof_refused"
    phone.change("login.json", dpop_key=mine)
    assert phone.run("whoami")["logged_in"] is True
    waiting.kill()


def test_a_killed_client_still_has_its_key(world: World, phone: Device) -> None:
    waiting = phone.login("--dpop")
    waiting.kill()
    phone.run("open", sign_in(world.alice, waiting.url))
    assert phone.run("whoami")["logged_in"] is True
