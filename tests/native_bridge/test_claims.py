"""The files by which the app claims our https links, and who gets JSON when something is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.world import Stage, World, make_world

ASSET_LINKS, ASSOCIATION = "/.well-known/assetlinks.json", "/.well-known/apple-app-site-association"
CERTIFICATES = (":".join(["AB"] * 32), ":".join(["0F"] * 32))
APPLE_IDS = ("A1B2C3D4E5.org.pointapp.point", "A1B2C3D4E5.org.pointapp.point.beta")


@pytest.fixture(scope="module")
def claimed(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    known = {"android_package": "org.pointapp.point", "android_certificates": CERTIFICATES, "apple_app_ids": APPLE_IDS}
    with make_world(stage, tmp_path_factory.mktemp("claimed"), **known) as world:
        yield world


@pytest.fixture(scope="module")
def plain(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with make_world(stage, tmp_path_factory.mktemp("plain")) as world:
        yield world


def on_stage(world: World) -> World:
    world.stage.app = world.app
    return world


def test_android_reads_which_app_may_claim_our_links(claimed: World) -> None:
    answer = on_stage(claimed).stranger.step(ASSET_LINKS)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    target = {"namespace": "android_app", "package_name": "org.pointapp.point"}
    target |= {"sha256_cert_fingerprints": list(CERTIFICATES)}
    assert answer.json() == [{"relation": ["delegate_permission/common.handle_all_urls"], "target": target}]


def test_apple_reads_which_apps_may_claim_our_links(claimed: World) -> None:
    answer = on_stage(claimed).stranger.step(ASSOCIATION)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    [details] = answer.json()["applinks"]["details"]
    assert details["appIDs"] == answer.json()["webcredentials"]["apps"] == list(APPLE_IDS)
    claims = {path: claims_path(details["components"], path) for path in (
        "/native/open", "/native/open/logout", "/native/openapi.json", "/native/v1/login", "/login", "/",
    )}  # fmt: skip
    assert [path for path, claim in claims.items() if claim] == ["/native/open", "/native/open/logout"]


def claims_path(components: list[dict[str, object]], path: str) -> bool:
    """The first component that fits decides; `*` stands for any characters."""
    for component in components:
        if re.fullmatch(re.escape(str(component["/"])).replace(r"\*", ".*"), path):
            return not component.get("exclude")
    return False


@pytest.mark.parametrize("path", [ASSET_LINKS, ASSOCIATION])
def test_without_settings_there_is_no_claim(plain: World, path: str) -> None:
    answer = on_stage(plain).stranger.step(path, headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "not_found"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/native/v1/nowhere", "application/problem+json"), ("/native/nowhere.json", "application/problem+json"),
     ("/.well-known/nowhere", "application/problem+json"), ("/native/nowhere", "text/html; charset=utf-8"),
     ("/native/v2/nowhere", "text/html; charset=utf-8"), ("/native/open?code=x", "text/html; charset=utf-8")],
)  # fmt: skip
def test_only_programs_get_json_without_asking(plain: World, path: str, kind: str) -> None:
    assert on_stage(plain).stranger.step(path, headers={"Accept": "*/*"}).headers["Content-Type"] == kind
    asked = plain.stranger.step(path, headers={"Accept": "application/json"})
    assert asked.headers["Content-Type"] == "application/problem+json"


def test_an_answer_s_own_referrer_policy_stands_in_the_place_of_ours(plain: World) -> None:
    client = on_stage(plain).app.test_client()
    for path, policy in (
        ("/native/open/logout", "no-referrer"),
        ("/login", "same-origin"),
        (ASSOCIATION, "same-origin"),
    ):
        assert client.get(path).headers.getlist("Referrer-Policy") == [policy]
