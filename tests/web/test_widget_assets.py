"""Okta's Sign-In Widget from our own origin: only what is meant to be served, packed, and kept for a year.

What is about the portal is tried with a small package of our own making, what is about the widget with the real one.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import normpath

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal import create_app
from portal.settings import Settings
from portal.web.widget_assets import (
    FOLDER,
    LICENCE,
    NOTICES,
    SCRIPT,
    STYLE,
    Widget,
    address,
    base_address,
    find_widget,
    installed,
    label_languages,
    version,
)
from tests.needs import need

PACKED = {"Accept-Encoding": "gzip, br"}
SERVED = {
    STYLE: "text/css; charset=utf-8",
    SCRIPT: "text/javascript; charset=utf-8",
    "labels/json/login.json": "application/json",
    "labels/json/login_de.json": "application/json",
    "labels/json/login_pt_BR.json": "application/json",
    "labels/json/login_ok_PL.json": "application/json",
    "labels/json/country_de.json": "application/json",
    "font/okticon.woff": "font/woff",
    "font/inter.woff2": "font/woff2",
    "img/logo.svg": "image/svg+xml",
    "img/ui/forms/checkbox@2x.png": "image/png",
}
KEPT_BACK = ["js/okta-sign-in.oie.min.js.map", "js/okta-sign-in.min.js", "sass/a.scss", "font/readme.md", "img/.hidden"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package such as the widget's, version 1.2.3, each file with its own name in it many times."""
    folder = tmp_path_factory.mktemp("package")
    for name in (*SERVED, *KEPT_BACK):
        path = folder / "dist" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name * 100)
    for name in (LICENCE, NOTICES):
        (folder / name).write_text(name * 100)
    (folder / "package.json").write_text(json.dumps({"version": "1.2.3"}))
    return folder


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A portal whose database cannot be reached: these files need none."""
    away = "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"
    keys = ("a key for the tests that is long enough 0123456789",)
    folder = tmp_path_factory.mktemp("instance")
    app = create_app(Settings("http://localhost:5000", away, keys, instance=folder, log_level="error"))
    yield app
    app.extensions["point"].close()


@pytest.fixture
def client(app: Flask, package: Path) -> FlaskClient:
    """The portal with the small package."""
    app.extensions["widget"] = find_widget(package)
    return app.test_client()


@pytest.fixture
def widget(app: Flask) -> Widget:
    """The real one."""
    found = find_widget(FOLDER)
    need(found, "Okta's Sign-In Widget: install Node with npm, then `make node_modules/ready`")
    assert found is not None
    app.extensions["widget"] = found
    return found


def assert_kept_for_a_year(answer: TestResponse) -> None:
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", SERVED)
def test_a_file_comes_with_its_type_and_is_kept_for_a_year(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/siw/1.2.3/{name}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, SERVED[name])
    assert answer.text == name * 100
    assert_kept_for_a_year(answer)


@pytest.mark.parametrize("name", [*SERVED, LICENCE, NOTICES])
def test_texts_come_packed_to_those_who_take_it_and_fonts_and_pictures_as_they_are(
    client: FlaskClient, name: str
) -> None:
    answer = client.get(f"/siw/1.2.3/{name}", headers=PACKED)
    packed = not name.startswith(("font/", "img/"))
    assert answer.headers.get("Content-Encoding") == ("gzip" if packed else None)
    assert (gzip.decompress(answer.data) if packed else answer.data).decode() == name * 100
    assert_kept_for_a_year(answer)


@pytest.mark.parametrize("takes", ["", "br", "gzip;q=0, br", "identity"])
def test_who_does_not_take_gzip_gets_none(client: FlaskClient, takes: str) -> None:
    answer = client.get(f"/siw/1.2.3/{SCRIPT}", headers={"Accept-Encoding": takes})
    assert "Content-Encoding" not in answer.headers
    assert answer.text == SCRIPT * 100


@pytest.mark.parametrize(
    "path",
    [
        *(f"/siw/1.2.3/{name}" for name in KEPT_BACK),
        "/siw/1.2.3/package.json", "/siw/1.2.3/", "/siw/1.2.3", "/siw/1.2.4/LICENSE", "/siw/LICENSE", "/siw/1.2.3/font",
        "/siw/1.2.3/../../package.json", "/siw/1.2.3/css/../LICENSE", "/siw/1.2.3/%2e%2e/package.json",
        "/siw/1.2.3/css%2f..%2f..%2fpackage.json", "/siw/1.2.3//etc/passwd", "/siw/1.2.3/css/okta-sign-in.min.css%00",
        "/siw/../siw/1.2.3/LICENSE", "/siw/1.2.3/CSS/okta-sign-in.min.css", "/siw/1.2.3/css\\okta-sign-in.min.css",
    ],
)  # fmt: skip
def test_nothing_else_is_served(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_files_are_only_read(client: FlaskClient) -> None:
    path = f"/siw/1.2.3/{STYLE}"
    assert client.head(path).status_code == 200
    assert {client.open(path, method=method).status_code for method in ("POST", "PUT", "DELETE")} == {405}


def test_licence_and_notices_are_named_with_every_file(client: FlaskClient) -> None:
    link = client.get(f"/siw/1.2.3/{SCRIPT}").headers["Link"]
    named = re.findall(r'<([^>]+)>; rel="license"', link)
    assert named == ["/siw/1.2.3/LICENSE", "/siw/1.2.3/THIRD-PARTY-NOTICES"]
    assert {client.get(path).mimetype for path in named} == {"text/plain"}


def test_an_address_is_only_given_for_what_is_served(client: FlaskClient) -> None:
    with client.application.app_context():
        assert installed()
        assert (version(), base_address()) == ("1.2.3", "/siw/1.2.3")
        assert address(STYLE) == "/siw/1.2.3/css/okta-sign-in.min.css"
        with pytest.raises(LookupError, match="sass"):
            address("sass/a.scss")


def test_languages_are_named_as_the_widget_names_them(client: FlaskClient) -> None:
    with client.application.app_context():
        assert label_languages() == {"en", "de", "pt-BR"}


def test_without_the_package_the_portal_starts_and_says_so(app: Flask, tmp_path: Path) -> None:
    app.extensions["widget"] = find_widget(tmp_path)
    with app.app_context():
        assert not installed()
        assert label_languages() == frozenset()
        for ask in (version, base_address, lambda: address(STYLE)):
            with pytest.raises(LookupError, match="not installed"):
                ask()
    assert app.test_client().get(f"/siw/1.2.3/{STYLE}").status_code == 404


@pytest.mark.parametrize("missing", [f"dist/{STYLE}", f"dist/{SCRIPT}", LICENCE, NOTICES])
def test_half_a_package_counts_as_none(package: Path, tmp_path: Path, missing: str) -> None:
    for path in (path for path in package.rglob("*") if path.is_file()):
        name = path.relative_to(package)
        if name.as_posix() != missing:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(path.read_bytes())
    assert find_widget(tmp_path) is None


def test_the_widget_is_of_the_version_that_is_pinned(widget: Widget) -> None:
    pinned = json.loads((FOLDER.parents[2] / "package.json").read_text())["dependencies"]
    assert pinned == {"@okta/okta-signin-widget": widget.version}


def test_script_and_style_of_the_widget_take_less_than_400_kb(app: Flask, widget: Widget) -> None:
    total = 0
    for name in (SCRIPT, STYLE):
        answer = app.test_client().get(f"/siw/{widget.version}/{name}", headers=PACKED)
        assert gzip.decompress(answer.data) == (FOLDER / "dist" / name).read_bytes()
        total += len(answer.data)
    assert total < 400_000


def test_whatever_the_widgets_style_names_is_served(widget: Widget) -> None:
    style = (FOLDER / "dist" / STYLE).read_text()
    named = set(re.findall(r"""url\(["']?([^"')?#]+)""", style))
    named = {name for name in named if not name.startswith("data:")}
    assert len(named) > 50
    assert {normpath(f"css/{name}") for name in named} - widget.files.keys() == set()


def test_the_widget_has_labels_for_the_languages_it_says_it_speaks(widget: Widget) -> None:
    script = (FOLDER / "dist" / SCRIPT).read_text()
    said = re.search(r'"supportedLanguages":(\[[^]]+\])', script)
    assert said is not None
    assert {code for code in json.loads(said[1]) if not code.startswith("ok-")} == widget.languages


def test_of_the_widgets_scripts_one_is_served_and_no_sources(widget: Widget) -> None:
    kinds = {Path(name).suffix for name in widget.files if not name.startswith("img/")}
    assert kinds == {"", ".css", ".js", ".json", ".woff2", ".woff", ".ttf", ".otf", ".eot", ".svg"}
    assert [name for name in widget.files if name.endswith((".js", ".css"))] == [STYLE, SCRIPT]
