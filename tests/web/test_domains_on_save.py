"""The hostile and mistaken domains of cases/ssrf_domains.json, typed into the Save form of a real portal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal import create_app
from portal.store.integrations import find_integration
from tests.conftest import SHARED, Stage
from tests.pages import Page
from tests.world import POINT_PASSWORD, World, make_world

FILE = SHARED / "cases" / "ssrf_domains.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_text())["inputs"] if FILE.exists() else []
# What cannot be typed into a form, what is a real Okta and would be asked, and addresses that the field understands.
TYPED = [
    case
    for case in CASES
    if isinstance(case["input"], str) and case["verdict"] == "reject" and case["id"] not in ("SSRF-020", "SSRF-021")
]
# Any public name may be the custom domain of an Okta, and only its server can tell; no other is ever asked.
NAMES = {"acmeokta.com", "evilokta.com", "xn--acme-okta-9za.com", "localtest.me"}
UNASKED = [case for case in TYPED if case["input"] not in NAMES]
needs_cases = pytest.mark.skipif(not CASES, reason=f"needs {FILE}; POINT_SHARED names the folder")
PAGE = "/organizations/acme/integrations/okta"


@pytest.fixture(scope="module")
def olivia(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, FlaskClient]]:
    """The owner at a portal that knows no loopback Okta, as in production."""
    with make_world(stage, tmp_path_factory.mktemp("strict")) as world:
        app = create_app(replace(world.settings, loopback_okta=False))
        client = app.test_client()
        client.post("/login", data={"email": "olivia@acme.example", "password": POINT_PASSWORD})
        yield world, client
        app.extensions["point"].close()


def save(client: FlaskClient, **entries: str) -> Any:
    client.application.extensions["limits"].clear()
    typed = {"spa_client_id": "0oaAnyClient00000001", "spa_domain": "", "authorization_server": "auto", **entries}
    return client.post(PAGE, data=typed)


def calls(client: FlaskClient) -> list[str]:
    """How often which host was asked, by the portal's own count."""
    return [
        line for line in client.get("/metrics").text.splitlines() if line.startswith("point_okta_call_seconds_count")
    ]


@needs_cases
@pytest.mark.parametrize("case", TYPED, ids=lambda case: case["id"])
def test_a_refused_domain_is_explained_and_stores_nothing(
    olivia: tuple[World, FlaskClient], case: dict[str, Any]
) -> None:
    world, client = olivia
    answer = save(client, spa_domain=case["input"])
    assert answer.status_code == 422
    assert Page(answer.text).problem_at("spa_domain")
    for raw in ("<script>alert", "Traceback"):
        assert raw not in answer.text
    with world.services.db.reading() as connection:
        live = find_integration(connection, world.acme_id)
    assert live is not None
    assert (live.version, live.spa.domain) == (1, world.okta)


@needs_cases
def test_nobody_is_asked_for_a_name_that_cannot_be_an_okta(olivia: tuple[World, FlaskClient]) -> None:
    world, client = olivia
    before, asked = calls(client), len(world.sandbox.requests)
    for case in UNASKED:
        assert save(client, spa_domain=case["input"]).status_code == 422, case["id"]
        native = save(client, native_client_id="0oaNative00000000001", native_domain=case["input"])
        assert native.status_code == 422, case["id"]
    assert calls(client) == before
    assert len(world.sandbox.requests) == asked


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_this_machine_is_no_okta_in_production(olivia: tuple[World, FlaskClient], host: str) -> None:
    world, client = olivia
    asked = len(world.sandbox.requests)
    port = world.okta.rpartition(":")[2]
    for typed in (f"{host}:{port}", f"http://{host}:{port}", f"https://{host}:{port}/", host):
        assert save(client, spa_domain=typed).status_code == 422
    assert len(world.sandbox.requests) == asked


@pytest.mark.parametrize(
    "typed", ["a" * 3000, "a." * 1500 + "okta.com", "\x00", "\r\nHost: evil.example", "\ufeff", "%00"]
)
def test_long_and_odd_entries_are_only_refused(olivia: tuple[World, FlaskClient], typed: str) -> None:
    for name in ("spa_domain", "spa_client_id", "authorization_server"):
        assert save(olivia[1], **{name: typed}).status_code == 422


@pytest.mark.parametrize(
    ("typed", "domain", "issuer"),
    [
        ("acme-admin.okta.com", "acme.okta.com", "https://acme.okta.com"),
        ("https://acme-admin.okta.com/admin/apps/active", "acme.okta.com", "https://acme.okta.com"),
        ("https://ACME.okta.com./", "acme.okta.com", "https://acme.okta.com"),
        ("acme.okta.com/oauth2/default", "acme.okta.com", "https://acme.okta.com/oauth2/default"),
        ("https://acme.okta.com/oauth2/aus123456789", "acme.okta.com", "https://acme.okta.com/oauth2/aus123456789"),
    ],
)
def test_what_an_admin_console_shows_is_mended(world: World, typed: str, domain: str, issuer: str) -> None:
    """Saved without asking, since these are names of the real Okta."""
    words = ["okta", "save", "globex", "--spa-client-id", "0oa1", "--spa-domain", typed, "--no-check"]
    assert world.app.test_cli_runner().invoke(args=words).exit_code == 0
    with world.services.db.reading() as connection:
        live = find_integration(connection, world.globex_id)
    assert live is not None
    assert (live.spa.domain, live.spa.issuer) == (domain, issuer)
