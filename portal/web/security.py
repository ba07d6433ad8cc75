"""Organization > Security: "Okta only", who would be shut out by it, and the recovery codes."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from urllib.parse import quote

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import Connection

from portal import okta_only
from portal.current import services
from portal.errors import Problem, Refused
from portal.store.drafts import find_draft
from portal.store.integrations import Integration, find_integration
from portal.store.okta_only import OktaOnly, count_shut_out, find_okta_only, list_shut_out
from portal.store.recovery_codes import count_codes
from portal.store.sessions import Session
from portal.web.browsers import browser_hash
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.redirects import Redirect
from portal.web.render import render, show_time
from portal.web.session_length import show_limits

pages = Blueprint("security", __name__, url_prefix="/organizations/<slug>/security")
_PEOPLE = 20


@pages.get("")
@member("security.view")
def show(slug: str) -> ResponseReturnValue:
    """Whether passwords count here, and what can be done about it."""
    return _page()


@pages.post("/okta-only")
@member("security.edit")
def switch_on(slug: str) -> ResponseReturnValue:
    """No passwords from now on; the answer is the only place where the codes ever are."""
    browser = browser_hash(services())
    return _codes(
        lambda session: okta_only.switch_on(services(), session, browser_hash=browser, reference=reference())
    )


@pages.post("/codes")
@member("security.edit")
def make_codes(slug: str) -> ResponseReturnValue:
    """New recovery codes for this owner."""
    return _codes(lambda session: okta_only.renew_codes(services(), session, reference=reference()))


# Without a newer login: confirming takes one by Okta since the switch, and the way back is open at any time.
@pages.post("/okta-only/confirm")
@member("security.edit", fresh=False)
def confirm(slug: str) -> ResponseReturnValue:
    """It stays on."""
    try:
        okta_only.confirm(services(), demand_viewer().session, reference=reference())
    except Refused as refused:
        return _refuse(refused)
    return Redirect(f"/organizations/{slug}/security?done=confirmed")


@pages.post("/okta-only/off")
@member("security.edit", fresh=False)
def switch_off(slug: str) -> ResponseReturnValue:
    """Passwords count again; the second click says the same."""
    session = demand_viewer().session
    okta_only.switch_off(services(), session.organization_id, who=session.email, reference=reference())
    return Redirect(f"/organizations/{slug}/security?done=off")


def _codes(make: Callable[[Session], list[str]]) -> ResponseReturnValue:
    """No redirect: the codes would have to be kept somewhere meanwhile."""
    viewer = demand_viewer()
    try:
        codes = make(viewer.session)
    except Refused as refused:
        return _refuse(refused)
    return render(
        "pages/security/codes.html",
        codes=codes,
        download=_as_file(codes),
        made=show_time(services().now()),
        recovery_url=f"{services().settings.base_url}/login/recovery",
    )


def _as_file(codes: list[str]) -> str:
    """The codes as an address that holds the file itself, so that no server has to give it out once more."""
    viewer = demand_viewer()
    lines = [
        gettext("Recovery codes for POINT, %(organization)s", organization=viewer.organization_name),
        viewer.email,
        f"{services().settings.base_url}/login/recovery",
        "",
        *codes,
        "",
        gettext("Each code works once. Keep them where nobody else finds them."),
    ]
    return "data:text/plain;charset=utf-8," + quote("\r\n".join(lines))


def _refuse(refused: Refused) -> ResponseReturnValue:
    if refused.problem.status != 409:
        raise refused
    note_refusal(refused)
    return _page(problem=refused.problem)


def _page(problem: Problem | None = None) -> ResponseReturnValue:
    viewer = demand_viewer()
    organization_id = viewer.session.organization_id
    reverted = okta_only.notice_reverted(services(), organization_id)
    with services().db.reading() as connection:
        live = find_integration(connection, organization_id)
        found = find_okta_only(connection, organization_id)
        draft = find_draft(connection, organization_id)
        shown = SimpleNamespace(
            trial=_show_trial(connection, live) if live and not found else None,
            shut_out=_show_shut_out(connection, live) if live and not (found and found.confirmed_at) else None,
            codes_left=count_codes(connection, organization_id, viewer.session.user_id),
        )
    page = render(
        "pages/security/show.html",
        connected=live is not None,
        state=_show_state(found) if found else None,
        trial=shown.trial,
        has_draft=draft is not None,
        shut_out=shown.shut_out,
        codes_left=shown.codes_left,
        codes_made=okta_only.CODES,
        limits=show_limits(),
        may_edit=viewer.may("security.edit"),
        reverted=reverted,
        done="" if problem else request.args.get("done", ""),
        problem=problem,
    )
    return page, problem.status if problem else 200


def _show_state(found: OktaOnly) -> SimpleNamespace:
    left = max(0, found.confirm_by - services().now())
    return SimpleNamespace(
        confirmed=found.confirmed_at is not None,
        started=show_time(found.started_at),
        by=found.started_by,
        until=show_time(found.confirm_by),
        minutes_left=-(-left // 60),
        moved=show_time(found.moved_at) if found.moved_at else "",
        may_confirm=okta_only.may_confirm(found, demand_viewer().session),
    )


def _show_trial(connection: Connection, live: Integration) -> str:
    """When the test login was that counts here; "" when there is none."""
    passed = okta_only.find_trial(
        connection,
        live,
        user_id=demand_viewer().session.user_id,
        browser_hash=browser_hash(services()),
        now=services().now(),
    )
    return show_time(passed.finished_at) if passed else ""


def _show_shut_out(connection: Connection, live: Integration) -> SimpleNamespace:
    issuers = {app.issuer for app in live.apps.values()}
    count, outside = count_shut_out(connection, live.organization_id, issuers=issuers)
    asked = request.args.get("page", "1")
    last = max(1, -(-count // _PEOPLE))
    page = min(int(asked), last) if asked.isdecimal() and 0 < len(asked) < 6 and int(asked) else 1
    people = list_shut_out(
        connection, live.organization_id, issuers=issuers, offset=(page - 1) * _PEOPLE, limit=_PEOPLE
    )
    more = count - (page - 1) * _PEOPLE - len(people)
    return SimpleNamespace(count=count, outside=outside, people=people, page=page, more=more)
