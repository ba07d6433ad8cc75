"""Nobody else's page exchanges who is logged in here: a login that was begun on another site does not silently take the
place of somebody's session (OpenID Connect Core 4, RFC 9700 section 4.7: login CSRF).

Okta's dashboard is another site too. Its tile leads somebody who is logged in to their page, and asks before anybody
else takes over.
"""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue

from portal.current import services
from portal.errors import Problem, Refused
from portal.logins import Proof
from portal.okta.attempt import Attempt
from portal.store.members import clean_email, find_identity
from portal.store.okta_logins import Login
from portal.web.identity import viewer
from portal.web.redirects import Redirect
from portal.web.render import render

MARK = "else-"  # What the state of a login begins with that was begun on another site.


def from_elsewhere() -> bool:
    """Whether another site has sent the browser here. Whoever does not say so has typed the address, or is no browser
    of the last years."""
    return request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none")


def ask_first(login: Login, *, hint: str, go_on: str, replace: str) -> ResponseReturnValue | None:
    """What becomes of a login that another site begins while somebody is logged in here; None when nobody is.

    hint -- whom the other site means, if it says so; go_on -- the page for somebody who is logged in already;
    replace -- our own address that begins this login all the same.
    """
    person = viewer()
    if person is None:
        return None
    if person.session.organization_id == login.organization_id and clean_email(hint) in ("", person.email):
        return Redirect(go_on, 302)
    return render(
        "pages/sessions/replace.html",
        name=person.name or person.email,
        email=person.email,
        organization_name=person.organization_name,
        other_name=login.name,
        hint=hint,
        replace_url=replace,
    )


def demand_asked(attempt: Attempt, proof: Proof) -> None:
    """Raises Refused(LOGIN_UNASKED) when this login was begun on another site, and somebody else is logged in here."""
    person = viewer() if attempt.state.startswith(MARK) else None
    if person is None:
        return
    with services().db.reading() as connection:
        known = find_identity(connection, proof.profile.issuer, proof.profile.sub)
    same = known[1] == person.session.user_id if known else proof.profile.email == person.email
    if not same:
        raise Refused(Problem.LOGIN_UNASKED)
