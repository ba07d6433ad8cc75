"""Connecting an Okta account to a POINT account that exists already, once its owner has logged in to that one.

What Okta vouched for waits sealed in the browser; nothing is linked by the e-mail address alone. The account has to be
proved after the offer, in another way than by the Okta that asks for it, and the button belongs to the offer shown.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from flask import Response, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import IntegrityError

from portal.access import public
from portal.current import services
from portal.errors import Problem, Refused
from portal.logins import Proof, record_refusal
from portal.okta.attempt import Attempt
from portal.okta_groups import keep_deciding
from portal.sealing import SealBroken
from portal.store.activity import record_event
from portal.store.group_roles import Groups, follow_groups
from portal.store.member_list import hold_members
from portal.store.members import Profile, find_user, link_identity, list_memberships
from portal.store.okta_logins import Login, find_login, find_login_by_integration
from portal.web.attempts import drop_attempt
from portal.web.cookies import drop_cookie, read_cookie, set_cookie
from portal.web.errors import found_at, note_refusal
from portal.web.guards import demand_same_session
from portal.web.headers import reference
from portal.web.identity import Viewer, viewer
from portal.web.login import pages
from portal.web.redirects import Redirect
from portal.web.render import render
from portal.web.return_to import HOME
from portal.web.session_place import place


def restart_url(slug: str, return_to: str) -> str:
    """Our address that begins the same login anew."""
    return f"/login/{slug}/okta" + (f"?{urlencode({'next': return_to})}" if return_to != HOME else "")


@dataclass(frozen=True, slots=True)
class Offer:
    """What waits: which organization's Okta vouched for whom, since when, the page that was asked for, the reference by
    which an owner finds that login, and the groups that decide on the role."""

    login: Login
    profile: Profile
    offered_at: int
    return_to: str
    reference: str
    groups: Groups | None
    mark: str


def offer(proof: Proof, attempt: Attempt, refused: Refused) -> Response:
    """Remembers what Okta vouched for and asks the person to log in to their account once."""
    note_refusal(refused)
    profile = proof.profile
    told = {"reference": reference(), "app": attempt.app, "stage": "admission", "device": place().device}
    record_refusal(services(), attempt.organization_id, refused, who=profile.email, **told)
    waiting = [attempt.integration_id, attempt.integration_version, services().now(), attempt.return_to]
    waiting += [profile.issuer, profile.sub, profile.email, profile.name, reference()]
    groups = keep_deciding(services(), attempt.organization_id, proof.groups)
    named = {**asdict(groups), "claim": attempt.groups_claim} if groups else None
    content = json.dumps([*waiting, named], ensure_ascii=False).encode()
    sealed = services().sealer.seal_text("link", content)
    response = Redirect("/login/link")
    set_cookie(response, services().settings, "link", sealed, seconds=services().settings.attempt_seconds)
    drop_attempt(response, services(), attempt)
    return response


@pages.get("/login/link")
@public(landing=True)
def link_account() -> ResponseReturnValue:
    """Says what is asked for, and once the person is logged in to that account asks for the last word."""
    waiting = _waiting()
    return render(
        "pages/login/link_account.html",
        email=waiting.profile.email,
        organization_name=waiting.login.name,
        login_url=_own_login_url(waiting.profile.email),
        confirm=_has_proved(viewer(), waiting),
        mark=waiting.mark,
        reference=waiting.reference,
        found_at=found_at(waiting.login.slug, waiting.reference),
    )


@pages.post("/login/link")
@public()
def link_account_now() -> ResponseReturnValue:
    """Connects the two. Ends on a page that leads on: a form may not be answered by a way to Okta (form-action)."""
    waiting, person = _waiting(), viewer()
    if person is None or not _has_proved(person, waiting):
        return Redirect("/login/link")
    demand_same_session(person)
    if not hmac.compare_digest(request.form.get("mark", "").encode(), waiting.mark.encode()):
        raise Refused(Problem.SESSION_CHANGED, "another_offer")
    try:
        with services().db.writing() as connection:
            if waiting.groups is not None:
                hold_members(connection, waiting.login.organization_id)
            linked = link_identity(
                connection,
                waiting.login.organization_id,
                person.session.user_id,
                waiting.profile,
                now=services().now(),
            )
            record_event(
                connection,
                waiting.login.organization_id,
                who=waiting.profile.email,
                what="identity.linked",
                now=services().now(),
                reference=reference(),
            )
            if waiting.groups is not None:
                follow_groups(
                    connection,
                    waiting.login.organization_id,
                    linked.user_id,
                    waiting.groups,
                    who=waiting.profile.email,
                    now=services().now(),
                    reference=reference(),
                    joined=linked.joined,
                )
    except IntegrityError as exc:
        raise Refused(Problem.ACCOUNT_TAKEN, "identity_linked_meanwhile") from exc
    ways = {"okta_url": restart_url(waiting.login.slug, waiting.return_to), "password_url": HOME}
    response = Response(render("pages/login/continue.html", organization_name=waiting.login.name, **ways))
    drop_cookie(response, services().settings, "link")
    return response


def _has_proved(person: Viewer | None, waiting: Offer) -> bool:
    """Whether the person has logged in to that very account since the offer, and not by the Okta that makes it."""
    if person is None or person.email != waiting.profile.email:
        return False
    session = person.session
    return session.created_at >= waiting.offered_at and session.okta_issuer != waiting.profile.issuer


def _own_login_url(email: str) -> str:
    """The account's own way in: its password, or else the Okta of the organization that it belongs to."""
    with services().db.reading() as connection:
        user = find_user(connection, email)
        memberships = list_memberships(connection, user.id) if user and user.password_hash is None else []
        logins = [login for membership in memberships if (login := find_login(connection, membership.slug))]
    if logins:
        return restart_url(logins[0].slug, "/login/link")
    return f"/login?{urlencode({'email': email, 'next': '/login/link', 'with': 'password'})}"


def _waiting() -> Offer:
    """What waits in this browser. Raises Refused(ATTEMPT_EXPIRED, SETTINGS_CHANGED)."""
    value = read_cookie(services().settings, "link") or ""
    try:
        found: list[Any] = json.loads(services().sealer.unseal_text("link", value))
    except SealBroken as exc:
        raise Refused(Problem.ATTEMPT_EXPIRED, "link_unknown") from exc
    # One of before this version has no reference, and names no groups.
    found += ["", None][len(found) - 8 :]
    integration_id, version, offered_at, return_to, *person, said, groups = found
    if services().now() > offered_at + services().settings.attempt_seconds:
        raise Refused(Problem.ATTEMPT_EXPIRED, "link_expired")
    with services().db.reading() as connection:
        login = find_login_by_integration(connection, integration_id)
    if login is None or login.version != version:
        raise Refused(Problem.SETTINGS_CHANGED, "link_settings_changed")
    mark = hashlib.sha256(value.encode()).hexdigest()[:32]
    # As for every login: where the claim was changed meanwhile, the role follows from the next one on.
    counts = groups is not None and groups.get("claim") == login.groups_claim
    kept = Groups(tuple(groups["names"]), groups["missing"]) if counts else None
    return Offer(login, Profile(*person), offered_at, return_to, said, kept, mark)
