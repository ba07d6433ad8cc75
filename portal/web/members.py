"""Organization > Members: looked through, invited, given another role; removed by `member_removal.py`."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import urlencode

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from portal.current import services
from portal.errors import N_, Problem, Refused
from portal.inviting import invite_person
from portal.store.group_roles import whose_roles_follow
from portal.store.invitations import drop_invitation, list_invitations
from portal.store.member_list import PAGE, Member, change_role, hold_as_owner, load_member, search_members
from portal.store.members import ROLES
from portal.web import throttle
from portal.web.errors import note_refusal
from portal.web.guards import demand_viewer, member
from portal.web.headers import reference
from portal.web.recording import record_change
from portal.web.redirects import Redirect
from portal.web.render import render, show_time

pages = Blueprint("members", __name__, url_prefix="/organizations/<slug>/members")
ROLE_NAMES = {"owner": N_("Owner"), "admin": N_("Admin"), "volunteer": N_("Volunteer")}
_DONE = {
    "invited": N_("The invitation is on its way. The link in it is good for seven days."),
    "role": N_("The role is changed. It counts from their next page on."),
    "removed": N_("Removed. Their sessions here have ended."),
    "dropped": N_("The invitation is taken back. Its link does not work any more."),
}


@pages.get("")
@member("members.view")
def index(slug: str) -> ResponseReturnValue:
    """The members, fifty on a page."""
    return _page()


@pages.post("")
@member("members.edit")
def invite(slug: str) -> ResponseReturnValue:
    """Mails an invitation; a second one to the same address takes the place of the first."""
    session = demand_viewer().session
    email, role = request.form.get("email", "")[:300].strip(), request.form.get("role", "volunteer")
    try:
        throttle.limit_invitations(session.organization_id)
        invite_person(
            services(), session.organization_id, session.organization_name, email, role=role, who=session.email,
            user_id=session.user_id, reference=reference(),
        )  # fmt: skip
    except Refused as refused:
        if refused.problem not in (Problem.EMAIL_FORM, Problem.ALREADY_MEMBER):
            raise
        note_refusal(refused)
        return _page(email=email, role=role, problem=refused.problem)
    return Redirect(f"/organizations/{slug}/members?done=invited")


# Without a newer login: taking one back lets nobody in.
@pages.post("/invitations/drop")
@member("members.edit", fresh=False)
def drop(slug: str) -> ResponseReturnValue:
    """Takes an invitation back; the second click finds it gone and says the same."""
    session, email = demand_viewer().session, request.form.get("email", "")[:254]
    with services().db.writing() as connection:
        if drop_invitation(connection, session.organization_id, email):
            record_change(connection, "member.invitation_dropped", email=email)
    return Redirect(f"/organizations/{slug}/members?done=dropped")


@pages.get("/<int:member_id>")
@member("members.edit")
def show(slug: str, member_id: int) -> ResponseReturnValue:
    """One member: role, and the ways to their sessions and their removal."""
    return _member_page(member_id)


@pages.post("/<int:member_id>/role")
@member("members.edit")
def role(slug: str, member_id: int) -> ResponseReturnValue:
    """Another role. Whoever takes their own away is an owner no more from the next page on."""
    session, wanted = demand_viewer().session, request.form.get("role", "")
    if wanted not in ROLES:
        return _member_page(member_id, Problem.FIELD_REQUIRED)
    try:
        with services().db.writing() as connection:
            hold_as_owner(connection, session.organization_id, session.user_id)
            before = change_role(connection, session.organization_id, member_id, wanted, now=services().now())
            if before.role != wanted:
                record_change(connection, "member.role_changed", email=before.email, old=before.role, new=wanted)
    except Refused as refused:
        return _refused(member_id, refused)
    home = wanted != "owner" and before.user_id == session.user_id
    return Redirect("/" if home else f"/organizations/{slug}/members?done=role")


def _refused(member_id: int, refused: Refused) -> ResponseReturnValue:
    if refused.problem not in (Problem.LAST_OWNER, Problem.LAST_CODES):
        raise refused
    note_refusal(refused)
    return _member_page(member_id, refused.problem)


def _page(*, email: str = "", role: str = "volunteer", problem: Problem | None = None) -> ResponseReturnValue:
    session, may_edit = demand_viewer().session, demand_viewer().may("members.edit")
    asked = {"q": request.args.get("q", "").replace("\0", "").strip()[:100], "role": request.args.get("role", "")}
    number = _page_number()
    with services().db.reading() as connection:
        found, total = search_members(
            connection, session.organization_id, text=asked["q"], role=asked["role"], page=number
        )
        waiting = list_invitations(connection, session.organization_id, now=services().now()) if may_edit else []
        by_groups = whose_roles_follow(connection, session.organization_id)
    done = _DONE.get(request.args.get("done", ""))
    last = max(1, -(-total // PAGE))
    page = render(
        "pages/members/index.html",
        members=[show_member(each, session.user_id) for each in found],
        total=ngettext("%(num)s member", "%(num)s members", total),
        asked=asked,
        searching=any(asked.values()),
        roles=_roles(),
        page_number=number,
        last_page=last,
        previous=_query(asked, number - 1) if number > 1 else "",
        next=_query(asked, number + 1) if number < last else "",
        invitations=[
            SimpleNamespace(email=each.email, role=gettext(ROLE_NAMES.get(each.role, each.role)), by=each.invited_by,
                            until=show_time(each.expires_at))
            for each in waiting
        ],
        email=email,
        role=role,
        problem=problem,
        done=gettext(done) if done else "",
        may_edit=may_edit,
        by_groups=by_groups,
    )  # fmt: skip
    return page, problem.status if problem else 200


def _member_page(member_id: int, problem: Problem | None = None) -> ResponseReturnValue:
    session = demand_viewer().session
    with services().db.reading() as connection:
        found = load_member(connection, session.organization_id, member_id)
        by_groups = whose_roles_follow(connection, session.organization_id)
    page = render(
        "pages/members/member.html",
        member=show_member(found, session.user_id),
        role=found.role,
        roles=_roles(),
        by_groups=by_groups,
        problem=problem,
    )
    return page, problem.status if problem else 200


def show_member(each: Member, me: int) -> SimpleNamespace:
    """One member, as the pages show them."""
    ways = [name for has, name in ((each.by_okta, gettext("Okta")), (each.by_password, gettext("Password"))) if has]
    return SimpleNamespace(
        id=each.id,
        name=each.name,
        email=each.email,
        role=gettext(ROLE_NAMES.get(each.role, each.role)),
        since=show_time(each.created_at),
        ways=", ".join(ways) or gettext("None yet"),
        by_okta=each.by_okta,
        used_at=show_time(each.used_at) if each.used_at else gettext("Not known"),
        me=each.user_id == me,
    )


def _roles() -> list[tuple[str, str]]:
    return [(each, gettext(ROLE_NAMES[each])) for each in ROLES]


def _page_number() -> int:
    text = request.args.get("page", "1")
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def _query(asked: dict[str, str], number: int) -> str:
    return urlencode({name: value for name, value in {**asked, "page": str(number)}.items() if value})
