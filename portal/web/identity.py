"""Who is looking: the viewer behind a request's session cookie, handed to Flask-Login and to the templates."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from flask import Flask, Response, current_app, g, request
from flask_login import LoginManager

from portal.current import services
from portal.errors import Problem, Refused
from portal.proving import prove_session
from portal.settings import Settings
from portal.store.sessions import ABSOLUTE_SECONDS, TOUCH_SECONDS, Session, find_session, touch_session
from portal.web.cookies import drop_cookie, read_cookie, set_cookie
from portal.web.headers import reference

# These do not ask Okta whether the session still holds: who wants to leave may leave.
_AS_IT_IS = frozenset({"login.logout", "login.callback"})
# What a role may do; whatever is not listed, nobody may.
PERMISSIONS = {
    "integrations.view": frozenset({"owner", "admin"}),
    "integrations.edit": frozenset({"owner"}),
    "domains.edit": frozenset({"owner"}),
    "domains.view": frozenset({"owner", "admin"}),
    "activity.view": frozenset({"owner", "admin"}),
    "members.view": frozenset({"owner", "admin"}),
    "members.edit": frozenset({"owner"}),
    "security.view": frozenset({"owner", "admin"}),
    "security.edit": frozenset({"owner"}),
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """The logged-in person, as pages and Flask-Login see them."""

    session: Session
    session_id: str

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Flask-Login's name for the person."""
        return str(self.session.user_id)

    def may(self, action: str) -> bool:
        """Whether the person's role allows `action`."""
        return self.session.role in PERMISSIONS.get(action, frozenset())

    @property
    def name(self) -> str:
        return self.session.name

    @property
    def email(self) -> str:
        return self.session.email

    @property
    def role(self) -> str:
        return self.session.role

    @property
    def method(self) -> str:
        return self.session.method

    @property
    def organization_name(self) -> str:
        return self.session.organization_name

    @property
    def organization_slug(self) -> str:
        return self.session.organization_slug

    @property
    def form_stamp(self) -> str:
        """Marks a form as made for this session, so that one from before a new login is not taken for the new one."""
        return hashlib.sha256(b"form\0" + self.session_id.encode()).hexdigest()[:32]


def init_app(app: Flask) -> None:
    """Makes Flask-Login's `current_user` come from our session cookie."""
    manager = LoginManager()
    manager.session_protection = None
    manager.request_loader(lambda _request: load_viewer())
    manager.init_app(app, add_context_processor=False)
    # Nobody is remembered by a cookie of Flask-Login's, so that no answer has to be looked at for one.
    app.after_request_funcs[None].clear()


def load_viewer() -> Viewer | None:
    """The person behind the session cookie; reads the database, and writes down the use once a minute.

    Every POINT_RECHECK_SECONDS a session that came by Okta proves itself there first. `g.turned_away` says why somebody
    who has a session is let in no more.
    """
    ours = services()
    session_id = read_cookie(ours.settings, "session")
    if not session_id or len(session_id) > 100 or not session_id.isascii():
        return None
    now = ours.now()
    with ours.db.reading() as connection:
        session = find_session(connection, session_id, now=now)
    if session is not None and session.method == "okta" and request.endpoint not in _AS_IT_IS:
        session = _follow_okta(session, session_id)
    if session is None:
        return None
    if now - session.used_at >= TOUCH_SECONDS:
        with ours.db.writing() as connection:
            touch_session(connection, session, now=now)
    return Viewer(session, session_id)


def _follow_okta(session: Session, session_id: str) -> Session | None:
    ours = services()
    try:
        if not prove_session(ours, session, reference=reference()):
            return session
    except Refused as refused:
        g.turned_away = refused.problem
        return None
    with ours.db.reading() as connection:
        found = find_session(connection, session_id, now=ours.now())
    if found is None:
        g.turned_away = Problem.TOKEN_REFUSED
    return found


def viewer() -> Viewer | None:
    """The logged-in person of this request, loaded once; the same as Flask-Login's `current_user`, and a good deal
    faster where Flask-Login has not been asked yet.
    """
    known = g.get("_login_user")
    if known is None:
        known = g._login_user = load_viewer() or current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]
    return known if isinstance(known, Viewer) else None


def new_session_id() -> str:
    """An id that nobody can guess (256 bits)."""
    return secrets.token_urlsafe(32)


def give_session(response: Response, settings: Settings, session_id: str) -> None:
    """Puts the session's id into the browser; the one place that does."""
    set_cookie(response, settings, "session", session_id, seconds=ABSOLUTE_SECONDS)


def take_session(response: Response, settings: Settings) -> None:
    """Takes the session's id out of the browser."""
    drop_cookie(response, settings, "session")
