"""How long people stay logged in, where an organization wants it shorter than usual: a card of the Security page."""

from __future__ import annotations

from types import SimpleNamespace

from flask import Blueprint, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, ngettext

from portal.current import services
from portal.errors import Problem, Refused
from portal.store.session_limits import SessionLimits, read_session_limits, save_session_limits
from portal.web.guards import demand_viewer, member
from portal.web.recording import record_change
from portal.web.redirects import Redirect

pages = Blueprint("session_length", __name__, url_prefix="/organizations/<slug>/security/sessions")
_HOUR, _DAY = 3600, 86400
IDLE = (900, 1800, _HOUR, 4 * _HOUR)
MOST = (8 * _HOUR, _DAY, 7 * _DAY)


@pages.post("")
@member("security.edit")
def save(slug: str) -> ResponseReturnValue:
    """Keeps the limits; they count at everybody's next request."""
    session = demand_viewer().session
    wanted = SessionLimits(_read("idle", IDLE), _read("most", MOST))
    with services().db.writing() as connection:
        before = read_session_limits(connection, session.organization_id)
        if before != wanted:
            save_session_limits(connection, session.organization_id, wanted)
            record_change(connection, "security.sessions_changed", old=_told(before), new=_told(wanted))
    return Redirect(f"/organizations/{slug}/security?done=sessions")


def show_limits() -> SimpleNamespace:
    """What the card offers and what is chosen; a limit that came by another way is offered, too."""
    with services().db.reading() as connection:
        found = read_session_limits(connection, demand_viewer().session.organization_id)
    return SimpleNamespace(
        idle=str(found.idle_seconds or ""),
        most=str(found.most_seconds or ""),
        idle_choices=[("", gettext("12 hours (usual)")), *_offer(IDLE, found.idle_seconds)],
        most_choices=[("", gettext("14 days (usual)")), *_offer(MOST, found.most_seconds)],
    )


def _read(name: str, offered: tuple[int, ...]) -> int | None:
    text = request.form.get(name, "")
    if not text:
        return None
    if text not in map(str, offered):
        raise Refused(Problem.BAD_REQUEST, "session_length_unknown")
    return int(text)


def _offer(offered: tuple[int, ...], chosen: int | None) -> list[tuple[str, str]]:
    seconds = sorted({*offered, *([chosen] if chosen else [])})
    return [(str(each), _name(each)) for each in seconds]


def _name(seconds: int) -> str:
    if seconds % _DAY == 0:
        return str(ngettext("%(num)s day", "%(num)s days", seconds // _DAY))
    if seconds % _HOUR == 0:
        return str(ngettext("%(num)s hour", "%(num)s hours", seconds // _HOUR))
    return str(ngettext("%(num)s minute", "%(num)s minutes", seconds // 60))


def _told(limits: SessionLimits) -> dict[str, int | None]:
    return {"idle_seconds": limits.idle_seconds, "most_seconds": limits.most_seconds}
