"""Organization > Integrations > Okta > Roles from groups: which group in Okta gives which role at POINT."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from portal.current import services
from portal.errors import N_, Problem, Refused
from portal.store import group_roles as store
from portal.store.integrations import find_integration
from portal.store.members import ROLES
from portal.web.errors import note_refusal
from portal.web.group_guide import show_guide
from portal.web.guards import demand_viewer, member
from portal.web.members import ROLE_NAMES
from portal.web.recording import record_change
from portal.web.redirects import Redirect
from portal.web.render import render

pages = Blueprint("group_roles", __name__, url_prefix="/organizations/<slug>/integrations/okta/groups")
_LONGEST = 255  # As in Okta.
_CLAIM = re.compile(r"[!-~]{1,100}")
# What every token says, and what people may often change themselves (OIDC Core 2 and 5.1, RFC 7519 4.1, Okta's own).
_NO_GROUPS = frozenset({
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash",
    "sid", "ver", "idp", "session_expiry", "name", "given_name", "family_name", "middle_name", "nickname",
    "preferred_username", "profile", "picture", "website", "email", "email_verified", "gender", "birthdate", "zoneinfo",
    "locale", "phone_number", "phone_number_verified", "address", "updated_at",
})  # fmt: skip
_DONE = {
    "set": N_("Saved. It counts for each person from their next login with Okta on, or within minutes if they are "
              "logged in with it."),
    "removed": N_("Removed. It counts for each person from their next login with Okta on, or within minutes if they "
                  "are logged in with it."),
    "off": N_("Removed. No group gives a role any more: everybody keeps the one they have."),
    "claim": N_("Saved. At each login POINT looks for the groups there."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Typed:
    """What was typed and what is wrong with it, by field."""

    values: Mapping[str, str]
    problems: Mapping[str, Problem]


@pages.get("")
@member("integrations.view")
def show(slug: str) -> ResponseReturnValue:
    """The groups and their roles."""
    return _page()


@pages.post("")
@member("integrations.edit")
def add(slug: str) -> ResponseReturnValue:
    """One more group, or another role for one that is there."""
    typed = _read(group=_group_problem, role=_role_problem, claim=_claim_problem)
    if typed.problems:
        return _refused(typed)
    group, role, claim = (typed.values[name] for name in ("group", "role", "claim"))
    session = demand_viewer().session
    organization_id, by = session.organization_id, session.user_id
    try:
        with services().db.writing() as connection:
            was_on = store.read_group_roles(connection, organization_id).claim is not None
            before = store.set_group_role(connection, organization_id, group, role, claim=claim, by=by)
            if before != role:
                about = {"old": before, "new": role, **({} if was_on else {"claim": claim})}
                record_change(connection, "okta.group_role_set", group=group, **about)
    except Refused as refused:
        if refused.problem is not Problem.GROUPS_TOO_MANY:
            raise
        return _refused(_Typed(typed.values, {"group": refused.problem}))
    return Redirect(f"/organizations/{slug}/integrations/okta/groups?done=set")


@pages.post("/remove")
@member("integrations.edit")
def remove(slug: str) -> ResponseReturnValue:
    """This group gives no role any more; the second click finds it gone and says the same."""
    session, group = demand_viewer().session, request.form.get("group", "")
    organization_id = session.organization_id
    with services().db.writing() as connection:
        gave = store.remove_group_role(connection, organization_id, group, by=session.user_id)
        if gave is not None:
            record_change(connection, "okta.group_role_removed", group=group, old=gave)
        is_on = store.read_group_roles(connection, organization_id).claim is not None
    return Redirect(f"/organizations/{slug}/integrations/okta/groups?done={'removed' if is_on else 'off'}")


@pages.post("/claim")
@member("integrations.edit")
def set_claim(slug: str) -> ResponseReturnValue:
    """Okta names the groups in another claim."""
    typed = _read(claim=_claim_problem)
    if typed.problems:
        return _refused(typed)
    claim, session = typed.values["claim"], demand_viewer().session
    with services().db.writing() as connection:
        before = store.set_groups_claim(connection, session.organization_id, claim, by=session.user_id)
        if before not in (None, claim):
            record_change(connection, "okta.groups_claim_changed", old=before, new=claim)
    done = "?done=claim" if before is not None else ""
    return Redirect(f"/organizations/{slug}/integrations/okta/groups{done}")


def _read(**checks: object) -> _Typed:
    values = {name: request.form.get(name, "")[:2000].strip() for name in checks}
    found = {name: check(values[name]) for name, check in checks.items() if callable(check)}
    return _Typed(values, {name: problem for name, problem in found.items() if problem is not None})


def _group_problem(text: str) -> Problem | None:
    if not text:
        return Problem.FIELD_REQUIRED
    # No control characters, no line ends, and nothing that no database can store.
    odd = any(unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") for each in text)
    return Problem.GROUP_NAME_FORM if odd or len(text) > _LONGEST else None


def _role_problem(text: str) -> Problem | None:
    return None if text in ROLES else Problem.FIELD_REQUIRED


def _claim_problem(text: str) -> Problem | None:
    return None if _CLAIM.fullmatch(text) and text not in _NO_GROUPS else Problem.GROUPS_CLAIM_FORM


def _refused(typed: _Typed) -> ResponseReturnValue:
    for problem in typed.problems.values():
        note_refusal(Refused(problem))
    return _page(typed)


def _page(typed: _Typed = _Typed({}, {})) -> ResponseReturnValue:
    viewer = demand_viewer()
    organization_id = viewer.session.organization_id
    with services().db.reading() as connection:
        set_up = store.read_group_roles(connection, organization_id)
        counts = store.count_roles(connection, organization_id)
        live = find_integration(connection, organization_id)
    roles = [(each, gettext(ROLE_NAMES[each])) for each in ROLES]
    named = dict(roles)
    page = render(
        "pages/group_roles/show.html",
        groups=[(name, named.get(role, role)) for name, role in set_up.roles.items()],
        full=len(set_up.roles) >= store.MOST,
        by_owner="owner" in set_up.roles.values(),
        claim=set_up.claim or store.DEFAULT_CLAIM,
        typed={"group": "", "role": "admin", "claim": set_up.claim or store.DEFAULT_CLAIM, **typed.values},
        problems=typed.problems,
        roles=roles,
        counts=counts,
        connected=live is not None,
        guide=show_guide(live) if live else [],
        may_edit=viewer.may("integrations.edit"),
        done=gettext(_DONE.get(request.args.get("done", ""), "")) if request.args.get("done") in _DONE else "",
    )
    return page, next((problem.status for problem in typed.problems.values()), 200)
