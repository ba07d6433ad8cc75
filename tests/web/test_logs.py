"""No secret in any log line, at debug level, of our own loggers and of every library's; nor on error pages."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from portal import logins, logs
from portal.store.sessions import find_session
from tests.needs import forget_tries
from tests.world import OKTA_PASSWORD, POINT_PASSWORD, Visitor, World

ROOT = Path(__file__).parents[2]
WRONG, PASTED = "a-wrong-password-canary", "client-secret-canary-" + "x" * 30


class Heard(io.StringIO):
    """What was written, and what the portal has ready to write."""

    def getvalue(self) -> str:
        for handler in logs.LOGGER.handlers:
            handler.flush()
        return super().getvalue()


@pytest.fixture
def log(world: World, caplog: pytest.LogCaptureFixture) -> Iterator[io.StringIO]:
    """The portal's own lines, at debug level; `caplog` hears what the libraries say at debug level."""
    forget_tries()
    stream = Heard()
    logs.configure("debug")
    ours = [handler for handler in logs.LOGGER.handlers if isinstance(handler, logging.StreamHandler)]
    before = [handler.setStream(stream) for handler in ours]
    with caplog.at_level(logging.DEBUG):
        yield stream
    for handler, old in zip(ours, before, strict=True):
        handler.setStream(old or sys.stderr)
    logs.configure("error")


def heard(caplog: pytest.LogCaptureFixture) -> str:
    """What libraries say inside the servers; the main thread is the visitors, whose own requests are logged there."""
    return "\n".join(record.getMessage() for record in caplog.records if record.thread != threading.main_thread().ident)


def secrets_of(world: World, visitor: Visitor) -> dict[str, str]:
    """Everything of this browser's login that may never be written down."""
    found = {f"cookie {cookie.name}": cookie.value or "" for cookie in visitor.http.cookies if cookie.value}
    for request in world.requests_to("/token"):
        found |= {name: request.form[name][0] for name in ("code", "code_verifier") if name in request.form}
    for request in world.requests_to("/authorize"):
        found |= {name: request.query[name][0] for name in ("state", "nonce") if name in request.query}
    session_id = visitor.http.cookies.get("point_session")
    if session_id:
        with world.services.db.reading() as connection:
            session = find_session(connection, session_id, now=world.services.now())
        assert session is not None
        assert session.sealed_tokens is not None
        found |= logins.read_tokens(world.services, session.id_hash, session.sealed_tokens)
    return found


def test_a_whole_login_and_logout_leave_no_secret_in_any_log(
    world: World, log: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    alice = world.alice
    alice.log_in()
    canaries = secrets_of(world, alice) | {"password": OKTA_PASSWORD, "point password": POINT_PASSWORD}
    assert {"code", "code_verifier", "state", "nonce", "id_token", "refresh_token", "cookie point_session"} <= set(
        canaries
    )
    page = alice.get("/account")
    alice.submit(page, button="Log out", follow=False)
    world.olivia.log_in_by_password()
    world.olivia.log_in_by_password(WRONG)
    written = log.getvalue() + heard(caplog)
    assert '"route": "/login/callback"' in written
    for name, secret in {**canaries, "wrong": WRONG}.items():
        assert secret not in written, name
        assert len(secret) < 24 or secret[:24] not in written, name


@pytest.mark.parametrize(
    "fault",
    ["wrong_nonce", "token_500", "token_html", "token_200_error", "bad_signature", "no_id_token", "no_email_anywhere"],
)
def test_a_login_that_fails_leaves_none_in_logs_pages_or_activity(
    world: World, log: io.StringIO, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    alice = world.alice
    back = alice.come_back()
    world.sandbox.fault(fault)
    page = alice.follow(back)
    assert page.status_code >= 400
    query = parse_qs(urlsplit(back.headers["Location"]).query)
    canaries = {
        "code": query["code"][0],
        "state": query["state"][0],
        "password": OKTA_PASSWORD,
        **secrets_of(world, alice),
    }
    written = log.getvalue() + heard(caplog) + page.text + str(world.activity())
    for name, secret in canaries.items():
        assert secret not in written, name
    assert re.search(r'"code": "[a-z_]+", "reason": "[a-z_]+"', log.getvalue())


def test_oktas_own_words_and_a_callback_of_somebody_elses_are_not_echoed(world: World, log: io.StringIO) -> None:
    alice = world.alice
    back = alice.come_back()
    state = parse_qs(urlsplit(back.headers["Location"]).query)["state"][0]
    said = "<b>words-canary</b>"
    page = alice.get("/login/callback", params={"state": state, "error": "access_denied", "error_description": said})
    assert page.status_code >= 400
    assert "words-canary" not in page.text
    elses = world.stranger.get("/login/callback", params={"state": "state-canary", "code": "code-canary"})
    assert "canary" not in elses.text
    assert "code-canary" not in log.getvalue()
    assert "state-canary" not in log.getvalue()


def test_what_was_pasted_on_save_and_typed_into_addresses_is_not_logged(world: World, log: io.StringIO) -> None:
    olivia = world.olivia
    olivia.log_in_by_password()
    page = olivia.get("/organizations/acme/integrations/okta")
    olivia.submit(page, "spa_client_id", spa_client_id=PASTED, spa_domain=f"user:{WRONG}@acme.okta.com")
    olivia.get(f"/no-such-page/{PASTED}?token={WRONG}")
    olivia.get(f"/login/{PASTED}")
    assert PASTED not in log.getvalue()
    assert WRONG not in log.getvalue()


def test_every_line_is_json_with_a_reference_that_the_answer_carries(world: World, log: io.StringIO) -> None:
    answer = world.stranger.get("/login/globex/okta")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["message"] for line in lines] == ["refused", "request"]
    assert {line["reference"] for line in lines} == {answer.headers["X-Request-Id"]}
    assert answer.headers["X-Request-Id"] in answer.text
    assert lines[0]["code"] == "okta_not_connected"
    assert lines[1].keys() == {"at", "level", "message", "method", "route", "status", "ms", "reference"}
    assert (lines[1]["method"], lines[1]["route"], lines[1]["status"]) == ("GET", "/login/<slug>/okta", 404)


def test_the_reference_of_a_refused_login_is_in_the_organizations_activity(world: World) -> None:
    world.sandbox.fault("wrong_nonce")
    page = world.alice.log_in()
    event = world.activity()[0]
    assert event.what == "login.refused"
    assert event.reference in page.text
    assert event.about["code"] == "id_token_refused"


def test_the_server_of_production_writes_json_only_and_no_secret(world: World, tmp_path: Path) -> None:
    """granian, as `make serve` runs it, with a database of its own that Acme's Okta is connected in."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://localhost:{port}"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("POINT_")},
        "POINT_BASE_URL": base,
        "POINT_DATABASE_URL": world.settings.database_url,
        "POINT_SECRET_KEYS": world.settings.secret_keys[0],
        "POINT_LOOPBACK_OKTA": "1",
        "POINT_LOG_LEVEL": "debug",
        "POINT_INSTANCE": str(tmp_path),
    }
    world.sandbox.app(world.sandbox.client_id("spa")).oauth["redirect_uris"].append(base + "/login/callback")
    command = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--blocking-threads", "4", "--log-level", "warning", "wsgi:app"]
    with (tmp_path / "log").open("w+") as file:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=file, stdout=file)
        try:
            wait_for(base + "/healthz")
            alice = Visitor(base, "alice@acme.example")
            alice.log_in()
            assert alice.session()["authenticated"]
            canaries = secrets_of(world, alice) | {"password": OKTA_PASSWORD}
            alice.get("/login/callback?code=code-canary&state=state-canary")
            alice.step("/login", method="POST", data={"email": "a@b.example", "password": WRONG})
        finally:
            server.terminate()
            assert server.wait(20) == 0
        file.seek(0)
        written = file.read()
    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    assert [line["route"] for line in lines if line["message"] == "request"].count("/login/callback") == 2
    for name, secret in {**canaries, "1": "code-canary", "2": "state-canary", "3": WRONG}.items():
        assert secret not in written, name


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")
