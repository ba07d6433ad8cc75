"""Settings: what the environment says, and that a value which cannot work stops the start and is named."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portal.settings import Settings, SettingsError, read_settings

KEY = "0123456789abcdefghijklmnopqrstuvwxyz"
PRODUCTION = {"POINT_BASE_URL": "https://dash.pointapp.org", "POINT_SECRET_KEYS": KEY}


def test_nothing_set_is_a_portal_on_localhost(tmp_path: Path) -> None:
    settings = read_settings({}, tmp_path)
    assert settings.base_url == "http://localhost:5000"
    assert settings.redirect_uri == "http://localhost:5000/login/callback"
    assert settings.database_url == f"sqlite:///{tmp_path / 'portal.db'}"
    assert (settings.loopback_okta, settings.demo, settings.secure) == (False, False, False)
    assert (settings.attempt_seconds, settings.recheck_seconds, settings.metadata_seconds) == (600, 600, 3600)
    assert settings.native_scheme == "org.pointapp.point"
    assert settings.support_email == "support@pointapp.org"


def test_empty_values_count_as_not_set(tmp_path: Path) -> None:
    names = [f"POINT_{field.name.upper()}" for field in dataclasses.fields(Settings)]
    empty = dict.fromkeys([name for name in names if name != "POINT_LOG_LEVEL"], "")
    assert read_settings(empty, tmp_path) == read_settings({}, tmp_path)


def test_production_settings_give_the_values_of_the_guide(tmp_path: Path) -> None:
    settings = read_settings(PRODUCTION, tmp_path)
    assert settings.redirect_uri == "https://dash.pointapp.org/login/callback"
    assert settings.secure
    assert not (tmp_path / "secret_keys").exists()


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_settings({}, tmp_path).base_url = "https://evil.example"  # type: ignore[misc]


def test_keys_are_made_once_on_localhost_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    first, second = read_settings({}, tmp_path / "new"), read_settings({}, tmp_path / "new")
    assert first.secret_keys == second.secret_keys
    assert len(first.secret_keys[0]) >= 43
    assert (tmp_path / "new" / "secret_keys").stat().st_mode & 0o077 == 0


def test_several_keys_keep_their_order(tmp_path: Path) -> None:
    settings = read_settings({**PRODUCTION, "POINT_SECRET_KEYS": f" new-{KEY} , old-{KEY},"}, tmp_path)
    assert settings.secret_keys == (f"new-{KEY}", f"old-{KEY}")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("POINT_BASE_URL", value) for value in (
            "http://dash.pointapp.org", "dash.pointapp.org", "https://dash.pointapp.org/login", "https://a@b.example",
            "https://dash.pointapp.org?x", "ftp://localhost", "https://localhost:70000", "https://localhost:0",
            "https://dash.pointapp.org\nx", "http://localhost.evil.example", "HTTPS://dash.pointapp.org",
        )],
        *[("POINT_SECRET_KEYS", value) for value in ("", ",", "short", f"{KEY},short", "a" * 64)],
        *[("POINT_LOOPBACK_OKTA", value) for value in ("1", "yes", "true", "2")],
        *[("POINT_DEMO", value) for value in ("1", "on")],
        *[("POINT_TRUSTED_PROXIES", value) for value in ("-1", "11", "one", "1.5", "\u0661\u0661\u0661")],
        *[("POINT_ATTEMPT_SECONDS", value) for value in ("9", "3601", "x")],
        *[("POINT_RECHECK_SECONDS", value) for value in ("0", "86401", "x")],
        *[("POINT_METADATA_SECONDS", value) for value in ("0", "86401", "x")],
        *[("POINT_NATIVE_SCHEME", value) for value in ("point", "https", "org.pointapp.point:", "Org.Pointapp", "1.a")],
        *[("POINT_ANDROID_PACKAGE", value) for value in ("point", "org.", "org.1st", "org.point;end", "org.point app")],
        *[("POINT_APPLE_APP_IDS", value) for value in ("org.pointapp.point", "A1B2C3D4E5", "A1B2C3D4E5.*", "a.org.b")],
        *[(name, value) for name in ("POINT_PLAY_STORE_URL", "POINT_APP_STORE_URL") for value in (
            "http://play.google.com/x", "https://", "javascript:alert(1)", "https://a b.example", "https://localhost",
            'https://play.google.com/"x', "https://a@play.google.com/x", "//play.google.com",
        )],
        ("POINT_CA_BUNDLE", "/no/such/file"),
        ("POINT_LOG_LEVEL", "loud"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_work_is_refused_by_its_name(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**PRODUCTION, name: value}, tmp_path)


def test_the_app_on_phones_is_named_by_its_settings(tmp_path: Path) -> None:
    print_ = ":".join(["AB"] * 32)
    named = {"POINT_ANDROID_PACKAGE": "org.pointapp.point", "POINT_ANDROID_CERTIFICATES": f"{print_}, {print_}"}
    named |= {"POINT_APPLE_APP_IDS": "A1B2C3D4E5.org.pointapp.point,A1B2C3D4E5.org.pointapp.beta"}
    named |= {"POINT_PLAY_STORE_URL": "https://play.google.com/store/apps/details?id=org.pointapp.point"}
    settings = read_settings(named, tmp_path)
    assert settings.android_certificates == (print_, print_)
    assert settings.apple_app_ids == ("A1B2C3D4E5.org.pointapp.point", "A1B2C3D4E5.org.pointapp.beta")
    assert (settings.android_package, settings.app_store_url) == ("org.pointapp.point", "")
    assert settings.play_store_url == named["POINT_PLAY_STORE_URL"]


@pytest.mark.parametrize(
    "value", [":".join(["AB"] * 20), "AB" * 32, ":".join(["ab"] * 32), ":".join(["AB"] * 32) + ",x"]
)
def test_a_fingerprint_that_is_no_sha256_is_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="POINT_ANDROID_CERTIFICATES has to be"):
        read_settings({"POINT_ANDROID_PACKAGE": "org.pointapp.point", "POINT_ANDROID_CERTIFICATES": value}, tmp_path)


def test_fingerprints_without_an_app_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="POINT_ANDROID_PACKAGE has to name it"):
        read_settings({"POINT_ANDROID_CERTIFICATES": ":".join(["AB"] * 32)}, tmp_path)


def test_the_keys_of_production_have_to_be_given(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="POINT_SECRET_KEYS is required"):
        read_settings({"POINT_BASE_URL": "https://dash.pointapp.org"}, tmp_path)


@pytest.mark.parametrize(
    "base", ["http://localhost:5000", "http://127.0.0.1:80", "http://[::1]:5000", "https://localhost"]
)
def test_the_loopback_switches_work_on_loopback(base: str, tmp_path: Path) -> None:
    settings = read_settings({"POINT_BASE_URL": base, "POINT_LOOPBACK_OKTA": "1", "POINT_DEMO": "1"}, tmp_path)
    assert settings.loopback_okta
    assert settings.demo


def test_no_refusal_repeats_a_secret(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({**PRODUCTION, "POINT_SECRET_KEYS": "a-secret-too-short"}, tmp_path)
    assert "a-secret" not in str(caught.value)


def test_of_several_starters_at_once_all_read_the_same_keys(tmp_path: Path) -> None:
    for number in range(30):
        with ThreadPoolExecutor(8) as starters:
            found = list(starters.map(lambda _: read_settings({}, tmp_path / str(number)).secret_keys, range(8)))  # noqa: B023
        assert len(set(found)) == 1
        assert [path.name for path in (tmp_path / str(number)).iterdir()] == ["secret_keys"]


@pytest.mark.parametrize("names", ["com", "id.example.org,org", "*.example.org", "https://id.example.org", "a..b"])
def test_a_name_that_would_make_half_the_internet_okta_is_refused(tmp_path: Path, names: str) -> None:
    with pytest.raises(SettingsError, match="POINT_OKTA_DOMAINS"):
        read_settings({"POINT_OKTA_DOMAINS": names}, tmp_path)
