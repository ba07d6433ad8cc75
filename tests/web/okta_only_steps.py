"""Steps of the tests of "Okta only": a test login that counts, and switching it on, through the pages."""

from __future__ import annotations

import hashlib
import re
import secrets

import requests
from sqlalchemy import insert

from portal.store.integrations import find_integration
from portal.store.members import find_user
from portal.store.setup_tables import trial_logins
from portal.subjects import entries_of, fingerprint
from tests.pages import Page
from tests.world import Visitor, World

SECURITY = "/organizations/acme/security"
CODE = re.compile(r"\b(?:[ACDEFHJKMNPQRTVWXY34679]{4}-){4}[ACDEFHJKMNPQRTVWXY34679]{4}\b")


def pass_trial(world: World, visitor: Visitor, *, email: str = "", age: int = 0, browser: str = "") -> None:
    """A test login with what is live, as the page of test logins leaves it: asked for by this person and passed in
    this browser."""
    value = browser or visitor.http.cookies.get("point_browser") or secrets.token_urlsafe(32)
    if not browser:
        visitor.http.cookies.set("point_browser", value, domain="localhost.local", path="/")
    mark_trial(world, visitor.email, value, vouched=email, age=age)


def mark_trial(world: World, asked_by: str, browser: str, *, vouched: str = "", age: int = 0) -> None:
    """The same, for the browser with this value in its cookie; `vouched` -- the address that Okta said."""
    browser_hash = hashlib.sha256(b"browser\0" + browser.encode()).digest()
    key, now = secrets.token_bytes(32), world.services.now() - age
    with world.services.db.writing() as connection:
        live, user = find_integration(connection, world.acme_id), find_user(connection, asked_by)
        assert live is not None
        assert user is not None
        row = {"key_hash": key, "name": key.hex()[:22], "organization_id": world.acme_id}
        row |= {"subject": "live", "app": "spa"}
        row |= {"fingerprint": fingerprint(entries_of(live), live.sign_in), "created_by": asked_by, "user_id": user.id}
        row |= {"browser_hash": browser_hash, "tested_hash": browser_hash, "status": "done", "passed": True}
        row |= {"email": vouched or asked_by, "stages": "[]", "created_at": now, "finished_at": now}
        connection.execute(insert(trial_logins), row)


def switch_on(world: World, visitor: Visitor) -> list[str]:
    """The person, logged in, has tried it out and presses the button; answers their recovery codes."""
    pass_trial(world, visitor)
    answer = visitor.submit(visitor.get(SECURITY), button="Switch on Okta only", follow=False)
    assert answer.status_code == 200
    codes = CODE.findall(Page(answer.text).find("code").text)
    assert len(set(codes)) == 8
    return codes


def confirm(world: World, visitor: Visitor) -> requests.Response:
    """Comes in by Okta after the switch, as the page says, and confirms it."""
    world.clock.forward(2)
    visitor.log_in(next_=SECURITY)
    answer = visitor.submit(visitor.get(SECURITY), button="Confirm")
    assert "Confirmed" in answer.text
    return answer


def use_code(visitor: Visitor, code: str, email: str = "") -> requests.Response:
    """Enters a recovery code; not followed."""
    page = visitor.get("/login/recovery")
    return visitor.submit(page, email=email or visitor.email, code=code, follow=False)
