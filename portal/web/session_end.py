"""What is said to somebody whose session has been ended for them: by whom, and what to do next. Once; then the browser
forgets the session, and the next page is an ordinary login."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, g, request
from flask_babel import gettext

from portal.current import services
from portal.errors import N_, Problem, Refused
from portal.store.activity_search import find_reference_of_end
from portal.store.sessions import find_ended
from portal.web.cookies import read_cookie
from portal.web.errors import found_at, wants_json
from portal.web.headers import reference
from portal.web.identity import take_session
from portal.web.render import render
from portal.web.session_fresh import list_kept

# title, what happened, what to do. A session that the person has left, or that ran out of time, needs no words.
_AGAIN = N_("Log in again to go on.")
_ASK_OKTA = N_("Log in again. If Okta does not let you in, ask the person who looks after Okta in your organization.")
_TEXTS = {
    "okta_ended": (
        N_("Okta ended your login"),
        N_("POINT asks Okta every few minutes whether you may still come in. This time Okta said no: your account "
           "there has changed, or your session there has been ended."),
        _ASK_OKTA,
    ),
    "okta_revoked": (
        N_("Okta ended your login"),
        N_("Okta has told POINT to end all your sessions: somebody has signed you out everywhere, or your account "
           "there has changed."),
        _ASK_OKTA,
    ),
    "unproved": (
        N_("Please log in again"),
        N_("Okta has given POINT no way to ask whether you may still come in. Such a login lasts half a day at most."),
        _AGAIN,
    ),
    "ended_by_person": (
        N_("You ended this login elsewhere"),
        N_("It was ended from the list of your sessions, on another device or in another browser."),
        N_("Log in again to go on. If it was not you, change your password and tell an owner of your organization."),
    ),
    "ended_by_owner": (
        N_("An owner of your organization ended your login"),
        N_("All your sessions, or this one, have been ended by somebody who looks after your organization."),
        N_("Log in again to go on, or ask an owner of your organization why."),
    ),
    "password_changed": (
        N_("Your password has changed"),
        N_("For your safety that has ended your other logins."),
        N_("Log in again with the new password."),
    ),
    "okta_only": (
        N_("Your organization logs in with Okta only"),
        N_("Passwords have been switched off there, and logins that came by one have ended."),
        N_("Log in with Okta to go on."),
    ),
    "codes_renewed": (
        N_("New recovery codes have been made"),
        N_("A login that came by one of the old codes has ended."),
        _AGAIN,
    ),
    "integration_deleted": (
        N_("Your organization has disconnected Okta"),
        N_("Everybody who had logged in with it has been logged out."),
        N_("Log in with your e-mail address and a password, or ask an owner of your organization."),
    ),
    "domain_removed": (
        N_("Your e-mail domain is no longer your organization's"),
        N_("Logins with Okta that depended on it have ended."),
        N_("Log in with your e-mail address and a password, or ask an owner of your organization."),
    ),
    "settings_changed": (
        N_("Your organization's Okta settings have changed"),
        N_("Everybody who had logged in with the old ones has been logged out."),
        _AGAIN,
    ),
    "member_removed": (
        N_("You are no longer a member of this organization"),
        N_("Somebody who looks after it has removed you, and your sessions there have ended. Your POINT account stays "
           "yours."),
        N_("If you belong to another organization, log in to that one. If you think this is a mistake, ask an owner."),
    ),
}  # fmt: skip
# What the activity says of each, so that the reference finds it.
_EVENTS = {
    "okta_ended": ("session.okta_ended",),
    "okta_revoked": ("session.okta_revoked",),
    "ended_by_person": ("session.ended",),
    "ended_by_owner": ("session.ended",),
    "password_changed": ("password.set", "password.changed"),
    "okta_only": ("okta_only.confirmed",),
    "codes_renewed": ("recovery_codes.made",),
    "integration_deleted": ("okta.deleted",),
    "domain_removed": ("domain.removed",),
    "settings_changed": ("okta.saved", "okta.switched_on", "okta.version_restored"),
    "member_removed": ("member.removed",),
}


def explain() -> Response | None:
    """The page for a browser whose session has just been found to be over or not to be trusted; None when there is
    nothing to explain. Programs get what they always get. Raises Refused(OKTA_UNREACHABLE) to those.
    """
    if g.get("turned_away") is Problem.OKTA_UNREACHABLE:
        return _okta_is_away()
    session_id = read_cookie(services().settings, "session")
    if not session_id or wants_json():
        return None
    with services().db.reading() as connection:
        ended = find_ended(connection, session_id)
        if ended is None or ended[0] not in _TEXTS:
            return None
        noted = find_reference_of_end(connection, session_id, _EVENTS.get(ended[0], ()))
    title, what, next_ = _TEXTS[ended[0]]
    page = render(
        "pages/sessions/ended.html",
        title=gettext(title),
        what=gettext(what),
        next_step=gettext(next_),
        sent=request.method != "GET",
        fields=[pair for pair in list_kept() if pair[1]],
        login_url=_login_url(ended[1]),
        organization_name=ended[2],
        reference=noted or reference(),
        found_at=found_at(ended[1], noted),
    )
    response = Response(page, 401)
    take_session(response, services().settings)
    return response


def explain_lost() -> Response | None:
    """The page for a form of ours that finds nobody logged in, such as after a logout in another tab: what was typed is
    shown once more. None when nothing is lost.
    """
    kept = [pair for pair in list_kept() if pair[1]] if request.method != "GET" and not wants_json() else []
    if not kept or "form_stamp" not in request.form:
        return None
    page = render(
        "pages/sessions/ended.html",
        title=gettext("You are not logged in any more"),
        what=gettext("You have logged out in another tab, or it was too long ago that you did something here."),
        next_step=gettext(_AGAIN),
        sent=True,
        fields=kept,
        login_url="/login",
        organization_name="",
        reference=reference(),
        found_at="",
    )
    return Response(page, 401)


def _okta_is_away() -> Response:
    """For over an hour nobody could ask Okta: the session is kept, but opens nothing until Okta answers."""
    if wants_json():
        raise Refused(Problem.OKTA_UNREACHABLE, "proof_overdue")
    page = render(
        "pages/sessions/okta_away.html", problem=Problem.OKTA_UNREACHABLE, reference=reference(), again=_here()
    )
    return Response(page, Problem.OKTA_UNREACHABLE.status, {"Retry-After": "15"})


def _login_url(slug: str) -> str:
    here = _here()
    return f"/login/{slug}" + (f"?next={quote(here, safe='')}" if here != "/" else "")


def _here() -> str:
    """Where to go on afterwards: the page that was asked for, or the one behind the form that was sent."""
    return request.full_path.rstrip("?") if request.method == "GET" else "/"
