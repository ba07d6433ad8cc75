"""What the reference client leaves on a device: secrets in the keyring, and the desktop's word for the deep links."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.native_bridge.device import LINK, Device, device, sign_in, without_commands
from tests.needs import need
from tests.world import World

KEYRINGS = "tests.native_bridge.keyrings"
MIME = "x-scheme-handler/org.pointapp.point"
OURS = "org.pointapp.point.client.desktop"
BEFORE = f"""\
[Added Associations]
text/html=browser.desktop;

[Default Applications]
text/html=browser.desktop
{MIME}=another.desktop

[Removed Associations]
{MIME}=old.desktop
"""


@pytest.fixture
def phone(world: World, tmp_path: Path) -> Iterator[Device]:
    with device(tmp_path / "home", world) as phone:
        yield phone


@pytest.fixture
def listed(phone: Device) -> Path:
    """The person's own list of which program opens what."""
    path = phone.home / ".config" / "mimeapps.list"
    path.parent.mkdir()
    return path


def all_files(phone: Device) -> dict[Path, str]:
    """What `register` may have touched."""
    return {path: path.read_text() for path in phone.home.rglob("*") if path.is_file()}


# -- the keyring -------------------------------------------------------------------------------------------------------


def test_secrets_go_into_the_keyring_where_there_is_one(world: World, tmp_path: Path) -> None:
    with device(tmp_path / "home", world, PYTHON_KEYRING_BACKEND=f"{KEYRINGS}.Keyring") as phone:
        waiting = phone.login()
        assert set(phone.files().values()) == {'{"kept": "keyring"}'}
        phone.run("open", sign_in(world.alice, waiting.url))
        waiting.end()
        assert set(phone.files().values()) == {'{"kept": "keyring"}'}
        assert phone.run("whoami")["logged_in"] is True
        assert phone.run("refresh")["refreshed"] is True
        phone.run("logout")
        assert "point_rt_" not in (phone.home / "keyring.json").read_text()
        assert phone.run("whoami", code=1)["error"] == "logged_out"


def test_a_keyring_that_is_locked_is_no_obstacle(world: World, tmp_path: Path) -> None:
    with device(tmp_path / "home", world, PYTHON_KEYRING_BACKEND=f"{KEYRINGS}.Locked") as phone:
        phone.log_in()
        assert phone.kept()["refresh_token"].startswith("point_rt_")
        assert phone.run("whoami")["logged_in"] is True


def test_a_keyring_that_is_shut_now_loses_nobody_s_login(world: World, tmp_path: Path) -> None:
    with device(tmp_path / "home", world, PYTHON_KEYRING_BACKEND=f"{KEYRINGS}.Keyring") as phone:
        phone.log_in()
        phone.environment["PYTHON_KEYRING_BACKEND"] = f"{KEYRINGS}.Shut"
        assert phone.run("whoami", code=1)["error"] == "keyring_locked"
        phone.environment["PYTHON_KEYRING_BACKEND"] = f"{KEYRINGS}.Keyring"
        assert phone.run("whoami")["logged_in"] is True


def test_xdg_state_home_is_where_it_is_kept(world: World, tmp_path: Path) -> None:
    with device(tmp_path / "home", world, XDG_STATE_HOME=str(tmp_path / "state")) as phone:
        phone.login().kill()
        assert len(list((tmp_path / "state" / "point").glob("attempt-*.json"))) == 1
        assert not phone.folder.exists()


# -- the desktop -------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["with xdg-mime", "without"])
def told(request: pytest.FixtureRequest, phone: Device, tmp_path: Path) -> Device:
    if request.param == "without":
        phone.environment["PATH"] = without_commands(tmp_path / "bin", "sh")
    else:
        need(shutil.which("xdg-mime"), "xdg-utils: sudo apt-get install xdg-utils")
    return phone


@pytest.mark.parametrize("before", [None, "", BEFORE, BEFORE.replace("another.desktop", "")])
def test_unregister_leaves_everything_as_it_was(told: Device, listed: Path, before: str | None) -> None:
    if before is not None:
        listed.write_text(before)
    untouched = all_files(told)
    assert told.run("register") == {"registered": True, "changed": True}
    assert f"\n{MIME}={OURS}\n" in listed.read_text()
    assert told.run("register")["changed"] is False
    assert told.run("unregister") == {"registered": False, "changed": True}
    assert all_files(told) == untouched
    assert told.run("unregister")["changed"] is False


def test_what_others_have_changed_since_stays(told: Device, listed: Path) -> None:
    listed.write_text(BEFORE)
    told.run("register")
    listed.write_text(listed.read_text().replace("text/html=browser", "text/html=other"))
    told.run("unregister")
    assert listed.read_text().split() == BEFORE.replace("text/html=browser", "text/html=other").split()


def test_a_program_that_was_chosen_since_stays_chosen(told: Device, listed: Path) -> None:
    told.run("register")
    listed.write_text(f"[Default Applications]\n{MIME}=chosen.desktop\n")
    told.run("unregister")
    assert listed.read_text() == f"[Default Applications]\n{MIME}=chosen.desktop\n"


def test_register_again_after_another_was_chosen_remembers_that_one(told: Device, listed: Path) -> None:
    told.run("register")
    listed.write_text(f"[Default Applications]\n{MIME}=chosen.desktop\n")
    assert told.run("register")["changed"] is True
    told.run("unregister")
    assert listed.read_text() == f"[Default Applications]\n{MIME}=chosen.desktop\n"


def test_a_home_with_a_blank_in_its_name_is_refused_and_untouched(world: World, tmp_path: Path) -> None:
    """xdg-open would cut the command there."""
    with device(tmp_path / "my home", world) as phone:
        assert phone.run("register", code=1)["error"] == "path_refused"
        assert all_files(phone) == {}


def test_xdg_open_brings_the_link_to_the_client_as_it_is(world: World, phone: Device) -> None:
    """A script in the place of the client writes down what it got; a screen is only looked for, not used."""
    need(shutil.which("xdg-open"), "xdg-utils: sudo apt-get install xdg-utils")
    phone.run("register")
    launcher = phone.home / ".local" / "share" / "point" / "open-link"
    launcher.write_text(f'#!/bin/sh\nprintf "%s" "$#:$1" > {phone.home}/got\n')
    link = f"{LINK}/login?code=a%20b&state=native-x$(id)`id`;'\"&iss=http%3A%2F%2Flocalhost%3A1"
    environment = {**phone.environment, "DISPLAY": ":4711"}
    subprocess.run(["xdg-open", link], env=environment, check=True, timeout=20)
    assert (phone.home / "got").read_text() == f"1:{link}"
